"""Estimates the Hub's fixed rate-limit window from its responses, using only arithmetic on times.

The Hub counts requests per token in fixed windows and reports in every response how many are left (`RateLimit:
"api";r=499;t=295`, `RateLimit-Policy: "fixed window";"api";q=500;w=300`). Waiting belongs in `pacing`, sharing the
estimate between processes in `shared_window`.
"""

import math
from collections import deque
from dataclasses import dataclass, field

from huggingface_hub.utils import RateLimitInfo

DOCUMENTED_WINDOW = 300.0
"""The documented window length in seconds, used for a 429 that arrives before any header has stated the length."""
DOCUMENTED_RESOLVERS = 3_000
"""Number of file requests per window without a token: the smallest documented quota for files."""
ANSWERS_REMEMBERED = 4096
"""Number of responses to remember: more than can arrive during one request (12 s at 333 responses per second,
the rate of the largest plan)."""


@dataclass(frozen=True)
class RequestSlot:
    """Permission to send one request. Records when and in which window it was issued and how many calls were left."""

    sent_at: float
    window: int
    floor: int | None
    is_probe: bool


@dataclass
class WindowEstimate:
    """The estimate of the server's fixed window. All times are seconds on the same monotonic clock.

    Nothing here depends on how the server rounds `t` or aligns its windows:

    - If a response arrives at time `a`, its window has ended by `a + w` (and by `a + t + 1`).
    - If a response's `r` is not below the smallest `r` known when its request was sent, the response comes from
      a newer window.
    - The smallest `r` seen in a window may already count requests in flight and requests answered (or lost) around the
      window's start. These requests are `unplaced` until a later request is answered, because that response's `r` must
      count them.

    Once a window must have ended, a single request (the probe) goes ahead to learn about the next window. It never
    exceeds the quota: fewer requests than the quota are attributed to the old window, no matter in which window the
    server counted them.
    """

    remaining: int | None = None
    quota: int | None = None
    seconds: float | None = None
    ends_at: float = -math.inf
    blocked_until: float = -math.inf
    in_flight: int = 0
    window: int = 0
    probe_is_out: bool = False
    is_unmetered: bool = False
    unplaced: list[float] = field(default_factory=list)
    answered_at: deque[float] = field(default_factory=lambda: deque(maxlen=ANSWERS_REMEMBERED))

    def delay(self, now: float) -> float:
        """Return the seconds until a request may be sent: 0 for now, infinity if that depends on the next response."""
        if now < self.blocked_until:
            return self.blocked_until - now
        if self.is_unmetered:
            return 0.0
        if self.remaining is None or now >= self.ends_at:
            return math.inf if self.probe_is_out else 0.0
        return 0.0 if self.remaining > self.in_flight + len(self.unplaced) else self.ends_at - now

    def send(self, now: float) -> RequestSlot:
        """Count a request as sent. Call this only when `delay` is 0."""
        is_probe = not self.is_unmetered and (self.remaining is None or now >= self.ends_at)
        self.in_flight += 1
        self.probe_is_out = self.probe_is_out or is_probe
        return RequestSlot(now, self.window, None if is_probe else self.remaining, is_probe)

    def receive(
        self, slot: RequestSlot, now: float, status: int, limit: RateLimitInfo | None, retry_after: float | None = None
    ) -> None:
        """Update the estimate from a response's status, rate-limit headers and `Retry-After` (None if absent)."""
        self._return_slot(slot)
        if status == 429 and retry_after is not None:
            self.blocked_until = max(self.blocked_until, now + retry_after)
        if limit is None:
            if self.remaining is not None:
                self.unplaced.append(now)
            if status == 429 and retry_after is None:
                self.blocked_until = max(self.blocked_until, now + (self.seconds or DOCUMENTED_WINDOW))
            elif self.quota is None and status < 400:
                self.is_unmetered = True
            return
        self.is_unmetered = False
        self.quota = limit.limit or self.quota
        self.seconds = float(limit.window_seconds or self.seconds or DOCUMENTED_WINDOW)
        ends_by = now + min(self.seconds, limit.reset_in_seconds + 1.0)
        is_current = slot.window == self.window
        is_newer = slot.is_probe or (slot.floor is not None and limit.remaining >= slot.floor)
        if is_current and is_newer:
            self.window += 1
            self.remaining = limit.remaining
            self.ends_at = ends_by
            self.unplaced = [moment for moment in self.answered_at if moment > slot.sent_at]
        elif is_current or is_newer:
            self.remaining = min(limit.remaining, self.remaining or 0)
            self.ends_at = min(self.ends_at, ends_by)
            self.unplaced = [moment for moment in self.unplaced if moment > slot.sent_at]
        else:
            self.unplaced.append(now)
        self.answered_at.append(now)

    def lose(self, slot: RequestSlot, now: float) -> None:
        """Count a request that got no response, because the server may have counted it."""
        self._return_slot(slot)
        self.unplaced.append(now)

    def _return_slot(self, slot: RequestSlot) -> None:
        self.in_flight -= 1
        if slot.is_probe:
            self.probe_is_out = False
