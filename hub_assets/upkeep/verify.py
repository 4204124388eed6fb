"""Verifies everything in a home: checksums, counts and references, and whether every file can be read.

Writes nothing. Each problem names the damaged file, and the user decides what to replace it with. Examining the Hub and
the machine belongs in `doctor`.
"""

import csv
import sqlite3
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from hub_assets.errors import HubAssetsError
from hub_assets.home import Home
from hub_assets.identities.decisions import read_decisions
from hub_assets.identities.pseudonyms import fingerprint, secret_key
from hub_assets.lake.journal import read_records
from hub_assets.lake.parts import MANIFEST, Lake, LakeError, Manifest, digest_of
from hub_assets.releases.documents import WEEKS, weeks_of
from hub_assets.scratch import scratch
from hub_assets.sql import parquet
from hub_assets.vocabulary import REPO_TYPES
from hub_assets.warehouse.database import WarehouseError, connect, failing_rows, read_through
from hub_assets.warehouse.publication import fault_of, files_of, require_here
from hub_assets.warehouse.sql_project import Project, Seed, Table

HISTORY_TABLES: Final = ("raw_hub__commits", "raw_hub__discussions")
_PNG: Final = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Problem:
    """A problem: its location and its description."""

    where: Path
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def verify(home: Home, project: Project, say: Callable[[str], None] = lambda _: None) -> Iterator[Problem]:
    """Yield every problem in a home. While a run is writing to the home, some problems may be reported by mistake.

    Args:
        home: the home.
        project: the SQL project, which describes the tables of the home's databases.
        say: receives a line per stage.
    """
    stages: tuple[tuple[str, Callable[[Home], Iterator[Problem]]], ...] = (
        ("settings", _settings),
        ("lake", lambda home: _lake(home.lake, [source for source in project.sources if not source.is_stored])),
        ("Spark's tables", lambda home: _lake(home.tables, project.models)),
        ("older published weeks", _older_weeks),
        ("references", _references),
        ("databases", lambda home: _databases(home, project)),
        ("weeks", _weeks),
        ("exports and figures", _files),
        ("releases", _releases),
        ("Dagster's storage", _dagster),
    )
    for stage, check in stages:
        say(f"verifying {stage}")
        yield from check(home)


def _settings(home: Home) -> Iterator[Problem]:
    """Check the binding, the secret and the decisions, and whether any write was cut off."""
    for path, read in (
        (home.root / "home.json", lambda: home.source),
        (home.decisions, lambda: read_decisions(home.decisions)),
        (home.secret, lambda: _pinned(home)),
    ):
        try:
            if read() is None and path.name == "home.json" and home.lake.root.exists():
                yield Problem(path, "it is missing, so data from any Hub could be added")
        except HubAssetsError as error:
            yield Problem(path, str(error))
    for leftover in sorted(home.root.rglob(".*.beside")):
        yield Problem(leftover, "a write was cut off here; delete the file if no run is active")


def _pinned(home: Home) -> bool:
    if home.secret.exists():
        home.check_pin(fingerprint(secret_key(home.secret)))
    elif home.is_pinned:
        raise HubAssetsError("it is missing; restore it from a backup")
    return True


def _lake(lake: Lake, tables: Iterable[Table]) -> Iterator[Problem]:
    """Check each week of each table: manifest, digests, rows and columns, and files that no manifest names."""
    known = {table.name: table for table in tables}
    for table in sorted(path for path in lake.root.glob("[!.]*") if path.is_dir()):
        if table.name not in known:
            yield Problem(table, "there is no such table")
            continue
        for folder in sorted(path for path in table.iterdir() if path.is_dir()):
            try:
                week = date.fromisoformat(folder.name.removeprefix("snapshot_date="))
                manifest = lake.manifest(table.name, week)
            except (LakeError, ValueError) as error:
                yield Problem(folder, str(error))
                continue
            yield from _parts(lake, known[table.name], week, manifest)
            yield from _folder(folder, manifest)


