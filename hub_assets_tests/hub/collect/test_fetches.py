"""Fetches of histories that change between weeks and between pages, against a hand-made Hub."""

import contextlib
import itertools
import random
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.responses import Response

from hub_assets.hub.collect.collection import land
from hub_assets.hub.collect.crawl import Budget
from hub_assets.hub.http.errors import TokenRefused
from hub_assets.lake.parts import Lake
from hub_assets.local_hub.answers import ApiError, error_response
from hub_assets_tests.hub.made import WEEK, Hub, Item, Repo, listed, outcomes, rows, served, state
from hub_assets_tests.hub.tables import COMMITS, HISTORIES

ONE, TWO, THREE = (WEEK + timedelta(weeks=index) for index in range(3))
KEY = ("model", "65a0")


def hub_of(n_commits: int, n_discussions: int = 0, **options: Any) -> tuple[Hub, Repo]:
    repo = Repo("65a0", "acme/one")
    hub = Hub(repo, **options)
    repo.commits = hub.commits(n_commits)
    repo.discussions = hub.discussions(n_discussions)
    hub.publish()
    return hub, repo


def crawled(hub: Hub, lake: Lake, *weeks: date, kind: str = "commits") -> None:
    with served(hub) as client:
        for week in weeks:
            listed(client, lake, week, ("model",))
            land(client, lake, HISTORIES[kind], week)


def history_versions(lake: Lake) -> dict[str, list[tuple[int, int]]]:
    """Return each repository's fetches as pairs of history version and number of commits."""
    fetches: dict[tuple[str, date, int], tuple[int, int]] = {}
    for row in rows(lake, "raw_hub__commits"):
        key = (row["repo_id"], row["snapshot_date"], row["fetch_number"])
        fetches[key] = (row["history_version"], fetches.get(key, (0, 0))[1] + len(row["commits"] or []))
    by_repo: dict[str, list[tuple[int, int]]] = {}
    for repo_id, *when in sorted(fetches):
        by_repo.setdefault(repo_id, []).append(fetches[repo_id, *when])  # type: ignore[index]
    return by_repo


@dataclass(frozen=True)
class Week:
    """A change to a history of `had` commits before the next week, and the expected second fetch.

    `then` builds the new history from the old commits and newly made ones. `read` is the second fetch's history version
    and number of commits, or None if no second fetch is expected. The first fetch reads everything.
    """

    had: int
    then: Callable[[list[Item], Callable[[int], list[Item]]], list[Item]]
    read: tuple[int, int] | None
    sha: str | None = None


WEEKS = {
    "nothing happens": Week(5, lambda old, _new: old, None),
    "the newest commit is never listed": Week(5, lambda old, _new: old, None, sha="f" * 40),
    "commits are added": Week(5, lambda old, new: new(3) + old, (1, 3)),
    "the first commits come": Week(0, lambda _old, new: new(3), (2, 3)),
    "all commits are lost": Week(5, lambda _old, _new: [], (2, 0)),
    "a squash": Week(5, lambda _old, new: new(1), (2, 1)),
    "a squash and one more": Week(5, lambda _old, new: new(2), (2, 2)),
    "a squash and as many more": Week(5, lambda _old, new: new(5), (2, 5)),
    "the newest commit is amended": Week(5, lambda old, new: new(1) + old[1:], (2, 5)),
    "the newest commit is taken back": Week(5, lambda old, _new: old[1:], (2, 4)),
    "the newest commit is replaced by two": Week(5, lambda old, new: new(2) + old[1:], (2, 6)),
    "the two newest commits are replaced by one": Week(5, lambda old, new: new(1) + old[2:], (2, 4)),
    "a rewrite of a long history shows on its third page": Week(9, lambda old, new: new(9) + old[1:], (2, 17)),
    "an older commit is dropped": Week(5, lambda old, new: new(1) + old[:3] + old[4:], (2, 5)),
    "two older commits are dropped": Week(5, lambda old, new: new(1) + old[:1] + old[3:], (2, 4)),
    "a merge brings older commits": Week(5, lambda old, new: new(1) + old[:2] + new(2) + old[2:], (2, 8)),
    "a merge brings the oldest commits": Week(5, lambda old, new: new(1) + old + new(2), (2, 8)),
    "a merge by fast-forward": Week(5, lambda old, new: new(1) + old[:1] + new(9) + old[1:], (2, 15)),
} | {
    # the known head may be at any position on a page of four
    f"{new} commits are added to {had}": Week(
        had,
        lambda old, more, new=new: more(new) + old,  # type: ignore[misc]
        (1, new),
    )
    for had in (1, 3, 4, 5, 8)
    for new in (1, 3, 4, 5, 9)
}


