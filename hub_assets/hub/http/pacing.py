"""Paces requests so that threads use the Hub's full rate limit without getting a 429.

`window` computes when a request may be sent, and `shared_window` shares that state between processes. Deciding
what to request and handling errors do not belong here.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from huggingface_hub.utils import RateLimitInfo

from hub_assets.hub.http.shared_window import OwnWindow, WindowState
from hub_assets.hub.http.window import RequestSlot, WindowEstimate
from hub_assets.vocabulary import Bucket

_FIRST_WAIT: Final = 60.0
_LONGEST_WAIT: Final = 900.0


def patience_of(hours: float) -> list[float]:
    """Return the waits in seconds during an outage; after the last wait, we give up.

    The first wait is a minute. Each wait is twice the previous one, up to 15 minutes, and together they add up to
    `hours`.
    """
    waits: list[float] = []
    while (left := hours * 3600 - sum(waits)) > 0:
        waits.append(min(_FIRST_WAIT * 2 ** len(waits), _LONGEST_WAIT, left))
    return waits


PATIENCE_HOURS: Final = 6.0
OUTAGE_BACKOFF: Final = tuple(patience_of(PATIENCE_HOURS))
"""Default waits. They are long enough that a six-hour outage does not cost us the week."""


class PacerClosed(Exception):
    """A wait was canceled because the pacer was closed."""


@dataclass
class RequestPacer:
    """Makes the threads that share a token take turns using one of the Hub's buckets. Thread-safe.

    Counters: `sent` requests, `throttled` responses (429), and `waited`, the seconds spent waiting by the thread whose
    turn was next. `estimate` is the window estimate as of the last check.
    """

    clock: Callable[[], float] = time.monotonic
    window_state: WindowState = field(default_factory=OwnWindow)
    estimate: WindowEstimate = field(default_factory=WindowEstimate)
    sent: int = 0
    throttled: int = 0
    waited: float = 0.0
    bucket: Bucket = "api"
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _is_closed: bool = False

    def acquire(self) -> RequestSlot:
        """Wait until a request may be sent and return its slot.

        Raises:
            PacerClosed: if `close` was called before or during the wait.
        """
        # one thread watches the window; the others sleep until it is their turn to watch
        with self._turn, self._changed:
            while True:
                if self._is_closed:
                    raise PacerClosed
                with self.window_state.opened() as share:
                    self.estimate = share.estimate
                    now = self.clock()
                    delay = share.estimate.delay(now)
                    if delay <= 0:
                        self.sent += 1
                        slot = share.estimate.send(now)
                        share.slots.append(slot)
                        return slot
                wait = min(delay, self.window_state.look_seconds)
                self._changed.wait(None if math.isinf(wait) else wait)
                self.waited += self.clock() - now

    def receive(
        self, slot: RequestSlot, status: int, limit: RateLimitInfo | None, retry_after: float | None = None
    ) -> None:
        """Release a slot, and record the response's status, rate-limit headers and `Retry-After`.

        Headers about another bucket are ignored.
        """
        if limit is not None and limit.resource_type != self.bucket:
            limit = None
        with self._changed:
            self.throttled += status == 429
            with self.window_state.opened() as share:
                share.slots.remove(slot)
                share.estimate.receive(slot, self.clock(), status, limit, retry_after)
                self.estimate = share.estimate
            self._changed.notify_all()

    def lose(self, slot: RequestSlot) -> None:
        """Release the slot of a request that got no response."""
        with self._changed:
            with self.window_state.opened() as share:
                share.slots.remove(slot)
                share.estimate.lose(slot, self.clock())
                self.estimate = share.estimate
            self._changed.notify_all()

    @property
    def blocked_seconds(self) -> float:
        """Seconds until requests are allowed again after a 429, as of the last check."""
        return max(0.0, self.estimate.blocked_until - self.clock())

    def pause(self, seconds: float) -> None:
        """Wait before a retry; like every wait here, it ends when the pacer is closed.

        Raises:
            PacerClosed: if `close` was called.
        """
        with self._changed:
            if self._changed.wait_for(lambda: self._is_closed, timeout=seconds):
                raise PacerClosed

    @contextmanager
    def canceled(self) -> Iterator[None]:
        """Cancel all waits until the block ends."""
        self.close()
        try:
            yield
        finally:
            with self._changed:
                self._is_closed = False

    def close(self) -> None:
        """Cancel all current and future waits."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
