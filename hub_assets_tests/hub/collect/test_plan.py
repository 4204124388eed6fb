"""Plans: which histories are fetched, in which order, and with what coverage."""

import tempfile
from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta
from hashlib import md5
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_assets.hub.collect.fetches import Fetch
from hub_assets.hub.collect.selection import RECHECK_WEEKS, ROTATION_WEEKS, PlanError, Selection
from hub_assets.hub.sources.listings import LISTINGS
from hub_assets.lake.parts import Lake, Manifest, Part
from hub_assets.vocabulary import REPO_TYPES, RepoType
from hub_assets_tests.hub.made import WEEK
from hub_assets_tests.hub.tables import COMMITS, DISCUSSIONS, HISTORIES, plan_of

Row = dict[str, Any]
NOON = datetime(2026, 11, 16, 12)


def weeks(number: int) -> date:
    return WEEK + timedelta(weeks=number)


def created(weeks_ago: int) -> datetime:
    return NOON - timedelta(weeks=weeks_ago)


def put(lake: Lake, table: str, week: date, schema: pa.Schema, rows: list[Row]) -> None:
    usual = dict.fromkeys(schema.names) | {"snapshot_date": week, "observed_at": NOON}
    lake.write_part(table, week, "part-001-00000.parquet", pa.Table.from_pylist([usual | row for row in rows], schema))
    lake.set_manifest(table, week, Manifest(True, [Part("part-001-00000.parquet", len(rows))]))


def list_repos(lake: Lake, week: date, *repos: Row, repo_type: RepoType = "model") -> None:
    """Write a listing to the lake; rows only need the columns that matter to the test."""
    usual: Row = {"sha": "a" * 40, "gated": "false", "likes": 0, "downloads": 0, "createdAt": created(52)}
    usual = {name: value for name, value in usual.items() if name in LISTINGS[repo_type].schema.names}
    found = [usual | {"_id": row["id"]} | row for row in repos]
    put(lake, f"raw_hub__{repo_type}s", week, LISTINGS[repo_type].schema, found)


def answered(lake: Lake, kind: str, week: date, *answers: Row) -> None:
    """Write responses to the lake, each as the only page of its fetch."""
    usual: Row = {"outcome": "ok", "status": 200, "repo_type": "model", "fetch_number": 1, "page": 0}
    usual |= {"is_last": True, "listed_sha": "a" * 40, "listed_gated": "false", "listed_likes": 0, "history_version": 1}
    put(
        lake,
        f"raw_hub__{kind}",
        week,
        HISTORIES[kind].schema,
        [usual | {"repo_id": row["repo_key"]} | row for row in answers],
    )


def planned(lake: Lake, kind: str, week: date = WEEK, **selection: Any) -> list[str]:
    return [fetch.repo_id for fetch in plan_of(lake, HISTORIES[kind], week, Selection(**selection))]


# --- selection ---


def test_week_without_listing_cannot_be_planned(lake: Lake) -> None:
    with pytest.raises(
        PlanError, match=r"no listing of models, datasets, spaces for .*; run hub-assets snapshot first"
    ):
        plan_of(lake, COMMITS, WEEK)
    list_repos(lake, weeks(-1), {"id": "a/b"})
    with pytest.raises(PlanError, match="no listing of spaces for 2026-11-16"):
        plan_of(lake, COMMITS, WEEK, Selection(repo_types=("space",)))


def test_unlisted_and_empty_types_are_skipped(lake: Lake) -> None:
    list_repos(lake, WEEK, {"id": "a/b"}, repo_type="space")
    list_repos(lake, WEEK)
    plan = plan_of(lake, COMMITS, WEEK)
    assert [fetch.repo_type for fetch in plan] == ["space"]
    assert plan.n_calls == len(plan) == 1
    lake.set_manifest("raw_hub__datasets", WEEK, Manifest(True))
    assert len(plan_of(lake, COMMITS, WEEK)) == 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"top": 3, "sample": 0.1}, "top, sample and ids cannot be combined"),
        ({"sample": 0.1, "ids": ("a",)}, "top, sample and ids cannot be combined"),
        ({"sample": 0}, "greater than 0 and at most 1"),
        ({"sample": 1.5}, "greater than 0 and at most 1"),
        ({"top": 0}, "at least 1"),
        ({"repo_types": ("model", "paper")}, "unknown repository type paper"),
    ],
)
def test_invalid_selections_are_refused(wrong: Row, words: str) -> None:
    with pytest.raises(PlanError, match=words):
        Selection(**wrong)


