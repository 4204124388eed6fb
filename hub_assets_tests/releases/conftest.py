"""A small warehouse with a week to release, and a Hub to release it to."""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from hub_assets import resources
from hub_assets.warehouse.sql_project import Project
from hub_assets_tests.warehouse.building import prepare_tables

WEEK, NEXT = date(2026, 11, 16), date(2026, 11, 23)
N = 300


@pytest.fixture(scope="session")
def project() -> Project:
    """All of `dbt_like_sql`."""
    return resources.project()


@pytest.fixture
def warehouse(project: Project) -> Iterator[duckdb.DuckDBPyConnection]:
    """Two weeks of listings, and empty tables for everything else that a release reads."""
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        prepare_tables(connection, project)
        for model in project.models:
            if not model.is_view:
                columns = ", ".join(f'"{column.name}" {column.type}' for column in model.columns)
                connection.execute(f"create table {model.name} ({columns})")
        for number, week in enumerate((WEEK, NEXT)):
            list_week(connection, week, number)
        yield connection


def list_week(connection: duckdb.DuckDBPyConnection, week: date, number: int) -> None:
    """Add the listings of a week; counters grow, and a few repositories are new."""
    moment = datetime(week.year, week.month, week.day, 6, 30)
    for repo_type in ("model", "dataset", "space"):
        counters: dict[str, Any] = {
            "downloads": f"{1000 + number} * i % 7919",
            "downloadsAllTime": f"i * {20 + number}",
        }
        tags = "['license:mit', 'base_model:lab/model1', case when i = 5 then 'contact me@example.org' else 'x' end]"
        columns: dict[str, Any] = {
            "snapshot_date": f"date '{week}'",
            "observed_at": f"timestamp '{moment}'",
            "_id": "printf('%024d', i)",
            "id": f"'lab/{repo_type}' || i",
            "author": "'lab'",
            "createdAt": "timestamp '2025-01-01' + i * interval '1 hour'",
            "lastModified": "timestamp '2026-01-01' + i * interval '1 hour'",
            "sha": "md5(i::varchar)",
            "likes": f"i + {number}",
            "trendingScore": "i / 10",
            "tags": tags,
            "cardData": """'{"license": "mit", "datasets": ["lab/dataset1", "squad"], "x": {"y": 1}}'""",
        }
        if repo_type != "space":
            columns |= counters | {"gated": "'false'"}
        if repo_type == "model":
            columns |= {
                "pipeline_tag": "'text-generation'",
                "library_name": "'transformers'",
                "safetensors": "{'total': i * 1000000, 'parameters': null::map(varchar, bigint)}",
                "baseModels": """case when i > 1 then '{"relation": "quantized", "models": """
                """[{"_id": "000000000000000000000001", "id": "lab/model1"}]}' end""",
                "config": """'{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "chat": "{{7*7}}"}'""",
            }
        if repo_type == "dataset":
            columns |= {"description": "'About ' || i || case when i = 7 then ' hf_' || repeat('aB3', 12) else '' end"}
        listed = ", ".join(f'{expression} as "{name}"' for name, expression in columns.items())
        connection.execute(
            f"insert into raw_hub__{repo_type}s by name select {listed} from range(1, {N + 1 + 3 * number}) as r (i)"
        )


@pytest.fixture
def sources() -> dict[str, dict[str, str]]:
    """The source of each listing if all of them come from the Hub itself."""
    return {
        name: {"source": "https://huggingface.co", "revision": "", "license": "apache-2.0"}
        for name in ("models", "datasets", "spaces")
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder in which releases are built."""
    return tmp_path / "releases" / str(WEEK)
