"""Publishes weeks to readers: `warehouse.duckdb` holds the newest week, and `older_weeks/` the others as Parquet files.

A view per table shows all weeks. Publishing therefore copies one week, however many are published: at ten times the
study's size a week takes 0.9 GB in DuckDB. The file is replaced atomically, and readers who have it open keep the old
version until they reopen it. Building weeks and deciding what a table contains do not belong here.
"""

import logging
import shutil
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final

import duckdb

from hub_assets.lake.parts import Lake, LakeError, Manifest, Part, digest_of, force_to_disk
from hub_assets.sql import literal, weekly_parquet
from hub_assets.warehouse.database import (
    WarehouseDamaged,
    WarehouseError,
    columns_of,
    connect,
    describe,
    examined,
    log_of,
    no_rows,
    read_through,
    remove,
)
from hub_assets.warehouse.sql_project import Project, Table

logger = logging.getLogger(__name__)

NEWEST: Final = "newest"
"""The schema of the tables that hold the newest week. The views, in the schema `main`, have the same names."""
COLUMNS: Final = "columns"
"""The key in a manifest's details for the types of the columns, by name."""


class NothingBuilt(WarehouseError):
    """There is nothing to publish for a week."""


def older_weeks(warehouse: Path) -> Lake:
    """Return the Parquet files of the older weeks, which lie beside the published file."""
    return Lake(warehouse.with_name("older_weeks"))


def publish(build: Path, warehouse: Path, weeks: date | Sequence[date], project: Project) -> dict[str, int]:
    """Add weeks of the build to the published warehouse and return their row counts by table.

    Only these weeks are copied, so a failed build of another week is not published. Seeds, marts and the sources marked
    `is_published` are published. Views are not published, because they read lake files that a later run may replace;
    intermediate tables are not published, because they name people.

    Columns follow the project: in weeks published earlier, new columns are null, removed columns are dropped, and
    changed types are converted (null if the conversion fails).

    Raises:
        NothingBuilt: if the build has no rows for one of the weeks; nothing is published then.
        WarehouseError: as in `connect`.
    """
    added = [weeks] if isinstance(weeks, date) else sorted(set(weeks))
    beside = warehouse.with_name(f".{warehouse.name}.beside")
    before = warehouse.with_name(f".{warehouse.name}.before.beside")
    older = older_weeks(warehouse)
    try:
        for path in (beside, before):
            remove(path)
        if warehouse.exists():
            # a copy, because another program may have the file open for writing, and what it writes is discarded
            shutil.copyfile(warehouse, before)
        with connect(beside) as connection:
            rows = _write(connection, build, before, older, added, project)
        for week in added:
            _require(beside, week, rows[week])
        force_to_disk(beside)
        log = log_of(warehouse)
        if log.exists():
            # the log belongs to the old file and would make the new file unreadable
            log.replace(log.with_name(f"{log.name}.set-aside"))
            logger.warning("Set %s aside: another program wrote to the published file and left this log behind.", log)
        beside.replace(warehouse)
    except WarehouseDamaged:
        for path in (build, warehouse):  # find out which file is damaged
            read_through(path)
        raise
    finally:
        for path in (beside, before):
            remove(path)
    force_to_disk(warehouse.parent)
    _delete_unlisted(older, project)
    for week in added:
        _require(warehouse, week, rows[week])
    return {table.name: sum(of_week[table.name] for of_week in rows.values()) for table in project.published}


def show_weeks(warehouse: Path) -> bool:
    """Make the views read the older weeks where they are now, and return whether that changed anything.

    This is needed after the home is moved or the files are rewritten, because a view contains absolute paths.
    """
    beside = warehouse.with_name(f".{warehouse.name}.beside")
    try:
        remove(beside)
        shutil.copyfile(warehouse, beside)
        with connect(beside) as connection:
            views = "select view_name, sql from duckdb_views() where not internal order by all"
            found = connection.execute(views).fetchall()
            _show(connection, older_weeks(warehouse))
            is_changed = found != connection.execute(views).fetchall()
        if is_changed:
            force_to_disk(beside)
            beside.replace(warehouse)
    finally:
        remove(beside)
    force_to_disk(warehouse.parent)
    return is_changed


def require_intact(warehouse: Path, week: date | None = None) -> None:
    """Verify the digests of the older weeks' files; of a single week if one is given.

    DuckDB detects damage to its own file, but not to Parquet files. Publishing a week again replaces its files.

    Raises:
        WarehouseDamaged: if a file is damaged or missing.
    """
    older = older_weeks(warehouse)
    for table in sorted(folder.name for folder in older.root.glob("*/")):
        for day in older.weeks(table):
            if week in (None, day):
                try:
                    older.files(table, day)
                except LakeError as error:
                    what, _, _ = str(error).partition(";")
                    again = f"materialize warehouse__published for the week of {day} again"
                    raise WarehouseDamaged(f"{what}; restore it from a backup, or {again}") from None


