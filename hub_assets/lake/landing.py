"""Lands a week of a table: records go to a journal, the journal becomes Parquet parts, and a manifest lists the parts.

A landing can be killed at any point and reopened: it resumes after the last record whose `append` returned. The order
of writes guarantees this: (1) the journal's records, (2) their part, (3) the manifest that lists the part, (4) removal
of the journal. A journal that a crash leaves behind after (3) is dropped, because the part already contains its
records. The caller decides what the records hold and how they become rows.
"""

import fcntl
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from itertools import takewhile
from pathlib import Path
from typing import Any

import pyarrow as pa

from hub_assets.errors import HubAssetsError
from hub_assets.lake.journal import Journal
from hub_assets.lake.parts import MANIFEST, Lake, Manifest, Part

FLUSH_BYTES = 64 * 2**20
"""Size at which the journal is flushed to a part: about 100,000 listing rows."""


class LandingBusy(HubAssetsError):
    """Another process is landing the same table and week."""


@dataclass(frozen=True)
class Record:
    """The content of a single response: `body` is the payload, `meta` the collection's position after it."""

    meta: dict[str, Any]
    body: bytes

    def to_bytes(self) -> bytes:
        """Encode the record as a journal payload."""
        return json.dumps(self.meta).encode() + b"\n" + self.body

    @classmethod
    def of_bytes(cls, payload: bytes) -> "Record":
        """Decode a journal payload."""
        meta, _, body = payload.partition(b"\n")
        return cls(json.loads(meta), body)


Convert = Callable[[list[Record], list[Path]], tuple[pa.Table, dict[str, Any]]]
"""Builds a part's rows and counts from a journal's records, given the landing's earlier parts."""


class Landing:
    """A new generation of a table's week while it is being collected; a context manager for one process at a time.

    An interrupted landing resumes where it stopped: `last` is the `meta` of its last record, or None if it has no
    records. The week's valid parts do not change until `finish`.

    Args:
        lake, table, snapshot_date: the table and week to write.
        convert: turns records into rows.
        flush_bytes: journal size at which a part is written.
        adds: whether the generation starts with the week's valid parts; otherwise, it starts empty, and an interrupted
            landing that started with the valid parts is not resumed.

    Raises:
        LandingBusy: on entry, if another process has the landing open.
    """

    def __init__(
        self,
        lake: Lake,
        table: str,
        snapshot_date: date,
        convert: Convert,
        flush_bytes: int = FLUSH_BYTES,
        *,
        adds: bool = False,
    ) -> None:
        self.lake = lake
        self.table = table
        self.snapshot_date = snapshot_date
        self.last: dict[str, Any] | None = None
        self._convert = convert
        self._flush_bytes = flush_bytes
        self._adds = adds
        self._folder = lake.folder(table, snapshot_date)
        self._records: list[Record] = []

    def __enter__(self) -> "Landing":
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise LandingBusy(
                f"another run is collecting {self.table} for {self.snapshot_date}; wait for it to finish or stop it"
            ) from None
        try:
            self._open()
        except BaseException:
            os.close(self._lock)
            raise
        return self

    def _open(self) -> None:
        self.lake.pull(self.table, self.snapshot_date)
        self._manifest = self.lake.manifest(self.table, self.snapshot_date)
        valid, unfinished = self._manifest.parts, self._manifest.landing
        starts_over = not self._adds and valid and unfinished is not None and all(part in unfinished for part in valid)
        if unfinished is None or starts_over:
            self._manifest.generation += 1
            self._manifest.landing = list(self._manifest.parts) if self._adds else []
            self._manifest.last = None
            if valid and not self._adds:
                # readers of the unfinished generation must not see the valid parts, which it does not include
                self.lake.set_manifest(self.table, self.snapshot_date, self._manifest)
        self._open_journal()
        self._set_last()

    def __exit__(self, *_: object) -> None:
        try:
            self._journal.close()
            if not self._journal.size:
                self._journal.path.unlink(missing_ok=True)
        finally:
            os.close(self._lock)

    @property
    def parts(self) -> list[Part]:
        """Manifest entries of the parts written so far."""
        return list(self._landed)

    @property
    def files(self) -> list[Path]:
        """Paths of the parts written so far.

        Raises:
            LakeError: if a part is damaged.
        """
        return self.lake.verified(self.table, self.snapshot_date, self._landed)

    def append(self, record: Record) -> None:
        """Store a record after removing the names of erased people from it."""
        record = Record(record.meta, self.lake.scrub(record.body))
        self._journal.append(record.to_bytes())
        self._records.append(record)
        self.last = record.meta
        if self._journal.size >= self._flush_bytes:
            self.flush()

    def cut(self, is_usable: Callable[[Record], bool]) -> int:
        """Drop the first unusable journal record and all later ones, and return the number of dropped records."""
        usable = list(takewhile(is_usable, self._records))
        n_cut = len(self._records) - len(usable)
        if n_cut:
            self._journal.cut(len(usable))
            self._records = usable
            self._set_last()
        return n_cut

    def flush(self) -> None:
        """Write the journal's records to a part."""
        if self._records:
            self._flush()

    def finish(self, details: Callable[[list[Part]], dict[str, Any]]) -> Manifest:
        """Make this the week's valid generation, replacing any older generation, and return its manifest.

        Args:
            details: computes the manifest's `details` from the parts.
        """
        self.flush()
        self._manifest = Manifest(
            complete=True,
            parts=self._landed,
            details=details(self._landed),
            generation=self._manifest.generation,
        )
        self.lake.set_manifest(self.table, self.snapshot_date, self._manifest)
        valid = {part.file for part in self._manifest.parts} | {MANIFEST, ".lock"}
        for file in self._folder.iterdir():
            if file.name not in valid:
                file.unlink()
        return self._manifest

    @property
    def _landed(self) -> list[Part]:
        assert self._manifest.landing is not None
        return self._manifest.landing

    def _name(self, kind: str, ending: str) -> str:
        return f"{kind}-{self._manifest.generation:03d}-{len(self._landed):05d}.{ending}"

    def _set_last(self) -> None:
        self.last = self._records[-1].meta if self._records else self._manifest.last

    def _open_journal(self) -> None:
        current = self._folder / self._name("journal", "log")
        for stale in self._folder.glob("journal-*.log"):
            if stale != current:
                stale.unlink()
        self._journal = Journal(current)
        self._records = [Record.of_bytes(payload) for payload in self._journal.records]

    def _flush(self) -> None:
        rows, counts = self._convert(self._records, self.files)
        name = self._name("part", "parquet")
        self._landed.append(self.lake.write_part(self.table, self.snapshot_date, name, rows, counts))
        self._manifest.last = self._records[-1].meta
        self.lake.set_manifest(self.table, self.snapshot_date, self._manifest)
        self._journal.close()
        self._open_journal()
