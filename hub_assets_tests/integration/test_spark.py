"""A real Spark Connect server builds every SQL model with the same rows as DuckDB, and a week with the same figures."""

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import duckdb
import pytest

from hub_assets.home import Home
from hub_assets.lake.parts import Lake
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.limiter import Quota
from hub_assets.local_hub.population import Population
from hub_assets.local_hub.replay import replay
from hub_assets.local_hub.server import running
from hub_assets.local_hub.simulated import simulated
from hub_assets.resources import project
from hub_assets.sql import parquet
from hub_assets.warehouse.database import connect, is_table, prepare, replace_week
from hub_assets.warehouse.spark import Spark, SparkError, build_week
from hub_assets.warehouse.sql_project import Model
from hub_assets_tests.benchmarks.entries import engines
from hub_assets_tests.benchmarks.processes import Clock
from hub_assets_tests.golden import WEEK, hub_of
from hub_assets_tests.integration.home_week import DIGITS, FILES_FOR_PEOPLE, LEFT_OUT, published_figures, take_week
from hub_assets_tests.spark_server import SparkServer, spark_server
from hub_assets_tests.warehouse.building import CORE, SOURCES, models_for
from hub_assets_tests.warehouse.building import build_week as build_on_duckdb
from hub_assets_tests.warehouse.odd import WEEKS, odd_rows

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("java") is None, reason="needs Java 17 (Debian: openjdk-17-jre-headless)"),
]

WITHOUT: Final = (*FILES_FOR_PEOPLE, "stats__tail_fits")
"""Assets that no model reads."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkServer]:
    with spark_server(tmp_path_factory.mktemp("spark")) as server:
        yield server
        print(server.log.read_text()[-4000:])


@pytest.fixture(scope="module")
def address(server: SparkServer) -> str:
    return server.address


@pytest.fixture(scope="module")
def spark(address: str) -> Iterator[Spark]:
    session = Spark(address)
    yield session
    session.close()


def differences(
    spark: Spark, connection: duckdb.DuckDBPyConnection, files: Mapping[str, Sequence[Path]], folder: Path, week: date
) -> dict[str, Any]:
    """Build a week of every model on Spark from tables that DuckDB built; return how the rows differ, by model.

    A model reads DuckDB's tables, not Spark's, so that a difference shows where it arises.
    """
    found: dict[str, Any] = {}
    for model in project().models:
        if model.is_view:
            continue
        ours = f"select * from {model.name} where snapshot_date = date '{week}'"
        n = count(connection, ours)
        tables = Lake(folder / model.name)
        with connection.cursor() as other:
            other.begin()  # restore what `build_week` moves to Parquet
            build_week(spark, other, project(), files, tables, model, week)
            other.rollback()
        theirs = f"select * from {parquet(tables.files(model.name, week))} where snapshot_date = date '{week}'"
        ours, theirs = comparable(model, ours), comparable(model, theirs)
        found[model.name] = (
            n,
            connection.execute(f"({ours}) except all ({theirs}) limit 2").fetchall(),
            connection.execute(f"({theirs}) except all ({ours}) limit 2").fetchall(),
        )
        shutil.rmtree(folder / model.name)
    return found


def count(connection: duckdb.DuckDBPyConnection, select: str) -> int:
    ((n,),) = connection.execute(f"select count(*) from ({select})").fetchall()
    return int(n)


def comparable(model: Model, select: str) -> str:
    columns = (
        f"""printf('%.{DIGITS - 1}e', "{column.name}")""" if column.type == "DOUBLE" else f'"{column.name}"'
        for column in model.columns
    )
    return f"select {', '.join(columns)} from ({select})"


def check(found: Mapping[str, Any], n_filled: int) -> None:
    assert {name: each for name, each in found.items() if each[1:] != ([], [])} == {}
    assert sum(each[0] > 0 for each in found.values()) >= n_filled


def check_week(spark: Spark, population: Population, folder: Path, n_filled: int) -> None:
    home = Home(folder / "home")
    with running(build_app(population, quota=Quota(100_000, 300))) as url:
        take_week(str(home.root), url, str(population.week), WITHOUT, budget_calls=4_000)
    sources = [source.name for source in project().sources if not source.is_stored]
    files = {name: home.lake.files_of_all_weeks(name) for name in sources}
    with connect(home.build) as connection:
        prepare(connection, project(), files)
        check(differences(spark, connection, files, folder / "spark", population.week), n_filled)


def test_week_of_the_simulated_hub_is_the_same_on_both_engines(spark: Spark, tmp_path: Path) -> None:
    check_week(spark, simulated(WEEK, scale=0.02, seed=3), tmp_path, 55)


# a recording holds models only, and radar's no commits: the models built from the others stay empty
@pytest.mark.parametrize(("recorded", "n_filled"), [("radar", 36), ("top_models_2024", 45)])
def test_recorded_week_is_the_same_on_both_engines(
    spark: Spark, tmp_path: Path, real_data: Path, recorded: str, n_filled: int
) -> None:
    check_week(spark, replay(real_data / recorded), tmp_path, n_filled)


def test_three_weeks_of_odd_data_are_the_same_on_both_engines(spark: Spark, tmp_path: Path) -> None:
    """Null and 1970 dates, null and empty lists, broken card JSON, newlines, capitals that lower to two letters."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        prepare(connection, project(), {source.name: [] for source in project().sources})
        for source in project().sources:
            if not source.is_stored:
                connection.execute(f"drop view {source.name}")
        for name, schema in SOURCES.items():
            # without developers, `build_on_duckdb` derives them from the author strings
            rows = schema.empty_table() if name in CORE else odd_rows(name, schema, project().tables[name].grain)
            connection.register("given", rows)
            connection.execute(f"create or replace table {name} as from given")
        for week in WEEKS:
            build_on_duckdb(connection, project(), week)
        for week in WEEKS:
            check(differences(spark, connection, {}, tmp_path, week), 45)


