"""Crawls with failures (of token, Hub, connection or single repositories), with budgets, and with a watcher."""

import asyncio
import itertools
import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub.constants import HF_HOME
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from hub_assets.hub.collect.collection import land
from hub_assets.hub.collect.crawl import FAILURE_STREAK, Budget, Progress, crawl, rows_of
from hub_assets.hub.collect.response_log import Row
from hub_assets.hub.http.client import HubClient
from hub_assets.hub.http.errors import HubBroken, HubError, TokenRefused
from hub_assets.lake.landing import Landing
from hub_assets.lake.parts import Lake
from hub_assets.local_hub.answers import ApiError, error_response
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.faults import Faults
from hub_assets.local_hub.histories import Histories
from hub_assets.local_hub.limiter import Quota
from hub_assets.local_hub.server import running
from hub_assets.local_hub.simulated import simulate
from hub_assets_tests.hub.made import (
    WEEK,
    Hub,
    Repo,
    listed,
    outcomes,
    rows,
    rows_so_far,
    served,
    state,
    true_outcome,
    truth,
)
from hub_assets_tests.hub.tables import COMMITS, HISTORIES

NEXT = WEEK + timedelta(weeks=1)
TOKEN = "hf_abcdefghijklmnopqrstuvwxyz0123456789"
NOT_VALID = error_response(ApiError(401, "Invalid credentials in Authorization header"))
BARE_401 = error_response(ApiError(401, "Invalid username or password."))
BLOCKED = Response("<html>Request blocked.</html>", 403, media_type="text/html")
DOWN = Response("<html>Service Unavailable</html>", 503, media_type="text/html")


def hub_of(number: int, **options: Any) -> Hub:
    hub = Hub(*(Repo(f"65{index:03}", f"acme/r{index}") for index in range(number)), **options)
    for repo in hub.repos:
        repo.commits, repo.discussions = hub.commits(2), hub.discussions(1)
    hub.publish()
    return hub


def after(hub: Hub, calls: int, answer: ASGIApp) -> None:
    """Have a Hub serve `calls` histories correctly and send the same response to every later request."""
    n_before = len(hub.paths)
    hub.before = lambda path: answer if len(hub.paths) > n_before + calls and "/acme/" in path else None


def slowly(hub: Hub, seconds: float) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(seconds)
        await hub.app(scope, receive, send)

    return answer


@pytest.mark.slow
def test_threads_are_added_while_they_wait_for_responses(tmp_path: Path) -> None:
    hub, asking, most = hub_of(300), 0, 0

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal asking, most
        asking += 1
        most = max(most, asking)
        await slowly(hub, 0.2)(scope, receive, send)
        asking -= 1

    lake = Lake(tmp_path)
    with served(hub) as client:
        listed(client, lake)
        hub.before = lambda _: answer
        land(client, lake, COMMITS, WEEK)
    assert most >= 16


async def dropped(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"900")]})
    await send({"type": "http.response.body", "body": b"[", "more_body": True})
    raise ConnectionResetError


# --- failure streaks ---


@pytest.mark.parametrize(
    ("kind", "token", "answer", "error"),
    [
        ("commits", TOKEN, NOT_VALID, TokenRefused),
        ("commits", TOKEN, BARE_401, HubBroken),
        ("commits", False, BARE_401, HubBroken),
        ("discussions", False, BARE_401, HubBroken),
        ("commits", False, BLOCKED, HubBroken),
        ("discussions", False, BLOCKED, HubBroken),
        ("commits", False, DOWN, HubBroken),
        ("commits", False, Response("<html>", 200), HubBroken),
        ("commits", False, dropped, HubBroken),
    ],
    ids=[
        "token",
        "401s with token",
        "401s",
        "401s of discussions",
        "403s",
        "403s of discussions",
        "503s",
        "HTML",
        "drops",
    ],
)
def test_failure_streak_stops_crawl_and_is_not_kept(
    lake: Lake, kind: str, token: str | bool, answer: ASGIApp, error: type[HubError]
) -> None:
    hub = hub_of(150)
    with served(hub, token, attempts=1) as client:
        listed(client, lake, WEEK, ("model",))
        after(hub, 70, answer)
        with pytest.raises(error):
            land(client, lake, HISTORIES[kind], WEEK, workers=8, outage_backoff=())
        assert len(hub.paths) <= 70 + FAILURE_STREAK + 2 * 8
        written = rows_so_far(lake, f"raw_hub__{kind}", WEEK)
        assert len(written) == 70
        assert {row["outcome"] for row in written} == {"ok"}
        # an outage leaves an incomplete but valid week; a rejected token leaves none, because it has to be fixed first
        assert lake.weeks(f"raw_hub__{kind}") == ([] if error is TokenRefused else [WEEK])
        hub.before = lambda _: None
        hub.paths.clear()
        manifest = land(client, lake, HISTORIES[kind], WEEK)
    assert len(hub.paths) == 80
    assert manifest.details["is_complete"]
    assert state(lake, kind) == hub.state(kind)


