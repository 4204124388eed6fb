"""Publishes weeks to readers: `warehouse.duckdb` holds the newest week, and `older_weeks/` the others as Parquet files.

A view per table shows all weeks. Publishing therefore copies one week, however many are published: at ten times the
study's size a week takes 0.9 GB in DuckDB. The database records the files that its views read, and is replaced
atomically. Files are named by their content and never change; they are deleted once neither the database nor its
predecessor, which readers may still have open, reads them. Building weeks, and what a table contains, does not belong
here.
"""

import logging
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from hub_assets.disk import is_full
from hub_assets.lake.parts import digest_of, force_to_disk
from hub_assets.sql import literal, weekly_parquet
from hub_assets.warehouse.database import (
    WarehouseDamaged,
    WarehouseError,
    columns_of,
    connect,
    describe,
    disk_full,
    examined,
    log_of,
    no_rows,
    read_through,
    remove,
    rewrite,
)
from hub_assets.warehouse.sql_project import Project, Table

logger = logging.getLogger(__name__)

NEWEST: Final = "newest"
"""The schema of the tables that hold the newest week. The views, in the schema `main`, have the same names."""
FILES: Final = "publication.files"
"""The table with one row per file that the views read. Its schema keeps it apart from what readers see first."""


class NothingBuilt(WarehouseError):
    """There is nothing to publish for a week."""


@dataclass(frozen=True)
class OlderFile:
    """A Parquet file with an older week of a table.

    Attributes:
        table: the table.
        week: the Monday of the week.
        path: the absolute path.
        rows, size: the number of rows and of bytes.
        digest: the SHA-256 digest of the content.
        columns: the columns and their types, as `_types` writes them.
    """

    table: str
    week: date
    path: Path
    rows: int
    size: int
    digest: str
    columns: str


def older_weeks(warehouse: Path) -> Path:
    """Return the folder with the Parquet files of the older weeks, which lies beside the published file."""
    return warehouse.absolute().with_name("older_weeks")


def publish(build: Path, warehouse: Path, weeks: date | Sequence[date], project: Project) -> dict[str, int]:
    """Add weeks of the build to the published warehouse and return their row counts by table.

    Only these weeks are copied, so a failed build of another week is not published. Seeds, marts and the sources marked
    `is_published` are published. Views are not published, because they read lake files that a later run may replace;
    intermediate tables are not published, because they name people.

    Columns follow the project: in weeks published earlier, new columns are null, removed columns are dropped, and
    changed types are converted (null if the conversion fails).

    Raises:
        NothingBuilt: if the build has no rows for one of the weeks; nothing is published then.
        WarehouseDamaged: if files of other weeks are missing.
        WarehouseError: as in `connect`; if the disk is full; if the home was moved or copied; or if its path contains
            `column=value`.
    """
    added = [weeks] if isinstance(weeks, date) else sorted(set(weeks))
    _require_plain(warehouse, {column.name for table in project.published for column in table.columns})
    before = warehouse.with_name(f".{warehouse.name}.before.beside")
    kept: set[Path] = set()
    try:
        remove(before)
        if warehouse.exists():
            # a copy, because another program may have the file open for writing, and what it writes is discarded
            shutil.copyfile(warehouse, before)
            files = files_of(before)
            require_here(warehouse, files)
            _require_complete(warehouse, [file for file in files if file.week not in added])
            kept = {file.path for file in files}
        with _replacing(warehouse) as beside:
            with connect(beside) as connection:
                rows = _write(connection, build, before, older_weeks(warehouse), added, project)
            for week in added:
                _require(beside, week, rows[week])
    except WarehouseDamaged:
        for path in (build, warehouse):  # find out which file is damaged
            read_through(path)
        raise
    except OSError as error:
        raise (disk_full(warehouse) if is_full(error) else error) from error
    finally:
        remove(before)
    for week in added:
        _require(warehouse, week, rows[week])
    _delete_unread(older_weeks(warehouse), kept | {file.path for file in files_of(warehouse)})
    return {table.name: sum(of_week[table.name] for of_week in rows.values()) for table in project.published}


def files_of(warehouse: Path) -> list[OlderFile]:
    """Return the files that a published database reads, by table and week; none if an older version published it."""
    with examined(warehouse) as connection:
        return _recorded(connection)


def require_intact(warehouse: Path, week: date | None = None) -> None:
    """Verify the digests of the older weeks' files; of a single week if one is given.

    DuckDB detects damage to its own file, but not to Parquet files. Publishing a week again replaces its files.

    Raises:
        WarehouseDamaged: if a file is damaged or missing.
        WarehouseError: if the home was moved or copied, so that the views read files elsewhere.
    """
    files = files_of(warehouse)
    require_here(warehouse, files)
    for file in files:
        if week in (None, file.week) and (fault := fault_of(file)):
            again = f"materialize warehouse__published for the week of {file.week} again"
            raise WarehouseDamaged(f"{file.path} is damaged ({fault}); restore it from a backup, or {again}")