def _parts(lake: Lake, table: Table, week: date, manifest: Manifest) -> Iterator[Problem]:
    """Check a manifest's parts: their digests, rows and columns, and whether all rows belong to the week."""
    folder = lake.folder(table.name, week)
    for part in {part.file: part for part in (*manifest.parts, *(manifest.landing or ()))}.values():
        try:
            (path,) = lake.verified(table.name, week, [part])
            rows = pq.read_table(path, partitioning=None)
        except (LakeError, pa.ArrowException, OSError) as error:
            yield Problem(folder / part.file, str(error))
            continue
        if len(rows) != part.rows:
            yield Problem(path, f"{len(rows):,} rows where the manifest says {part.rows:,}")
        keys = [column.name for column in table.columns if column.name in ("snapshot_date", "observed_at", "_id")]
        missing = [name for name in keys if name not in rows.column_names]
        if missing:
            yield Problem(path, f"there is no column {', '.join(missing)}")
        elif set(rows["snapshot_date"].unique().to_pylist()) - {week}:
            yield Problem(path, f"it has rows from a week other than {week}")


def _folder(folder: Path, manifest: Manifest) -> Iterator[Problem]:
    """Check a manifest's counts and the other files in its folder."""
    parts = {part.file for part in (*manifest.parts, *(manifest.landing or ()))}
    counts = manifest.details.get("counts", {})
    listed = counts.get("listed", 0) - sum(counts.get(name, 0) for name in ("duplicates", "without_id", "set_aside"))
    if counts and listed != manifest.rows:
        yield Problem(folder / MANIFEST, f"it counts {listed:,} listed rows, but its parts have {manifest.rows:,}")
    if not (folder / MANIFEST).exists() and any(folder.glob("part-*")):
        yield Problem(folder / MANIFEST, "it is missing, so nothing reads the parts beside it")
        return
    for path in sorted(folder.glob("part-*")):
        if path.name not in parts:
            yield Problem(path, "no manifest names it, so nothing reads it; delete it if no run is active")
    for path in sorted(folder.glob("journal-*")):
        content = path.read_bytes()
        intact = sum(len(b"%08x %d\n" % (0, len(record))) + len(record) + 1 for record in read_records(content))
        if intact != len(content):
            yield Problem(path, f"its last {len(content) - intact:,} bytes cannot be read; they will be fetched again")


def _references(home: Home) -> Iterator[Problem]:
    """Check that every history belongs to a listed repository, and that no repository is listed twice in a week."""
    files: dict[str, list[Path]] = {}
    for table in (*(f"raw_hub__{repo_type}s" for repo_type in REPO_TYPES), *HISTORY_TABLES):
        try:
            files[table] = [file for week in home.lake.weeks(table) for file in home.lake.files(table, week)]
        except LakeError:  # already reported
            return
    if not all(files[f"raw_hub__{repo_type}s"] for repo_type in REPO_TYPES):
        return
    listings = " union all ".join(
        f"select '{repo_type}' as repo_type, _id, snapshot_date from {parquet(files[f'raw_hub__{repo_type}s'])}"
        for repo_type in REPO_TYPES
    )
    with scratch() as connection:
        try:
            connection.execute(f"create temp table listed as {listings}")
        except duckdb.Error:  # a part without keys, already reported
            return
        twice = connection.execute(
            "select repo_type, snapshot_date, count(*) - count(distinct _id) as n from listed group by all having n > 0"
        )
        for repo_type, week, n in twice.fetchall():
            yield Problem(home.lake.folder(f"raw_hub__{repo_type}s", week), f"{n:,} repositories are listed twice")
        for table in HISTORY_TABLES:
            if not files[table]:
                continue
            strangers = connection.execute(
                f"select count(*) from {parquet(files[table])} as history where not exists (select 1 from listed where "
                "listed.repo_type = history.repo_type and listed._id = history.repo_key)"
            ).fetchall()
            if strangers[0][0]:
                yield Problem(home.lake.root / table, f"{strangers[0][0]:,} rows of repositories that no week lists")


