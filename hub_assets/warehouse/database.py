"""The databases: connections with readable errors, and the tables of `build.duckdb`, which runs write to.

A week of a table is replaced in one transaction. The loader (`sql_project`) defines which tables exist, Dagster decides
when to build them, and `publication` makes them readable in `warehouse.duckdb`.
"""

import errno
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from hub_assets.disk import FULL
from hub_assets.errors import HubAssetsError
from hub_assets.lake.parts import force_to_disk
from hub_assets.scratch import limit_memory, scratch
from hub_assets.sql import literal, parquet
from hub_assets.warehouse.sql_project import DataTest, Model, Project, Seed, Source, Table

_NO_FILES: Final = "No files found that match the pattern"


class WarehouseError(HubAssetsError):
    """A database cannot be used; the message says why and what to do."""


class WarehouseBusy(WarehouseError):
    """Another process has the database open for writing."""


class WarehouseDamaged(WarehouseError):
    """The database file is corrupt."""


@contextmanager
def connect(path: Path, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database and always close it, so that an exception never leaves it locked.

    A successful exit moves all writes from DuckDB's log into the database file. DuckDB verifies the checksum of every
    block it reads.

    Raises:
        WarehouseBusy: if another process is writing to the database.
        WarehouseDamaged: if the file turns out to be damaged, on opening or inside the `with` block.
        WarehouseError: if the database cannot be opened for another reason, or the disk is full.
    """
    if not read_only and not path.exists():
        log_of(path).unlink(
            missing_ok=True
        )  # a log left by a removed database would prevent DuckDB from opening the new one
    try:
        connection = duckdb.connect(path, read_only=read_only)
    except duckdb.Error:
        with examined(path):  # DuckDB explains why it cannot open a file only when the file is attached
            pass
        raise
    try:
        try:
            limit_memory(connection)  # what does not fit is spilled to a folder beside the database
            connection.execute("set timezone = 'UTC'")
            connection.execute("set enable_progress_bar = false")  # it would overwrite our own output
            connection.execute("set errors_as_json = true")  # to distinguish errors by type
            yield connection
            if not read_only:
                connection.execute("checkpoint")
        finally:
            connection.close()
    except duckdb.Error as error:
        in_words = _in_words(path, error)
        if isinstance(in_words, duckdb.IOException):
            read_through(path)  # the error for a truncated file does not identify the damage
        raise in_words from None


def batches(rows: duckdb.DuckDBPyRelation, size: int) -> pa.RecordBatchReader:
    """Return a reader of batches, which must be closed: use it in a `with` block.

    An exception's traceback keeps an open reader alive, and an open reader keeps the database open. If the process then
    opens the database again, DuckDB 2.0.0 waits forever, in a busy loop, for the database to close.
    """
    return rows.to_arrow_reader(size)


@contextmanager
def examined(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database read-only, as if from another process, regardless of connections in this process.

    Raises:
        WarehouseError: as in `connect`.
    """
    with scratch() as connection:
        connection.execute("set errors_as_json = true")
        try:
            connection.execute(f"attach {literal(path)} as examined (read_only)")
            connection.execute("use examined")
            yield connection
        except duckdb.Error as error:
            cause = _details(error)
            is_of_file = cause.get("exception_type") == "IO" and "errno" not in cause
            if is_of_file and not path.exists():
                raise WarehouseError(f"{path} does not exist; take a snapshot, or set --home to another home") from None
            raise _damaged(path, cause) if is_of_file else _in_words(path, error) from None


def _in_words(path: Path, error: duckdb.Error) -> Exception:
    """Convert DuckDB's JSON error to one of ours if the user can fix it, or else to the same type with plain text."""
    cause = _details(error)
    number = int(cause.get("errno", 0))
    if number == errno.EAGAIN:
        return WarehouseBusy(f"another run is writing to {path}; wait for it or stop it")
    # the error of a failed commit or checkpoint has no error number; its first line ends with the system's message
    first_line = cause.get("exception_message", str(error)).splitlines()[0]
    # and that of a failed COPY is JSON within JSON
    if number in FULL or any(f": {os.strerror(full)}" in first_line for full in FULL):
        return disk_full(path)
    if "exception_message" not in cause:
        return type(error)(str(error))
    if first_line.startswith(_NO_FILES):
        file = first_line.removeprefix(_NO_FILES).strip(' "')
        return WarehouseError(
            f"{path} reads older weeks from {file}, which is gone; if the home was moved, run: hub-assets upgrade"
        )
    if number:
        return WarehouseError(f"{path} cannot be opened ({os.strerror(number)})")
    if cause["exception_type"] == "Data Corruption":
        return _damaged(path, cause)
    return type(error)(f"{cause['exception_type']} Error: {cause['exception_message']}")


def disk_full(path: Path) -> WarehouseError:
    """Return the error for a disk that was full when a database was written."""
    return WarehouseError(f"{path} could not be written because the disk is full; free some space and try again")


def _details(error: duckdb.Error) -> dict[str, str]:
    """Return the details in an error's JSON; empty if the error is not JSON."""
    _, brace, rest = str(error).partition("{")
    try:
        details = json.loads(brace + rest)
    except ValueError:
        return {}
    return details if isinstance(details, dict) else {}


def _damaged(path: Path, cause: Mapping[str, str]) -> WarehouseDamaged:
    log = log_of(path)
    remedy = f"Move {log.name} away: a killed program left it behind. If that does not help, remove {path.name}"
    return WarehouseDamaged(
        f"{path} is damaged ({cause['exception_message'].splitlines()[0]}). {remedy if log.exists() else 'Remove it'}: "
        "materializing its weeks again, downstream of the raw tables, rebuilds everything from the lake"
    )


def log_of(path: Path) -> Path:
    """Return the path of a database's write-ahead log, which exists only during writes or after a writer was killed."""
    return path.with_name(f"{path.name}.wal")


def prepare(connection: duckdb.DuckDBPyConnection, project: Project, files: Mapping[str, Iterable[Path]]) -> None:
    """Create the inputs of the SQL models: views of the raw tables, staging views, seeds, and tables filled by Python.

    Models that another engine wrote as Parquet become views, too.

    Args:
        connection: the build database.
        project: the SQL project.
        files: the valid Parquet files of each lake source, and of models stored outside the database, for all weeks.
    """
    for source in project.sources:
        if source.is_stored:
            columns = ", ".join(f'"{column.name}" {column.type}' for column in source.columns)
            connection.execute(f"create table if not exists {source.name} ({columns})")
        else:
            show(connection, source, files[source.name])
    for model in project.models:
        if model.is_view:
            connection.execute(f"create or replace view {model.name} as\n{model.render(date.min)}")
        elif model.name in files and not is_table(connection, model.name):
            show(connection, model, files[model.name])
    for seed in project.seeds:
        columns = ", ".join(f"'{column.name}': '{column.type}'" for column in seed.columns)
        connection.execute(
            f"create or replace table {seed.name} as "
            f"select * from read_csv({literal(seed.path)}, columns = {{{columns}}}, header = true)"
        )


def show(connection: duckdb.DuckDBPyConnection, table: Table, files: Iterable[Path]) -> None:
    """Create a view of a table's Parquet files; columns that a file lacks are null."""
    connection.execute(f"create or replace view {table.name} as {_files_select(table, files)}")


def is_table(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Return whether the database itself holds a table's rows; a view shows rows of files."""
    found = "select 1 from duckdb_tables() where table_name = ? and database_name = current_database()"
    return bool(connection.execute(found, [name]).fetchall())


def replace_week(connection: duckdb.DuckDBPyConnection, table: str, snapshot_date: date, select: str) -> int:
    """Replace one week of a table with the rows of a SELECT, in one transaction, and return the number of rows.

    The table takes over the SELECT's columns: new columns are null in other weeks, removed columns are dropped, and
    changed types are converted (null if the conversion fails). Rows of other weeks are kept. The SELECT must not read
    the table itself, because the week's old rows are deleted first.
    """
    # get the types from an empty table: `describe` reports the type of an all-null column as "NULL"
    connection.execute(f"create or replace temp table incoming as select * from (\n{select}\n) limit 0")
    incoming = columns_of(connection, "incoming")
    if not columns_of(connection, table):
        # DuckDB 2.0.0 joins incorrectly if a table was created and filled with over 122,880 rows in one transaction
        connection.execute(f"create table {table} as from incoming")
    elif not is_table(connection, table):
        _take_in(connection, table)
    connection.execute("drop table incoming")
    connection.begin()
    try:
        existing = columns_of(connection, table)
        if existing != incoming:
            converted = ", ".join(
                f'try_cast("{name}" as {kind}) as "{name}"' if name in existing else f'null::{kind} as "{name}"'
                for name, kind in incoming.items()
            )
            connection.execute(f"create table {table}__rebuilt as select {converted} from {table}")
            connection.execute(f"drop table {table}")
            connection.execute(f"alter table {table}__rebuilt rename to {table}")
        connection.execute(f"delete from {table} where snapshot_date = ?", [snapshot_date])
        ((rows,),) = connection.execute(f"insert into {table} by name\n{select}").fetchall()
        connection.commit()
    except BaseException:
        with suppress(duckdb.TransactionException):  # a failed commit has already rolled back
            connection.rollback()
        raise
    return int(rows)


def _take_in(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Turn a view of another engine's files into a table, which is created and filled in separate transactions.

    The reason is given in `replace_week`.
    """
    connection.execute(f"create or replace table {table}__taken_in as select * from {table} limit 0")
    connection.execute(f"insert into {table}__taken_in select * from {table}")
    connection.begin()
    connection.execute(f"drop view {table}")
    connection.execute(f"alter table {table}__taken_in rename to {table}")
    connection.commit()


def rewrite(
    path: Path,
    change: Callable[[pa.Table], pa.Table],
    project: Project,
    finish: Callable[[duckdb.DuckDBPyConnection], None] = lambda _: None,
) -> None:
    """Rewrite a database with changed rows, so that no trace of the old values is left in the file.

    DuckDB keeps deleted values in a file's free blocks. Views are left out: every run creates those of the build again,
    and `publication.show_weeks` those of the published file.

    Args:
        path: the database.
        change: returns the rows to write instead, with the same schema; called with about 100,000 rows at a time.
        project: supplies the descriptions of tables and columns.
        finish: completes the new database before it replaces the old one.

    Raises:
        WarehouseError: as in `connect`.
    """
    beside = path.with_name(f".{path.name}.beside")
    known = {table.name: table for table in (*project.seeds, *project.published)}
    try:
        remove(beside)
        with connect(path):  # moves writes that a killed program left in the log to the file
            pass
        with connect(beside) as connection:
            connection.execute(f"attach {literal(path)} as old (read_only)")
            tables = connection.execute(
                "select schema_name, table_name from duckdb_tables() where database_name = 'old'"
            ).fetchall()
            for schema in {schema for schema, _ in tables}:
                connection.execute(f"create schema if not exists {_quoted(schema)}")
            for name in (_quoted(schema, table) for schema, table in tables):
                connection.execute(f"create table {name} as select * from old.{name} limit 0")
                with batches(connection.cursor().sql(f"select * from old.{name}"), 100_000) as reader:
                    for batch in reader:
                        connection.register("changed", change(pa.Table.from_batches([batch])))
                        connection.execute(f"insert into {name} select * from changed")
                        connection.unregister("changed")
            for schema, name in tables:
                if (table := known.get(name)) is not None:
                    existing = columns_of(connection, _quoted(schema, name))
                    columns = tuple(column for column in table.columns if column.name in existing)
                    describe(connection, [replace(table, columns=columns)], schema)
            connection.execute("detach old")
            finish(connection)
        force_to_disk(beside)
        beside.replace(path)
    finally:
        remove(beside)
    force_to_disk(path.parent)


def read_through(path: Path) -> None:
    """Read every value in a database.

    Raises:
        WarehouseDamaged: if any part of it is damaged.
    """
    with examined(path) as connection:
        for table in connection.execute("select schema_name, table_name from duckdb_tables()").fetchall():
            connection.execute(f"select max(hash(read)) from {_quoted(*table)} as read").fetchall()


def _quoted(*names: str) -> str:
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def remove(path: Path) -> None:
    """Remove a database with its log, if they exist."""
    for leftover in (path, log_of(path)):
        leftover.unlink(missing_ok=True)


def failing_rows(test: DataTest, table: Table, snapshot_date: date | None, target: Table | None = None) -> str:
    """Return a SELECT that yields the rows that fail a data test, or no rows if the test passes.

    Args:
        test: the test.
        table: the table under test.
        snapshot_date: the week to check; None for all weeks, and for tables without weeks.
        target: the table that a relationship refers to; if it has weeks, only the same week is searched.
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


def _files_select(table: Table, files: Iterable[Path]) -> str:
    select = no_rows(table)
    paths = list(files)
    return f"{select} union all by name select * from {parquet(paths)}" if paths else select


def no_rows(table: Table) -> str:
    """Return a SELECT with a table's columns and no rows."""
    nothing = ", ".join(f'null::{column.type} as "{column.name}"' for column in table.columns)
    return f"select * from (select {nothing}) where false"


def columns_of(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """Return the column types, by name, of a table or a table function; empty if the table does not exist.

    `describe` is used because `duckdb_columns()` first binds every view, which takes 8 ms per call, with three calls
    per table.
    """
    try:
        described = connection.execute(f"describe select * from {table}").fetchall()
    except duckdb.CatalogException:
        return {}
    return {name: kind for name, kind, *_ in described}


def describe(connection: duckdb.DuckDBPyConnection, tables: Iterable[Table], schema: str = "main") -> None:
    """Store the descriptions as comments in the database, where clients can show them."""
    connection.begin()
    for table in tables:
        name = f"{schema}.{table.name}"
        connection.execute(f"comment on table {name} is {literal(table.description)}")
        for column in table.columns:
            connection.execute(f'comment on column {name}."{column.name}" is {literal(column.description)}')
    connection.commit()
