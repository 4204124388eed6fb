"""The lake: each table's Parquet parts by snapshot date, and the manifest that lists the valid parts.

`<root>/<table>/snapshot_date=YYYY-MM-DD/_manifest.json` is replaced atomically, and readers use only the parts it
lists. It contains its own checksum and the size and digest of each part. Manifests from older versions contain neither,
so they and their parts are accepted without verification. What the tables hold and how parts are produced does not
belong here.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ConfigDict, TypeAdapter, ValidationError

from hub_assets.errors import HubAssetsError

MANIFEST = "_manifest.json"


class LakeError(HubAssetsError):
    """A lake file is damaged in a way that a crash of this program cannot cause."""


@dataclass
class Part:
    """A Parquet file of a week, its number of rows, and the counts its writer recorded.

    `size` and `digest` (SHA-256) describe the file as written; both are None in manifests from older versions.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    file: str
    rows: int
    counts: dict[str, Any] = field(default_factory=dict)
    size: int | None = None
    digest: str | None = None


@dataclass
class Manifest:
    """The state of a table for a snapshot date.

    `parts` lists the valid parts and `details` describes them; `complete` is true once a valid generation exists.
    The other fields concern only the writer: `landing` lists the parts of an unfinished generation, `generation` is its
    number, and `last` is the collection's position.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    complete: bool = False
    parts: list[Part] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    generation: int = 0
    landing: list[Part] | None = None
    last: dict[str, Any] | None = None

    @property
    def rows(self) -> int:
        """Number of rows in all valid parts."""
        return sum(part.rows for part in self.parts)


_MANIFESTS = TypeAdapter(Manifest)


class Lake:
    """The folder that holds all raw tables.

    Each `Lake` object verifies a part once, the first time the part is requested. `scrub` removes erased names from
    whatever a landing receives, before anything is written.
    """

    def __init__(self, root: Path, scrub: Callable[[bytes], bytes] = lambda body: body) -> None:
        self.root = root
        self.scrub = scrub
        self._verified: set[tuple[Path, str | None]] = set()
        self._manifests: dict[Path, tuple[tuple[int, int, int], Manifest]] = {}

    def folder(self, table: str, snapshot_date: date) -> Path:
        """Return the folder of a table's week, which may not exist yet."""
        return self.root / table / f"snapshot_date={snapshot_date}"

    def manifest(self, table: str, snapshot_date: date) -> Manifest:
        """Return the manifest of a table's week, or an empty manifest if nothing has been written yet.

        Raises:
            LakeError: if the manifest cannot be read.
        """
        path = self.folder(table, snapshot_date) / MANIFEST
        return read_manifest(path) if path.exists() else Manifest()

    def pull(self, table: str, snapshot_date: date) -> None:
        """Fetch the changes that other machines have made to a week; does nothing in a local lake."""

    def set_manifest(self, table: str, snapshot_date: date, manifest: Manifest) -> None:
        """Replace a week's manifest atomically."""
        text = manifest_text(manifest)
        path = self.folder(table, snapshot_date) / MANIFEST
        write_beside(path, lambda beside: beside.write_text(text, encoding="utf-8"))

    def write_part(
        self, table: str, snapshot_date: date, file: str, rows: pa.Table, counts: dict[str, Any] | None = None
    ) -> Part:
        """Write a Parquet file atomically and return its manifest entry.

        Readers ignore the file until a manifest lists it.
        """
        part = Part(file, rows.num_rows, counts or {})

        def write(beside: Path) -> None:
            pq.write_table(rows, beside, compression="zstd")
            part.size, part.digest = beside.stat().st_size, digest_of(beside)

        write_beside(self.folder(table, snapshot_date) / file, write)
        return part

    def verified(self, table: str, snapshot_date: date, parts: Iterable[Part]) -> list[Path]:
        """Return the files of a week's parts after verifying their size and digest.

        Raises:
            LakeError: if a file is missing or damaged. A part without a digest only has to exist.
        """
        folder = self.folder(table, snapshot_date)
        files = []
        for part in parts:
            path = folder / part.file
            files.append(path)
            if (path, part.digest) in self._verified:
                continue
            try:
                size = path.stat().st_size
                if part.size not in (None, size):
                    raise _damaged(path, f"it has {size:,} bytes instead of {part.size:,}")
                if part.digest is not None and part.digest != digest_of(path):
                    raise _damaged(path, "its content does not match its digest")
            except OSError as error:
                raise _damaged(path, error.strerror) from None
            self._verified.add((path, part.digest))
        return files

    def adopt(self, table: str, snapshot_date: date, files: Iterable[Path]) -> Manifest:
        """Replace a week's valid parts with Parquet files that another program wrote.

        The files are moved, so they must be on the lake's file system.
        """
        manifest = Manifest(complete=True, generation=self.manifest(table, snapshot_date).generation + 1)
        folder = self.folder(table, snapshot_date)
        for number, file in enumerate(files):
            name = f"part-{manifest.generation:03d}-{number:05d}.parquet"
            rows = pq.read_metadata(file).num_rows
            manifest.parts.append(Part(name, rows, {}, file.stat().st_size, digest_of(file)))
            force_to_disk(file)
            file.replace(folder / name)
        self.set_manifest(table, snapshot_date, manifest)
        valid = {part.file for part in manifest.parts}
        for path in folder.glob("part-*"):
            if path.name not in valid:
                path.unlink()
        return manifest

    def weeks(self, table: str) -> list[date]:
        """Return the snapshot dates for which a table has valid parts, oldest first."""
        return [day for day in self._days(table) if self._present(table, day).complete]

    def weeks_begun(self, table: str) -> list[date]:
        """Return the snapshot dates for which a table has any data, including unfinished weeks, oldest first."""
        return [day for day in self._days(table) if self._has_begun(self.folder(table, day))]

    def is_in_the_making(self, table: str, snapshot_date: date) -> bool:
        """Return whether a table's week has unfinished data because it is being collected or was interrupted."""
        journals = self.folder(table, snapshot_date).glob("journal-*")
        has_journal = any(journal.stat().st_size for journal in journals)
        return has_journal or self.manifest(table, snapshot_date).landing is not None

    def files_so_far(self, table: str, snapshot_date: date) -> list[Path]:
        """Return a week's Parquet files: those of the unfinished generation if there is one, otherwise the valid ones.

        Raises:
            LakeError: if a file is damaged.
        """
        manifest = self.manifest(table, snapshot_date)
        parts = manifest.parts if manifest.landing is None else manifest.landing
        return self.verified(table, snapshot_date, parts)

    def files(self, table: str, snapshot_date: date) -> list[Path]:
        """Return the valid Parquet files of a table's week.

        Raises:
            LakeError: if a file is damaged.
        """
        return self.verified(table, snapshot_date, self._present(table, snapshot_date).parts)

    def files_of_all_weeks(self, table: str) -> list[Path]:
        """Return a table's valid Parquet files from all weeks, oldest first.

        Raises:
            LakeError: if a file is damaged.
        """
        return [file for week in self.weeks(table) for file in self.files(table, week)]

    def _present(self, table: str, snapshot_date: date) -> Manifest:
        """Return a week's manifest, which the caller must not change; it is read again only if it was replaced.

        A run asks for the files of all weeks 260 times; after 46 weeks, reading all manifests took 150 ms each time.
        """
        path = self.folder(table, snapshot_date) / MANIFEST
        try:
            status = path.stat()
        except FileNotFoundError:
            return Manifest()
        mark = (status.st_ino, status.st_mtime_ns, status.st_size)
        if path not in self._manifests or self._manifests[path][0] != mark:
            self._manifests[path] = (mark, read_manifest(path))
        return self._manifests[path][1]

    def _has_begun(self, folder: Path) -> bool:
        # the manifest is written with the first part; until then only a journal exists
        candidates = [folder / MANIFEST, *folder.glob("part-*"), *folder.glob("journal-*")]
        return any(path.exists() and path.stat().st_size for path in candidates)

    def _days(self, table: str) -> list[date]:
        days = []
        for folder in (self.root / table).glob("snapshot_date=*"):
            try:
                days.append(date.fromisoformat(folder.name.partition("=")[2]))
            except ValueError:
                raise LakeError(f"the name of {folder} does not contain a date; move it out of the lake") from None
        return sorted(days)