def _databases(home: Home, project: Project) -> Iterator[Problem]:
    """Read every block of both databases, and run all data tests on the published warehouse."""
    for path in (home.build, home.warehouse):
        log = path.with_name(f"{path.name}.wal")
        if path == home.warehouse and log.exists():
            yield Problem(log, "another program wrote to the published file; move this log away")
        if not path.exists():
            continue
        try:
            read_through(path)
        except (WarehouseError, duckdb.Error) as error:
            yield Problem(path, str(error))
            continue
        if path == home.warehouse:
            try:
                with connect(path, read_only=True) as connection:
                    yield from _published(path, connection, project)
            except WarehouseError as error:
                yield Problem(path, str(error))


def _published(path: Path, connection: duckdb.DuckDBPyConnection, project: Project) -> Iterator[Problem]:
    names = {name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()}
    expected = {table.name for table in (*project.published, *project.seeds)}
    for name in sorted(expected - names):
        yield Problem(path, f"there is no table {name}; publish a week again")
    weeks = [
        week for (week,) in connection.execute("select distinct snapshot_date from mart__repo_activity").fetchall()
    ]
    for table in (*project.published, *project.seeds):
        if table.name not in names:
            continue
        for test in table.data_tests:
            target = project.tables.get(test.to)
            if test.is_warning or (target is not None and target.name not in names):
                continue
            for week in [None] if isinstance(table, Seed) else weeks:
                select = f"select count(*) from ({failing_rows(test, table, week, target)})"
                try:
                    ((n,),) = connection.execute(select).fetchall()
                except duckdb.BinderException:
                    yield Problem(path, f"{table.name} lacks a column that {test.name} needs; publish a week again")
                    break
                if n:
                    where = "" if week is None else f" in the week of {week}"
                    yield Problem(path, f"{n:,} rows of {table.name} fail {test.name}{where}")


def _older_weeks(home: Home) -> Iterator[Problem]:
    """Check the digests of the files that the published database reads."""
    try:
        files = files_of(home.warehouse) if home.warehouse.exists() else []
    except (WarehouseError, duckdb.Error):  # reported along with the databases
        return
    try:
        require_here(home.warehouse, files)
    except WarehouseError as error:
        yield Problem(home.warehouse, str(error))
    for file in files:
        if fault := fault_of(file):
            yield Problem(file.path, f"{fault}; materialize warehouse__published for the week of {file.week} again")


def _weeks(home: Home) -> Iterator[Problem]:
    """Compare the published weeks with the listings in the lake."""
    if not home.warehouse.exists():
        return
    try:
        with connect(home.warehouse, read_only=True) as connection:
            published = connection.execute(
                "select snapshot_date, repo_type, count(*) from mart__repo_activity group by all order by all"
            ).fetchall()
        listed = {
            (week, repo_type): home.lake.manifest(f"raw_hub__{repo_type}s", week)
            for repo_type in REPO_TYPES
            for week in home.lake.weeks(f"raw_hub__{repo_type}s")
        }
    except (HubAssetsError, duckdb.Error):  # already reported
        return
    counts = {(week, repo_type): n for week, repo_type, n in published}
    weeks = {week for week, _ in counts}
    for (week, repo_type), n in counts.items():
        manifest = listed.get((week, repo_type))
        if manifest is None:
            yield Problem(home.warehouse, f"the week of {week} is published, but the lake has no {repo_type}s for it")
        elif manifest.rows != n:
            yield Problem(
                home.warehouse, f"{n:,} {repo_type}s are published for {week}, but {manifest.rows:,} are listed"
            )
    for week, repo_type in sorted(listed):
        if week in weeks and (week, repo_type) not in counts and listed[week, repo_type].rows:
            yield Problem(home.warehouse, f"no {repo_type}s are published for {week}, but they are listed")


