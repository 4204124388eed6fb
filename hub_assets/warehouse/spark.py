"""Builds weeks of SQL models on Apache Spark, through Spark Connect, if HUB_ASSETS_ENGINE is `spark`.

Spark reads the lake's Parquet files and writes each week of a model as Parquet parts with a manifest, in the home's
`tables/`. `build.duckdb` then has a view of these parts instead of a table, so that checks, previews, Python assets and
publication work the same way with both engines. The cluster must see the home at the same path. Translating SQL belongs
in `spark_sql`.
"""

import os
import shutil
import socket
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import duckdb

from hub_assets.errors import UserError
from hub_assets.lake.parts import Lake
from hub_assets.sql import literal
from hub_assets.warehouse.database import is_table, show
from hub_assets.warehouse.spark_sql import spark_sql, spark_type
from hub_assets.warehouse.sql_project import Model, Project, Table

COPIES: Final = ".copies"
"""The folder for copies of tables in `build.duckdb` that Spark reads while it builds a week."""
DEFAULT_PORT: Final = 15_002
OLDEST: Final = 4
"""The first major version that can parse JSON into variants, as the models do with cards."""
TIMEOUT: Final = 10
"""Seconds to wait for a server to accept a connection."""
RETRIES: Final = 5
"""How many times a call is repeated, over 17 s, if no server answers; by default, the client tries for ten minutes."""
SETTINGS: Final = {
    "spark.sql.ansi.enabled": "true",  # errors instead of nulls
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",  # as in DuckDB
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",  # the same dates before 1582 as DuckDB
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
}


class SparkError(UserError):
    """Spark cannot be used, or it failed to run a query; the message says why."""


def engine_of_environment() -> str | None:
    """Return the address of the Spark server that builds the models; None if DuckDB builds them.

    Raises:
        SparkError: if HUB_ASSETS_ENGINE is unknown, or SPARK_REMOTE is not the address of a Spark Connect server.
    """
    engine, address = os.environ.get("HUB_ASSETS_ENGINE") or "duckdb", os.environ.get("SPARK_REMOTE") or ""
    if engine == "duckdb":
        return None
    if engine != "spark":
        raise SparkError(f"HUB_ASSETS_ENGINE is {engine!r}; set it to duckdb or spark")
    if not address.startswith("sc://"):
        raise SparkError("SPARK_REMOTE is not the address of a Spark Connect server; set it to sc://host:15002")
    return address


@cache
def connected(address: str) -> "Spark":
    """Return this process's session on a server, starting it on first use.

    Raises:
        SparkError: if the client is not installed, or the server does not answer.
    """
    return Spark(address)


@contextmanager
def _importable() -> Iterator[None]:
    """Allow PySpark to be imported in any process.

    In a process without a main file (`python -c`, an execnet worker), PySpark 4.2 assumes that its own doctests are
    running, and exits because its server is not installed.
    """
    main = sys.modules["__main__"]
    is_fileless = not hasattr(main, "__file__")
    if is_fileless:
        main.__file__ = __file__
    try:
        with warnings.catch_warnings():
            # only `createDataFrame` and `toPandas` use pandas, and this module calls neither
            warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
            yield
    finally:
        if is_fileless:
            del main.__file__