@pytest.fixture(scope="module")
def weeks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, Hub, dict[str, int]]:
    """Run every case in WEEKS, with one repository per case.

    Returns the lake, the Hub, and the number of requests per repository in the second week.
    """
    lake = Lake(tmp_path_factory.mktemp("weeks"))
    hub = Hub(*(Repo(f"65{index:02}", what, sha=week.sha) for index, (what, week) in enumerate(WEEKS.items())), cap=4)
    for repo in hub.repos:
        repo.commits = hub.commits(WEEKS[repo.id].had)
    hub.publish()
    crawled(hub, lake, ONE)
    for repo in hub.repos:
        repo.commits = WEEKS[repo.id].then(repo.commits, hub.commits)
    hub.publish()
    hub.paths.clear()
    crawled(hub, lake, TWO)
    return lake, hub, Counter(path.split("/")[3] for path in hub.paths)


def test_state_matches_source_after_each_type_of_change(weeks: tuple[Lake, Hub, dict[str, int]]) -> None:
    lake, hub, _ = weeks
    assert state(lake, "commits") == hub.state("commits")
    assert set(outcomes(lake, "commits").values()) == {"ok"}


def test_only_a_rewrite_opens_a_new_history_version(weeks: tuple[Lake, Hub, dict[str, int]]) -> None:
    lake, _, _ = weeks
    expected = {what: [(1, week.had), *([week.read] if week.read else [])] for what, week in WEEKS.items()}
    assert history_versions(lake) == expected


