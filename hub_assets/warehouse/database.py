"""The warehouse: a database that runs write (`build.duckdb`) and the copy that people read (`warehouse.duckdb`).

A table's week is replaced in one transaction; publishing replaces the readers' file at one stroke. Which tables there
are is the loader's business (`models`), when they are built Dagster's.
"""

import errno
import json
import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path

import duckdb

from hub_assets.disk import FULL
from hub_assets.lake.parts import force_to_disk
from hub_assets.sql import literal, parquet
from hub_assets.warehouse.models import DataTest, Model, Project, Seed, Source, Table

logger = logging.getLogger(__name__)


class WarehouseError(Exception):
    """A database cannot be used; the message says why, and what to do."""


class WarehouseBusy(WarehouseError):
    """Another process has the database open for writing."""


class NothingBuilt(WarehouseError):
    """A week is to be published of which nothing was built."""


class WarehouseDamaged(WarehouseError):
    """The database's file is not what DuckDB wrote."""


@contextmanager
def connect(path: Path, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database and close it whatever happens, so that no exception leaves it locked.

    What was written is in the file itself, not in a log beside it, when the block ends well. DuckDB verifies a checksum
    of each block that it reads.

    Raises:
        WarehouseBusy: if another process writes to it.
        WarehouseDamaged: if its file is damaged, be it found here or in the block.
        WarehouseError: if it cannot be opened for another reason, or the disk is full.
    """
    if not read_only and not path.exists():
        _log_of(path).unlink(missing_ok=True)  # of a file that was removed; the new one could not be opened beside it
    try:
        connection = duckdb.connect(path, read_only=read_only)
    except duckdb.Error:
        with _examined(path):  # DuckDB tells errors of opening apart only where it attaches a file
            pass
        raise
    try:
        try:
            connection.execute("set timezone = 'UTC'")
            connection.execute("set enable_progress_bar = false")  # DuckDB draws it on stdout, in the midst of ours
            connection.execute("set errors_as_json = true")  # so that errors can be told apart
            yield connection
            if not read_only:
                connection.execute("checkpoint")
        finally:
            connection.close()
    except duckdb.Error as error:
        in_words = _in_words(path, error)
        if isinstance(in_words, duckdb.IOException):
            read_through(path)  # a file that was cut short gives no better error
        raise in_words from None


@contextmanager
def _examined(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database for reading as another process would, whatever this one has open under its name.

    Raises:
        WarehouseError: as `connect`.
    """
    with duckdb.connect() as connection:
        connection.execute("set errors_as_json = true")
        try:
            connection.execute(f"attach {literal(path)} as examined (read_only)")
            connection.execute("use examined")
            yield connection
        except duckdb.Error as error:
            cause = _details(error)
            is_of_file = cause.get("exception_type") == "IO" and "errno" not in cause
            if is_of_file and not path.exists():
                raise WarehouseError(f"{path} is not there; take a snapshot, or name a home with --home") from None
            raise _damaged(path, cause) if is_of_file else _in_words(path, error) from None


def _in_words(path: Path, error: duckdb.Error) -> Exception:
    """Return what to raise for an error that came as JSON: one of ours where it has a way out, else itself as text."""
    cause = _details(error)
    number = int(cause.get("errno", 0))
    if number == errno.EAGAIN:
        return WarehouseBusy(f"{path} is being written by another run; wait for it or stop it")
    # a commit or checkpoint that fails gives no number, only the system's words for it, after all names
    first_line = cause.get("exception_message", str(error)).splitlines()[0]
    if number in FULL or first_line.endswith(tuple(f": {os.strerror(full)}" for full in FULL)):
        return WarehouseError(f"{path} could not be written, because the disk is full; make room and try again")
    if "exception_message" not in cause:
        return type(error)(str(error))
    if number:
        return WarehouseError(f"{path} cannot be opened ({os.strerror(number)})")
    if cause["exception_type"] == "Data Corruption":
        return _damaged(path, cause)
    return type(error)(f"{cause['exception_type']} Error: {cause['exception_message']}")


def _details(error: duckdb.Error) -> dict[str, str]:
    """Return an error's own account of itself."""
    _, brace, rest = str(error).partition("{")
    try:
        details = json.loads(brace + rest)
    except ValueError:
        return {}
    return details if isinstance(details, dict) else {}


def _damaged(path: Path, cause: Mapping[str, str]) -> WarehouseDamaged:
    log = _log_of(path)
    aside = f"Move {log.name} away, which a killed program left beside it; if that does not help, remove" * log.exists()
    return WarehouseDamaged(
        f"{path} is damaged ({cause['exception_message'].splitlines()[0]}). {aside or 'Remove'} it: all it holds is "
        "rebuilt from the lake when its weeks are materialized again, downstream of the raw tables"
    )


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.wal")


def prepare(connection: duckdb.DuckDBPyConnection, project: Project, files: Mapping[str, Iterable[Path]]) -> None:
    """Create what SQL reads and no model makes: views of the raw tables, staging, seeds, and tables that Python fills.

    Args:
        connection: the build database.
        project: the models.
        files: the valid Parquet files of each source of the lake, of all weeks.
    """
    for source in project.sources:
        if source.is_stored:
            columns = ", ".join(f'"{column.name}" {column.type}' for column in source.columns)
            connection.execute(f"create table if not exists {source.name} ({columns})")
        else:
            connection.execute(f"create or replace view {source.name} as {_source_select(source, files[source.name])}")
    for model in project.models:
        if model.is_view:
            connection.execute(f"create or replace view {model.name} as\n{model.render(date.min)}")
    for seed in project.seeds:
        columns = ", ".join(f"'{column.name}': '{column.type}'" for column in seed.columns)
        connection.execute(
            f"create or replace table {seed.name} as "
            f"select * from read_csv({literal(seed.path)}, columns = {{{columns}}}, header = true)"
        )


def replace_week(connection: duckdb.DuckDBPyConnection, table: str, snapshot_date: date, select: str) -> int:
    """Make the rows of a SELECT the table's rows of one week, in one transaction, and return their number.

    The table gets the SELECT's columns: one that is new is null in other weeks, one that is gone goes, and one whose
    type has changed is converted (null where that fails). Other weeks keep their rows.
    """
    if not _columns_of(connection, table):
        # DuckDB 2.0.0 joins a table wrongly that was made and filled with over 122,880 rows in one transaction
        connection.execute(f"create table {table} as select * from (\n{select}\n) limit 0")
    connection.begin()
    try:
        connection.execute(f"create or replace temp table incoming as\n{select}")
        incoming = _columns_of(connection, "incoming")
        existing = _columns_of(connection, table)
        if existing != incoming:
            kept = ", ".join(
                f'try_cast("{name}" as {kind}) as "{name}"' if name in existing else f'null::{kind} as "{name}"'
                for name, kind in incoming.items()
            )
            connection.execute(f"create table {table}__rebuilt as select {kept} from {table}")
            connection.execute(f"drop table {table}")
            connection.execute(f"alter table {table}__rebuilt rename to {table}")
        connection.execute(f"delete from {table} where snapshot_date = ?", [snapshot_date])
        connection.execute(f"insert into {table} by name select * from incoming")
        ((rows,),) = connection.execute("select count(*) from incoming").fetchall()
        connection.execute("drop table incoming")
        connection.commit()
    except BaseException:
        with suppress(duckdb.TransactionException):  # a commit that failed has rolled back already
            connection.rollback()
        raise
    return int(rows)


def publish(build: Path, warehouse: Path, snapshot_date: date, project: Project) -> dict[str, int]:
    """Put one week of the build before the readers, beside the weeks they have, and return its rows by table.

    Only this week is taken over, so that another week's failed build stays unseen. Seeds, marts and the identity tables
    are what people read; views stay behind, because they look at files of the lake that a later run may replace, and so
    do intermediate tables, which name people. Whoever has the file open keeps the old one until opening it anew.
    """
    beside = warehouse.with_name(f".{warehouse.name}.beside")
    try:
        _remove(beside)
        if warehouse.exists():
            shutil.copyfile(warehouse, beside)
        rows = _add_week(beside, build, snapshot_date, project)
        _require(beside, snapshot_date, rows)
        force_to_disk(beside)
        log = _log_of(warehouse)
        if log.exists():
            # it belongs to the file that goes; beside the new one, it would make that unreadable
            log.replace(log.with_name(f"{log.name}.set-aside"))
            logger.warning("%s was left by a program that wrote to the published file; it was set aside.", log)
        beside.replace(warehouse)
    except WarehouseDamaged:
        for path in (build, warehouse):  # which of them it is
            read_through(path)
        raise
    finally:
        _remove(beside)
    force_to_disk(warehouse.parent)
    _require(warehouse, snapshot_date, rows)
    return rows


def read_through(path: Path) -> None:
    """Read every value of a database.

    Raises:
        WarehouseDamaged: if it is damaged anywhere.
    """
    with _examined(path) as connection:
        for (table,) in connection.execute("select table_name from duckdb_tables()").fetchall():
            connection.execute(f"select max(hash(read)) from {table} as read").fetchall()


def _add_week(beside: Path, build: Path, snapshot_date: date, project: Project) -> dict[str, int]:
    rows = {}
    with connect(beside) as connection:
        connection.execute(f"attach {literal(build)} as build (read_only)")
        for seed in project.seeds:
            connection.execute(f"create or replace table {seed.name} as select * from build.main.{seed.name}")
        for table in project.published:
            week = f"select * from build.main.{table.name} where snapshot_date = date '{snapshot_date}'"
            rows[table.name] = replace_week(connection, table.name, snapshot_date, week)
        if not any(rows.values()):
            raise NothingBuilt(f"the week of {snapshot_date} has no rows in {build}; materialize its tables first")
        _drop_strangers(connection, {*rows, *(seed.name for seed in project.seeds)})
        _describe(connection, [*project.seeds, *project.published])
        connection.execute("detach build")
    return rows


def _require(path: Path, snapshot_date: date, rows: Mapping[str, int]) -> None:
    """Open a database as readers do and make sure that it holds a week's rows."""
    with _examined(path) as connection:
        for table, n in rows.items():
            count = f"select count(*) from {table} where snapshot_date = ?"
            ((found,),) = connection.execute(count, [snapshot_date]).fetchall()
            if found != n:
                raise WarehouseError(
                    f"{path} has {found:,} rows of {snapshot_date} in {table} instead of {n:,}; publish again"
                )


def _remove(path: Path) -> None:
    for leftover in (path, _log_of(path)):
        leftover.unlink(missing_ok=True)


def failing_rows(test: DataTest, table: Table, snapshot_date: date | None, target: Table | None = None) -> str:
    """Return a SELECT of the rows that fail a data test; none if all is well.

    Args:
        test: the test.
        table: the table it belongs to.
        snapshot_date: the week to look at; None for all, and for tables without weeks.
        target: the table that a relationship leads to; of one that has weeks, too, only this one is looked at.
    """
    week = f"snapshot_date = date '{snapshot_date}'" if snapshot_date and not isinstance(table, Seed) else "true"
    columns = ", ".join(f'"{column}"' for column in test.columns)
    column = f'"{test.columns[0]}"'
    match test.kind:
        case "not_null":
            is_null = " or ".join(f'"{name}" is null' for name in test.columns)
            return f"select * from {table.name} where {week} and ({is_null})"
        case "unique":
            return f"select {columns}, count(*) as n from {table.name} where {week} group by {columns} having n > 1"
        case "accepted_values":
            values = ", ".join(map(literal, test.values))
            return f"select * from {table.name} where {week} and {column}::varchar not in ({values})"
        case "relationships":
            same = week if isinstance(target, Model) or (isinstance(target, Source) and target.is_stored) else "true"
            keys = f'select "{test.field}" from {test.to} where {same}'
            return f"select * from {table.name} where {week} and {column} is not null and {column} not in ({keys})"


def _source_select(source: Source, files: Iterable[Path]) -> str:
    nothing = ", ".join(f'null::{column.type} as "{column.name}"' for column in source.columns)
    select = f"select * from (select {nothing}) where false"
    paths = list(files)
    return f"{select} union all by name select * from {parquet(paths)}" if paths else select


def _columns_of(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    return dict(
        connection.execute(
            "select column_name, data_type from duckdb_columns() "
            "where table_name = ? and database_name in (current_database(), 'temp') order by column_index",
            [table],
        ).fetchall()
    )


def _drop_strangers(connection: duckdb.DuckDBPyConnection, known: set[str]) -> None:
    tables = connection.execute("select table_name from duckdb_tables() where database_name = current_database()")
    for (table,) in tables.fetchall():
        if table not in known:
            connection.execute(f"drop table {table}")


def _describe(connection: duckdb.DuckDBPyConnection, tables: Iterable[Table]) -> None:
    """Write the descriptions into the database, where `describe` and clients find them."""
    for table in tables:
        connection.execute(f"comment on table {table.name} is {literal(table.description)}")
        for column in table.columns:
            connection.execute(f'comment on column {table.name}."{column.name}" is {literal(column.description)}')
