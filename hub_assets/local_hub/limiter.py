"""The Hub's rate limit: a number of calls per fixed window, for each token or address, told in two headers.

Counting and wording. Who the caller is, and what the other answers say, belongs to `app`. One limit is for all calls;
the real Hub counts those for the files of a repository, such as its card, apart from those of the API.
"""

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Quota:
    """What a caller may ask.

    Args:
        calls: calls per window.
        seconds: length of a window.
        window: `aligned` windows are the same for all callers, whenever they come; a `first_call` window begins with
            a caller's first call after the last one ended.
        rounding: how the seconds left are made whole in the header.

    Raises:
        ValueError: if there is no call or no time in it.
    """

    calls: int
    seconds: float
    window: Literal["aligned", "first_call"] = "aligned"
    rounding: Literal["up", "down", "nearest"] = "up"

    def __post_init__(self) -> None:
        if self.calls < 1 or not 0 < self.seconds < math.inf:
            raise ValueError(f"a quota needs at least one call in some time, not {self.calls} in {self.seconds} s")

    @classmethod
    def parse(cls, text: str) -> "Quota":
        """Read `CALLS/SECONDS`, e.g. `1000/300`.

        Raises:
            ValueError: with one sentence that says what is wrong.
        """
        calls, _, seconds = text.partition("/")
        try:
            quota = cls(int(calls), float(seconds))
        except ValueError as error:
            raise ValueError(f"{text!r} is not a quota of CALLS/SECONDS such as 1000/300") from error
        return quota


@dataclass
class Counters:
    """What a server has been asked and has answered since it started.

    `requests` counts all of them, `by_kind` by what was asked for (`listing`, `info`, `history`, `card`, `account`,
    `whoami`, `other`), `by_status` by how it was answered. `throttled` are the answers 429, also those of a fault.
    """

    requests: int = 0
    by_kind: Counter[str] = field(default_factory=Counter)
    by_status: Counter[int] = field(default_factory=Counter)

    @property
    def throttled(self) -> int:
        """How often 429 was answered."""
        return self.by_status[429]


@dataclass(frozen=True)
class RequestSlot:
    """What one call left: whether it is `allowed`, calls `remaining`, and seconds to the `reset` of the window."""

    allowed: bool
    remaining: int
    reset: float


class Limiter:
    """Counts calls against a quota, per caller.

    Args:
        quota: what each caller may ask.
        clock: seconds that never go back.
    """

    def __init__(self, quota: Quota, clock: Callable[[], float] = time.monotonic) -> None:
        self.quota = quota
        self._clock = clock
        self._windows: dict[str, tuple[float, int]] = {}

    def spend(self, caller: str) -> RequestSlot:
        """Count one call. One that finds nothing left is refused and leaves nothing either."""
        now, seconds = self._clock(), self.quota.seconds
        start, used = self._windows.get(caller, (-math.inf, 0))
        if now >= start + seconds:
            start = now if self.quota.window == "first_call" else now // seconds * seconds
            used = 0
        self._windows[caller] = (start, used + 1)
        return RequestSlot(used < self.quota.calls, max(self.quota.calls - used - 1, 0), start + seconds - now)

    def headers(self, remaining: int, reset: float) -> dict[str, str]:
        """Return the two headers that every answer bears; times in them are whole seconds."""
        whole = {"up": math.ceil(reset), "down": math.floor(reset), "nearest": math.floor(reset + 0.5)}
        return {
            "RateLimit": f'"api";r={remaining};t={whole[self.quota.rounding]}',
            "RateLimit-Policy": f'"fixed window";"api";q={self.quota.calls};w={math.ceil(self.quota.seconds)}',
        }

    def refusal(self, address: str, has_token: bool) -> str:
        """Return the text of a 429."""
        if not has_token:
            return (
                f"We had to rate limit your IP ({address}). To continue using our service, create a HF account or "
                "login to your existing account, and make sure you pass a HF_TOKEN if you're using the API."
            )
        minutes = f"{self.quota.seconds / 60:g} minutes"
        return (
            f"We had to rate limit you, you hit the quota of {self.quota.calls} api requests per {minutes} period. "
            "Upgrade to a PRO user or Team/Enterprise organization account (https://hf.co/pricing) to get higher "
            "limits. See https://huggingface.co/docs/hub/rate-limits"
        )