@dataclass(frozen=True)
class Question:
    answer: str
    kind: str = "model"
    has_failed: bool = False


def test_slow_good_responses_to_earlier_questions_do_not_break_failure_streak(lake: Lake) -> None:
    missing, in_mid_streak, answered = itertools.count(1), threading.Event(), threading.Event()

    def ask(question: Question) -> Iterator[Row]:
        if question.answer == "slow":
            assert in_mid_streak.wait(120)
        elif question.answer == "gone" and next(missing) > FAILURE_STREAK // 2:
            in_mid_streak.set()
            assert answered.wait(120)
        gone = question.answer == "gone"
        yield {"outcome": "gone" if gone else "ok", "status": 401 if gone else 200, "calls": 1}
        if question.answer == "slow":
            answered.set()

    questions = [Question("good"), Question("slow"), *[Question("gone")] * 100]
    table = "raw_hub__commits"
    with served(hub_of(1)) as client, Landing(lake, table, WEEK, rows_of(COMMITS.schema, WEEK)) as landing:
        with pytest.raises(HubBroken, match="consecutive responses look like a failing Hub or token"):
            crawl(client, landing, questions, ask, Progress("test", 102), workers=3)
        assert in_mid_streak.is_set()
        assert [row["outcome"] for row in rows_so_far(lake, table, WEEK)] == ["ok", "ok"]


def test_slow_first_response_does_not_hold_up_the_others(lake: Lake) -> None:
    others = threading.Event()

    def ask(question: Question) -> Iterator[Row]:
        if question.answer == "slow":
            assert others.wait(60)
        else:
            others.set()
        yield {"outcome": "ok", "status": 200, "calls": 1}

    table = "raw_hub__commits"
    with served(hub_of(1)) as client, Landing(lake, table, WEEK, rows_of(COMMITS.schema, WEEK)) as landing:
        questions = [Question("slow", "dataset"), Question("good")]
        crawl(client, landing, questions, ask, Progress("test", 2))
    assert [row["outcome"] for row in rows_so_far(lake, table, WEEK)] == ["ok", "ok"]


def test_failure_streak_error_says_what_to_do(lake: Lake) -> None:
    hub = hub_of(40)
    with served(hub, attempts=1) as client:
        listed(client, lake, WEEK, ("model",))
        after(hub, 0, BARE_401)
        words = r"20 consecutive responses .* Invalid username or password\.\. They were discarded; run the crawl again"
        with pytest.raises(HubBroken, match=words):
            land(client, lake, COMMITS, WEEK)
    assert rows_so_far(lake, "raw_hub__commits", WEEK) == []


# --- single repositories ---


@pytest.mark.parametrize(
    ("kind", "token", "status", "code"), [("commits", False, 401, None), ("discussions", TOKEN, 404, "RepoNotFound")]
)
def test_missing_repositories_are_gone(lake: Lake, kind: str, token: str | bool, status: int, code: str | None) -> None:
    hub = hub_of(30)
    with served(hub, token) as client:
        listed(client, lake, WEEK, ("model",))
        gone = [hub.repos.pop(index) for index in (29, 15, 0)]
        hub.publish()
        assert land(client, lake, HISTORIES[kind], WEEK).details["outcomes"] == {"ok": 27, "gone": 3}
        # repositories at the end of a crawl also count as gone, although no good response follows them
        for row in rows(lake, f"raw_hub__{kind}"):
            if row["repo_key"] in {repo.key for repo in gone}:
                assert (row["outcome"], row["status"], row["error_code"]) == ("gone", status, code)
                assert (row[kind], row["n_total"], row["history_version"], row["is_last"]) == (None, None, 0, True)
        hub.paths.clear()
        assert land(client, lake, HISTORIES[kind], WEEK).details["is_complete"]
    assert hub.paths == []