def test_only_pages_down_to_known_head_are_requested(weeks: tuple[Lake, Hub, dict[str, int]]) -> None:
    _, hub, asked = weeks
    for repo in hub.repos:
        week = WEEKS[repo.id]
        if week.read is None:
            assert asked[repo.id] == 0, repo.id
        elif week.read[0] == 1:
            # the known head may be on the page after the new commits
            assert asked[repo.id] == week.read[1] // 4 + 1, repo.id
        else:
            assert asked[repo.id] == max(-(-len(repo.commits) // 4), 1), repo.id


def test_last_row_of_fetch_describes_the_history(weeks: tuple[Lake, Hub, dict[str, int]]) -> None:
    lake, hub, _ = weeks
    last = {row["repo_id"]: row for row in rows(lake, "raw_hub__commits") if row["is_last"]}
    for repo in hub.repos:
        row, newest = last[repo.id], repo.commits[0]["id"] if repo.commits else None
        assert (row["head"], row["n_total"], row["listed_sha"]) == (newest, len(repo.commits), repo.row()["sha"])
        assert row["next_path"] is None


MOMENTS = [(kind, at, came) for kind in HISTORIES for at in (1, 2) for came in (1, 2, 49, 50, 51, 120)]


@pytest.mark.slow
def test_items_added_between_pages_are_stored_once_in_the_next_week(lake: Lake) -> None:
    hub = Hub(cap=50)
    for index, (kind, at, came) in enumerate(MOMENTS):
        repo = Repo(f"65{index:02}", f"{kind}/{at}-{came}", commits=hub.commits(130), discussions=hub.discussions(130))
        hub.repos.append(repo)
    hub.publish()
    before = {kind: hub.state(kind) for kind in HISTORIES}

    def push(path: str) -> None:
        for repo, (kind, at, came) in zip(hub.repos, MOMENTS, strict=True):
            if f"/{repo.id}/{kind}" in path and f"p={at}" in path and len(getattr(repo, kind)) == 130:
                getattr(repo, kind)[:0] = getattr(hub, kind)(came)
                hub.publish()

    hub.before = push
    for kind in HISTORIES:
        crawled(hub, lake, ONE, kind=kind)
    assert all(len(getattr(repo, kind)) == 130 + came for repo, (kind, _, came) in zip(hub.repos, MOMENTS, strict=True))
    for kind in HISTORIES:
        assert state(lake, kind) == before[kind]
        crawled(hub, lake, TWO, kind=kind)
        assert state(lake, kind) == hub.state(kind)


@pytest.mark.parametrize("kind", HISTORIES)
def test_items_added_before_every_page_are_not_duplicated(lake: Lake, kind: str) -> None:
    hub, repo = hub_of(130, 130, cap=50)
    before = hub.state(kind)
    came = iter([3, 60, 1, 10])

    def push(path: str) -> None:
        if "p=" in path:
            getattr(repo, kind)[:0] = getattr(hub, kind)(next(came, 0))
            hub.publish()

    hub.before = push
    crawled(hub, lake, ONE, kind=kind)
    assert state(lake, kind) == before


@pytest.mark.parametrize("kind", HISTORIES)
def test_rewrite_between_pages_starts_a_new_fetch(lake: Lake, kind: str) -> None:
    hub = Hub(cap=50)
    for index, left in enumerate((0, 1, 60, 129)):
        repo = Repo(f"65{index}", f"left/{left}", commits=hub.commits(130), discussions=hub.discussions(130))
        hub.repos.append(repo)
    hub.publish()

    def rewrite(path: str) -> None:
        for repo in hub.repos:
            if repo.id in path and "p=2" in path and len(getattr(repo, kind)) == 130:
                setattr(repo, kind, getattr(hub, kind)(int(repo.id.split("/")[1])))
                hub.publish()

    hub.before = rewrite
    crawled(hub, lake, ONE, kind=kind)
    assert state(lake, kind) == hub.state(kind)
    assert sum(row["calls"] for row in rows(lake, f"raw_hub__{kind}")) == len(hub.paths)


def test_history_that_shrinks_at_every_page_still_ends(lake: Lake) -> None:
    hub, repo = hub_of(130, cap=10)

    def shrink(path: str) -> None:
        if "p=1" in path:
            repo.commits.pop()
            hub.publish()

    hub.before = shrink
    crawled(hub, lake, ONE)
    assert outcomes(lake, "commits") == {KEY: "ok"}
    assert len(hub.paths) < 40


@pytest.mark.slow
def test_all_pages_are_read_without_a_total(lake: Lake) -> None:
    hub, repo = hub_of(130, cap=50, counts=False)
    crawled(hub, lake, ONE)
    assert state(lake, "commits") == hub.state("commits")
    repo.commits[:0] = hub.commits(60)
    hub.publish()
    crawled(hub, lake, TWO)
    assert state(lake, "commits") == hub.state("commits")


def test_any_number_of_discussions_is_read_once(lake: Lake) -> None:
    hub = Hub(*(Repo(f"65{number}", f"acme/d{number}") for number in (0, 1, 49, 50, 51, 100, 101)))
    for repo in hub.repos:
        repo.discussions = hub.discussions(int(repo.id.removeprefix("acme/d")))
    hub.publish()
    crawled(hub, lake, ONE, kind="discussions")
    assert state(lake, "discussions") == hub.state("discussions")
    assert len(hub.paths) == sum(max(-(-len(repo.discussions) // 50), 1) for repo in hub.repos)
    assert sum(row["calls"] for row in rows(lake, "raw_hub__discussions")) == len(hub.paths)


def test_discussions_are_read_again_every_week_and_replace_the_state(lake: Lake) -> None:
    hub, repo = hub_of(0, 60)
    crawled(hub, lake, ONE, kind="discussions")
    repo.discussions = [item | {"status": "closed", "numComments": 9} for item in repo.discussions[:55]]
    hub.publish()
    crawled(hub, lake, TWO, kind="discussions")
    assert state(lake, "discussions") == hub.state("discussions")


def test_repeated_page_of_discussions_ends_the_fetch(lake: Lake) -> None:
    hub, _ = hub_of(0, 60)
    body = '{"discussions":[{"num":1}],"count":60,"start":0}'
    hub.before = lambda path: Response(body, media_type="application/json") if "discussions" in path else None
    crawled(hub, lake, ONE, kind="discussions")
    assert len(hub.paths) == 2


def test_interrupted_fetch_resumes_at_its_page(lake: Lake) -> None:
    hub, _ = hub_of(130, cap=50)
    with served(hub) as client:
        listed(client, lake, ONE, ("model",))
        land(client, lake, COMMITS, ONE, budget=Budget(calls=1))
        assert state(lake, "commits") == {}
        land(client, lake, COMMITS, ONE, budget=Budget(calls=1))
        land(client, lake, COMMITS, ONE)
    assert [path.rpartition("?")[2] for path in hub.paths] == ["limit=1000", "p=1&limit=50", "p=2&limit=50"]
    assert state(lake, "commits") == hub.state("commits")


def test_fetch_interrupted_by_end_of_week_starts_over(lake: Lake) -> None:
    hub, repo = hub_of(130, cap=50)
    with served(hub) as client:
        listed(client, lake, ONE, ("model",))
        land(client, lake, COMMITS, ONE, budget=Budget(calls=3))
        repo.commits[:0] = hub.commits(2)
        hub.publish()
        listed(client, lake, TWO, ("model",))
        land(client, lake, COMMITS, TWO)
    assert state(lake, "commits") == hub.state("commits")
    assert len(hub.paths) == 2 + 3


def test_unreadable_page_fails_the_fetch_and_discards_it(lake: Lake) -> None:
    hub, _ = hub_of(130, cap=50)
    with served(hub, attempts=2) as client:
        listed(client, lake, ONE, ("model",))
        hub.before = lambda path: Response("no", 500) if "p=1" in path else None
        manifest = land(client, lake, COMMITS, ONE)
        assert outcomes(lake, "commits") == {KEY: "failed"}
        assert state(lake, "commits") == {}
        (coverage,) = manifest.details["coverage"]
        assert (coverage["n_up_to_date"], coverage["n_failed"]) == (0, 1)
        hub.before = lambda _: None
        (coverage,) = land(client, lake, COMMITS, ONE).details["coverage"]
        assert (coverage["n_up_to_date"], coverage["n_failed"]) == (1, 0)
    assert state(lake, "commits") == hub.state("commits")
    failed = rows(lake, "raw_hub__commits")[1]
    assert (failed["status"], failed["attempts"], failed["calls"], failed["is_last"]) == (500, 2, 2, True)


def test_failed_fetch_keeps_known_history(lake: Lake) -> None:
    hub, repo = hub_of(10, cap=5)
    crawled(hub, lake, ONE)
    known = hub.state("commits")
    repo.commits[:0] = hub.commits(7)
    hub.publish()
    with served(hub, attempts=1) as client:
        listed(client, lake, TWO, ("model",))
        hub.before = lambda path: Response("no", 500) if "p=1" in path else None
        land(client, lake, COMMITS, TWO)
        assert state(lake, "commits") == known
        hub.before = lambda _: None
        land(client, lake, COMMITS, TWO)
    assert state(lake, "commits") == hub.state("commits")
    assert history_versions(lake)["acme/one"][-1] == (1, 7)


def test_invalid_values_are_null_and_counted(lake: Lake) -> None:
    hub, _ = hub_of(0)
    body = (
        '[{"id":7,"title":null,"message":"Co-authored-by: Ada <ada@users.noreply.huggingface.co>","date":"soon",'
        '"authors":[{"user":"ada"},3,{}]},{"id":"b","authors":"none","message":8,"date":"2024-01-01T00:00:00+02:00"}]'
    )
    hub.before = lambda path: Response(body, media_type="application/json") if "commits" in path else None
    crawled(hub, lake, ONE)
    (row,) = rows(lake, "raw_hub__commits")
    first, second = row["commits"]
    assert (first["id"], first["title"], first["date"]) == (None, None, None)
    assert first["authors"] == [{"user": "ada", "has_avatar": False}, {"user": None, "has_avatar": False}]
    assert first["trailers"] == [{"name": "Ada", "handle": "ada"}]
    assert (second["authors"], second["trailers"], str(second["date"])) == ([], [], "2023-12-31 22:00:00")
    assert row["n_type_mismatches"] == 5


SIGNED: dict[str, Item | None] = {
    "Co-authored-by: Ada L. <ada@users.noreply.huggingface.co>": {"name": "Ada L.", "handle": "ada"},
    "co-authored-by:Ada <ada@USERS.noreply.huggingface.co>  ": {"name": "Ada", "handle": "ada"},
    "Co-Authored-By: Ada <ada@private.example>": {"name": "Ada", "handle": None},
    "Co-authored-by: <ada@private.example>": {"name": "", "handle": None},
    "Co-authored-by: Ada": None,
    "Signed-off-by: Ada <ada@private.example>": None,
    "He wrote Co-authored-by: Ada <ada@private.example>": None,
}


def test_only_co_authors_of_a_message_are_stored(lake: Lake) -> None:
    hub, repo = hub_of(0)
    for line in SIGNED:
        repo.commits += hub.commits(1, f"A secret.\r\n\r\n{line}\r\nCo-authored-by: Grace <grace@mail.example>\n")
    hub.publish()
    crawled(hub, lake, ONE)
    (row,) = rows(lake, "raw_hub__commits")
    grace = {"name": "Grace", "handle": None}
    assert [commit["trailers"] for commit in row["commits"]] == [
        [signer, grace] if signer else [grace] for signer in SIGNED.values()
    ]
    held = b"".join(path.read_bytes() for path in lake.root.rglob("*") if path.is_file()) + repr(row).encode()
    assert not any(word in held for word in (b"secret", b"private.example", b"mail.example"))


REFUSAL = error_response(ApiError(401, "Invalid credentials in Authorization header"))
CHANGES = ("nothing", "append", "squash", "merge", "force-push", "restore")


def change(repo: Repo, hub: Hub, what: str, rng: random.Random, past: list[list[Item]]) -> None:
    past.append(list(repo.commits))
    if what == "append":
        repo.commits[:0] = hub.commits(rng.randint(1, 9))
    elif what == "squash":
        repo.commits = hub.commits(1)
    elif what == "merge":
        index = rng.randint(0, len(repo.commits))
        repo.commits = hub.commits(1) + repo.commits[:index] + hub.commits(rng.randint(1, 4)) + repo.commits[index:]
    elif what == "force-push":
        repo.commits = hub.commits(rng.randint(0, 6)) + repo.commits[rng.randint(0, len(repo.commits)) :]
    elif what == "restore":
        repo.commits = list(rng.choice(past))


@pytest.mark.slow
@settings(max_examples=5, deadline=None)
@given(
    weeks=st.lists(
        st.tuples(
            st.lists(st.sampled_from(CHANGES), min_size=16, max_size=16), st.lists(st.integers(1, 20), max_size=2)
        ),
        min_size=2,
        max_size=4,
    ),
    seed=st.integers(0, 2**32),
)
def test_state_matches_source_after_any_changes(weeks: list[tuple[list[str], list[int]]], seed: int) -> None:
    rng = random.Random(seed)
    hub = Hub(*(Repo(f"65{index:02}", f"acme/r{index}") for index in range(16)), cap=4)
    past: dict[str, list[list[Item]]] = {repo.key: [] for repo in hub.repos}
    for repo in hub.repos:
        repo.commits = hub.commits(rng.randint(0, 10))
    with tempfile.TemporaryDirectory() as folder, served(hub) as client:
        lake = Lake(Path(folder))
        for index, (changes, cuts) in enumerate(weeks):
            for repo, what in zip(hub.repos, changes, strict=True):
                change(repo, hub, what, rng, past[repo.key])
            hub.publish()
            week = ONE + timedelta(weeks=index)
            listed(client, lake, week, ("model",))
            for cut in cuts:
                # the crawl is interrupted without a chance to finish the week
                calls = itertools.count(1)
                hub.before = lambda _, n=calls, cut=cut: REFUSAL if next(n) > cut else None  # type: ignore[misc]
                with contextlib.suppress(TokenRefused):
                    land(client, lake, COMMITS, week, workers=3, flush_bytes=rng.choice([1_000, 10**6]))
            hub.before = lambda _: None
            land(client, lake, COMMITS, week, workers=3)
            assert state(lake, "commits") == hub.state("commits")