def show_one_week(connection: duckdb.DuckDBPyConnection, warehouse: str, older: Lake, week: date) -> str:
    """Expose one week's tables with a `rowid` column, and return the search path to them.

    A reader chooses rows in memory and then fetches them by their `rowid`, which the views over all weeks lack.

    Args:
        connection: a connection with the published file attached, and an in-memory database.
        warehouse: the name under which the published file is attached.
        older: the older weeks.
        week: the Monday of the week.
    """
    tables = _tables_of_newest(connection, warehouse)
    if not tables:  # published by an older version, which kept all weeks in `main`
        return f"{warehouse}.main"
    if week == _newest_week(connection, tables):
        return f"{warehouse}.{NEWEST},{warehouse}.main"
    schema = f'memory."{week}"'
    connection.execute(f"create schema if not exists {schema}")
    for name in tables:
        table = name.rpartition(".")[2]
        if files := _listed(older, table, week):
            rows = weekly_parquet(files, with_row_numbers=True)
            select = f"select * exclude (file_row_number), file_row_number as rowid from {rows}"
        else:
            select = f"select *, rowid from {name} where false"
        connection.execute(f"create or replace view {schema}.{table} as {select}")
    return f"{schema},{warehouse}.main"


def _write(
    connection: duckdb.DuckDBPyConnection, build: Path, before: Path, older: Lake, added: list[date], project: Project
) -> dict[date, dict[str, int]]:
    """Fill a new database, move weeks that are no longer the newest to Parquet, and return the new weeks' row counts.

    Parquet files that the published database still reads are kept.
    """
    connection.execute(f"attach {literal(build)} as build (read_only)")
    if before.exists():
        connection.execute(f"attach {literal(before)} as before (read_only)")
    rows = {week: _count(connection, week, project) for week in added}
    for week, of_week in rows.items():
        if not any(of_week.values()):
            raise NothingBuilt(f"{build} has no rows for the week of {week}; materialize its tables first")
    inside = _weeks_inside(connection, project)
    stored = {table.name: older.weeks(table.name) for table in project.published}
    newest = max({*added}.union(*inside.values(), *stored.values()))
    connection.execute(f"create schema {NEWEST}")
    for seed in project.seeds:
        connection.execute(f"create table {seed.name} as select * from build.main.{seed.name}")
    for table in project.published:
        kept = next((name for name in inside if name.endswith(f".{table.name}")), "")
        sources = dict.fromkeys(inside.get(kept, ()), kept) | dict.fromkeys(added, f"build.main.{table.name}")
        newest_rows = _select(connection, table, sources.get(newest, ""), newest)
        # DuckDB 2.0.0 joins incorrectly if a table was created and filled with over 122,880 rows in one transaction
        connection.execute(f"create table {NEWEST}.{table.name} as {newest_rows} limit 0")
        connection.execute(f"insert into {NEWEST}.{table.name} {newest_rows}")
        for week in sorted(sources.keys() - {newest}):
            _store(connection, older, table, week, _select(connection, table, sources[week], week))
        for week in stored[table.name]:
            manifest = older.manifest(table.name, week)
            if week not in sources and manifest.details.get(COLUMNS) != _types(table):
                file = weekly_parquet(older.files(table.name, week)) if manifest.parts else ""
                _store(connection, older, table, week, _select(connection, table, file, week))
    describe(connection, project.seeds)
    describe(connection, project.published, NEWEST)
    _show(connection, older)
    connection.execute("detach build")
    connection.execute("detach database if exists before")
    return rows


def _count(connection: duckdb.DuckDBPyConnection, week: date, project: Project) -> dict[str, int]:
    """Return the number of rows of each published table in a week of the build."""
    rows = {}
    for table in project.published:
        select = _select(connection, table, f"build.main.{table.name}", week)
        ((rows[table.name],),) = connection.execute(f"select count(*) from ({select})").fetchall()
    return rows


def _weeks_inside(connection: duckdb.DuckDBPyConnection, project: Project) -> dict[str, set[date]]:
    """Return the weeks that the old database itself holds, by qualified table name; older versions held all weeks."""
    names = {table.name for table in project.published}
    tables = connection.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = 'before'"
    ).fetchall()
    found = {}
    for name in (f"before.{schema}.{table}" for schema, table in tables if table in names):
        weeks = connection.execute(f"select distinct snapshot_date from {name}").fetchall()
        found[name] = {week for (week,) in weeks}
    return found