def test_types_top_and_ids(lake: Lake) -> None:
    for repo_type in REPO_TYPES:
        list_repos(lake, WEEK, *({"id": f"{repo_type}/r{n}", "likes": n} for n in range(5)), repo_type=repo_type)
    for kind in HISTORIES:
        assert len(planned(lake, kind)) == 15
        assert {one.split("/")[0] for one in planned(lake, kind, repo_types=("space", "model"))} == {"space", "model"}
        top = planned(lake, kind, top=2)
        assert sorted(top) == [f"{repo_type}/r{n}" for repo_type in sorted(REPO_TYPES) for n in (3, 4)]
        assert sorted(planned(lake, kind, ids=("space/r1", "model/r2", "model/none"))) == ["model/r2", "space/r1"]
        with pytest.raises(PlanError, match="none of the 1 ids was listed"):
            planned(lake, kind, repo_types=("model",), ids=("space/r1",))
        spelled = (
            "Space/R1",
            "https://huggingface.co/model/r2/tree/main",
            "datasets/space/r3",
            "https://hub.example/a/b",
        )
        plan = plan_of(lake, HISTORIES[kind], WEEK, Selection(ids=(*spelled, "dataset/R0", "nobody's")))
        assert sorted(fetch.repo_id for fetch in plan) == ["dataset/r0", "model/r2", "space/r1"]
        assert plan.not_listed == ("datasets/space/r3", "https://hub.example/a/b", "nobody's")
    # `top` selects the most liked repositories; selections by `top` or `ids` have no sample share
    assert [repo_id[-1] for repo_id in planned(lake, "commits", top=3)] == list("444333222")
    shares = {fetch.sample_share for fetch in plan_of(lake, COMMITS, WEEK, Selection(top=2))}
    assert shares == {fetch.sample_share for fetch in plan_of(lake, COMMITS, WEEK, Selection(ids=("model/r1",)))}
    assert shares == {None}
    assert {fetch.sample_share for fetch in plan_of(lake, COMMITS, WEEK)} == {1.0}
    assert {fetch.sample_share for fetch in plan_of(lake, COMMITS, WEEK, Selection(sample=0.9))} == {0.9}


def test_sample_is_stable_and_contained_in_larger_samples(lake: Lake) -> None:
    ids = [f"acme/r{n}" for n in range(10_000)]
    for week in (WEEK, weeks(1)):
        list_repos(lake, week, *({"id": one, "_id": f"{hash_free(one)}"} for one in ids))
    samples = [set(planned(lake, "commits", sample=share)) for share in (0.001, 0.02, 0.1, 0.5, 1.0)]
    assert all(small < large for small, large in pairwise(samples))
    assert set(planned(lake, "commits", weeks(1), sample=0.1)) == samples[2]
    assert set(planned(lake, "discussions", sample=0.1)) == samples[2]
    # within four standard deviations
    assert abs(len(samples[1]) - 200) < 4 * 14
    assert abs(len(samples[2]) - 1_000) < 4 * 30
    assert abs(len(samples[3]) - 5_000) < 4 * 50
    assert len(samples[4]) == 10_000


def hash_free(repo_id: str) -> str:
    """Return a key like the Hub's, which starts with a time and is therefore not evenly distributed."""
    return f"{0x65000000 + int(repo_id.removeprefix('acme/r')) * 60:x}c0ffee00c0ffee00"


# --- up to date ---


GATED = ("auto", None)


@pytest.mark.parametrize("kind", HISTORIES)
def test_unreadable_repository_is_requested_again_after_change_or_some_weeks(lake: Lake, kind: str) -> None:
    all_outcomes = ("gated", "disabled", "gone", "moved", "discussions_off")
    ended = [(outcome, gated) for outcome in all_outcomes for gated in GATED]
    answered(
        lake,
        kind,
        weeks(0),
        *(
            {"repo_key": f"{outcome}/{gated}", "outcome": outcome, "history_version": 0, "listed_gated": gated}
            for outcome, gated in ended
        ),
    )
    cases: list[tuple[int, Row, bool]] = [
        (0, {}, False),
        (1, {}, False),
        (RECHECK_WEEKS - 1, {}, False),
        (RECHECK_WEEKS, {}, True),
        (1, {"sha": "b" * 40}, True),
        (1, {"gated": "manual"}, True),
        (1, {"likes": 99, "downloads": 99}, False),
    ]
    for later, change, is_asked in cases:
        repos: list[Row] = [{"id": f"{outcome}/{gated}", "gated": gated} | change for outcome, gated in ended]
        list_repos(lake, weeks(later), *repos)
        asked = sorted(planned(lake, kind, weeks(later)))
        assert asked == (sorted(row["id"] for row in repos) if is_asked else []), (later, change)
    list_repos(lake, weeks(2), *({"id": f"{outcome}/{gated}", "gated": gated} for outcome, gated in ended))
    assert len(planned(lake, kind, weeks(2), recheck_weeks=2)) == len(ended)
    (coverage,) = plan_of(lake, HISTORIES[kind], weeks(2)).coverage
    assert (coverage.n_up_to_date, coverage.outcomes) == (len(ended), dict(Counter(outcome for outcome, _ in ended)))