class Spark:
    """A session on a Spark Connect server.

    Raises:
        SparkError: see `connected`.
    """

    def __init__(self, address: str) -> None:
        try:
            with _importable():
                from pyspark.errors.exceptions.connect import SparkConnectException
                from pyspark.sql import SparkSession
                from pyspark.sql.connect.client.retries import DefaultPolicy

                self._address = address
                self._reach()
                self._error: type[Exception] = SparkConnectException
                self._session: Any = SparkSession.builder.remote(address).create()
                self._session.client.set_retry_policies([DefaultPolicy(max_retries=RETRIES)])
                if int(self._session.version.partition(".")[0]) < OLDEST:
                    raise SparkError(
                        f"Spark at {_shown(address)} has version {self._session.version}; use version {OLDEST} or later"
                    )
                for name, value in SETTINGS.items():
                    self._session.conf.set(name, value)
        except ModuleNotFoundError as error:
            raise SparkError(f"Spark's client is incomplete ({error}); pip install 'hub-assets[spark]'") from None
        except (SparkConnectException, OSError, ValueError) as error:
            raise SparkError(_silent(address, error)) from None

    def read(self, table: Table, files: Iterable[Path]) -> None:
        """Make Parquet files readable as a table, under the table's name; columns that a file lacks are null.

        Raises:
            SparkError: if Spark does not answer, or cannot read the files.
        """
        types = {column.name: spark_type(column.type) for column in table.columns}
        paths = [str(file) for file in files]
        if paths:
            schema = ", ".join(f"`{name}` {kind}" for name, kind in types.items())
            with self._answering():
                self._session.read.schema(schema).parquet(*paths).createOrReplaceTempView(table.name)
        else:
            nothing = ", ".join(f"CAST(NULL AS {kind}) AS `{name}`" for name, kind in types.items())
            self.view(table.name, f"SELECT {nothing} WHERE FALSE")

    def _reach(self) -> None:
        """Check that the server accepts a connection, because Spark's client would keep trying.

        Raises:
            SparkError: if the address has an invalid port, or no server listens there.
        """
        try:
            url = urlsplit(self._address)
            socket.create_connection((url.hostname or "", url.port or DEFAULT_PORT), TIMEOUT).close()
        except (OSError, ValueError) as error:
            raise SparkError(_silent(self._address, error)) from None

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Raise a SparkError if the server does not answer, or if the block fails on Spark."""
        self._reach()
        try:
            yield
        except self._error as error:
            raise SparkError(f"Spark failed: {_first_line(error)}") from None

    def view(self, name: str, select: str) -> None:
        """Make the rows of a SELECT readable under a name.

        Raises:
            SparkError: if Spark does not answer, or cannot run the SELECT.
        """
        with self._answering():
            self._session.sql(select).createOrReplaceTempView(name)

    def write(self, select: str, folder: Path) -> list[Path]:
        """Write the rows of a SELECT to a new folder and return its Parquet files.

        Raises:
            SparkError: if Spark does not answer, cannot run the SELECT, or writes where this machine cannot see it.
        """
        with self._answering():
            self._session.sql(select).write.option("compression", "zstd").parquet(str(folder))
        files = sorted(folder.glob("*.parquet"))
        if not files:  # Spark writes a file even if there are no rows
            raise SparkError(f"Spark wrote {folder.name} elsewhere; it must see {folder.parent} at the same path")
        return files

    def close(self) -> None:
        """End the session if the server is still running."""
        with suppress(SparkError):
            self._reach()
            self._session.stop()


def build_week(
    spark: Spark,
    connection: duckdb.DuckDBPyConnection,
    project: Project,
    files: Mapping[str, Iterable[Path]],
    tables: Lake,
    model: Model,
    snapshot_date: date,
) -> None:
    """Build a week of a model on Spark, and make its rows visible in the build database.

    Weeks that DuckDB built earlier are moved to Parquet first.

    Args:
        spark: the session.
        connection: the build database.
        project: the SQL project.
        files: the valid Parquet files of each lake source, for all weeks.
        tables: the lake of built weeks, where the new week is written.
        model: the model.
        snapshot_date: the week.

    Raises:
        SparkError: if Spark cannot run the model.
        ModelError: if the SQL cannot be translated; see `spark_sql`.
    """
    for name in model.upstream:
        _provide(spark, connection, project, files, tables, name)
    _move(connection, tables, model)
    beside = tables.folder(model.name, snapshot_date) / ".beside"
    shutil.rmtree(beside, ignore_errors=True)
    beside.parent.mkdir(parents=True, exist_ok=True)
    tables.adopt(model.name, snapshot_date, spark.write(spark_sql(model, snapshot_date, project.tables), beside))
    shutil.rmtree(beside)
    shutil.rmtree(tables.root / COPIES, ignore_errors=True)
    show(connection, model, tables.files_of_all_weeks(model.name))


def _provide(
    spark: Spark,
    connection: duckdb.DuckDBPyConnection,
    project: Project,
    files: Mapping[str, Iterable[Path]],
    tables: Lake,
    name: str,
) -> None:
    """Make one of a model's input tables readable on Spark."""
    table = project.tables[name]
    if isinstance(table, Model) and table.is_view:
        for upstream in table.upstream:
            _provide(spark, connection, project, files, tables, upstream)
        spark.view(name, spark_sql(table, date.min, project.tables))
    elif isinstance(table, Model):
        _move(connection, tables, table)
        spark.read(table, tables.files_of_all_weeks(name))
    elif name in files:
        spark.read(table, files[name])
    else:
        # a seed, or a table written by a Python step, which does not use Spark; both are small compared with the lake
        copied = tables.root / COPIES / f"{name}.parquet"
        _copy(connection, f"select * from {name}", copied)
        spark.read(table, [copied])


def _move(connection: duckdb.DuckDBPyConnection, tables: Lake, model: Model) -> None:
    """Move a table's weeks from the build database to Parquet. The table is dropped only after all weeks are moved."""
    if not is_table(connection, model.name):
        return
    for (week,) in connection.execute(f"select distinct snapshot_date from {model.name}").fetchall():
        beside = tables.folder(model.name, week) / ".beside" / "moved.parquet"
        _copy(connection, f"select * from {model.name} where snapshot_date = date '{week}'", beside)
        tables.adopt(model.name, week, [beside])
        beside.parent.rmdir()
    connection.execute(f"drop table {model.name}")
    show(connection, model, tables.files_of_all_weeks(model.name))


def _copy(connection: duckdb.DuckDBPyConnection, select: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection.execute(f"copy ({select}) to {literal(path)} (format parquet, compression zstd)")


def _silent(address: str, error: Exception) -> str:
    return f"Spark at {_shown(address)} does not answer ({_first_line(error)}); see SPARK_REMOTE"


def _shown(address: str) -> str:
    """Return an address without its parameters, which may contain a token."""
    return address.partition("/;")[0]


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