def test_single_401_with_token_is_a_failure(lake: Lake) -> None:
    hub = hub_of(30)
    with served(hub, TOKEN) as client:
        listed(client, lake, WEEK, ("model",))
        hub.before = lambda path: BARE_401 if "/acme/r7/" in path else None
        assert land(client, lake, COMMITS, WEEK).details["outcomes"] == {"ok": 29, "failed": 1}
        hub.before = lambda _: None
        assert land(client, lake, COMMITS, WEEK).details["outcomes"] == {"ok": 1}


@pytest.mark.parametrize(("status", "attempts"), [(500, 3), (418, 1)])
def test_unreadable_repository_fails_and_is_retried(lake: Lake, status: int, attempts: int) -> None:
    hub = hub_of(30)
    with served(hub, attempts=3) as client:
        listed(client, lake, WEEK, ("model",))
        hub.before = lambda path: Response("no", status) if "/acme/r7/" in path else None
        for run in (1, 2):
            hub.paths.clear()
            manifest = land(client, lake, COMMITS, WEEK)
            assert len(hub.paths) == (29 if run == 1 else 0) + attempts
            assert manifest.details["outcomes"] == ({"ok": 29, "failed": 1} if run == 1 else {"failed": 1})
            (coverage,) = manifest.details["coverage"]
            assert (coverage["n_up_to_date"], coverage["outcomes"]["failed"]) == (29, 1)
        row = rows(lake, "raw_hub__commits")[-1]
        assert (row["outcome"], row["status"], row["attempts"], row["calls"]) == ("failed", status, attempts, attempts)
        hub.before = lambda _: None
        listed(client, lake, NEXT, ("model",))
        manifest = land(client, lake, COMMITS, NEXT)
    assert (manifest.details["calls"], manifest.details["is_complete"]) == (1, True)
    assert state(lake, "commits") == hub.state("commits")


def test_many_permanent_failures_do_not_stop_a_rerun(lake: Lake) -> None:
    hub = hub_of(120)
    with served(hub, attempts=1) as client:
        listed(client, lake, WEEK, ("model",))
        hub.before = lambda path: Response("no", 500) if path.split("/")[4] in BROKEN else None
        for _ in range(2):
            manifest = land(client, lake, COMMITS, WEEK)
            assert sum(row["outcomes"].get("failed", 0) for row in manifest.details["coverage"]) == len(BROKEN)
        assert len(rows(lake, "raw_hub__commits")) == 120 + len(BROKEN)


BROKEN = {f"r{index}" for index in range(0, 120, 4)}


# --- history types that a source does not have ---


@pytest.mark.parametrize("kind", HISTORIES)
def test_missing_history_type_is_requested_once_and_never_planned_again(lake: Lake, kind: str) -> None:
    hub = hub_of(20)
    for index, repo in enumerate(hub.repos):
        repo.kind = ("model", "dataset", "space")[index % 3]
    hub.publish()
    hub.population.histories["dataset"] = Histories()
    with served(hub) as client:
        for week in (WEEK, NEXT):
            listed(client, lake, week)
            hub.paths.clear()
            manifest = land(client, lake, HISTORIES[kind], week, workers=16)
            assert manifest.details["is_complete"]
            asked = sum("/datasets/" in path for path in hub.paths)
            assert asked == (1 if week == WEEK else 0)
            (datasets,) = (row for row in manifest.details["coverage"] if row["repo_type"] == "dataset")
            assert (datasets["n_calls"], datasets["outcomes"]) == (0, {"not_asked": 7})
    assert {outcome for repo, outcome in outcomes(lake, kind).items() if repo[0] == "dataset"} == {"not_asked"}
    assert {repo[0] for repo in state(lake, kind)} == {"model", "space"}


# --- the token ---


