"""Spending the Hub's rate limit to its end without meeting a 429: threads wait for their turn.

When that is, `window` knows; which processes have their turns together is the business of `bucket`. What is asked, and
what is done about an error, does not belong here.
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

_FIRST_WAIT: Final = 60.0
_LONGEST_WAIT: Final = 900.0


def patience_of(hours: float) -> list[float]:
    """Return how many seconds to wait, time after time, while the Hub does not work, before it is given up.

    A minute first, then twice as long each time, up to a quarter of an hour, until it has been so many hours.
    """
    waits: list[float] = []
    while (left := hours * 3600 - sum(waits)) > 0:
        waits.append(min(_FIRST_WAIT * 2 ** len(waits), _LONGEST_WAIT, left))
    return waits


PATIENCE_HOURS: Final = 6.0
OUTAGE_BACKOFF: Final = tuple(patience_of(PATIENCE_HOURS))
"""What is waited if nothing else is said: an outage of a morning must not cost a week."""


class PacerClosed(Exception):
    """The wait for a slot was called off."""


@dataclass
class RequestPacer:
    """Makes the threads that share one token wait for their turn. Thread-safe.

    Counters: `sent` requests, `throttled` answers (429), `waited` seconds of the thread whose turn was next. `estimate`
    is what was known of the window at the last look.
    """

    clock: Callable[[], float] = time.monotonic
    bucket: WindowState = field(default_factory=OwnWindow)
    estimate: WindowEstimate = field(default_factory=WindowEstimate)
    sent: int = 0
    throttled: int = 0
    waited: float = 0.0
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _is_closed: bool = False

    def acquire(self) -> RequestSlot:
        """Wait until a request may be sent and return the leave to send it.

        Raises:
            PacerClosed: if `close` was called, also while waiting.
        """
        # one thread looks at the window; the others wait for their turn to look, and wake for nothing else
        with self._turn, self._changed:
            while True:
                if self._is_closed:
                    raise PacerClosed
                with self.bucket.opened() as share:
                    self.estimate = share.estimate
                    now = self.clock()
                    delay = share.estimate.delay(now)
                    if delay <= 0:
                        self.sent += 1
                        slot = share.estimate.send(now)
                        share.slots.append(slot)
                        return slot
                wait = min(delay, self.bucket.look_seconds)
                self._changed.wait(None if math.isinf(wait) else wait)
                self.waited += self.clock() - now

    def receive(
        self, slot: RequestSlot, status: int, limit: RateLimitInfo | None, retry_after: float | None = None
    ) -> None:
        """Hand back a slot with the answer's status, rate-limit headers and `Retry-After`."""
        with self._changed:
            self.throttled += status == 429
            with self.bucket.opened() as share:
                share.slots.remove(slot)
                share.estimate.receive(slot, self.clock(), status, limit, retry_after)
                self.estimate = share.estimate
            self._changed.notify_all()

    def lose(self, slot: RequestSlot) -> None:
        """Hand back the slot of a request that got no answer."""
        with self._changed:
            with self.bucket.opened() as share:
                share.slots.remove(slot)
                share.estimate.lose(slot, self.clock())
                self.estimate = share.estimate
            self._changed.notify_all()

    @property
    def blocked_seconds(self) -> float:
        """How long nothing may be sent after a 429, as far as was known at the last look."""
        return max(0.0, self.estimate.blocked_until - self.clock())

    def pause(self, seconds: float) -> None:
        """Wait before asking again; like every wait here it ends when the pacer is closed.

        Raises:
            PacerClosed: if `close` was called.
        """
        with self._changed:
            if self._changed.wait_for(lambda: self._is_closed, timeout=seconds):
                raise PacerClosed

    @contextmanager
    def called_off(self) -> Iterator[None]:
        """Call off all waits until the block ends."""
        self.close()
        try:
            yield
        finally:
            with self._changed:
                self._is_closed = False

    def close(self) -> None:
        """Call off all waits, now and later."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
