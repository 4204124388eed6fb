"""Real dbt builds the SQL over a week's home, and every model has the rows that our own build gave it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from hub_assets.home import Home
from hub_assets.resources import project

ROOT = Path(__file__).parents[2]
# later releases of dbt-core do not install from wheels alone
PACKAGES = ("dbt-core==1.12.0", "dbt-duckdb==1.11.1", "duckdb>=2,<3")
DIGITS = 12
"""Significant digits to which doubles are compared: the order in which threads add numbers moves the last ones."""


@pytest.fixture(scope="module")
def dbt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install dbt into an environment of its own: its dependencies are not ours."""
    folder = tmp_path_factory.mktemp("dbt") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    install = [str(folder / "bin" / "pip"), "install", "-q", "--only-binary=:all:", *PACKAGES]
    subprocess.run(install, check=True)
    return folder / "bin" / "dbt"


@pytest.mark.slow
def test_dbt_builds_every_model_with_the_same_rows(dbt: Path, week_home: Home, tmp_path: Path) -> None:
    with duckdb.connect(str(week_home.build), read_only=True) as connection:
        ((week,),) = connection.execute("select max(snapshot_date) from mart__repo_activity").fetchall()
    database = tmp_path / "dbt.duckdb"
    environment = os.environ | {
        "HUB_ASSETS_HOME": str(week_home.root),
        "HUB_ASSETS_DBT_DATABASE": str(database),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    places = ["--profiles-dir", ".", "--target-path", str(tmp_path / "target"), "--log-path", str(tmp_path / "logs")]
    command = [str(dbt), "build", *places, "--vars", json.dumps({"snapshot_date": str(week)})]
    done = subprocess.run(command, cwd=ROOT / "dbt_like_sql", env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:]
    results = json.loads((tmp_path / "target" / "run_results.json").read_text())["results"]
    built = {result["unique_id"].split(".")[2] for result in results if result["unique_id"].startswith("model.")}
    assert built == {model.name for model in project().models}
    tests = [result for result in results if result["unique_id"].startswith("test.")]
    # dbt has one test per column and rule; ours tests all columns that are never null at once
    assert len(tests) >= sum(len(table.data_tests) for table in (*project().models, *project().seeds))
    assert {result["status"] for result in tests} <= {"pass", "warn"}
    with duckdb.connect() as connection:
        connection.execute("attach ? as theirs (read_only)", [str(database)])
        connection.execute("attach ? as ours (read_only)", [str(week_home.build)])
        names = sorted(built | {seed.name for seed in project().seeds})
        assert {name: differing(connection, name) for name in names} == dict.fromkeys(names, (0, 0))


def differing(connection: duckdb.DuckDBPyConnection, table: str) -> tuple[int, int]:
    """Return how many rows only dbt has, and how many only we have."""
    types: Mapping[str, Any] = dict(
        connection.execute(f"select column_name, column_type from (describe ours.{table})").fetchall()
    )
    columns = ", ".join(
        f'format(\'{{:.{DIGITS}g}}\', "{name}") as "{name}"' if kind == "DOUBLE" else f'"{name}"'
        for name, kind in types.items()
    )
    theirs, ours = (f"(select {columns} from {owner}.{table})" for owner in ("theirs", "ours"))
    counts = [
        connection.execute(f"select count(*) from (from {one} except all from {other})").fetchone()
        for one, other in ((theirs, ours), (ours, theirs))
    ]
    (only_theirs,), (only_ours,) = (count or (0,) for count in counts)
    return int(only_theirs), int(only_ours)
