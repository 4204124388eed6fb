"""Backs up a home to a folder and restores it. Backups are incremental, verified, and consistent even during a run.

A backup folder contains `objects/`, with files named by their SHA-256 digest, and `backups/`, with one file list per
backup. An unchanged file is stored only once, even if many backups list it. Nothing is encrypted. Because the folder
holds personal data and the pseudonym key, only its owner can read it. Checking whether a home is valid belongs in
`verify`; copying the folder to another machine is up to other tools.
"""

import hashlib
import json
import os
import re
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from hub_assets.errors import HubAssetsError, UserError
from hub_assets.home import Home
from hub_assets.lake.parts import MANIFEST, Lake, LakeError, digest_of, force_to_disk, read_manifest, write_beside
from hub_assets.warehouse.database import WarehouseError
from hub_assets.warehouse.publication import files_of, show_weeks

OBJECTS: Final = "objects"
LISTS: Final = "backups"
KEPT_IN: Final = "backups.json"
"""The home's record of its backup folders."""
LEFT_OUT: Final = re.compile(r"(.*/)?(\..*|lake\.(upgraded|before_upgrade)|populations)(/.*)?|.*\.wal(\.set-aside)?")
"""Files to leave out: locks, half-written files, unfinished upgrades, write-ahead logs, and simulated populations."""
SQLITE: Final = (".db", ".db-wal", ".db-shm", ".db-journal")
ATTEMPTS: Final = 20
"""Maximum number of attempts to copy a week that a run is writing."""


class BackupError(HubAssetsError):
    """A backup cannot be made or restored; the message says why and what to do."""


class RestoreRefused(UserError):
    """The target or the backup's name is wrong; the message says what to do."""


@dataclass(frozen=True)
class Entry:
    """A file of a backup: its path in the home, size in bytes, SHA-256 digest and permissions."""

    path: str
    size: int
    digest: str
    mode: int


@dataclass(frozen=True)
class Backup:
    """A backup: its `name` (the UTC time when it started), the home's source, and its files."""

    name: str
    source: str | None
    version: str
    files: tuple[Entry, ...]
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Total size of all files in bytes."""
        return sum(entry.size for entry in self.files)


def back_up(home: Home, folder: Path, say: Callable[[str], None] = lambda _: None) -> tuple[Backup, int]:
    """Make a backup of a home and return it with the number of bytes that it added to the folder.

    A run may be active: the copy of each week in the lake matches one manifest, SQLite files are copied through SQLite,
    and the published warehouse is never half-written. Only `build.duckdb` cannot be copied while a run has it open. The
    backup then reuses the newest earlier copy, if any, and says so. Runs rebuild this file from the lake.

    Args:
        home: the home.
        folder: the backup folder; it is created if it does not exist.
        say: receives a line per stage.

    Raises:
        BackupError: if the folder cannot be written to or lies inside the home, or if the home keeps changing.
    """
    if folder.absolute().is_relative_to(home.root):
        raise BackupError(f"{folder} lies inside the home; name a folder elsewhere, preferably on another disk")
    store = _Store(folder)
    notes: list[str] = []
    try:
        store.open()
        name = f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S-%fZ}"
        entries: dict[str, Entry] = {}
        for what, copied in (
            ("the lake", _lake_entries(home, home.lake, store)),
            ("Spark's tables", _lake_entries(home, home.tables, store)),
            ("the build database", _build_entries(home, store, notes)),
            ("Dagster's storage", _sqlite_entries(home, store)),
            ("everything else", _other_entries(home, store)),
            ("the published weeks", _published_entries(home, store, notes)),
        ):
            say(f"copying {what}")
            entries |= {entry.path: entry for entry in copied}
        files = tuple(entries[path] for path in sorted(entries))
        backup = Backup(name, home.source, version("hub-assets"), files, tuple(notes))
        store.add(backup)
    except OSError as error:
        raise BackupError(f"{folder} cannot be written to ({error.strerror}); name another folder") from error
    _remember(home, folder, name)
    return backup, store.added


def backups_in(folder: Path) -> list[str]:
    """Return the names of the backups in a folder, oldest first."""
    return sorted(path.stem for path in (folder / LISTS).glob("*.json"))


def known_backups(home: Home) -> list[str]:
    """Return the locations of a home's backups, as `folder: name`, for messages."""
    try:
        kept = json.loads((home.root / KEPT_IN).read_text(encoding="utf-8"))
        return [f"{folder}: {name}" for folder, names in kept.items() for name in names]
    except (OSError, ValueError, AttributeError):
        return []


