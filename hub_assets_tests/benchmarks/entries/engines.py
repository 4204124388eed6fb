"""Builds a week's SQL models on DuckDB and on a freshly started Spark server that uses the same cores.

Only row counts are compared here; `test_spark` compares the rows.
"""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hub_assets_tests.benchmarks.entries.snapshot import snapshot_taken
from hub_assets_tests.benchmarks.processes import Clock, measure, peak_memory
from hub_assets_tests.benchmarks.records import Measurement, Peer, compare
from hub_assets_tests.benchmarks.stage import WEEK, Stage, benchmark
from hub_assets_tests.spark_server import spark_server

if TYPE_CHECKING:
    from hub_assets.home import Home
    from hub_assets.warehouse.sql_project import Model

SPARK_MEMORY: Final = "8g"
"""Heap of the server; Spark spills what does not fit."""

Counts = dict[str, int]


@benchmark("engines", order=70, needs="Java 17 and a download of 0.5 GB")
def engines(stage: Stage) -> Iterator[Measurement]:
    """Build a week's SQL models on DuckDB and on a Spark server that uses the same cores."""
    home = stage.once(snapshot_taken).result.home
    ours = measure(build_on_duckdb, without_models(home, "on-duckdb"))
    folder = stage.folder / "spark"
    folder.mkdir()
    with spark_server(folder, SPARK_MEMORY, is_short=False) as server:
        theirs = measure(build_on_spark, without_models(home, "on-spark"), server.address)
        spark = Peer("Spark", theirs.seconds, theirs.peak + peak_memory(server.process.pid))
    yield ours.measurement(
        "engines: all SQL models",
        sum(ours.result.values()),
        peers=[spark],
        answers=compare(ours.result, theirs.result),
        grows=True,
    )


def build_on_duckdb(clock: Clock, root: Path) -> Counts:
    """Build every model without Dagster or checks, and return the number of rows of each."""
    from hub_assets.home import Home
    from hub_assets.resources import project
    from hub_assets.warehouse.database import connect, prepare, replace_week

    files = files_of(home := Home(root))
    with clock, connect(home.build) as connection:
        prepare(connection, project(), files)
        for model in models():
            replace_week(connection, model.name, WEEK, model.render(WEEK))
    return count(home)


def build_on_spark(clock: Clock, root: Path, address: str) -> Counts:
    """Build every model on Spark, and return the number of rows of each; connecting to the server is not timed."""
    from hub_assets.home import Home
    from hub_assets.resources import project
    from hub_assets.warehouse.database import connect, prepare
    from hub_assets.warehouse.spark import Spark, build_week

    files, spark = files_of(home := Home(root)), Spark(address)
    with clock, connect(home.build) as connection:
        prepare(connection, project(), files)
        for model in models():
            build_week(spark, connection, project(), files, home.tables, model, WEEK)
    spark.close()
    return count(home)


def models() -> "list[Model]":
    """Return the models that have rows of their own, in build order."""
    from hub_assets.resources import project

    return [model for model in project().models if not model.is_view]


def files_of(home: "Home") -> Mapping[str, list[Path]]:
    """Return the files of each raw table."""
    from hub_assets.resources import project

    return {each.name: home.lake.files_of_all_weeks(each.name) for each in project().sources if not each.is_stored}


def count(home: "Home") -> Counts:
    """Return the number of rows of each model."""
    from hub_assets.warehouse.database import connect

    counts: Counts = {}
    with connect(home.build, read_only=True) as connection:
        for model in models():
            ((counts[model.name],),) = connection.execute(f"select count(*) from {model.name}").fetchall()
    return counts


def without_models(home: Path, name: str) -> Path:
    """Return a copy of a home with the raw tables and those that Python steps write, but without the SQL models."""
    from hub_assets.home import Home
    from hub_assets.warehouse.database import connect

    other = Home(home.with_name(f"{home.name}-{name}"))
    shutil.copytree(home / "lake", other.root / "lake")
    shutil.copyfile(Home(home).build, other.build)
    with connect(other.build) as connection:
        for model in models():
            connection.execute(f"drop table {model.name}")
    return other.root