@pytest.mark.parametrize("kind", HISTORIES)
def test_failed_repository_is_planned_again(lake: Lake, kind: str) -> None:
    answered(lake, kind, WEEK, {"repo_key": "a/b", "outcome": "failed", "status": 500, "history_version": 0})
    for later in (0, 1):
        list_repos(lake, weeks(later), {"id": "a/b"})
        plan = plan_of(lake, HISTORIES[kind], weeks(later))
        assert [fetch.repo_id for fetch in plan] == ["a/b"]
        # the repository has an outcome for this week, but not for the next week
        assert (plan.is_complete, plan.coverage[0].n_failed) == (later == 0, 1 - later)


def test_commits_are_planned_when_listed_sha_changes(lake: Lake) -> None:
    answered(
        lake,
        "commits",
        WEEK,
        *({"repo_key": key, "head": "c" * 40, "n_total": 7} for key in ("same", "other", "renamed", "none")),
    )
    list_repos(
        lake,
        weeks(30),
        {"id": "same"},
        {"id": "other", "sha": "b" * 40},
        {"id": "new/name", "_id": "renamed"},
        {"id": "none", "sha": None},
        {"id": "new"},
    )
    plan = plan_of(lake, COMMITS, weeks(30))
    fetches = {fetch.repo_id: fetch for fetch in plan}
    assert fetches.keys() == {"other", "none", "new"}
    other = fetches["other"]
    assert (other.fetch_number, other.history_version, other.known_head, other.known_total) == (2, 1, "c" * 40, 7)
    assert (other.next_path, other.page, other.listed_sha) == (None, 0, "b" * 40)
    assert replace(fetches["new"], repo_id="", repo_key="", listed_sha=None) == Fetch(
        "model", "", "", None, "false", 0, 0, 1.0, 1, 0, None, 0
    )
    assert plan.coverage[0].outcomes == {"not_modified": 2, "not_asked": 3}
    assert not plan.is_complete


def test_repository_without_commits_is_up_to_date(lake: Lake) -> None:
    answered(lake, "commits", WEEK, {"repo_key": "a/b", "listed_sha": None, "n_total": 0})
    list_repos(lake, weeks(1), {"id": "a/b", "sha": None})
    assert planned(lake, "commits", weeks(1)) == []


def test_history_version_survives_weeks_of_unreadable_repository(lake: Lake) -> None:
    answered(
        lake,
        "commits",
        weeks(0),
        {"repo_key": "a/b", "head": "c" * 40, "n_total": 7, "history_version": 3, "fetch_number": 4},
    )
    answered(
        lake, "commits", weeks(1), {"repo_key": "a/b", "outcome": "gated", "history_version": 3, "fetch_number": 5}
    )
    answered(lake, "commits", weeks(2), {"repo_key": "a/b", "outcome": "failed", "status": 500, "fetch_number": 6})
    list_repos(lake, weeks(3), {"id": "a/b", "sha": "b" * 40})
    (fetch,) = plan_of(lake, COMMITS, weeks(3))
    assert (fetch.fetch_number, fetch.history_version, fetch.known_head, fetch.known_total) == (7, 3, "c" * 40, 7)
    assert fetch.has_failed


def test_later_week_does_not_affect_earlier_plan(lake: Lake) -> None:
    list_repos(lake, weeks(0), {"id": "a/b"})
    answered(lake, "commits", weeks(1), {"repo_key": "a/b"})
    assert planned(lake, "commits", weeks(0)) == ["a/b"]


# --- order ---


def test_commit_order_is_random(lake: Lake) -> None:
    ids = [f"acme/r{n:03}" for n in range(300)]
    list_repos(lake, WEEK, *({"id": one, "likes": n, "_id": hash_free(f"acme/r{n}")} for n, one in enumerate(ids)))
    order = planned(lake, "commits")
    assert sorted(order) == ids
    assert planned(lake, "commits") == order
    # any prefix is a random sample
    half = [int(one[-3:]) for one in order[:150]]
    assert 120 < sum(half) / 150 < 180
    # a sample consists of the first repositories in this order
    sample = planned(lake, "commits", sample=0.2)
    assert order[: len(sample)] == sample