def test_week_on_spark_publishes_the_same_figures(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(build_app(hub_of(), quota=Quota(100_000, 300))) as url:
        take_week(str(tmp_path / "duckdb"), url, str(WEEK), LEFT_OUT + FILES_FOR_PEOPLE)
        monkeypatch.setenv("HUB_ASSETS_ENGINE", "spark")
        monkeypatch.setenv("SPARK_REMOTE", address)
        take_week(str(tmp_path / "spark"), url, str(WEEK), LEFT_OUT + FILES_FOR_PEOPLE)
    published = [published_figures(Home(tmp_path / name)) for name in ("duckdb", "spark")]
    assert published[0] == published[1]
    with connect(Home(tmp_path / "spark").build) as connection:
        check_taking_in(connection)
    few = models_for(project(), "mart__activity_summary", "stats__license_shares")
    monkeypatch.setattr(engines, "models", lambda: few)
    check_benchmark(tmp_path / "duckdb", address)


def check_taking_in(connection: duckdb.DuckDBPyConnection) -> None:
    """DuckDB continues from weeks that Spark built."""
    name, later = "mart__activity_summary", date(2026, 11, 23)
    assert not is_table(connection, name)
    before = connection.execute(f"select * from {name} order by all").fetchall()
    select = f"select * replace (date '{later}' as snapshot_date) from {name} where snapshot_date = date '{WEEK}'"
    assert replace_week(connection, name, later, select) == len(before) > 0
    assert is_table(connection, name)
    week = f"select * from {name} where snapshot_date = date '{WEEK}' order by all"
    assert connection.execute(week).fetchall() == before


def test_an_older_server_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub_assets.warehouse.spark.OLDEST", 99)
    with pytest.raises(SparkError, match=r"has version 4\.\d+\.\d+; use version 99 or later"):
        Spark(address)


def check_benchmark(home: Path, address: str) -> None:
    """The benchmark gets the same row counts from both engines."""
    on_duckdb, on_spark = Clock(), Clock()
    counts = engines.build_on_duckdb(on_duckdb, engines.without_models(home, "benchmark-duckdb"))
    assert engines.build_on_spark(on_spark, engines.without_models(home, "benchmark-spark"), address) == counts
    assert counts["mart__repo_activity"] > 0
    assert on_duckdb.seconds > 0
    assert on_spark.seconds > 0


def test_a_server_that_ended_is_named_at_once(server: SparkServer, tmp_path: Path) -> None:
    """The last test of this module, because it ends the server."""
    spark = Spark(server.address)
    assert spark.write("SELECT 1 AS one", tmp_path / "one") != []
    server.end()
    began = time.monotonic()
    with pytest.raises(SparkError, match=r"does not answer .* see SPARK_REMOTE"):
        spark.write("SELECT 2 AS two", tmp_path / "two")
    spark.close()
    assert time.monotonic() - began < 10  # the client alone would try for 17 s per call