def manifest_text(manifest: Manifest) -> str:
    """Return the content of a manifest's file."""
    content = json.loads(json.dumps(asdict(manifest)))
    return json.dumps({**content, "checksum": _checksum(content)}, indent=1)


def read_manifest(path: Path, convert: Callable[[dict[str, Any]], dict[str, Any]] = dict) -> Manifest:
    """Read a manifest file.

    Args:
        path: the file.
        convert: converts the content to the current fields after its checksum has been verified.

    Raises:
        LakeError: if the manifest cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        checksum = content.pop("checksum", None)
        if checksum not in (None, _checksum(content)):
            raise ValueError("its content does not match its checksum")
        content = convert(content)
        if content.keys() != {field.name for field in fields(Manifest)}:
            raise ValueError("its fields are not those of a manifest")
        return _MANIFESTS.validate_json(json.dumps(content), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        raise _damaged(path, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise _damaged(path, error) from None


def write_beside(path: Path, write: Callable[[Path], Any]) -> None:
    """Replace a file atomically: `write` fills a temporary file, which is then synced to disk and renamed to `path`.

    If this fails, the temporary file is deleted.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.beside")
    try:
        write(beside)
        force_to_disk(beside)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    force_to_disk(path.parent)


def force_to_disk(path: Path) -> None:
    """Block until a file's content, or a folder's entries, would survive a power failure."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _damaged(path: Path, why: object) -> LakeError:
    return LakeError(f"{path} is damaged ({why}); restore it from a backup, or delete its folder and collect it again")
