"""A crawl uses every rate-limit window fully and never gets a 429, as counted by the Hub.

All cases run at the same time, each as a crawl in its own process against its own Hub. The crawls never retry, so a
second attempt cannot hide a 429.
"""

import shutil
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest
from starlette.types import Receive, Scope, Send

from hub_assets.hub.collect.collection import land
from hub_assets.hub.collect.crawl import Budget
from hub_assets.hub.http.client import HubClient
from hub_assets.lake.parts import Lake
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.limiter import Counters, Quota
from hub_assets.local_hub.population import Population
from hub_assets.local_hub.server import running
from hub_assets.local_hub.simulated import simulate
from hub_assets_tests.hub.made import PLENTY, listed
from hub_assets_tests.hub.tables import COMMITS
from hub_assets_tests.killing import ended, started

WEEK = date(2026, 11, 16)
# six crawls at 30 calls per second each are slow enough for a busy machine
CALLS, SECONDS = 60, 2.0
LEARNT = 1
"""The window in which a crawl starts is not checked, because it may be half over."""


@dataclass(frozen=True)
class Case:
    """A Hub variant, the number of windows to check, and the share of each window that must be used."""

    window: str
    rounding: str
    latency: float
    windows: int
    share: float

    @property
    def wait(self) -> float:
        """The share of time lost if windows start with the first call: a crawl sees a window's end one trip late."""
        return 1 - SECONDS / (SECONDS + self.latency) if self.window == "first_call" else 0.0


CASES = [
    Case("aligned", "up", 0.0, 20, 0.98),
    Case("aligned", "down", 0.1, 20, 0.95),
    Case("first_call", "nearest", 0.0, 20, 0.98),
    Case("first_call", "up", 0.1, 20, 0.95),
    Case("aligned", "nearest", 0.1, 16, 0.95),
    Case("first_call", "down", 0.0, 16, 0.98),
]
STUMBLES = 0.08
"""The share of the overall quota that a busy machine may cost; most runs lose nothing."""


@dataclass
class Watched:
    """A Hub that records the time of each request."""

    case: Case
    population: Population
    asked_at: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        quota = Quota(CALLS, SECONDS, self.case.window, self.case.rounding)  # type: ignore[arg-type]
        self._app = build_app(self.population, quota=quota, latency=self.case.latency)
        self.counters: Counters = self._app.state.counters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.asked_at.append(time.monotonic())
        await self._app(scope, receive, send)

    def windows(self) -> list[tuple[int, float]]:
        """Return each window's number of calls and the seconds until the next window started; skip the last window."""
        starts, counts = [-SECONDS], Counter[float]()
        for moment in self.asked_at:
            if moment >= starts[-1] + SECONDS:
                starts.append(moment if self.case.window == "first_call" else moment // SECONDS * SECONDS)
            counts[starts[-1]] += 1
        return [(counts[start], following - start) for start, following in pairwise(starts[1:])]


def collect(url: str, root: str, calls: int) -> None:
    """Crawl in a separate process."""
    client = HubClient(url, "hf_paced", attempts=1)
    client.contact()
    land(client, Lake(Path(root)), COMMITS, WEEK, budget=Budget(calls=calls))


@pytest.fixture(scope="module")
def hubs(tmp_path_factory: pytest.TempPathFactory) -> dict[Case, Watched]:
    """Run all cases."""
    population = simulate(WEEK).population()
    lake = Lake(tmp_path_factory.mktemp("listed"))
    with running(build_app(population, quota=PLENTY)) as url:
        listed(HubClient(url, False), lake, WEEK)
    hubs = {case: Watched(case, population) for case in CASES}
    with ExitStack() as stack:
        crawls = []
        for index, (case, hub) in enumerate(hubs.items()):
            root = tmp_path_factory.mktemp("case") / str(index)
            shutil.copytree(lake.root, root)
            calls = (LEARNT + case.windows + 1) * CALLS
            crawls.append(started(collect, stack.enter_context(running(hub)), str(root), calls))
        for crawl in crawls:
            ended(crawl, None)
    return hubs


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.window}, {case.rounding}, {case.latency:.1f} s")
def test_every_window_is_used_fully_without_a_429(hubs: dict[Case, Watched], case: Case) -> None:
    hub = hubs[case]
    counted = hub.windows()[LEARNT : LEARNT + case.windows]
    assert len(counted) == case.windows
    assert hub.counters.throttled == 0
    calls, seconds = (sum(values) for values in zip(*counted, strict=True))
    of_quota, of_time = calls / case.windows / CALLS, calls / seconds / (CALLS / SECONDS)
    print(f"{case}: {of_quota:.2%} of its windows' quota, {of_time:.2%} of the quota for the elapsed time")
    assert median(n for n, _ in counted) / CALLS >= case.share, counted
    assert of_quota >= case.share - STUMBLES, counted
    assert of_time >= case.share - case.wait - STUMBLES, counted
