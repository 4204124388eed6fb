"""The Hub's rate limits: a number of calls per fixed window for each token or address, reported in two headers.

This module counts calls and composes headers and messages. Identifying callers belongs in `middleware`, and all other
responses belong in `app`. As on the Hub, requests for repository files, such as cards, have a limit of their own.
"""

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from hub_assets.vocabulary import Bucket


@dataclass(frozen=True)
class Quota:
    """The rate limit of each caller.

    Args:
        calls: calls per window.
        seconds: length of a window.
        window: `aligned` windows are the same for all callers; a `first_call` window begins with a caller's first call
            after the previous window ended.
        rounding: how the header rounds the remaining seconds.

    Raises:
        ValueError: if `calls` is less than 1, or `seconds` is not positive and finite.
    """

    calls: int
    seconds: float
    window: Literal["aligned", "first_call"] = "aligned"
    rounding: Literal["up", "down", "nearest"] = "up"

    def __post_init__(self) -> None:
        if self.calls < 1 or not 0 < self.seconds < math.inf:
            raise ValueError(
                f"a quota needs at least one call and a positive time, not {self.calls} in {self.seconds} s"
            )

    @classmethod
    def parse(cls, text: str) -> "Quota":
        """Parse `CALLS/SECONDS`, e.g. `1000/300`.

        Raises:
            ValueError: if the text is malformed; the message is a single sentence.
        """
        calls, _, seconds = text.partition("/")
        try:
            quota = cls(int(calls), float(seconds))
        except ValueError as error:
            raise ValueError(f"{text!r} is not a valid quota; write CALLS/SECONDS, such as 1000/300") from error
        return quota


@dataclass
class Counters:
    """Requests and responses of a server since it started.

    `requests` is the total, `by_kind` counts requests by type (`listing`, `info`, `history`, `card`, `account`,
    `whoami`, `other`), and `by_status` counts responses by status. `throttled` counts 429 responses, including injected
    ones.
    """

    requests: int = 0
    by_kind: Counter[str] = field(default_factory=Counter)
    by_status: Counter[int] = field(default_factory=Counter)

    @property
    def throttled(self) -> int:
        """Number of 429 responses."""
        return self.by_status[429]


@dataclass(frozen=True)
class Allowance:
    """The result of a call: whether it is `allowed`, how many calls are `remaining`, and seconds until the `reset`."""

    allowed: bool
    remaining: int
    reset: float


class Limiter:
    """Counts calls against a quota, per caller.

    Args:
        quota: the rate limit of each caller.
        clock: a monotonic clock in seconds.
        bucket: the name of the limit in headers and messages.
    """

    def __init__(self, quota: Quota, clock: Callable[[], float] = time.monotonic, bucket: Bucket = "api") -> None:
        self.quota = quota
        self._bucket = bucket
        self._clock = clock
        self._windows: dict[str, tuple[float, int]] = {}

    def spend(self, caller: str) -> Allowance:
        """Count a call. If the quota is used up, the call is refused but still counts."""
        now, seconds = self._clock(), self.quota.seconds
        start, used = self._windows.get(caller, (-math.inf, 0))
        if now >= start + seconds:
            start = now if self.quota.window == "first_call" else now // seconds * seconds
            used = 0
        self._windows[caller] = (start, used + 1)
        return Allowance(used < self.quota.calls, max(self.quota.calls - used - 1, 0), seconds - (now - start))

    def headers(self, remaining: int, reset: float) -> dict[str, str]:
        """Return the two rate-limit headers that every response carries, with times in whole seconds."""
        whole = {"up": math.ceil(reset), "down": math.floor(reset), "nearest": math.floor(reset + 0.5)}
        seconds = math.ceil(self.quota.seconds)
        return {
            "RateLimit": f'"{self._bucket}";r={remaining};t={whole[self.quota.rounding]}',
            "RateLimit-Policy": f'"fixed window";"{self._bucket}";q={self.quota.calls};w={seconds}',
        }

    def refusal(self, address: str, has_token: bool) -> str:
        """Return the message of a 429 response."""
        if not has_token:
            return (
                f"We had to rate limit your IP ({address}). To continue using our service, create a HF account or "
                "login to your existing account, and make sure you pass a HF_TOKEN if you're using the API."
            )
        minutes = f"{self.quota.seconds / 60:g} minutes"
        return (
            f"We had to rate limit you, you hit the quota of {self.quota.calls} {self._bucket} requests per "
            f"{minutes} period. Upgrade to a PRO user or Team/Enterprise organization account (https://hf.co/pricing) "
            "to get higher limits. See https://huggingface.co/docs/hub/rate-limits"
        )
