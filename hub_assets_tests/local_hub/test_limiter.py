from collections.abc import Callable
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_assets.local_hub.limiter import Limiter, Quota
from hub_assets_tests.local_hub.conftest import Hub


def test_a_quota_is_parsed() -> None:
    assert Quota.parse("1000/300") == Quota(1000, 300)
    assert Quota.parse("20/0.5") == Quota(20, 0.5)


@pytest.mark.parametrize(
    "text", ["", "1000", "1000/", "/300", "0/300", "10/0", "10/-1", "10/inf", "10/nan", "a/b", "1.5/3"]
)
def test_an_invalid_quota_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="is not a valid quota; write CALLS/SECONDS, such as 1000/300"):
        Quota.parse(text)


def test_aligned_windows_are_the_same_for_all_callers() -> None:
    now = 109.0
    limiter = Limiter(Quota(2, 10), clock=lambda: now)
    assert [limiter.spend("a").remaining for _ in range(3)] == [1, 0, 0]
    assert limiter.spend("a").reset == 1.0
    now = 110.0
    slot = limiter.spend("a")
    assert (slot.allowed, slot.remaining, slot.reset) == (True, 1, 10.0)


def test_first_call_windows_start_with_a_call() -> None:
    now = 109.0
    limiter = Limiter(Quota(2, 10, window="first_call"), clock=lambda: now)
    assert limiter.spend("a").reset == 10.0
    now = 112.0
    assert limiter.spend("b").reset == 10.0
    assert limiter.spend("a").reset == 7.0
    assert not limiter.spend("a").allowed
    now = 125.0
    assert limiter.spend("a") == limiter.spend("c")


@pytest.mark.parametrize("window", ["aligned", "first_call"])
@given(power=st.integers(9, 30), before=st.floats(0, 300), later=st.floats(0, 1000))
def test_a_window_never_lasts_longer_than_its_quota_says(
    window: Literal["aligned", "first_call"], power: int, before: float, later: float
) -> None:
    # the end of such a window has fewer binary digits after the point than its start, so it is rounded
    now = 2.0**power - before
    ticks = iter([now, now + later])
    limiter = Limiter(Quota(2, 300, window=window), clock=lambda: next(ticks))
    first, second = limiter.spend("a").reset, limiter.spend("a").reset
    assert first == 300 or window == "aligned"
    assert 0 < first <= 300
    assert 0 < second <= 300


def test_callers_have_separate_quotas() -> None:
    limiter = Limiter(Quota(1, 10), clock=lambda: 1.0)
    assert limiter.spend("a").allowed
    assert not limiter.spend("a").allowed
    assert limiter.spend("b").allowed


@pytest.mark.parametrize(
    ("rounding", "reset", "told"),
    [("up", 1.2, 2), ("down", 1.8, 1), ("nearest", 1.4, 1), ("nearest", 1.5, 2), ("down", 0.9, 0), ("up", 2.0, 2)],
)
def test_seconds_are_made_whole(rounding: str, reset: float, told: int) -> None:
    limiter = Limiter(Quota(5, 0.5, rounding=rounding))  # type: ignore[arg-type]
    assert limiter.headers(3, reset) == {
        "RateLimit": f'"api";r=3;t={told}',
        "RateLimit-Policy": '"fixed window";"api";q=5;w=1',
    }


def test_an_exhausted_quota_is_429_until_the_window_ends(start_hub: Callable[..., Hub]) -> None:
    hub = start_hub(quota=Quota(3, 300, window="first_call"))
    answers = [hub.get("/api/models?limit=1") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer.headers["RateLimit"] for answer in answers] == [f'"api";r={r};t=300' for r in (2, 1, 0, 0, 0)]
    assert answers[-1].json()["error"].startswith("We had to rate limit your IP (127.0.0.1). To continue using our")
    assert hub.counters.throttled == 2

    token = {"authorization": "Bearer hf_one"}
    answers = [hub.get("/api/models?limit=1", headers=token) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert (
        answers[-1]
        .json()["error"]
        .startswith(
            "We had to rate limit you, you hit the quota of 3 api requests per 5 minutes period. Upgrade to a PRO user"
        )
    )
    other = hub.get("/api/models?limit=1", headers={"authorization": "Bearer hf_other"})
    assert other.headers["RateLimit"] == '"api";r=2;t=300'


def test_errors_and_redirects_count_as_calls(start_hub: Callable[..., Hub]) -> None:
    hub = start_hub(quota=Quota(4, 300))
    statuses = [
        hub.get(path).status_code for path in ("/x", "/api/models/gpt2", "/api/models/a/b", "/api/models?limit=x")
    ]
    assert statuses == [404, 307, 401, 400]
    assert hub.get("/api/models").status_code == 429
