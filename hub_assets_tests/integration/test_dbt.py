"""Real dbt builds the SQL over a week's home and gets the same rows as our own build."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import duckdb
import pytest

from hub_assets.home import Home
from hub_assets.resources import project
from hub_assets.warehouse.sql_project import DataTest, Table
from hub_assets_tests.golden import WEEK, Golden

pytestmark = pytest.mark.slow

SQL: Final = Path(__file__).parents[2] / "dbt_like_sql"
PACKAGES: Final = ("dbt-core==1.12.0", "dbt-duckdb==1.11.1", f"duckdb=={duckdb.__version__}")
"""Later releases of dbt-core do not install from wheels alone. DuckDB has our version, so that only dbt can differ."""
DIGITS: Final = 12
"""Significant digits to which doubles must agree; the last digits depend on the order in which threads add numbers."""


@pytest.fixture(scope="module")
def dbt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install dbt into its own environment, because its dependencies conflict with ours."""
    folder = tmp_path_factory.mktemp("dbt") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    install = [str(folder / "bin" / "pip"), "install", "-q", "--only-binary=:all:", *PACKAGES]
    subprocess.run(install, check=True)
    return folder / "bin" / "dbt"


def test_dbt_builds_every_model_with_the_same_rows(dbt: Path, golden: Golden, tmp_path: Path) -> None:
    build, database = Home(golden.home).build, tmp_path / "dbt.duckdb"
    results = run_build(dbt, golden.home, database, tmp_path)
    tables: tuple[Table, ...] = (*project().models, *project().seeds)
    assert {name for kind, name, _ in results if kind in ("model", "seed")} == {table.name for table in tables}
    assert {status for kind, _, status in results if kind != "test"} == {"success"}
    tests = [status for kind, _, status in results if kind == "test"]
    described = (*tables, *project().sources)
    assert len(tests) == sum(number_in_dbt(test) for table in described for test in table.data_tests)
    # a test whose severity is `warn` may find rows; our own check then warns as well
    assert tests.count("pass") + tests.count("warn") == len(tests)
    assert tests.count("warn") <= sum(test.is_warning for table in described for test in table.data_tests)
    with duckdb.connect() as connection:
        connection.execute("attach ? as theirs (read_only)", [str(database)])
        connection.execute("attach ? as ours (read_only)", [str(build)])
        counts = {table.name: rows_and_differences(connection, table) for table in tables}
    assert {name: count[1:] for name, count in counts.items()} == dict.fromkeys(counts, (0, 0))
    assert sum(rows > 0 for rows, *_ in counts.values()) > len(counts) / 2


def run_build(dbt: Path, home: Path, database: Path, folder: Path) -> list[tuple[str, str, str]]:
    """Run `dbt build` for the golden week and return each node's kind, name and status."""
    environment = os.environ | {
        "HUB_ASSETS_HOME": str(home),
        "HUB_ASSETS_DBT_DATABASE": str(database),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    places = ["--profiles-dir", ".", "--target-path", str(folder / "target"), "--log-path", str(folder / "logs")]
    command = [str(dbt), "build", *places, "--vars", json.dumps({"snapshot_date": str(WEEK)})]
    done = subprocess.run(command, cwd=SQL, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:]
    results = json.loads((folder / "target" / "run_results.json").read_text())["results"]
    return [(*result["unique_id"].split(".")[::2][:2], result["status"]) for result in results]


def number_in_dbt(test: DataTest) -> int:
    """Return how many dbt tests correspond to one of ours: one per column, but none for a grain of several columns."""
    if test.kind == "unique" and len(test.columns) > 1:
        return 0
    return len(test.columns)


def rows_and_differences(connection: duckdb.DuckDBPyConnection, table: Table) -> tuple[Any, ...]:
    """Return the number of rows in our table, of rows that only dbt's table has, and of rows that only ours has."""
    columns = ", ".join(
        f'format(\'{{:.{DIGITS}g}}\', "{column.name}") as "{column.name}"'
        if column.type == "DOUBLE"
        else f'"{column.name}"'
        for column in table.columns
    )
    theirs, ours = (f"(select {columns} from {owner}.{table.name})" for owner in ("theirs", "ours"))
    (rows,), (only_theirs,), (only_ours,) = (
        connection.execute(f"select count(*) from ({query})").fetchall()[0]
        for query in (f"from {ours}", f"from {theirs} except all from {ours}", f"from {ours} except all from {theirs}")
    )
    return rows, only_theirs, only_ours