def fault_of(file: OlderFile) -> str | None:
    """Return what is wrong with a file's content, or None if it is unchanged."""
    try:
        if (size := file.path.stat().st_size) != file.size:
            return f"it has {size:,} bytes instead of {file.size:,}"
        return None if digest_of(file.path) == file.digest else "its content does not match its digest"
    except OSError as error:
        return str(error.strerror)


def show_weeks(warehouse: Path) -> bool:
    """Make the views read the files beside the published file, and return whether that changed anything.

    Needed after the home was moved or copied: a view contains absolute paths.
    """
    folder = older_weeks(warehouse).resolve()
    files = files_of(warehouse)
    moved = [replace(file, path=folder.joinpath(*file.path.parts[-3:])) for file in files]
    if moved == files:
        return False
    with examined(warehouse) as connection:
        names = connection.execute("select distinct column_name from duckdb_columns()").fetchall()
    _require_plain(warehouse, {name for (name,) in names})
    with _replacing(warehouse) as beside:
        shutil.copyfile(warehouse, beside)
        with connect(beside) as connection:
            connection.execute(f"delete from {FILES}")
            _record(connection, moved)
            _show(connection)
    return True


def show_one_week(connection: duckdb.DuckDBPyConnection, week: date) -> str:
    """Expose one week's tables with a `rowid` column, and return the search path to them.

    The views over all weeks have no `rowid`, by which a reader fetches rows that it has chosen in memory.

    Args:
        connection: a connection to an in-memory database, with the published file attached as `published`.
        week: the Monday of the week.
    """
    tables = [
        f"published.{NEWEST}.{table}"
        for (table,) in connection.execute(
            f"select table_name from duckdb_tables() where database_name = 'published' and schema_name = '{NEWEST}'"
        ).fetchall()
    ]
    if not tables:  # published by an older version, which kept all weeks in `main`
        return "published.main"
    if week == _newest_week(connection, tables):
        return f"published.{NEWEST},published.main"
    files = {file.table: file.path for file in _recorded(connection, "published.") if file.week == week}
    schema = f'memory."{week}"'
    connection.execute(f"create schema if not exists {schema}")
    for name in tables:
        table = name.rpartition(".")[2]
        if table in files:
            rows = weekly_parquet([files[table]], with_row_numbers=True)
            select = f"select * exclude (file_row_number), file_row_number as rowid from {rows}"
        else:
            select = f"select *, rowid from {name} where false"
        connection.execute(f"create or replace view {schema}.{table} as {select}")
    return f"{schema},published.main"


def rewrite_published(warehouse: Path, change: Callable[[pa.Table], pa.Table], project: Project) -> None:
    """Rewrite all published weeks with changed rows, so that no trace of the old values is left in any file.

    If this is interrupted, the old weeks stay readable, and it can be run again.

    Args:
        warehouse: the published database.
        change: returns the rows to write instead, with the same schema.
        project: supplies the descriptions of tables and columns.

    Raises:
        WarehouseDamaged: if a file is damaged.
        WarehouseError: as in `connect`.
    """
    files = [_changed(file, change) for file in files_of(warehouse)]

    def finish(connection: duckdb.DuckDBPyConnection) -> None:
        if files:
            connection.execute(f"delete from {FILES}")
            _record(connection, files)
        _show(connection)

    rewrite(warehouse, change, project, finish)
    _delete_unread(older_weeks(warehouse), {file.path for file in files})


@contextmanager
def _replacing(warehouse: Path) -> Iterator[Path]:
    """Replace the published file atomically with the file that the block writes to the path it receives."""
    beside = warehouse.with_name(f".{warehouse.name}.beside")
    try:
        remove(beside)
        yield beside
        force_to_disk(beside)
        log = log_of(warehouse)
        if log.exists():
            # the log belongs to the old file and would make the new file unreadable
            log.replace(log.with_name(f"{log.name}.set-aside"))
            logger.warning("Set %s aside: another program wrote to the published file and left this log behind.", log)
        beside.replace(warehouse)
    finally:
        remove(beside)
    force_to_disk(warehouse.parent)