def test_token_is_never_written(lake: Lake, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    hub = hub_of(60)
    with served(hub, TOKEN, attempts=2) as client:
        listed(client, lake, WEEK, ("model",))
        hub.before = lambda path: Response("no", 500) if "/acme/r7/" in path else None
        for kind in HISTORIES:
            land(client, lake, HISTORIES[kind], WEEK)
            after(hub, 0, NOT_VALID)
            with pytest.raises(TokenRefused) as caught:
                land(client, lake, HISTORIES[kind], WEEK, refresh=True)
            hub.before = lambda _: None
            assert TOKEN not in repr(caught.value) + str(caught.value)
            assert TOKEN not in repr(lake.manifest(f"raw_hub__{kind}", WEEK))
            # Parquet may compress text, so the decoded values are searched as well
            assert TOKEN not in repr(rows(lake, f"raw_hub__{kind}"))
    files = [path for root in (lake.root, Path(HF_HOME)) for path in root.rglob("*") if path.is_file()]
    assert len(files) > 8
    assert not [path for path in files if TOKEN.encode() in path.read_bytes()]
    assert len(caplog.records) > 100
    assert not [record for record in caplog.records if TOKEN in record.getMessage() + repr(vars(record))]


# --- budgets ---


def test_call_budget_is_respected_and_reruns_complete_the_crawl(lake: Lake) -> None:
    hub = hub_of(100)
    with served(hub) as client:
        listed(client, lake, WEEK, ("model",))
        for known in (30, 60, 90, 100):
            hub.paths.clear()
            manifest = land(client, lake, COMMITS, WEEK, budget=Budget(calls=30), workers=16)
            assert len(hub.paths) == manifest.details["calls"] == min(30, known - (known - 1) // 30 * 30)
            (models,) = (row for row in manifest.details["coverage"] if row["repo_type"] == "model")
            assert (models["n_selected"], models["n_up_to_date"], models["n_calls"]) == (100, known, 100 - known)
            assert models["outcomes"].get("not_asked", 0) == 100 - known
            assert manifest.details["is_complete"] == (known == 100)
            assert len(state(lake, "commits")) == known
    assert state(lake, "commits") == hub.state("commits")


def test_budget_overshoots_by_at_most_the_number_of_workers(lake: Lake) -> None:
    hub = hub_of(60, cap=1, faults=Faults.parse(["500@5"]))
    with served(hub) as client:
        listed(client, lake, WEEK, ("model",))
        hub.paths.clear()
        manifest = land(client, lake, COMMITS, WEEK, budget=Budget(calls=50), workers=8)
        assert 50 - 8 <= len(hub.paths) <= 50 + 8
        assert manifest.details["calls"] == len(hub.paths)
        assert land(client, lake, COMMITS, WEEK).details["is_complete"]
    assert state(lake, "commits") == hub.state("commits")


def test_exhausted_budget_sends_no_requests(lake: Lake) -> None:
    hub = hub_of(10)
    with served(hub) as client:
        listed(client, lake, WEEK, ("model",))
        past = client.now() - timedelta(seconds=1)
        for budget in (Budget(until=past), Budget(calls=0)):
            manifest = land(client, lake, COMMITS, WEEK, budget=budget)
            assert (manifest.details["calls"], manifest.details["is_complete"]) == (0, False)
        # the end of the week is a deadline too
        earlier = WEEK - timedelta(weeks=1)
        listed(client, lake, earlier, ("model",))
        assert land(client, lake, COMMITS, earlier).details["calls"] == 0
    assert hub.paths == []


def test_time_budget_stops_running_crawl(lake: Lake) -> None:
    hub = hub_of(60)
    with served(hub) as client:
        listed(client, lake, WEEK, ("model",))
        slow = slowly(hub, 0.05)
        hub.before = lambda _: slow
        began = time.monotonic()
        until = client.now() + timedelta(seconds=0.6)
        manifest = land(client, lake, COMMITS, WEEK, budget=Budget(until=until), workers=2)
        assert time.monotonic() - began > 0.5
    # two workers get at most 20 responses per second each
    assert 1 <= manifest.details["calls"] <= 2 * 20
    assert not manifest.details["is_complete"]


# --- progress and interruption ---


def test_watch_receives_progress(lake: Lake) -> None:
    hub = hub_of(40)
    reports: list[str] = []
    with served(hub) as client:
        listed(client, lake, WEEK, ("model",))
        slow = slowly(hub, 0.1)
        hub.before = lambda _: slow
        last: list[Progress] = []

        def watch(progress: Progress) -> None:
            reports.append(str(progress))
            last[:] = [progress]

        land(client, lake, COMMITS, WEEK, workers=4, watch=watch)
    assert len(reports) >= 2
    assert "of 40 (" in reports[0]
    assert (last[0].planned, last[0].done, last[0].calls, last[0].outcomes) == (40, 40, 40, {"ok": 40})
    assert last[0].is_over
    assert last[0].rate > 0


def test_crawl_can_be_interrupted_while_waiting_for_next_window(lake: Lake) -> None:
    hub = hub_of(60, quota=Quota(20, 600))
    with running(hub) as url:
        client = HubClient(url, False)
        client.contact()
        listed(client, lake, WEEK, ("model",))

        def watch(progress: Progress) -> None:
            if progress.calls >= 10 and progress.seconds > 0.8:
                raise KeyboardInterrupt

        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            land(client, lake, COMMITS, WEEK, workers=8, watch=watch)
        # the window would have lasted another 600 s
        assert time.monotonic() - began < 60
    written = rows_so_far(lake, "raw_hub__commits", WEEK)
    assert len(written) == len(hub.paths) < 20
    assert hub.counters.throttled == 0


def test_own_exception_stops_crawl_and_is_raised(lake: Lake) -> None:
    hub = hub_of(1)
    with served(hub) as client, Landing(lake, "raw_hub__commits", WEEK, rows_of(COMMITS.schema, WEEK)) as landing:

        def ask(_: Question) -> Iterator[Row]:
            yield {"divided": len(client.get("/api/models?limit=1").body) // 0}

        with pytest.raises(ZeroDivisionError):
            crawl(client, landing, [Question("none")] * 500, ask, Progress("test", 500), workers=8)
    assert hub.counters.requests < 30


@pytest.mark.slow
def test_slow_responses_use_all_workers_and_no_more(lake: Lake) -> None:
    hub = hub_of(110)
    together, most, lock = 0, 0, threading.Lock()

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal together, most
        with lock:
            together += 1
            most = max(most, together)
        await asyncio.sleep(0.15)
        await hub.app(scope, receive, send)
        with lock:
            together -= 1

    with served(hub) as client:
        listed(client, lake, WEEK, ("model",))
        hub.before = lambda _: answer
        land(client, lake, COMMITS, WEEK, workers=16)
    assert most == 16


# --- faults ---


@pytest.mark.slow
def test_rows_are_the_same_despite_faults(lake: Lake) -> None:
    simulation = simulate(WEEK, scale=0.001)
    specs = ["500@20", "drop@50", "429@301", "429-no-headers@701", "429-other@61", "slow:0.05@31", "not-json@71"]
    app = build_app(simulation.population(), quota=Quota(100_000, 1), faults=Faults.parse(specs))
    retries: Counter[str] = Counter()
    with running(app) as url:
        client = HubClient(url, False, backoff=0.01)
        listed(client, lake, WEEK)
        for kind in HISTORIES:
            before = app.state.counters.by_kind["history"]
            details = land(client, lake, HISTORIES[kind], WEEK).details
            calls = app.state.counters.by_kind["history"] - before
            assert details["is_complete"]
            assert details["calls"] == sum(row["calls"] for row in rows(lake, f"raw_hub__{kind}"))
            # a kept-alive connection can break before its request arrives
            assert calls <= details["calls"] <= calls + 2
            retries.update(details["retries"])
            retries["throttled"] += details["throttled"]
    assert retries["500"] >= 50, retries
    assert min(retries[cause] for cause in ("RemoteProtocolError", "not JSON", "429", "throttled")) >= 10, retries
    for kind in HISTORIES:
        assert state(lake, kind) == truth(simulation, kind)
        assert outcomes(lake, kind) == {
            (repo_type, repo["_id"]): true_outcome(repo, kind)
            for repo_type, repos in simulation.repos.items()
            for repo in repos.to_pylist()
        }
        assert {row["fetch_number"] for row in rows(lake, f"raw_hub__{kind}")} == {1}