def _files(home: Home) -> Iterator[Problem]:
    """Read every export and figure."""
    for path in sorted(path for folder in (home.exports, home.root / "report") for path in folder.rglob("*")):
        if not path.is_file() or path.name.startswith("."):
            continue
        try:
            _READERS.get(path.suffix, Path.read_bytes)(path)
        except (ElementTree.ParseError, pa.ArrowException, OSError, ValueError, csv.Error) as error:
            yield Problem(path, f"it cannot be read ({str(error).splitlines()[0]}); materialize its week again")
    for edges in sorted(home.exports.rglob("*.edges.parquet")):
        nodes = edges.with_name(edges.name.replace(".edges.", ".nodes."))
        if not nodes.exists():
            yield Problem(nodes, "it is missing; materialize its week again")
            continue
        try:
            lost = _without_node(edges, nodes)
        except (pa.ArrowException, OSError, KeyError):  # already reported
            continue
        if lost:
            yield Problem(edges, f"{lost:,} edges lead to nodes that {nodes.name} does not have")


def _releases(home: Home) -> Iterator[Problem]:
    """Compare the files of every built release with its description."""
    for folder in sorted(home.releases.glob("[!.]*/")):
        try:
            weeks = weeks_of((folder / WEEKS).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            yield Problem(folder / WEEKS, f"it cannot be read ({error}); release the week again")
            continue
        files = [file for week in weeks if week.week == folder.name for file in week.files.items()]
        if not files:
            yield Problem(folder / WEEKS, f"it describes no file of {folder.name}; release the week again")
        for name, file in files:
            try:
                if digest_of(folder / name) != file.sha256:
                    yield Problem(folder / name, "it does not match its checksum; release the week again")
            except OSError as error:
                yield Problem(folder / name, f"it cannot be read ({error.strerror}); release the week again")


def _without_node(edges: Path, nodes: Path) -> int:
    key = pq.read_schema(nodes).names[0]
    first, second = pq.read_schema(edges).names[:2]
    with scratch() as connection:
        ((n,),) = connection.execute(
            f'select count(*) from {parquet([edges])} where "{first}" not in (select "{key}" from {parquet([nodes])}) '
            f'or "{second}" not in (select "{key}" from {parquet([nodes])})'
        ).fetchall()
    return int(n)


def _check_png(path: Path) -> None:
    """Verify the checksum of every chunk of a PNG file.

    Raises:
        ValueError: if the file is damaged.
    """
    content = path.read_bytes()
    if not content.startswith(_PNG):
        raise ValueError("it is not a PNG")
    offset, kind = len(_PNG), b""
    while offset < len(content):
        if offset + 12 > len(content):
            raise ValueError("it is truncated")
        length, kind = struct.unpack(">I4s", content[offset : offset + 8])
        end = offset + 8 + length
        if zlib.crc32(content[offset + 4 : end]) != int.from_bytes(content[end : end + 4], "big"):
            raise ValueError("a checksum does not match")
        offset = end + 4
    if kind != b"IEND":
        raise ValueError("it is truncated")


_READERS: Final[dict[str, Callable[[Path], Any]]] = {
    ".parquet": pq.read_table,
    ".graphml": ElementTree.parse,
    ".svg": ElementTree.parse,
    ".png": _check_png,
}


def _dagster(home: Home) -> Iterator[Problem]:
    """Check the settings of the Dagster instance, and its SQLite files page by page."""
    settings = home.dagster / "dagster.yaml"
    if settings.exists():
        try:
            yaml.safe_load(settings.read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError) as error:
            yield Problem(settings, f"it cannot be read ({str(error).splitlines()[0]})")
    for path in sorted(home.dagster.rglob("*.db")):
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
                found = connection.execute("pragma integrity_check(1)").fetchall()
        except sqlite3.Error as error:
            yield Problem(path, f"SQLite cannot read it ({error})")
            continue
        if found != [("ok",)]:
            yield Problem(path, f"SQLite finds it damaged ({found[0][0]})")
