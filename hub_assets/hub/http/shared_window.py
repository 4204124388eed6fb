"""The rate-limit estimate shared by all requests with the same token, within a process or across a user's processes.

This module stores the estimate, tracks which process holds which request slots, and reclaims the slots of processes
that died. Computing the estimate belongs in `window`.
"""

import fcntl
import itertools
import json
import math
import mmap
import os
import time
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from hub_assets.hub.http.window import ANSWERS_REMEMBERED, RequestSlot, WindowEstimate
from hub_assets.processes import is_alive, process_mark

LOOK_SECONDS: Final = 0.01
"""Interval at which a waiting thread checks for changes by other processes; a check takes 0.1 ms."""
_MICROSECONDS: Final = 1e6
_FILE_BYTES: Final = 2**18
"""Size of the file: enough for all remembered responses at 17 digits each."""
_openings = itertools.count()


@dataclass
class Share:
    """What a caller may change while the window state is open: the estimate and its own outstanding slots."""

    estimate: WindowEstimate
    slots: list[RequestSlot]


@dataclass
class _Held:
    """A summary of a holder's slots for other processes.

    `number` is the number of slots, `has_probe` tells whether the probe is among them, and `oldest` is when the request
    in the oldest slot was sent.
    """

    number: int
    has_probe: bool
    oldest: float


Holders = dict[str, _Held]
"""Holders by key: the process mark, followed by `#` and a number."""


class WindowState(Protocol):
    """Storage for a token's estimate. Changes to the estimate may go unnoticed for up to `look_seconds`."""

    look_seconds: float

    @contextmanager
    def opened(self) -> Iterator[Share]:
        """Yield the estimate for exclusive reading and writing."""
        ...


@dataclass
class OwnWindow:
    """The estimate of a single process. The caller must ensure that only one thread uses it at a time."""

    share: Share = field(default_factory=lambda: Share(WindowEstimate(), []))
    look_seconds: float = math.inf

    @contextmanager
    def opened(self) -> Iterator[Share]:
        """Yield the estimate."""
        yield self.share


class SharedWindow:
    """The estimate shared by all processes that use the same file, read and written under a lock at each call.

    When a process dies, its slots are lost. The server may have counted their requests, so they stay charged until a
    response shows whether it did. If no other process is using the file when a process opens it, the estimate is
    reset, and the first response corrects it. A checksum precedes the content, so a file left half-written by a killed
    process is reset too. The file is memory-mapped: with read and write system calls, which hand the interpreter to
    another thread each time, a crawl runs at a third of the speed.

    Args:
        path: the file, which does not have to exist.

    Raises:
        OSError: if it cannot be written.
    """

    look_seconds = LOOK_SECONDS

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(self._file, _FILE_BYTES)
        self._map = mmap.mmap(self._file, _FILE_BYTES)
        self._process = process_mark(os.getpid()) or ""
        self._me = f"{self._process}#{next(_openings)}"
        self._slots: list[RequestSlot] = []
        self._is_new = True
        self._looked_at = -math.inf
        # the bytes last written here, and their parsed form; the file is parsed again only if another writer changed it
        self._written = b""
        self._estimate = WindowEstimate()
        self._holders: Holders = {}

    @contextmanager
    def opened(self) -> Iterator[Share]:
        """Yield the estimate as the last process left it, and store it afterwards."""
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            self._read()
            now = time.monotonic()
            if now - self._looked_at >= LOOK_SECONDS:
                self._looked_at = now
                self._drop_dead_holders(now)
            yield Share(self._estimate, self._slots)
            self._write()
        except BaseException:
            self._written = b""
            raise
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _drop_dead_holders(self, now: float) -> None:
        dead = [mark for mark in self._holders if mark != self._me and not is_alive(mark.partition("#")[0])]
        if self._is_new and len(dead) == len(self._holders):
            self._estimate, dead, self._holders = WindowEstimate(), [], {}
        self._is_new = False
        for mark in dead:
            held = self._holders.pop(mark)
            for position in range(held.number):
                self._estimate.lose(RequestSlot(held.oldest, 0, None, held.has_probe and position == 0), now)

    def _read(self) -> None:
        if self._written and self._map[: len(self._written)] == self._written:
            return
        try:
            head, _, content = self._map[:].partition(b"\n")
            length, checksum = map(int, head.split())
            content = content[:length]
            if zlib.crc32(content) != checksum:
                raise ValueError("torn")
            values: dict[str, Any] = json.loads(content)
            holders = {mark: _Held(*held) for mark, held in values.pop("holders").items()}
            answered_at = deque((n / _MICROSECONDS for n in values.pop("answered_at")), maxlen=ANSWERS_REMEMBERED)
            self._estimate, self._holders = WindowEstimate(**values, answered_at=answered_at), holders
        except (ValueError, KeyError, TypeError):  # still empty, torn, or written by another version of this code
            self._estimate, self._holders = WindowEstimate(), {}

    def _write(self) -> None:
        mine = self._slots
        # registered even without a slot, so that a new process can tell that the window is known
        probe = any(slot.is_probe for slot in mine)
        self._holders[self._me] = _Held(len(mine), probe, min((slot.sent_at for slot in mine), default=math.inf))
        # only responses newer than the oldest outstanding request can still matter
        since = min((held.oldest for held in self._holders.values()), default=math.inf)
        answered_at = self._estimate.answered_at
        while answered_at and answered_at[0] <= since:
            answered_at.popleft()
        values = vars(self._estimate) | {
            "answered_at": [math.ceil(moment * _MICROSECONDS) for moment in answered_at],
            "holders": {mark: [held.number, held.has_probe, held.oldest] for mark, held in self._holders.items()},
        }
        content = json.dumps(values).encode()
        self._written = b"%d %d\n%b" % (len(content), zlib.crc32(content), content)
        self._map[: len(self._written)] = self._written