def _select(connection: duckdb.DuckDBPyConnection, table: Table, source: str, week: date) -> str:
    """Return a SELECT of a week's rows with the project's columns; without rows if the source does not exist."""
    existing = columns_of(connection, source) if source else {}
    if not existing:  # never built: an archive has no histories
        return no_rows(table)
    columns = ", ".join(
        f'"{column.name}"'
        if existing.get(column.name) == column.type
        else f'try_cast("{column.name}" as {column.type}) as "{column.name}"'
        if column.name in existing
        else f'null::{column.type} as "{column.name}"'
        for column in table.columns
    )
    return f"select {columns} from {source} where snapshot_date = date '{week}'"


def _store(connection: duckdb.DuckDBPyConnection, older: Lake, table: Table, week: date, select: str) -> None:
    """Write a week of a table as Parquet and list the file in the manifest, where it replaces any earlier file."""
    folder = older.folder(table.name, week)
    beside = folder / ".part.parquet.beside"
    folder.mkdir(parents=True, exist_ok=True)
    ((n,),) = connection.execute(f"copy ({select}) to {literal(beside)} (format parquet, compression zstd)").fetchall()
    force_to_disk(beside)
    digest = digest_of(beside)
    part = Part(f"part-{digest[:16]}.parquet", n, {}, beside.stat().st_size, digest)
    beside.replace(folder / part.file)
    details = {COLUMNS: _types(table)}
    older.set_manifest(table.name, week, Manifest(complete=True, parts=[part] if n else [], details=details))


def _types(table: Table) -> dict[str, str]:
    return {column.name: column.type for column in table.columns}


def _show(connection: duckdb.DuckDBPyConnection, older: Lake) -> None:
    """Create a view of all weeks for each table, with the table's comments."""
    tables = connection.execute(
        "select table_name, comment from duckdb_tables() "
        f"where database_name = current_database() and schema_name = '{NEWEST}' order by all"
    ).fetchall()
    columns: dict[str, list[tuple[str, str, str]]] = {table: [] for table, _ in tables}
    for table, *column in connection.execute(
        "select table_name, column_name, data_type, comment from duckdb_columns() "
        f"where database_name = current_database() and schema_name = '{NEWEST}' order by table_name, column_index"
    ).fetchall():
        columns[table].append(tuple(column))
    if not tables:
        return
    newest = _newest_week(connection, [f"{NEWEST}.{table}" for table, _ in tables])
    connection.begin()
    for table, comment in tables:
        # an interrupted publication may have stored the newest week as Parquet, too
        files = [file for week in older.weeks(table) if week < newest for file in _listed(older, table, week)]
        select = f"select * from {NEWEST}.{table}"
        if files:
            typed = ", ".join(f'"{name}"::{kind} as "{name}"' for name, kind, _ in columns[table])
            select += f"\nunion all\nselect {typed} from {weekly_parquet(files)}"
        connection.execute(f"create or replace view {table} as\n{select}")
        connection.execute(f"comment on view {table} is {literal(comment)}")
        for name, _, text in columns[table]:
            connection.execute(f'comment on column {table}."{name}" is {literal(text)}')
    connection.commit()


def _tables_of_newest(connection: duckdb.DuckDBPyConnection, database: str) -> list[str]:
    found = connection.execute(
        "select table_name from duckdb_tables() where database_name = ? and schema_name = ?", [database, NEWEST]
    )
    return [f"{database}.{NEWEST}.{table}" for (table,) in found.fetchall()]


def _newest_week(connection: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> date:
    weeks = " union all ".join(f"select max(snapshot_date) as week from {table}" for table in tables)
    ((newest,),) = connection.execute(f"select max(week) from ({weeks})").fetchall()
    assert isinstance(newest, date)
    return newest


def _listed(older: Lake, table: str, week: date) -> list[Path]:
    return [older.folder(table, week) / part.file for part in older.manifest(table, week).parts]


def _delete_unlisted(older: Lake, project: Project) -> None:
    """Delete the files that only the previous database read, and the tables that the project no longer has."""
    names = {table.name for table in project.published}
    for folder in older.root.glob("*/"):
        if folder.name not in names:
            shutil.rmtree(folder)
            continue
        for week in older.weeks(folder.name):
            listed = set(_listed(older, folder.name, week))
            for path in older.folder(folder.name, week).glob("part-*"):
                if path not in listed:
                    path.unlink()


def _require(path: Path, snapshot_date: date, rows: Mapping[str, int]) -> None:
    """Open a database as a reader and check the row counts of a week."""
    with examined(path) as connection:
        for table, n in rows.items():
            count = f"select count(*) from {table} where snapshot_date = ?"
            ((n_published,),) = connection.execute(count, [snapshot_date]).fetchall()
            if n_published != n:
                raise WarehouseError(
                    f"{table} in {path} has {n_published:,} rows for {snapshot_date} instead of {n:,}; publish again"
                )
