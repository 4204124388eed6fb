"""An append-only file of records that survives a crash of its writer at any moment.

Each record is a single `write()`: a line with the payload's CRC-32 and length, then the payload. A record torn by a
crash is cut off when the file is reopened. What a payload means does not belong here.
"""

import errno
import logging
import os
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

logger = logging.getLogger(__name__)

SYNC_SECONDS = 1.0
"""Seconds between syncs to disk: the most work that a power failure can lose. A killed process loses nothing."""


class Journal:
    """A journal that is open for appending.

    `records` are the payloads it held when it was opened; `size` is its current length in bytes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        content = path.read_bytes() if path.exists() else b""
        self.records = list(read_records(content))
        self.size = sum(len(_frame(record)) for record in self.records)
        if self.size < len(content):
            logger.warning(
                "%s: truncated the last %d bytes, which were incomplete or damaged; their data will be fetched again.",
                path,
                len(content) - self.size,
            )
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        os.ftruncate(self._file, self.size)
        self._synced_at = time.monotonic()

    def append(self, payload: bytes) -> None:
        """Write one record. Once this method has returned, killing the process does not lose the record."""
        frame = _frame(payload)
        written = os.write(self._file, frame)
        if written != len(frame):
            os.ftruncate(self._file, self.size)
            raise OSError(errno.ENOSPC, f"only {written} of {len(frame)} bytes were written", str(self.path))
        self.size += written
        if time.monotonic() - self._synced_at >= SYNC_SECONDS:
            os.fsync(self._file)
            self._synced_at = time.monotonic()

    def cut(self, n_left: int) -> None:
        """Keep only the first `n_left` of the records that the journal held when it was opened."""
        self.records = self.records[:n_left]
        self.size = sum(len(_frame(record)) for record in self.records)
        os.ftruncate(self._file, self.size)

    def close(self) -> None:
        """Close the file; calling this twice is harmless."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_records(content: bytes) -> Iterator[bytes]:
    """Yield the intact records in a journal's bytes, stopping at the first torn or damaged record."""
    offset = 0
    while (line_end := content.find(b"\n", offset)) >= 0:
        try:
            header = content[offset:line_end].split()
            checksum, length = (int(n, base) for n, base in zip(header, (16, 10), strict=True))
        except ValueError:
            return
        end = line_end + 1 + length
        payload = content[line_end + 1 : end]
        if content[end : end + 1] != b"\n" or zlib.crc32(payload) != checksum:
            return
        yield payload
        offset = end + 1


def _frame(payload: bytes) -> bytes:
    return b"%08x %d\n%b\n" % (zlib.crc32(payload), len(payload), payload)
