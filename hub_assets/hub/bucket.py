"""The window estimate that requests with one token share: of this process alone, or of all processes of a user.

Where the estimate lives, who has permits out, and what becomes of the permits of a process that died. What an
estimate says is the business of `pacing`.
"""

import fcntl
import json
import math
import os
import time
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from hub_assets.hub.window import ANSWERS_REMEMBERED, Permit, WindowEstimate
from hub_assets.processes import is_alive, process_mark

LOOK_SECONDS: Final = 0.01
"""How often one waiting thread looks whether another process has learnt something; a look takes 0.1 ms."""


Holders = dict[str, list[Permit]]
"""The permits that are out, by the marks of the processes that have them."""


@dataclass
class Share:
    """What a bucket gives while it is open: the estimate, and the permits that this process has out."""

    estimate: WindowEstimate
    permits: list[Permit]


class Bucket(Protocol):
    """Where the estimate of a token lives. `look_seconds` is how long it may change unnoticed."""

    look_seconds: float

    @contextmanager
    def opened(self) -> Iterator[Share]:
        """Give the estimate to read and change; nobody else has it meanwhile."""
        ...


@dataclass
class OwnBucket:
    """The estimate of one process; its caller sees to it that one thread at a time has it."""

    share: Share = field(default_factory=lambda: Share(WindowEstimate(), []))
    look_seconds: float = math.inf

    @contextmanager
    def opened(self) -> Iterator[Share]:
        """Give the estimate."""
        yield self.share


class SharedBucket:
    """The estimate of all processes that name the same file: read and written under a lock, at each call.

    A process that died loses its permits: the server may have counted them, so they count until an answer tells. When
    nobody else is alive the estimate is begun anew, which the first answer mends. The file is written by one `pwrite`
    with a checksum, so that a process killed in the midst of it leaves an estimate that is begun anew, too.

    Args:
        path: the file; it need not exist.

    Raises:
        OSError: if it cannot be written.
    """

    look_seconds = LOOK_SECONDS

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._me = process_mark(os.getpid()) or ""
        self._is_new = True
        self._looked_at = -math.inf

    @contextmanager
    def opened(self) -> Iterator[Share]:
        """Give the estimate as the last process left it, and keep what becomes of it."""
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            estimate, holders = self._read()
            now = time.monotonic()
            if now - self._looked_at >= LOOK_SECONDS:
                self._looked_at = now
                estimate, holders = self._without_the_dead(estimate, holders, now)
            share = Share(estimate, holders.setdefault(self._me, []))
            yield share
            self._write(estimate, holders)
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _without_the_dead(
        self, estimate: WindowEstimate, holders: Holders, now: float
    ) -> tuple[WindowEstimate, Holders]:
        alive = {mark for mark in holders if mark == self._me or is_alive(mark)}
        if self._is_new and not alive:
            estimate, holders = WindowEstimate(), {}
        self._is_new = False
        for mark in holders.keys() - alive:
            for permit in holders.pop(mark):
                estimate.lose(permit, now)
        return estimate, holders

    def _read(self) -> tuple[WindowEstimate, Holders]:
        try:
            head, _, content = os.pread(self._file, os.fstat(self._file).st_size, 0).partition(b"\n")
            length, checksum = map(int, head.split())
            content = content[:length]
            if zlib.crc32(content) != checksum:
                return WindowEstimate(), {}
            values: dict[str, Any] = json.loads(content)
            holders = {mark: [Permit(*out) for out in permits] for mark, permits in values.pop("holders").items()}
            answered_at = deque(values.pop("answered_at"), maxlen=ANSWERS_REMEMBERED)
            return WindowEstimate(**values, answered_at=answered_at), holders
        except (ValueError, KeyError, TypeError):  # empty yet, or of another version of this code
            return WindowEstimate(), {}

    def _write(self, estimate: WindowEstimate, holders: Holders) -> None:
        permits = [permit for mine in holders.values() for permit in mine]
        # only answers that came after a request still out was sent can ever count again
        since = min((permit.sent_at for permit in permits), default=math.inf)
        values = {name: value for name, value in vars(estimate).items() if name != "answered_at"}
        values["answered_at"] = [moment for moment in estimate.answered_at if moment > since]
        values["holders"] = {mark: [tuple(vars(permit).values()) for permit in mine] for mark, mine in holders.items()}
        content = json.dumps(values).encode()
        os.pwrite(self._file, b"%d %d\n%b" % (len(content), zlib.crc32(content), content), 0)
