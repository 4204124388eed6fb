"""The lake: Parquet parts of a table by snapshot date, and the manifest that says which of them count.

`<root>/<table>/snapshot_date=YYYY-MM-DD/_manifest.json` is replaced as a whole; readers use only what it names. It has
a checksum of its own and the size and digest of each part. Manifests of older versions have neither: they and the parts
they name are taken as they are. What the tables hold, and how parts come about, does not belong here.
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

MANIFEST = "_manifest.json"


class LakeError(Exception):
    """A file of the lake is damaged in a way that no crash of ours leaves behind."""


@dataclass
class Part:
    """A Parquet file of a week, its number of rows, and what its writer counted while making it.

    `size` and `digest` (SHA-256) are those of the file as it was written; None in manifests of older versions.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    file: str
    rows: int
    counts: dict[str, Any] = field(default_factory=dict)
    size: int | None = None
    digest: str | None = None


@dataclass
class Manifest:
    """What holds for one table and snapshot date.

    `parts` are the valid ones and `details` what is known of them; `complete` says that there is such a set.
    `landing` is a new set in the making, of no concern to readers: its number (`sweep`), its parts so far, and
    `last`, where its collection stands.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    complete: bool = False
    parts: list[Part] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    sweep: int = 0
    landing: list[Part] | None = None
    last: dict[str, Any] | None = None

    @property
    def rows(self) -> int:
        """Rows of all valid parts."""
        return sum(part.rows for part in self.parts)


_MANIFESTS = TypeAdapter(Manifest)


class Lake:
    """The folder that holds all raw tables.

    Each part is verified when it is first asked for, once per object.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._verified: set[tuple[Path, str | None]] = set()

    def folder(self, table: str, snapshot_date: date) -> Path:
        """Return where a table's week lives (it need not exist yet)."""
        return self.root / table / f"snapshot_date={snapshot_date}"

    def manifest(self, table: str, snapshot_date: date) -> Manifest:
        """Return what holds for a table's week; an empty manifest where there is nothing yet.

        Raises:
            LakeError: if the manifest cannot be read.
        """
        path = self.folder(table, snapshot_date) / MANIFEST
        if not path.exists():
            return Manifest()
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            checksum = content.pop("checksum", None)
            if content.keys() != {field.name for field in fields(Manifest)}:
                raise ValueError("it does not have the fields of a manifest")
            if checksum not in (None, _checksum(content)):
                raise ValueError("its content does not match its checksum")
            return _MANIFESTS.validate_json(json.dumps(content), strict=True)
        except ValidationError as error:
            first = error.errors()[0]
            raise _damaged(path, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise _damaged(path, error) from None

    def set_manifest(self, table: str, snapshot_date: date, manifest: Manifest) -> None:
        """Replace a week's manifest at one stroke."""
        content = json.loads(json.dumps(asdict(manifest)))
        text = json.dumps({**content, "checksum": _checksum(content)}, indent=1)
        path = self.folder(table, snapshot_date) / MANIFEST
        write_beside(path, lambda beside: beside.write_text(text, encoding="utf-8"))

    def write_part(
        self, table: str, snapshot_date: date, file: str, rows: pa.Table, counts: dict[str, Any] | None = None
    ) -> Part:
        """Write a Parquet file whole or not at all, and return it. It counts only once a manifest names it."""
        part = Part(file, rows.num_rows, counts or {})

        def write(beside: Path) -> None:
            pq.write_table(rows, beside, compression="zstd")
            part.size, part.digest = beside.stat().st_size, _digest(beside)

        write_beside(self.folder(table, snapshot_date) / file, write)
        return part

    def verified(self, table: str, snapshot_date: date, parts: Iterable[Part]) -> list[Path]:
        """Return the files of a week's parts after making sure that they are what was written.

        Raises:
            LakeError: if one is missing or damaged. A part without a digest need only exist.
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
                    raise _damaged(path, f"it has {size:,} bytes of {part.size:,}")
                if part.digest is not None and part.digest != _digest(path):
                    raise _damaged(path, "its content is not what was written")
            except OSError as error:
                raise _damaged(path, error.strerror) from None
            self._verified.add((path, part.digest))
        return files

    def weeks(self, table: str) -> list[date]:
        """Return the snapshot dates of which a table has a complete set, oldest first."""
        return [day for day in self._days(table) if self.manifest(table, day).complete]

    def weeks_begun(self, table: str) -> list[date]:
        """Return the snapshot dates of which a table holds anything, be it in the making, oldest first."""
        return [day for day in self._days(table) if self._has_begun(self.folder(table, day))]

    def is_in_the_making(self, table: str, snapshot_date: date) -> bool:
        """Return whether a table's week holds more than its valid set: it is being collected, or was cut off."""
        journals = self.folder(table, snapshot_date).glob("journal-*")
        has_journal = any(journal.stat().st_size for journal in journals)
        return has_journal or self.manifest(table, snapshot_date).landing is not None

    def files_so_far(self, table: str, snapshot_date: date) -> list[Path]:
        """Return the Parquet files of a table's week as they are collected; the valid ones if it is not just now.

        Raises:
            LakeError: if one is damaged.
        """
        manifest = self.manifest(table, snapshot_date)
        parts = manifest.parts if manifest.landing is None else manifest.landing
        return self.verified(table, snapshot_date, parts)

    def files(self, table: str, snapshot_date: date) -> list[Path]:
        """Return the valid Parquet files of a table's week.

        Raises:
            LakeError: if one is damaged.
        """
        return self.verified(table, snapshot_date, self.manifest(table, snapshot_date).parts)

    def _has_begun(self, folder: Path) -> bool:
        # a manifest comes with the first part; until then there is a journal alone
        begun = [folder / MANIFEST, *folder.glob("part-*"), *folder.glob("journal-*")]
        return any(path.exists() and path.stat().st_size for path in begun)

    def _days(self, table: str) -> list[date]:
        days = []
        for folder in (self.root / table).glob("snapshot_date=*"):
            try:
                days.append(date.fromisoformat(folder.name.partition("=")[2]))
            except ValueError:
                raise LakeError(f"{folder} is not named after a day; move it out of the lake") from None
        return sorted(days)


def write_beside(path: Path, write: Callable[[Path], Any]) -> None:
    """Let `write` fill a file beside `path`, force it to disk, and put it in `path`'s place; leave none if it fails."""
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
    """Wait until a file's content, or a folder's names, would survive a power failure."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _damaged(path: Path, why: object) -> LakeError:
    return LakeError(f"{path} is damaged ({why}); restore it from a backup, or remove its folder and collect it again")
