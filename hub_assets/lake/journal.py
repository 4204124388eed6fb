"""An append-only file of records that survives the death of its writer at any moment.

A record is one `write()`: a line with the payload's CRC-32 and length, then the payload. Whatever a crash tore off at
the end is cut when the file is opened again. What a payload means does not belong here.
"""

import errno
import logging
import os
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

logger = logging.getLogger(__name__)

SYNC_SECONDS = 1.0
"""How much a power failure may cost; a killed process costs nothing."""


class Journal:
    """A journal that is open for appending.

    `records` are the payloads found when it was opened, `size` is its length in bytes now.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        content = path.read_bytes() if path.exists() else b""
        self.records = list(read_records(content))
        self.size = sum(len(_frame(record)) for record in self.records)
        if self.size < len(content):
            logger.warning(
                "%s: the last %d bytes are torn or damaged and were cut; what they held is asked for again.",
                path,
                len(content) - self.size,
            )
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        os.ftruncate(self._file, self.size)
        self._synced_at = time.monotonic()

    def append(self, payload: bytes) -> None:
        """Write one record; when this returns, the death of this process cannot lose it."""
        frame = _frame(payload)
        written = os.write(self._file, frame)
        if written != len(frame):
            os.ftruncate(self._file, self.size)
            raise OSError(errno.ENOSPC, f"only {written} of {len(frame)} bytes could be written", str(self.path))
        self.size += written
        if time.monotonic() - self._synced_at >= SYNC_SECONDS:
            os.fsync(self._file)
            self._synced_at = time.monotonic()

    def cut(self, n_left: int) -> None:
        """Leave only the first records of those found when it was opened."""
        self.records = self.records[:n_left]
        self.size = sum(len(_frame(record)) for record in self.records)
        os.ftruncate(self._file, self.size)

    def close(self) -> None:
        """Close the file; again does nothing."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_records(content: bytes) -> Iterator[bytes]:
    """Yield the whole records of a journal's bytes and stop at the first that is torn or damaged."""
    at = 0
    while (line_end := content.find(b"\n", at)) >= 0:
        try:
            checksum, length = (int(n, base) for n, base in zip(content[at:line_end].split(), (16, 10), strict=True))
        except ValueError:
            return
        end = line_end + 1 + length
        payload = content[line_end + 1 : end]
        if content[end : end + 1] != b"\n" or zlib.crc32(payload) != checksum:
            return
        yield payload
        at = end + 1


def _frame(payload: bytes) -> bytes:
    return b"%08x %d\n%b\n" % (zlib.crc32(payload), len(payload), payload)
