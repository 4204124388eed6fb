"""Weeks of commits and discussions from the simulated Hub, compared with the simulation."""

import contextlib
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from hub_assets.hub.collect.collection import RefreshRefused, land
from hub_assets.hub.http.client import HubClient
from hub_assets.hub.http.errors import TokenRefused
from hub_assets.lake.parts import Lake
from hub_assets.local_hub.answers import ApiError, error_response
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.limiter import Counters
from hub_assets.local_hub.simulated import Simulation, simulate
from hub_assets_tests.hub.made import (
    PLENTY,
    Hub,
    Item,
    Repo,
    State,
    listed,
    outcomes,
    rows,
    rows_so_far,
    served,
    state,
    true_outcome,
    truth,
)
from hub_assets_tests.hub.tables import COMMITS, DISCUSSIONS, HISTORIES
from hub_assets_tests.killing import ended, started

ONE, TWO = date(2026, 11, 9), date(2026, 11, 16)
REFUSAL = error_response(ApiError(401, "Invalid credentials in Authorization header"))


@contextmanager
def serving(simulation: Simulation) -> Iterator[tuple[HubClient, Counters]]:
    app = build_app(simulation.population(), quota=PLENTY)
    with served(app) as client:
        app.state.counters.requests = 0
        yield client, app.state.counters


def crawled(simulation: Simulation, lake: Lake, week: date | None = None) -> None:
    with serving(simulation) as (client, _):
        listed(client, lake, week or simulation.week)
        for kind in HISTORIES:
            land(client, lake, HISTORIES[kind], week or simulation.week)


def listed_rows(simulation: Simulation) -> dict[tuple[str, str], Item]:
    return {(kind, row["_id"]): row for kind, table in simulation.repos.items() for row in table.to_pylist()}


def contents(lake: Lake) -> dict[str, bytes]:
    return {str(path.relative_to(lake.root)): path.read_bytes() for path in lake.root.rglob("*") if path.is_file()}


# --- one week of everything ---


@pytest.fixture(scope="module")
def first() -> Simulation:
    return simulate(ONE)


@pytest.fixture(scope="module")
def true(first: Simulation) -> dict[str, State]:
    return {kind: truth(first, kind) for kind in HISTORIES}


@dataclass(frozen=True)
class Collected:
    """A lake, and counts of its journals' bytes and of the text in them that must not be stored."""

    lake: Lake
    in_journals: Counter[str]


def collect(url: str, root: Path, kind: str) -> None:
    """Crawl in a separate process."""
    client = HubClient(url, False)
    client.contact()
    land(client, Lake(root), HISTORIES[kind], ONE, flush_bytes=2**20)


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory, first: Simulation) -> Collected:
    """Collect commits and discussions at the same time, in two processes that share a window."""
    lake = Lake(tmp_path_factory.mktemp("first"))
    found = Collected(lake, Counter())
    with serving(first) as (client, counters):
        listed(client, lake, ONE)
        crawls = [started(collect, client.endpoint, lake.root, kind) for kind in HISTORIES]
        while any(crawl.is_alive() for crawl in crawls):
            for path in lake.root.glob("*/*/journal-*.log"):
                with contextlib.suppress(FileNotFoundError):
                    journal = path.read_bytes()
                    found.in_journals["bytes"] += len(journal)
                    for word in ("o-authored-by", "@", "mail.example"):
                        found.in_journals[word] += journal.count(word.encode())
            time.sleep(0.2)
        for crawl in crawls:
            ended(crawl, None)
        manifests = [lake.manifest(f"raw_hub__{kind}", ONE) for kind in HISTORIES]
        calls = sum(manifest.details["calls"] for manifest in manifests)
        # on a busy machine, a connection may break before its request arrives; that call is counted and repeated
        retries = sum(sum(manifest.details["retries"].values()) for manifest in manifests)
        assert calls - retries <= counters.by_kind["history"] <= calls
        for manifest in manifests:
            assert manifest.details["is_complete"]
            assert len(manifest.parts) > 2
    return found


@pytest.fixture
def lake_of_first(collected: Collected) -> Lake:
    return collected.lake


