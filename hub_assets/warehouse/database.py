"""The warehouse: a database that runs write (`build.duckdb`) and the copy that people read (`warehouse.duckdb`).

A table's week is replaced in one transaction; publishing replaces the readers' file at one stroke. Which tables there
are is the loader's business (`models`), when they are built Dagster's.
"""

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb

from hub_assets.warehouse.models import DataTest, Model, Project, Seed, Source, Table


class WarehouseBusy(Exception):
    """Another process has the database open for writing."""


@contextmanager
def connect(path: Path, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database and close it whatever happens, so that no exception leaves it locked.

    Raises:
        WarehouseBusy: if another process writes to it.
    """
    try:
        connection = duckdb.connect(path, read_only=read_only)
    except duckdb.IOException as error:
        if "lock" in str(error):
            raise WarehouseBusy(f"{path} is being written by another run; wait for it or stop it") from error
        raise
    try:
        connection.execute("set timezone = 'UTC'")
        connection.execute("set enable_progress_bar = false")  # DuckDB draws it on stdout, in the midst of ours
        yield connection
    finally:
        connection.close()


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
            f"select * from read_csv({str(seed.path)!r}, columns = {{{columns}}}, header = true)"
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
    for leftover in (beside, beside.with_name(beside.name + ".wal")):
        leftover.unlink(missing_ok=True)
    if warehouse.exists():
        shutil.copyfile(warehouse, beside)
    rows = {}
    with connect(beside) as connection:
        connection.execute(f"attach {str(build)!r} as build (read_only)")
        for seed in project.seeds:
            connection.execute(f"create or replace table {seed.name} as select * from build.main.{seed.name}")
        for table in project.published:
            week = f"select * from build.main.{table.name} where snapshot_date = date '{snapshot_date}'"
            rows[table.name] = replace_week(connection, table.name, snapshot_date, week)
        _drop_strangers(connection, {*rows, *(seed.name for seed in project.seeds)})
        _describe(connection, [*project.seeds, *project.published])
        connection.execute("detach build")
        connection.execute("checkpoint")
    handle = os.open(beside, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
    beside.replace(warehouse)
    return rows


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
            values = ", ".join("'" + value.replace("'", "''") + "'" for value in test.values)
            return f"select * from {table.name} where {week} and {column}::varchar not in ({values})"
        case "relationships":
            same = week if isinstance(target, Model) or (isinstance(target, Source) and target.is_stored) else "true"
            keys = f'select "{test.field}" from {test.to} where {same}'
            return f"select * from {table.name} where {week} and {column} is not null and {column} not in ({keys})"


def _source_select(source: Source, files: Iterable[Path]) -> str:
    nothing = ", ".join(f'null::{column.type} as "{column.name}"' for column in source.columns)
    select = f"select * from (select {nothing}) where false"
    paths = [str(file) for file in files]
    return f"{select} union all by name select * from read_parquet({paths}, union_by_name = true)" if paths else select


def _columns_of(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """Return the types of a table's columns by name; nothing if there is no such table.

    The table itself is asked: `duckdb_columns()` binds every view first, which takes 8 ms, three times per table.
    """
    try:
        described = connection.execute(f"describe {table}").fetchall()
    except duckdb.CatalogException:
        return {}
    return {name: kind for name, kind, *_ in described}


def _drop_strangers(connection: duckdb.DuckDBPyConnection, known: set[str]) -> None:
    tables = connection.execute("select table_name from duckdb_tables() where database_name = current_database()")
    for (table,) in tables.fetchall():
        if table not in known:
            connection.execute(f"drop table {table}")


def _describe(connection: duckdb.DuckDBPyConnection, tables: Iterable[Table]) -> None:
    """Write the descriptions into the database, where `describe` and clients find them."""
    for table in tables:
        connection.execute(f"comment on table {table.name} is {_quoted(table.description)}")
        for column in table.columns:
            connection.execute(f'comment on column {table.name}."{column.name}" is {_quoted(column.description)}')


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
