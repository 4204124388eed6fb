"""The window estimate that requests with one token share: of this process alone, or of all processes of a user.

Where the estimate lives, who has slots out, and what becomes of the slots of a process that died. What an
estimate says is the business of `pacing`.
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
"""How often one waiting thread looks whether another process has learnt something; a look takes 0.1 ms."""
_MICROSECONDS: Final = 1e6
_FILE_BYTES: Final = 2**18
"""Room for all answers remembered, at 17 digits each."""
_openings = itertools.count()


@dataclass
class Share:
    """What a bucket gives while it is open: the estimate, and the slots that its holder has out."""

    estimate: WindowEstimate
    slots: list[RequestSlot]


@dataclass
class _Held:
    """What others need to know of a holder's slots: how many, whether the probe is one, and when the oldest went."""

    number: int
    has_probe: bool
    oldest: float


Holders = dict[str, _Held]
"""By the marks of the processes that have slots out."""


class WindowState(Protocol):
    """Where the estimate of a token lives. `look_seconds` is how long it may change unnoticed."""

    look_seconds: float

    @contextmanager
    def opened(self) -> Iterator[Share]:
        """Give the estimate to read and change; nobody else has it meanwhile."""
        ...


@dataclass
class OwnWindow:
    """The estimate of one process; its caller sees to it that one thread at a time has it."""

    share: Share = field(default_factory=lambda: Share(WindowEstimate(), []))
    look_seconds: float = math.inf

    @contextmanager
    def opened(self) -> Iterator[Share]:
        """Give the estimate."""
        yield self.share


class SharedWindow:
    """The estimate of all processes that name the same file: read and written under a lock, at each call.

    A process that died loses its slots: the server may have counted them, so they count until an answer tells. When
    nobody else is alive the estimate is begun anew, which the first answer mends. A checksum stands before the content,
    so that what a process killed in the midst of writing leaves is begun anew, too. The file is mapped into memory: a
    read or write by a system call would hand the interpreter to another thread each time, at a third of the crawl's
    speed.

    Args:
        path: the file; it need not exist.

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
        # what this process wrote last, and the objects that it stands for: read anew only after somebody else wrote
        self._written = b""
        self._estimate = WindowEstimate()
        self._holders: Holders = {}

    @contextmanager
    def opened(self) -> Iterator[Share]:
        """Give the estimate as the last process left it, and keep what becomes of it."""
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            self._read()
            now = time.monotonic()
            if now - self._looked_at >= LOOK_SECONDS:
                self._looked_at = now
                self._drop_the_dead(now)
            yield Share(self._estimate, self._slots)
            self._write()
        except BaseException:
            self._written = b""
            raise
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _drop_the_dead(self, now: float) -> None:
        dead = [mark for mark in self._holders if mark != self._me and not is_alive(mark.partition("#")[0])]
        if self._is_new and len(dead) == len(self._holders):
            self._estimate, dead, self._holders = WindowEstimate(), [], {}
        self._is_new = False
        for mark in dead:
            held = self._holders.pop(mark)
            for place in range(held.number):
                self._estimate.lose(RequestSlot(held.oldest, 0, None, held.has_probe and place == 0), now)

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
        except (ValueError, KeyError, TypeError):  # empty yet, torn, or of another version of this code
            self._estimate, self._holders = WindowEstimate(), {}

    def _write(self) -> None:
        mine = self._slots
        # also without a slot it is a holder: who comes anew must know that somebody knows the window
        probe = any(slot.is_probe for slot in mine)
        self._holders[self._me] = _Held(len(mine), probe, min((slot.sent_at for slot in mine), default=math.inf))
        # only answers that came after a request still out was sent can ever count again
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