def _write(
    connection: duckdb.DuckDBPyConnection, build: Path, before: Path, folder: Path, added: list[date], project: Project
) -> dict[date, dict[str, int]]:
    """Fill a new database, write weeks that are no longer the newest as Parquet, and return the new weeks' row counts.

    No file that the old database reads is changed.
    """
    connection.execute(f"attach {literal(build)} as build (read_only)")
    if before.exists():
        connection.execute(f"attach {literal(before)} as before (read_only)")
    rows = {week: _count(connection, week, project) for week in added}
    for week, of_week in rows.items():
        if not any(of_week.values()):
            raise NothingBuilt(f"{build} has no rows for the week of {week}; materialize its tables first")
    inside = _weeks_inside(connection, project)
    known = {(file.table, file.week): file for file in _recorded(connection, "before.")} if before.exists() else {}
    published = {*added} | {week for _, week in (*inside, *known)}
    newest = max(published)
    connection.execute(f"create schema {NEWEST}")
    for seed in project.seeds:
        connection.execute(f"create table {seed.name} as select * from build.main.{seed.name}")
    files: list[OlderFile] = []
    for table in project.published:
        for week in sorted(published):
            file = known.get((table.name, week))
            if week in added:
                source = f"build.main.{table.name}"
            elif file is not None:
                source = weekly_parquet([file.path])
            else:
                source = inside.get((table.name, week), "")
            if week == newest:
                _fill(connection, table, _select(connection, table, source, week))
            elif week not in added and file is not None and file.columns == _types(table):
                files.append(file)
            elif source:
                files += _stored(connection, folder, table, week, _select(connection, table, source, week))
    describe(connection, project.seeds)
    describe(connection, project.published, NEWEST)
    _record(connection, files)
    _show(connection)
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


def _weeks_inside(connection: duckdb.DuckDBPyConnection, project: Project) -> dict[tuple[str, date], str]:
    """Return the qualified name for each table and week in the old database; older versions kept all weeks there."""
    names = {table.name for table in project.published}
    tables = connection.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = 'before'"
    ).fetchall()
    schema = NEWEST if NEWEST in {schema for schema, _ in tables} else "main"
    found: dict[tuple[str, date], str] = {}
    for table in (table for found_in, table in tables if found_in == schema and table in names):
        source = f"before.{schema}.{table}"
        weeks = connection.execute(f"select distinct snapshot_date from {source} where snapshot_date is not null")
        found |= {(table, week): source for (week,) in weeks.fetchall()}
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


def _fill(connection: duckdb.DuckDBPyConnection, table: Table, select: str) -> None:
    # DuckDB 2.0.0 joins incorrectly if a table was created and filled with over 122,880 rows in one transaction
    connection.execute(f"create table {NEWEST}.{table.name} as {select} limit 0")
    connection.execute(f"insert into {NEWEST}.{table.name} {select}")


def _stored(
    connection: duckdb.DuckDBPyConnection, folder: Path, table: Table, week: date, select: str
) -> list[OlderFile]:
    """Write a week of a table as Parquet, and return the file; none if there are no rows."""

    def write(path: Path) -> int:
        copy = f"copy ({select}) to {literal(path)} (format parquet, compression zstd)"
        ((n,),) = connection.execute(copy).fetchall()
        return int(n)

    return _written(folder, write, table.name, week, _types(table))


def _written(root: Path, write: Callable[[Path], int], table: str, week: date, columns: str) -> list[OlderFile]:
    folder = root.resolve() / table / f"snapshot_date={week}"
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / ".part.parquet.beside"
    try:
        rows = write(beside)
        if not rows:
            return []
        force_to_disk(beside)
        digest, size = digest_of(beside), beside.stat().st_size
        path = folder / f"part-{digest[:16]}.parquet"
        beside.replace(path)
        force_to_disk(folder)
        return [OlderFile(table, week, path, rows, size, digest, columns)]
    finally:
        beside.unlink(missing_ok=True)


def _changed(file: OlderFile, change: Callable[[pa.Table], pa.Table]) -> OlderFile:
    """Write a file with changed rows, and return it; if no row changes, return the file as it is."""
    if fault := fault_of(file):
        raise WarehouseDamaged(f"{file.path} is damaged ({fault}); find out more with: hub-assets verify")

    def write(path: Path) -> int:
        is_changed = False
        with pq.ParquetFile(file.path) as old, pq.ParquetWriter(path, old.schema_arrow, compression="zstd") as new:
            for batch in old.iter_batches(100_000):
                rows = pa.Table.from_batches([batch])
                changed = change(rows)
                is_changed = is_changed or not changed.equals(rows)
                new.write_table(changed)
        return file.rows if is_changed else 0

    return next(iter(_written(file.path.parents[2], write, file.table, file.week, file.columns)), file)


def _types(table: Table) -> str:
    return ", ".join(f'"{column.name}" {column.type}' for column in table.columns)


