"""The lake: Parquet parts of a table by snapshot date, and the manifest that says which of them count.

`<root>/<table>/snapshot_date=YYYY-MM-DD/_manifest.json` is replaced as a whole; readers use only what it names. What
the tables hold, and how parts come about, does not belong here.
"""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

MANIFEST = "_manifest.json"


class LakeError(Exception):
    """A file of the lake is damaged in a way that no crash of ours leaves behind."""


@dataclass
class Part:
    """A Parquet file of a week, its number of rows, and what its writer counted while making it."""

    file: str
    rows: int
    counts: dict[str, Any] = field(default_factory=dict)


@dataclass
class Manifest:
    """What holds for one table and snapshot date.

    `parts` are the valid ones and `details` what is known of them; `complete` says that there is such a set.
    `landing` is a new set in the making, of no concern to readers: its number (`sweep`), its parts so far, and
    `last`, where its collection stands.
    """

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


class Lake:
    """The folder that holds all raw tables."""

    def __init__(self, root: Path) -> None:
        self.root = root

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
            landing = content["landing"]
            content["parts"] = [Part(**part) for part in content["parts"]]
            content["landing"] = None if landing is None else [Part(**part) for part in landing]
            return Manifest(**content)
        except (ValueError, KeyError, TypeError) as error:
            raise LakeError(f"{path} is damaged ({error}); restore it, or remove its folder and list again") from error

    def set_manifest(self, table: str, snapshot_date: date, manifest: Manifest) -> None:
        """Replace a week's manifest at one stroke."""
        text = json.dumps(asdict(manifest), indent=1)
        path = self.folder(table, snapshot_date) / MANIFEST
        write_beside(path, lambda beside: beside.write_text(text, encoding="utf-8"))

    def write_part(self, table: str, snapshot_date: date, file: str, rows: pa.Table) -> None:
        """Write a Parquet file whole or not at all. It counts only once a manifest names it."""
        path = self.folder(table, snapshot_date) / file
        write_beside(path, lambda beside: pq.write_table(rows, beside, compression="zstd"))

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
        """Return the Parquet files of a table's week as they are collected; the valid ones if it is not just now."""
        manifest, folder = self.manifest(table, snapshot_date), self.folder(table, snapshot_date)
        return [folder / part.file for part in (manifest.parts if manifest.landing is None else manifest.landing)]

    def files(self, table: str, snapshot_date: date) -> list[Path]:
        """Return the valid Parquet files of a table's week."""
        folder = self.folder(table, snapshot_date)
        return [folder / part.file for part in self.manifest(table, snapshot_date).parts]

    def _has_begun(self, folder: Path) -> bool:
        # a manifest comes with the first part; until then there is a journal alone
        begun = [folder / MANIFEST, *folder.glob("part-*"), *folder.glob("journal-*")]
        return any(path.exists() and path.stat().st_size for path in begun)

    def _days(self, table: str) -> list[date]:
        folders = (self.root / table).glob("snapshot_date=*")
        return sorted(date.fromisoformat(folder.name.partition("=")[2]) for folder in folders)


def write_beside(path: Path, write: Callable[[Path], Any]) -> None:
    """Let `write` fill a file beside `path`, force it to disk, and put it in `path`'s place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.beside")
    write(beside)
    for target, flags in ((beside, os.O_RDONLY), (path.parent, os.O_RDONLY | os.O_DIRECTORY)):
        if target is not beside:
            beside.replace(path)
        handle = os.open(target, flags)
        os.fsync(handle)
        os.close(handle)
