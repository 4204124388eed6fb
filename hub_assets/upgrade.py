"""Converts a home written by an earlier version by renaming tables, columns and manifest keys.

Nothing is removed before its replacement is complete, so an interrupted conversion can simply be run again.
The current names are defined by the packages that write them.
"""

import json
import os
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow.parquet as pq

from hub_assets.home import FORMAT, HomeError, format_of
from hub_assets.lake.journal import Journal
from hub_assets.lake.landing import Record
from hub_assets.lake.parts import MANIFEST, Lake, Manifest, Part, read_manifest, write_beside

LAKE_TABLES: Final = {"raw_hub__accounts": "enrich_hub__accounts", "raw_hub__aliases": "enrich_hub__aliases"}
HISTORIES: Final = ("raw_hub__commits", "raw_hub__discussions")
HISTORY_COLUMNS: Final = {
    "visit": "fetch_number",
    "reading": "history_version",
    "n_had": "n_fetched",
    "n_misfits": "n_type_mismatches",
}
MANIFEST_KEYS: Final = {"n_settled": "n_up_to_date", "misfits": "type_mismatches"}
WAREHOUSE_TABLES: Final = {"network__top_organisations": "network__top_organizations", "organisations": "organizations"}
WAREHOUSE_COLUMNS: Final = HISTORY_COLUMNS | {
    "read_visit": "version_fetch",
    "read_date": "version_date",
    "read_at": "version_at",
    "organisation": "organization",
    "bots": "includes_bots",
    "how": "match_method",
    "why": "reason",
    "what": "description",
}


def upgrade(root: Path, say: Callable[[str], None]) -> bool:
    """Convert a home and return whether there was anything to convert.

    Args:
        root: the home's folder. The caller makes sure that no other process writes to it.
        say: receives a line per stage.

    Raises:
        HomeError: if the folder is not a home, or was written by a later version.
        LakeError: if a manifest cannot be read.
    """
    written = format_of(root)
    if written is None:
        raise HomeError(f"{root} is not a home; choose a home with --home")
    if written > FORMAT:
        raise HomeError(f"{root} was written by a later version of hub_assets; update hub_assets to use it")
    if written == FORMAT:
        return False
    _upgrade_lake(root, say)
    for database in (root / "build.duckdb", root / "warehouse.duckdb"):
        if database.exists():
            say(f"renaming tables and columns in {database.name}")
            _upgrade_database(database)
    path = root / "home.json"
    content = json.loads(path.read_text(encoding="utf-8")) | {"format": FORMAT}
    write_beside(path, lambda beside: beside.write_text(json.dumps(content)))
    shutil.rmtree(root / "lake.before_upgrade", ignore_errors=True)
    return True


def _upgrade_lake(root: Path, say: Callable[[str], None]) -> None:
    """Build the converted lake next to the old one and swap the two. Unchanged files are linked, not copied."""
    old, new, before = root / "lake", root / "lake.upgraded", root / "lake.before_upgrade"
    if before.exists():  # an earlier conversion got as far as the swap
        shutil.rmtree(old, ignore_errors=True)
        before.replace(old)
    shutil.rmtree(new, ignore_errors=True)
    if not old.exists():
        return
    new.mkdir()
    for table in sorted(path.name for path in old.iterdir() if path.is_dir()):
        say(f"converting {table}")
        for folder in sorted((old / table).glob("snapshot_date=*")):
            _upgrade_week(Lake(new), table, folder)
    old.replace(before)
    new.replace(old)


def _upgrade_week(new: Lake, table: str, folder: Path) -> None:
    week = date.fromisoformat(folder.name.partition("=")[2])
    name = LAKE_TABLES.get(table, table)
    target = new.folder(name, week)
    target.mkdir(parents=True)
    path = folder / MANIFEST
    manifest = read_manifest(path, _upgrade_manifest) if path.exists() else Manifest()
    converted: dict[str, Part] = {}
    for part in (*manifest.parts, *(manifest.landing or [])):
        if part.file not in converted:
            converted[part.file] = _upgrade_part(new, name, week, folder, part)
    for journal in folder.glob("journal-*.log"):
        _upgrade_journal(journal, target / journal.name, is_history=table in HISTORIES)
    if path.exists():
        manifest.parts = [converted[part.file] for part in manifest.parts]
        manifest.landing = None if manifest.landing is None else [converted[part.file] for part in manifest.landing]
        new.set_manifest(name, week, manifest)


def _upgrade_manifest(content: dict[str, Any]) -> dict[str, Any]:
    renamed = {"generation" if key == "sweep" else key: value for key, value in content.items()}
    return dict(_renamed(renamed, MANIFEST_KEYS))


def _upgrade_part(new: Lake, table: str, week: date, folder: Path, part: Part) -> Part:
    source = folder / part.file
    if table in HISTORIES:
        rows = pq.read_table(source)
        rows = rows.rename_columns([HISTORY_COLUMNS.get(column, column) for column in rows.column_names])
        return new.write_part(table, week, part.file, rows, part.counts)
    os.link(source, new.folder(table, week) / part.file)
    return Part(part.file, part.rows, part.counts, part.size, part.digest)


def _upgrade_journal(source: Path, target: Path, *, is_history: bool) -> None:
    with Journal(source) as old, Journal(target) as new:
        for payload in old.records:
            record = Record.of_bytes(payload)
            body = record.body
            if is_history:
                row = json.loads(body)
                body = json.dumps({HISTORY_COLUMNS.get(name, name): value for name, value in row.items()}).encode()
            new.append(Record(_renamed(record.meta, MANIFEST_KEYS), body).to_bytes())


def _upgrade_database(path: Path) -> None:
    """Rename tables and columns in place. Views are dropped, because every run recreates them."""
    with duckdb.connect(path) as connection:
        connection.begin()
        for (view,) in connection.execute("select view_name from duckdb_views() where not internal").fetchall():
            connection.execute(f"drop view {view}")
        tables = [table for (table,) in connection.execute("select table_name from duckdb_tables()").fetchall()]
        for table in tables:
            columns = connection.execute("select column_name from duckdb_columns() where table_name = ?", [table])
            for (column,) in columns.fetchall():
                if column in WAREHOUSE_COLUMNS:
                    connection.execute(f"alter table {table} rename column {column} to {WAREHOUSE_COLUMNS[column]}")
                if column == "bots":  # format 1 had 'kept' or 'out'
                    connection.execute(
                        f"alter table {table} alter includes_bots set data type boolean using includes_bots = 'kept'"
                    )
            if table in WAREHOUSE_TABLES:
                connection.execute(f"alter table {table} rename to {WAREHOUSE_TABLES[table]}")
        connection.commit()


def _renamed(value: Any, names: dict[str, str]) -> Any:
    """Return a JSON value in which the keys of all objects, at every depth, are renamed."""
    if isinstance(value, dict):
        return {names.get(key, key): _renamed(item, names) for key, item in value.items()}
    return [_renamed(item, names) for item in value] if isinstance(value, list) else value