def _record(connection: duckdb.DuckDBPyConnection, files: Iterable[OlderFile]) -> None:
    connection.execute(f"create schema if not exists {FILES.partition('.')[0]}")
    connection.execute(
        f"create table if not exists {FILES} (table_name varchar, snapshot_date date, path varchar, n_rows bigint, "
        "n_bytes bigint, digest varchar, columns varchar)"
    )
    rows = [(file.table, file.week, str(file.path), file.rows, file.size, file.digest, file.columns) for file in files]
    if rows:
        names = ("table_name", "snapshot_date", "path", "n_rows", "n_bytes", "digest", "columns")
        recorded = pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
        connection.register("recorded", recorded)
        connection.execute(f"insert into {FILES} by name select * from recorded")
        connection.unregister("recorded")


def _recorded(connection: duckdb.DuckDBPyConnection, database: str = "") -> list[OlderFile]:
    try:
        rows: list[Any] = connection.execute(f"select * from {database}{FILES} order by all").fetchall()
    except duckdb.CatalogException:
        return []
    return [OlderFile(table, week, Path(path), *others) for table, week, path, *others in rows]


def _show(connection: duckdb.DuckDBPyConnection) -> None:
    """Create a view of all weeks for each table, with the table's comments."""
    files: dict[str, list[Path]] = {}
    for file in _recorded(connection):
        files.setdefault(file.table, []).append(file.path)
    of_newest = f"where database_name = current_database() and schema_name = '{NEWEST}'"
    columns: dict[str, list[tuple[str, str, str]]] = {}
    for table, *column in connection.execute(
        f"select table_name, column_name, data_type, comment from duckdb_columns() {of_newest} "
        "order by table_name, column_index"
    ).fetchall():
        columns.setdefault(table, []).append(tuple(column))
    tables = connection.execute(f"select table_name, comment from duckdb_tables() {of_newest}").fetchall()
    connection.begin()
    for table, comment in tables:
        select = f"select * from {NEWEST}.{table}"
        if table in files:
            typed = ", ".join(f'"{name}"::{kind} as "{name}"' for name, kind, _ in columns[table])
            select += f"\nunion all\nselect {typed} from {weekly_parquet(files[table])}"
        connection.execute(f"create or replace view {table} as\n{select}")
        connection.execute(f"comment on view {table} is {literal(comment)}")
        for name, _, text in columns[table]:
            connection.execute(f'comment on column {table}."{name}" is {literal(text)}')
    connection.commit()


def _newest_week(connection: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> date | None:
    weeks = " union all ".join(f"select max(snapshot_date) as week from {table}" for table in tables)
    ((newest,),) = connection.execute(f"select max(week) from ({weeks})").fetchall()
    return newest if isinstance(newest, date) else None


def require_here(warehouse: Path, files: Iterable[OlderFile]) -> None:
    """Refuse a published file whose views read a folder other than the one beside it.

    Raises:
        WarehouseError: if they do.
    """
    folder = older_weeks(warehouse).resolve()
    for file in files:
        if file.path.parents[2] != folder:
            raise WarehouseError(f"{warehouse} reads older weeks from {file.path.parents[2]}; run: hub-assets upgrade")


def _require_complete(warehouse: Path, files: Iterable[OlderFile]) -> None:
    missing = sorted({str(file.week) for file in files if not file.path.exists()})
    if missing:
        raise WarehouseDamaged(
            f"{older_weeks(warehouse)} lacks files of {', '.join(missing)}; restore them from a backup, or remove "
            f"{warehouse} and materialize warehouse__published for all weeks again"
        )


def _require_plain(warehouse: Path, columns: set[str]) -> None:
    """Refuse a path that contains `column=value`: DuckDB would read the value as the column's."""
    folded = {column.casefold() for column in columns}
    for part in older_weeks(warehouse).resolve().parts:
        name, equals, _ = part.partition("=")
        if equals and name.casefold() in folded:
            raise WarehouseError(
                f"the path of {warehouse} contains {part}, which DuckDB would read as the column {name}; move the home"
            )


def _delete_unread(folder: Path, kept: set[Path]) -> None:
    """Delete the files outside `kept`, and what interrupted writes left behind."""
    folder = folder.resolve()
    for path in [*folder.glob("*/snapshot_date=*/part-*.parquet"), *folder.glob("*/snapshot_date=*/.part*.beside")]:
        if path not in kept:
            path.unlink()
            for parent in (path.parent, path.parent.parent):
                if not any(parent.iterdir()):
                    parent.rmdir()


def _require(path: Path, snapshot_date: date, rows: dict[str, int]) -> None:
    """Open a database as a reader and check the row counts of a week."""
    with examined(path) as connection:
        for table, n in rows.items():
            count = f"select count(*) from {table} where snapshot_date = ?"
            ((n_published,),) = connection.execute(count, [snapshot_date]).fetchall()
            if n_published != n:
                raise WarehouseError(
                    f"{table} in {path} has {n_published:,} rows for {snapshot_date} instead of {n:,}; publish again"
                )
