"""The pacer against a simulated server with a fixed window: it uses the full quota and never gets a 429."""

import heapq
import math
import random
import threading
from collections import deque
from dataclasses import dataclass
from typing import Any

import pytest
from huggingface_hub.utils import RateLimitInfo
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_assets.hub.http.pacing import PacerClosed, RequestPacer
from hub_assets.hub.http.window import DOCUMENTED_WINDOW, WindowEstimate


@dataclass
class FixedWindow:
    """A server that counts requests in windows, which are aligned to a phase or start with the first call."""

    quota: int
    seconds: float
    is_aligned: bool
    phase: float
    rounding: str
    start: float = -math.inf
    used: int = 0
    throttled: int = 0
    served: int = 0

    def ask(self, now: float) -> tuple[int, RateLimitInfo]:
        if self.is_aligned:
            start = math.floor((now - self.phase) / self.seconds) * self.seconds + self.phase
        else:
            start = now if now >= self.start + self.seconds else self.start
        if start != self.start:
            self.start, self.used = start, 0
        left = self.start + self.seconds - now
        t = {"up": math.ceil(left), "down": math.floor(left), "nearest": round(left)}[self.rounding]
        status = 200 if self.used < self.quota else 429
        self.used = min(self.quota, self.used + 1)
        self.served += status == 200
        self.throttled += status == 429
        return status, RateLimitInfo("api", self.quota - self.used, t, self.quota, int(self.seconds))


def crawl(server: FixedWindow, workers: int, until: float, latency: "random.Random", slowest: float) -> WindowEstimate:
    """Have workers send requests as fast as the estimate allows, until a virtual time."""
    estimate = WindowEstimate()
    idle = deque(range(workers))
    events: list[tuple[float, int, str, Any]] = []
    number, now = 0, 0.0
    while now < until:
        while idle and estimate.delay(now) <= 0:
            idle.popleft()
            number += 1
            arrives = now + latency.uniform(0.0005, slowest)
            heapq.heappush(events, (arrives, number, "arrives", estimate.send(now)))
        wait = estimate.delay(now) if idle else math.inf
        if events and events[0][0] <= now + wait:
            now, _, what, content = heapq.heappop(events)
            number += 1
            if what == "arrives":
                answer = (content, *server.ask(now))
                heapq.heappush(events, (now + latency.uniform(0.0005, slowest), number, "answers", answer))
            else:
                slot, status, limit = content
                estimate.receive(slot, now, status, limit)
                idle.append(0)
        else:
            now += wait
    return estimate


@settings(max_examples=200, deadline=None)
@given(
    quota=st.integers(5, 200),
    is_aligned=st.booleans(),
    rounding=st.sampled_from(["up", "down", "nearest"]),
    phase=st.floats(0, 2),
    workers=st.integers(1, 16),
    slowest=st.floats(0.001, 0.3),
    seed=st.integers(0, 2**32),
)
def test_never_gets_a_429(
    quota: int, is_aligned: bool, rounding: str, phase: float, workers: int, slowest: float, seed: int
) -> None:
    server = FixedWindow(quota, 2.0, is_aligned, phase, rounding)
    crawl(server, workers, until=30.0, latency=random.Random(seed), slowest=slowest)
    assert server.throttled == 0
    # latency limits the number of requests, because each one occupies a worker for up to two trips
    possible = min(quota / 2.0, workers / (2 * slowest)) * 30.0
    assert server.served >= 0.6 * possible


@pytest.mark.parametrize("rounding", ["up", "down", "nearest"])
@pytest.mark.parametrize("is_aligned", [True, False])
def test_uses_long_window_fully(is_aligned: bool, rounding: str) -> None:
    server = FixedWindow(1000, 300.0, is_aligned, 41.0, rounding)
    crawl(server, 8, until=3000.0, latency=random.Random(1), slowest=0.05)
    assert server.throttled == 0
    assert server.served >= 9 * 1000


def test_a_429_without_headers_waits_a_whole_window() -> None:
    estimate = WindowEstimate()
    estimate.receive(estimate.send(0.0), 0.1, 429, None)
    assert estimate.delay(1.0) == pytest.approx(DOCUMENTED_WINDOW - 0.9)
    estimate.receive(estimate.send(301.0), 301.1, 200, RateLimitInfo("api", 9, 2, 10, 2))
    estimate.receive(estimate.send(301.2), 301.3, 429, None)
    assert estimate.delay(301.3) == pytest.approx(2.0)


def test_a_server_without_headers_is_not_paced() -> None:
    estimate = WindowEstimate()
    slot = estimate.send(0.0)
    assert estimate.delay(0.0) == math.inf
    estimate.receive(slot, 0.1, 200, None)
    for _ in range(100):
        assert estimate.delay(0.2) == 0
        estimate.send(0.2)


def test_a_lost_request_counts_as_spent() -> None:
    estimate = WindowEstimate()
    estimate.receive(estimate.send(0.0), 0.1, 200, RateLimitInfo("api", 1, 100, 10, 300))
    estimate.lose(estimate.send(0.2), 0.25)
    assert estimate.delay(0.3) > 90


def test_close_cancels_waiting_threads() -> None:
    pacer = RequestPacer()
    pacer.acquire()
    outcomes: list[type[BaseException]] = []

    def wait() -> None:
        try:
            pacer.acquire()
        except PacerClosed as error:
            outcomes.append(type(error))

    threads = [threading.Thread(target=wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    pacer.close()
    for thread in threads:
        thread.join(5)
    assert outcomes == [PacerClosed] * 3
    with pytest.raises(PacerClosed):
        pacer.pause(60)