@pytest.mark.parametrize("kind", HISTORIES)
def test_rows_match_the_simulation(lake_of_first: Lake, true: dict[str, State], kind: str) -> None:
    expected = true[kind]
    assert len(expected) > 5_000
    assert sum(map(len, expected.values())) > (20_000 if kind == "commits" else 1_000)
    assert state(lake_of_first, kind) == expected


@pytest.mark.parametrize("kind", HISTORIES)
def test_every_repository_has_its_outcome(lake_of_first: Lake, first: Simulation, kind: str) -> None:
    expected = {repo: true_outcome(row, kind) for repo, row in listed_rows(first).items()}
    assert outcomes(lake_of_first, kind) == expected
    assert set(expected.values()) == ({"ok", "gated", "disabled"} if kind == "commits" else {"ok", "discussions_off"})
    counted = Counter((repo_type, outcome) for (repo_type, _), outcome in expected.items())
    for row in lake_of_first.manifest(f"raw_hub__{kind}", ONE).details["coverage"]:
        assert row["n_listed"] == row["n_selected"] == row["n_up_to_date"] == len(first.repos[row["repo_type"]])
        assert row["outcomes"] == {o: n for (repo_type, o), n in counted.items() if repo_type == row["repo_type"]}


def test_response_log_matches_the_simulation(lake_of_first: Lake, first: Simulation) -> None:
    statuses = {"ok": (200, None), "gated": (401, "GatedRepo"), "disabled": (403, None), "discussions_off": (403, None)}
    repos = listed_rows(first)
    retried = 0
    for kind in HISTORIES:
        for row in rows(lake_of_first, f"raw_hub__{kind}"):
            repo = repos[row["repo_type"], row["repo_key"]]
            assert (row["status"], row["error_code"]) == statuses[row["outcome"]]
            assert (row["message"] is None) == (row["outcome"] == "ok")
            assert (row["final_id"], row["n_type_mismatches"]) == (None, None)
            assert row["calls"] == row["attempts"]
            retried += row["attempts"] - 1
            assert (row["repo_id"], row["listed_sha"], row["listed_likes"]) == (repo["id"], repo["sha"], repo["likes"])
            assert (row["listed_gated"], row["listed_downloads"]) == (repo.get("gated"), repo.get("downloads"))
            assert (row["sample_share"], row["fetch_number"], row["history_version"]) == (
                1.0,
                1,
                int(row["outcome"] == "ok"),
            )
            assert str(row["observed_at"]).startswith("2026-11-09 06:3")
    assert retried <= 2  # a kept-alive connection can break before its request arrives


def test_only_co_authors_of_messages_are_stored(collected: Collected, first: Simulation) -> None:
    lake_of_first, journals = collected.lake, collected.in_journals.copy()
    messages = [m for one in first.histories.values() for m in one.commits["message"].cast("string").to_pylist()]
    assert sum("someone@mail.example" in message for message in messages) > 2
    assert sum("@users.noreply" in message for message in messages) > 100
    assert journals.pop("bytes") > 100_000
    assert not any(journals.values()), journals
    for kind in HISTORIES:
        held = repr([row[kind] for row in rows(lake_of_first, f"raw_hub__{kind}")])
        assert not any(word in held for word in ("o-authored-by", "mail.example", "users.noreply"))
    for name, content in contents(lake_of_first).items():
        assert b"mail.example" not in content, name


def test_rerun_of_finished_week_requests_and_changes_nothing(lake_of_first: Lake, first: Simulation) -> None:
    before = contents(lake_of_first)
    with serving(first) as (client, counters):
        for kind in HISTORIES:
            manifest = land(client, lake_of_first, HISTORIES[kind], ONE)
            assert manifest.details["is_complete"]
            assert (manifest.details["calls"], manifest.details["outcomes"]) == (0, {})
        assert counters.requests == 0
    assert contents(lake_of_first) == before