def test_discussions_are_ordered_by_rotation_then_expected_number(lake: Lake) -> None:
    list_repos(
        lake,
        WEEK,
        {"id": "quiet"},
        {"id": "liked", "likes": 1_000},
        {"id": "famous", "likes": 5_000, "downloads": 10**6},
        {"id": "used", "downloads": 10**6},
        {"id": "old and discussed", "createdAt": created(200)},
        {"id": "young and discussed", "createdAt": created(60)},
        {"id": "lately liked", "likes": 1_000},
        {"id": "not seen for long", "createdAt": created(200)},
        {"id": "never seen"},
    )
    answered(
        lake,
        "discussions",
        weeks(-1),
        {"repo_key": "quiet", "n_total": 0},
        {"repo_key": "liked", "n_total": 0, "listed_likes": 1_000},
        {"repo_key": "famous", "n_total": 400, "listed_likes": 5_000},
        {"repo_key": "used", "n_total": 0},
        {"repo_key": "old and discussed", "n_total": 300},
        {"repo_key": "young and discussed", "n_total": 300},
        {"repo_key": "lately liked", "n_total": 0, "listed_likes": 0},
    )
    answered(lake, "discussions", weeks(-5), {"repo_key": "not seen for long", "n_total": 300})
    by_turn, rest = by_rotation(lake, WEEK)
    assert sorted(by_turn + rest) == sorted(planned(lake, "discussions"))
    assert planned(lake, "discussions")[: len(by_turn)] == by_turn
    everything = planned(lake, "discussions", rotation_weeks=10**6)
    for more, less in [
        ("famous", "liked"),
        ("liked", "used"),
        ("used", "quiet"),
        ("young and discussed", "old and discussed"),
        ("lately liked", "liked"),
        ("not seen for long", "old and discussed"),
        ("famous", "quiet"),
    ]:
        assert everything.index(more) < everything.index(less), (more, less)


def by_rotation(lake: Lake, week: date) -> tuple[list[str], list[str]]:
    """Return a week's fetches that are due by rotation, and the other fetches, both in order."""
    order = planned(lake, "discussions", week)
    turn = week.toordinal() // 7 % ROTATION_WEEKS
    # like DuckDB's md5_number_lower: the second half of the hash, little-endian
    is_due = {one: int.from_bytes(md5(one.encode()).digest()[8:], "little") % ROTATION_WEEKS == turn for one in order}
    return [one for one in order if is_due[one]], [one for one in order if not is_due[one]]


@pytest.mark.slow
@pytest.mark.parametrize("begins_whole", [True, False])
def test_every_repository_is_read_within_the_rotation_if_the_budget_allows(lake: Lake, begins_whole: bool) -> None:
    repos = [{"id": f"acme/r{index}", "likes": index % 10} for index in range(128)]
    seen: dict[str, list[int]] = {str(repo["id"]): [] for repo in repos}
    for number in range(2 * ROTATION_WEEKS + 1):
        list_repos(lake, weeks(number), *repos)
        # an eighth of 128 is 16, but the hash does not spread repositories perfectly evenly
        affordable = 128 if begins_whole and number == 0 else 28
        fetches = list(plan_of(lake, DISCUSSIONS, weeks(number)))[:affordable]
        read = [{"repo_key": one.repo_key, "fetch_number": one.fetch_number, "n_total": 0} for one in fetches]
        answered(lake, "discussions", weeks(number), *(row | {"n_total": lively(row["repo_key"])} for row in read))
        for fetch in fetches:
            seen[fetch.repo_id].append(number)
    for repo_id, numbers in seen.items():
        gaps = [b - a for a, b in pairwise([-1, *numbers, 2 * ROTATION_WEEKS + 1])]
        assert max(gaps) <= ROTATION_WEEKS, (repo_id, numbers)
    # repositories with discussions are read more often
    counts = {
        is_lively: [len(seen[one]) for one in seen if bool(lively(one)) == is_lively] for is_lively in (True, False)
    }
    assert min(counts[True]) > 2 * sum(counts[False]) / len(counts[False])


def lively(repo_id: Any) -> int:
    """Return how many discussions a repository has: 40 for the first five repositories, none for the rest."""
    return 40 if int(repo_id.removeprefix("acme/r")) < 5 else 0


@settings(max_examples=5, deadline=None)
@given(st.lists(st.integers(0, 200), min_size=1, max_size=30))
def test_expected_calls_follow_number_of_pages(totals: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Path(folder))
        list_repos(lake, WEEK, *({"id": f"r{n}"} for n in range(len(totals))))
        known = [{"repo_key": f"r{n}", "n_total": total} for n, total in enumerate(totals)]
        answered(lake, "discussions", weeks(-1), *known)
        assert plan_of(lake, DISCUSSIONS, WEEK).n_calls == sum(max(1, -(-total // 50)) for total in totals)