def restore(folder: Path, root: Path, name: str | None = None, say: Callable[[str], None] = lambda _: None) -> Backup:
    """Restore a backup to an empty folder and return the backup. Every file is checked against its digest.

    Args:
        folder: the backup folder.
        root: the folder of the restored home, which must be empty or not exist yet.
        name: the backup's name; None for the latest backup.
        say: receives a line per stage.

    Raises:
        RestoreRefused: if the folder has no such backup, or the home is not empty.
        BackupError: if a file of the backup is damaged; the target is unchanged.
    """
    if root.exists() and any(root.iterdir()):
        raise RestoreRefused(f"{root} is not empty; name an empty folder with --home")
    backup = read_backup(folder, name)
    beside = root.with_name(f".{root.name}.restoring")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True, mode=0o700)
    say(f"restoring {len(backup.files):,} files of {backup.name}")
    try:
        for entry in backup.files:
            target = beside / entry.path
            target.parent.mkdir(parents=True, exist_ok=True)
            digest = _copy(_object(folder, entry.digest), target)
            if digest != entry.digest:
                raise BackupError(
                    f"{_object(folder, entry.digest)} is damaged: it is the copy of {entry.path} in {backup.name}. "
                    f"Restore another backup with --backup ({', '.join(backups_in(folder))})"
                )
            target.chmod(entry.mode)
        if root.exists():
            root.rmdir()
        beside.replace(root)
    except OSError as error:
        raise BackupError(f"{error.filename or root} cannot be restored ({error.strerror})") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    force_to_disk(root.parent)
    restored = Home(root)
    if restored.warehouse.exists():
        with suppress(WarehouseError):  # verification names what is damaged
            show_weeks(restored.warehouse)  # it still reads the files of the folder that was backed up
    return backup


def read_backup(folder: Path, name: str | None = None) -> Backup:
    """Return a backup with its list of files; the latest backup if `name` is None.

    Raises:
        RestoreRefused: if there is no such backup.
        BackupError: if the list is damaged.
    """
    names = backups_in(folder)
    chosen = name or (names[-1] if names else "")
    if chosen not in names:
        which = f"the backups are {', '.join(names)}" if names else "name a folder that holds backups"
        raise RestoreRefused(f"{folder} has no backup {chosen or 'at all'}; {which}")
    path = folder / LISTS / f"{chosen}.json"
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if content.pop("checksum") != _checksum(content):
            raise ValueError("its content does not match its checksum")
        files = tuple(Entry(**entry) for entry in content.pop("files"))
        return Backup(**content | {"files": files, "notes": tuple(content["notes"])})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackupError(f"{path} is damaged ({error}); restore another backup with --backup") from error


def verify_backups(folder: Path) -> Iterator[str]:
    """Yield a sentence for each list or object in a backup folder that is damaged or missing."""
    checked: set[str] = set()
    for name in backups_in(folder):
        try:
            backup = read_backup(folder, name)
        except BackupError as error:
            yield str(error)
            continue
        for entry in backup.files:
            if entry.digest in checked:
                continue
            checked.add(entry.digest)
            path = _object(folder, entry.digest)
            if not path.exists():
                yield f"{path} is missing: it is the copy of {entry.path} in {name}"
            elif digest_of(path) != entry.digest:
                yield f"{path} is damaged: it is the copy of {entry.path} in {name}"


