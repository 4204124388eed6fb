"""A week's table in the making: records go to a journal, the journal becomes Parquet parts, a manifest names them.

Kill it anywhere and open it again: it stands after the last record whose `append` returned. The order of writing makes
it so: (1) the journal's records, (2) their part, (3) the manifest that names the part, (4) the journal is removed; a
journal that outlived (3) is older than its part and is dropped. What the records hold, and what rows they become, is
the caller's business.
"""

import fcntl
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from itertools import takewhile
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa

from hub_assets.errors import HubAssetsError
from hub_assets.lake.journal import Journal
from hub_assets.lake.parts import MANIFEST, Lake, Manifest, Part

FLUSH_BYTES = 64 * 2**20
"""A journal becomes a part at this size: some 50,000 rows of a listing."""


class LandingBusy(HubAssetsError):
    """Another process is landing the same table and week."""


@dataclass(frozen=True)
class Record:
    """What one answer brought: `meta` says where the collection stands after it, `body` is its content."""

    meta: dict[str, Any]
    body: bytes

    def to_bytes(self) -> bytes:
        """Return the journal's payload."""
        return json.dumps(self.meta).encode() + b"\n" + self.body

    @classmethod
    def of_bytes(cls, payload: bytes) -> "Record":
        """Read the journal's payload."""
        meta, _, body = payload.partition(b"\n")
        return cls(json.loads(meta), body)


Convert = Callable[[list[Record], list[Path]], tuple[pa.Table, dict[str, Any]]]
"""Makes a part's rows and counts from a journal's records, given the landing's earlier parts."""


class Landing:
    """One set of a table's week while it is collected. Use it as a context manager; one process at a time.

    A landing that was begun before is taken up where it stands: `last` is the `meta` of its last record, None if
    there is none. The week's valid parts stay what they are until `finish`.

    Args:
        lake, table, snapshot_date: what is landed.
        convert: makes rows of records.
        flush_bytes: the size of journal from which a part is made.
        adds: whether the set begins with the week's valid parts, in place of nothing. A landing that was begun with
            them is begun anew by one that is not to have them.

    Raises:
        LandingBusy: on entering, if another process has it open.
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
                f"another run is collecting {self.table} of {self.snapshot_date}; wait for it or stop it"
            ) from None
        try:
            self._open()
        except BaseException:
            os.close(self._lock)
            raise
        return self

    def _open(self) -> None:
        self._manifest = self.lake.manifest(self.table, self.snapshot_date)
        valid, begun = self._manifest.parts, self._manifest.landing
        is_to_begin_anew = not self._adds and valid and begun is not None and all(part in begun for part in valid)
        if begun is None or is_to_begin_anew:
            self._manifest.sweep += 1
            self._manifest.landing = list(self._manifest.parts) if self._adds else []
            self._manifest.last = None
            if valid and not self._adds:
                # whoever looks at the set in the making must not see the valid one, which this one does not have
                self.lake.set_manifest(self.table, self.snapshot_date, self._manifest)
        self._open_journal()
        self._look_at_last()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._journal.close()
            if not self._journal.size:
                self._journal.path.unlink(missing_ok=True)
        finally:
            os.close(self._lock)

    @property
    def parts(self) -> list[Part]:
        """What is known of the parts made so far."""
        return list(self._landed)

    @property
    def files(self) -> list[Path]:
        """The parts made so far.

        Raises:
            LakeError: if one is damaged.
        """
        return self.lake.verified(self.table, self.snapshot_date, self._landed)

    def append(self, record: Record) -> None:
        """Keep what one answer brought."""
        self._journal.append(record.to_bytes())
        self._records.append(record)
        self.last = record.meta
        if self._journal.size >= self._flush_bytes:
            self.flush()

    def cut(self, is_usable: Callable[[Record], bool]) -> int:
        """Drop the journal's records from the first one that is of no use on, and return their number."""
        kept = list(takewhile(is_usable, self._records))
        n_cut = len(self._records) - len(kept)
        if n_cut:
            self._journal.cut(len(kept))
            self._records = kept
            self._look_at_last()
        return n_cut

    def flush(self) -> None:
        """Make a part of what the journal holds."""
        if self._records:
            self._flush()

    def finish(self, details: Callable[[list[Part]], dict[str, Any]]) -> Manifest:
        """Make this set the week's valid one, in place of any older, and return its manifest.

        Args:
            details: what the manifest says of the set, from its parts.
        """
        self.flush()
        self._manifest = Manifest(
            complete=True, parts=self._landed, details=details(self._landed), sweep=self._manifest.sweep
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
        return f"{kind}-{self._manifest.sweep:03d}-{len(self._landed):05d}.{ending}"

    def _look_at_last(self) -> None:
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