@pytest.mark.slow
def test_second_week_requests_what_changed(
    lake_of_first: Lake, first: Simulation, true: dict[str, State], tmp_path: Path
) -> None:
    lake = Lake(tmp_path / "lake")
    shutil.copytree(lake_of_first.root, lake.root)
    second = simulate(TWO)
    old, new = listed_rows(first), listed_rows(second)
    known, there = true["commits"], truth(second, "commits")
    unknown = {
        repo: len({commit["id"] for commit in commits} - {commit["id"] for commit in known.get(repo, [])})
        for repo, commits in there.items()
    }
    pages = sum(-(-n // 1_000) for n in unknown.values())
    changed = sum(
        repo not in old or any(old[repo].get(name) != row.get(name) for name in ("sha", "gated"))
        for repo, row in new.items()
    )
    with serving(second) as (client, counters):
        listed(client, lake, TWO)
        manifest = land(client, lake, COMMITS, TWO)
        calls = counters.by_kind["history"]
    assert calls == manifest.details["calls"]
    assert 300 < pages <= changed
    # the target is 1.05 * pages + changed, but only repositories that changed without a new commit cost extra calls
    assert calls <= 1.05 * pages + (changed - pages)
    assert state(lake, "commits") == there | {repo: known[repo] for repo in known if repo not in there}


# --- three weeks half a year apart, so that much happens between them ---

THREE_WEEKS = [date(2026, 2, 2) + timedelta(weeks=26 * index) for index in range(3)]


@pytest.fixture(scope="module")
def three() -> list[Simulation]:
    return [simulate(week, scale=0.0006, seed=18) for week in THREE_WEEKS]


@pytest.mark.slow
def test_three_weeks_equal_a_full_crawl_of_the_third(three: list[Simulation], tmp_path: Path) -> None:
    happened: Counter[str] = Counter()
    for before, after in pairwise(three):
        old, new = listed_rows(before), listed_rows(after)
        happened["deletions"] += len(old.keys() - new.keys())
        happened["renames"] += sum(old[repo]["id"] != new[repo]["id"] for repo in old.keys() & new.keys())
        known, there = truth(before, "commits"), truth(after, "commits")
        happened["squashes"] += sum(known[repo][-1] != there[repo][-1] for repo in known.keys() & there.keys())
    assert min(happened[what] for what in ("squashes", "renames", "deletions")) >= 3, happened
    # rows read before an account was renamed have the old name; identity resolution handles that
    names = [dict(zip(*(one.accounts[c].to_pylist() for c in ("_id", "name")), strict=True)) for one in three]
    renamed = {was[key]: name for was in names for key, name in names[-1].items() if was.get(key, name) != name}
    grown, full = Lake(tmp_path / "grown"), Lake(tmp_path / "full")
    for simulation in three:
        crawled(simulation, grown)
    crawled(three[-1], full)
    for kind in HISTORIES:
        expected = truth(three[-1], kind)
        assert state(full, kind) == expected
        found = state(grown, kind)
        for commit in (commit for commits in found.values() for commit in commits if kind == "commits"):
            for author in commit["authors"]:
                author["user"] = renamed.get(author["user"], author["user"])
        assert {repo: found[repo] for repo in expected} == expected
        # all other known repositories have been deleted or are no longer readable
        earlier = truth(three[0], kind) | truth(three[1], kind)
        assert all(
            [item.get("id") for item in found[repo]] == [item.get("id") for item in earlier[repo]]
            for repo in found.keys() - expected.keys()
        )


@pytest.mark.slow
def test_moved_repository_is_read_and_deleted_repository_is_gone(three: list[Simulation], tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    before, after = three[0], replace(three[2], week=THREE_WEEKS[0])
    with serving(before) as (client, _):
        listed(client, lake, before.week)
    with serving(after) as (client, _):
        for kind in HISTORIES:
            assert land(client, lake, HISTORIES[kind], before.week).details["is_complete"]
    old, new = listed_rows(before), listed_rows(after)
    renamed = {repo: new[repo]["id"] for repo in old.keys() & new.keys() if old[repo]["id"] != new[repo]["id"]}
    assert min(len(renamed), len(old.keys() - new.keys())) >= 2
    for kind in HISTORIES:
        expected = truth(after, kind)
        assert state(lake, kind) == {repo: expected[repo] for repo in old if repo in expected}
        assert outcomes(lake, kind) == {repo: true_outcome(new[repo], kind) if repo in new else "gone" for repo in old}
        ended = {(row["repo_type"], row["repo_key"]): row for row in rows(lake, f"raw_hub__{kind}") if row["is_last"]}
        ok = {repo for repo, row in ended.items() if row["outcome"] == "ok"}
        assert {repo: row["final_id"] for repo, row in ended.items() if row["final_id"]} == {
            repo: final for repo, final in renamed.items() if repo in ok
        }
        # the three calls are the redirect, its target, and the check that it is the same repository
        assert {ended[repo]["calls"] for repo in renamed.keys() & ok} == {3}
        assert {row["status"] for row in ended.values() if row["outcome"] == "gone"} == {401}


@pytest.mark.slow
def test_redirect_to_another_repository_is_not_read(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    withdrawn, successor = "runwayml/stable-diffusion-v1-5", "stable-diffusion-v1-5/stable-diffusion-v1-5"
    before = simulate(date(2024, 8, 26), scale=0.001)
    after = replace(simulate(date(2024, 9, 2), scale=0.001), week=before.week)
    assert after.renames["model"][withdrawn] == successor
    with serving(before) as (client, _):
        listed(client, lake, before.week)
    with serving(after) as (client, counters):
        for kind in HISTORIES:
            land(client, lake, HISTORIES[kind], before.week)
            (row,) = (row for row in rows(lake, f"raw_hub__{kind}") if row["repo_id"] == withdrawn)
            assert (row["outcome"], row["final_id"], row["calls"]) == ("moved", successor, 3)
            assert (row[kind], row["n_total"], row["history_version"]) == (None, None, 0)
            requests = counters.requests
            assert land(client, lake, HISTORIES[kind], before.week).details["is_complete"]
            assert counters.requests == requests
    there = {row["id"]: row["_id"] for row in after.repos["model"].to_pylist()}
    assert ("model", there[successor]) not in state(lake, "commits")


# --- refreshes ---


def made(lake: Lake, number: int = 6) -> Hub:
    hub = Hub(*(Repo(f"65{index:02}", f"acme/r{index}") for index in range(number)), week=ONE)
    for repo in hub.repos:
        repo.commits, repo.discussions = hub.commits(3), hub.discussions(2)
    hub.publish()
    with served(hub) as client:
        listed(client, lake, ONE, ("model",))
        for kind in HISTORIES:
            land(client, lake, HISTORIES[kind], ONE)
    return hub


@pytest.mark.parametrize("kind", HISTORIES)
def test_refresh_starts_the_week_over(tmp_path: Path, kind: str) -> None:
    lake = Lake(tmp_path)
    hub = made(lake)
    for repo in hub.repos:
        repo.commits, repo.discussions = hub.commits(2), hub.discussions(5)
    hub.publish()
    hub.paths.clear()
    with served(hub) as client:
        manifest = land(client, lake, HISTORIES[kind], ONE, refresh=True)
        assert (manifest.details["calls"], manifest.details["is_complete"]) == (6, True)
        assert len(hub.paths) == 6
        assert state(lake, kind) == hub.state(kind)
        assert {row["history_version"] for row in rows(lake, f"raw_hub__{kind}")} == {1}
        assert land(client, lake, HISTORIES[kind], ONE).details["calls"] == 0


def test_refresh_of_second_week_leaves_first_week_alone(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    hub = made(lake)
    hub.repos[0].commits[:0] = hub.commits(2)
    hub.publish()
    with served(hub) as client:
        listed(client, lake, TWO, ("model",))
        land(client, lake, COMMITS, TWO)
        before = rows(lake, "raw_hub__commits")
        assert land(client, lake, COMMITS, TWO, refresh=True).details["calls"] == 1
    assert [row | {"observed_at": None} for row in rows(lake, "raw_hub__commits")] == [
        row | {"observed_at": None} for row in before
    ]
    assert state(lake, "commits") == hub.state("commits")


def test_interrupted_refresh_resumes_and_old_rows_stay_valid_until_it_ends(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    hub = made(lake, 30)
    before = rows(lake, "raw_hub__commits")
    hub.paths.clear()
    cuts = iter(((10, True), (20, True), (25, False)))
    for cut, refresh in cuts:
        # each crawl ends with the first call after `cut` successful calls
        hub.before = lambda _, cut=cut: REFUSAL if len(hub.paths) > cut else None  # type: ignore[misc]
        with served(hub) as client, pytest.raises(TokenRefused):
            land(client, lake, COMMITS, ONE, refresh=refresh, workers=1)
        assert rows(lake, "raw_hub__commits") == before
        assert len(rows_so_far(lake, "raw_hub__commits", ONE)) == cut
        hub.paths.pop()
    hub.before = lambda _: None
    hub.paths.clear()
    with served(hub) as client:
        assert land(client, lake, COMMITS, ONE, refresh=True).details["calls"] == 5
    assert len(hub.paths) == 5
    assert state(lake, "commits") == hub.state("commits")
    assert len(rows(lake, "raw_hub__commits")) == 30


def test_refresh_of_past_week_is_refused(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    hub = made(lake)
    before = contents(lake)
    with (
        served(Hub(*hub.repos, week=TWO)) as client,
        pytest.raises(RefreshRefused, match="because the week or its time budget is over"),
    ):
        land(client, lake, COMMITS, ONE, refresh=True)
    assert contents(lake) == before


@pytest.mark.parametrize("is_finished", [True, False])
def test_refresh_is_refused_once_a_later_week_builds_on_it(tmp_path: Path, is_finished: bool) -> None:
    lake = Lake(tmp_path)
    hub = made(lake)
    hub.repos[0].commits[:0], hub.repos[1].commits[:0] = hub.commits(2), hub.commits(2)
    hub.publish()
    with served(hub) as client:
        listed(client, lake, TWO, ("model",))
        if is_finished:
            land(client, lake, COMMITS, TWO)
        else:
            n_asked = len(hub.paths)
            hub.before = lambda _: REFUSAL if len(hub.paths) > n_asked + 1 else None
            with pytest.raises(TokenRefused):
                land(client, lake, COMMITS, TWO, workers=1)
        before = contents(lake)
        with pytest.raises(RefreshRefused, match=f"for {ONE} cannot start over because {TWO} builds on it"):
            land(client, lake, COMMITS, ONE, refresh=True)
        assert contents(lake) == before
        # the later week's discussions have not begun, so this week's can still be refreshed
        hub.before = lambda _: None
        assert land(client, lake, DISCUSSIONS, ONE, refresh=True).details["calls"] == 6


def test_next_week_builds_on_interrupted_week_without_adding_to_it(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    hub = Hub(*(Repo(f"65{index:02}", f"acme/r{index}") for index in range(30)), week=ONE)
    for repo in hub.repos:
        repo.commits = hub.commits(3)
    hub.publish()
    with served(hub) as client:
        listed(client, lake, ONE, ("model",))
        hub.before = lambda _: REFUSAL if len(hub.paths) > 12 else None
        with pytest.raises(TokenRefused):
            land(client, lake, COMMITS, ONE, workers=1)
        hub.before = lambda _: None
        hub.paths.clear()
        listed(client, lake, TWO, ("model",))
        land(client, lake, COMMITS, TWO)
        assert len(hub.paths) == 30 - 12
        assert len(rows(lake, "raw_hub__commits", ONE)) == 12
        assert state(lake, "commits") == hub.state("commits")
        # even if the Hub serves the earlier week again, the rest of that week is part of the later week's plan
        before = {name: content for name, content in contents(lake).items() if not name.endswith("_manifest.json")}
        manifest = land(client, lake, COMMITS, ONE)
        assert (manifest.details["calls"], manifest.details["is_complete"]) == (0, False)
        assert len(hub.paths) == 30 - 12
    assert {name: content for name, content in contents(lake).items() if name in before} == before
    assert state(lake, "commits") == hub.state("commits")