def drop_old(home: Home, folder: Path, keep: int) -> int:
    """Remove all but the newest backups, and objects that no backup uses; return the number of backups removed."""
    names = backups_in(folder)
    removed = names[: max(len(names) - keep, 0)]
    for name in removed:
        (folder / LISTS / f"{name}.json").unlink()
    named = {entry.digest for name in backups_in(folder) for entry in read_backup(folder, name).files}
    for path in (folder / OBJECTS).glob("*/*"):
        if path.name not in named:
            path.unlink()
    for name in removed:
        _remember(home, folder, name, is_gone=True)
    return len(removed)


class _Store:
    """The objects and lists of a backup folder. `added` counts the bytes of new objects."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.added = 0

    def open(self) -> None:
        """Create the folders, readable only by their owner."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in (OBJECTS, LISTS):
            (self.folder / name).mkdir(exist_ok=True, mode=0o700)

    def has(self, digest: str) -> bool:
        """Return whether an object is stored."""
        return _object(self.folder, digest).exists()

    def take(self, path: Path, name: str, digest: str | None = None) -> Entry:
        """Store a file unless it is already stored, and return its entry.

        Args:
            path: the file.
            name: the file's path in the home.
            digest: the file's digest, if known; a file that is already stored then does not have to be read.

        Raises:
            FileNotFoundError: if the file no longer exists.
        """
        status = path.stat()
        if digest is None or not self.has(digest):
            beside = self.folder / OBJECTS / ".incoming"
            copied = _copy(path, beside)
            if digest is not None and copied != digest:
                beside.unlink()
                raise BackupError(f"{path} is damaged; find out more with: hub-assets verify")
            target = _object(self.folder, copied)
            if target.exists():
                beside.unlink()
            else:
                target.parent.mkdir(exist_ok=True, mode=0o700)
                force_to_disk(beside)
                self.added += beside.stat().st_size
                beside.replace(target)
            digest = copied
        size = _object(self.folder, digest).stat().st_size
        return Entry(name, size, digest, stat.S_IMODE(status.st_mode))

    def add(self, backup: Backup) -> None:
        """Store a backup's file list, which completes the backup."""
        content = json.loads(json.dumps(asdict(backup)))
        text = json.dumps(content | {"checksum": _checksum(content)}, indent=1)
        path = self.folder / LISTS / f"{backup.name}.json"
        write_beside(path, lambda beside: beside.write_text(text, encoding="utf-8"))


def _lake_entries(home: Home, lake: Lake, store: _Store) -> Iterator[Entry]:
    for folder in sorted(lake.root.glob("*/snapshot_date=*")):
        yield from _week_entries(home, folder, store)


def _week_entries(home: Home, folder: Path, store: _Store) -> list[Entry]:
    """Copy a week so that its parts, journal and manifest match, repeating the copy if the manifest changes meanwhile.

    A writer appends to the journal first, then writes the part, then the manifest, and then removes the journal.
    """
    for _ in range(ATTEMPTS):
        manifest = folder / MANIFEST
        before = manifest.read_bytes() if manifest.exists() else None
        digests = _digests(before)
        if folder.is_relative_to(home.lake.root) and not all((folder / name).exists() for name in digests):
            # a cache of a bucket lacks parts that nobody has read yet; in other lakes, the manifest has just changed
            with suppress(LakeError):
                read = read_manifest(manifest)
                parts = (*read.parts, *(read.landing or ()))
                home.lake.verified(folder.parent.name, date.fromisoformat(folder.name.partition("=")[2]), parts)
        try:
            # copy the journal last, because records that arrive meanwhile only make it longer
            paths = sorted(folder.iterdir(), key=lambda path: path.suffix == ".log")
            entries = [
                store.take(path, str(path.relative_to(home.root)), digests.get(path.name))
                for path in paths
                if path.is_file() and not LEFT_OUT.fullmatch(path.name)
            ]
            after = manifest.read_bytes() if manifest.exists() else None
        except FileNotFoundError:
            continue
        if after == before and all((folder / name).exists() for name in digests):
            return entries
    raise BackupError(f"{folder} kept changing while it was copied; try again when the run has finished")


def _digests(manifest: bytes | None) -> Mapping[str, str | None]:
    if manifest is None:
        return {}
    content = json.loads(manifest)
    return {part["file"]: part["digest"] for part in (*content["parts"], *(content["landing"] or ()))}


def _build_entries(home: Home, store: _Store, notes: list[str]) -> Iterator[Entry]:
    if not home.build.exists():
        return
    try:
        with FileLock(home.root / ".building.lock", timeout=0):
            yield store.take(home.build, home.build.name)
            return
    except Timeout:
        pass
    for name in reversed(backups_in(store.folder)):
        found = [entry for entry in read_backup(store.folder, name).files if entry.path == home.build.name]
        if found and store.has(found[0].digest):
            notes.append(f"{home.build.name} is the copy from {name}, because a run is writing to it")
            yield found[0]
            return
    notes.append(f"{home.build.name} is left out, because a run is writing to it; runs rebuild it from the lake")


def _sqlite_entries(home: Home, store: _Store) -> Iterator[Entry]:
    """Copy SQLite files with SQLite's backup API, which makes a consistent copy even during writes."""
    for path in sorted(home.dagster.rglob("*.db")):
        beside = store.folder / OBJECTS / ".sqlite"
        beside.unlink(missing_ok=True)
        try:
            with (
                closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as source,
                closing(sqlite3.connect(beside)) as target,
            ):
                source.backup(target)
            entry = store.take(beside, str(path.relative_to(home.root)))
        except sqlite3.Error as error:
            raise BackupError(f"{path} cannot be copied ({error}); find out more with: hub-assets verify") from error
        finally:
            beside.unlink(missing_ok=True)
        yield Entry(entry.path, entry.size, entry.digest, stat.S_IMODE(path.stat().st_mode))


def _other_entries(home: Home, store: _Store) -> Iterator[Entry]:
    """Copy the remaining files, which are replaced atomically or written only once, skipping any that disappear."""
    for path in sorted(home.root.rglob("*")):
        name = str(path.relative_to(home.root))
        is_taken = name.startswith(("lake/", "tables/", "older_weeks/")) or path.suffix in SQLITE
        if is_taken or path in (home.build, home.warehouse) or LEFT_OUT.fullmatch(name) or not path.is_file():
            continue
        try:
            yield store.take(path, name)
        except FileNotFoundError:
            continue


def _published_entries(home: Home, store: _Store, notes: list[str]) -> Iterator[Entry]:
    """Copy the published database and the files that this copy reads, again if a publication deletes one meanwhile."""
    if not home.warehouse.exists():
        return
    for _ in range(ATTEMPTS):
        database = store.take(home.warehouse, home.warehouse.name)
        try:
            files = files_of(_object(store.folder, database.digest))
        except WarehouseError as error:
            notes.append(f"{home.warehouse.name} was copied without its older weeks: {error}")
            yield database
            return
        names = {str(Path("older_weeks", *file.path.parts[-3:])): file.digest for file in files}
        try:
            entries = [store.take(home.root / name, name, digest) for name, digest in names.items()]
        except FileNotFoundError:
            continue
        yield from (database, *entries)
        return
    raise BackupError(f"{home.warehouse} reads older weeks that are missing; find out more with: hub-assets verify")


def _remember(home: Home, folder: Path, name: str, *, is_gone: bool = False) -> None:
    """Record a backup's location in the home, because `forget` must list the backups that remain."""
    path = home.root / KEPT_IN
    try:
        kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError:
        kept = {}
    names = [other for other in kept.get(str(folder), []) if other != name] + [name] * (not is_gone)
    kept[str(folder)] = names
    write_beside(path, lambda beside: beside.write_text(json.dumps(kept, indent=1), encoding="utf-8"))


def _object(folder: Path, digest: str) -> Path:
    return folder / OBJECTS / digest[:2] / digest


def _copy(source: Path, target: Path) -> str:
    """Copy a file and return the digest of the copied bytes."""
    digest = hashlib.sha256()
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as writing, source.open("rb") as reading:
        while block := reading.read(1 << 20):
            digest.update(block)
            writing.write(block)
    return digest.hexdigest()


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
