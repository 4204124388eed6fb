"""Commit and discussion histories in SQL: the state as of one week, given the responses of several weeks."""

import json
import random
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from hub_assets.lake.parts import Lake, Manifest, Part
from hub_assets.warehouse.sql_project import Project, load_project
from hub_assets_tests.hub.tables import HISTORIES, plan_of
from hub_assets_tests.warehouse.building import SOURCES, build_week, clear, fill, only, prepare_tables

ONE, TWO, THREE, FOUR = (date(2026, 11, 2) + timedelta(weeks=n) for n in range(4))
BUILT = (
    *("int_hub__contributions", "mart__activity_summary", "mart__history_coverage"),
    *("mart__repo_activity", "mart__usage_resolution"),
)
Row = dict[str, Any]
Rows = list[tuple[Any, ...]]
Build = Callable[..., Callable[[str], Rows]]


@pytest.fixture(scope="session")
def project() -> Project:
    return only(load_project(Path(__file__).parents[2] / "dbt_like_sql"), *BUILT)


@pytest.fixture(scope="module")
def connection(project: Project) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        prepare_tables(connection, project)
        yield connection


@pytest.fixture
def build(connection: duckdb.DuckDBPyConnection, project: Project) -> Build:
    """A function that builds a week from raw rows and returns a query function."""
    clear(connection, project)

    def run(week: date, **given: list[Row]) -> Callable[[str], Rows]:
        fill(connection, given)
        build_week(connection, project, week)
        return lambda query: connection.execute(query).fetchall()

    return run


def noon(week: date) -> datetime:
    """Return noon on the Wednesday of a week."""
    return datetime(week.year, week.month, week.day, 12) + timedelta(days=2)


def listed(week: date, key: str, sha: str | None = "a", **values: Any) -> Row:
    return {"snapshot_date": week, "observed_at": noon(week), "_id": key, "id": f"n/{key}", "sha": sha} | values


def models(*rows: Row) -> dict[str, list[Row]]:
    return {"raw_hub__models": list(rows)}


def page(week: date, key: str, items: list[Row] | None = None, **values: Any) -> Row:
    """Return a response; by default the only page of a fetch."""
    known = {"snapshot_date": week, "observed_at": noon(week), "repo_type": "model", "repo_key": key}
    asked = {"outcome": "ok", "fetch_number": 1, "page": 0, "is_last": True, "history_version": 1, "listed_sha": "a"}
    used = {"calls": 1, "attempts": 1, "sample_share": 1.0}
    return known | asked | used | {"commits": items, "discussions": items} | values


def refused(week: date, key: str, outcome: str, **values: Any) -> Row:
    return page(week, key, None, outcome=outcome, **values)


def commit(name: str, *users: str | None, day: int = 1) -> Row:
    authors = [{"user": user, "has_avatar": True} for user in users]
    return {"id": name, "title": name, "date": datetime(2026, 10, day), "authors": authors, "trailers": []}


def commits(*names: str) -> list[Row]:
    return [commit(name, "ann") for name in names]


def discussion(num: int | None, author: str | None, *, pull: bool = False, day: int = 1) -> Row:
    return {"num": num, "author": author, "is_pull_request": pull, "created_at": datetime(2026, 10, day)}


def alias(model_id: str, outcome: str, target: str | None = None, key: str | None = None, week: date = ONE) -> Row:
    asked = {"snapshot_date": week, "observed_at": noon(week), "repo_type": "model", "repo_id": model_id}
    return asked | {"outcome": outcome, "target_id": target, "repo_key": key}


HISTORY = "select outcome, history_version, n_commits from int_hub__commit_histories where snapshot_date = date '{}'"
HISTORY_TWO = HISTORY.format(TWO)


def test_repository_that_was_never_requested(build: Build) -> None:
    query = build(ONE, **models(listed(ONE, "1")))
    for table, counted in (("commit", "n_commits"), ("discussion", "n_discussions")):
        assert query(
            f"select outcome, status, error_code, message, asked_at, asked_date, final_id, sample_share, version_date, "
            f"version_at, version_fetch, history_version, age_days, n_total, {counted}, n_calls, n_attempts "
            f"from int_hub__{table}_histories"
        ) == [("not_asked", *[None] * 14, 0, 0)]


def test_fetch_of_the_week(build: Build) -> None:
    fetch = page(ONE, "1", commits("x", "y"), n_total=3, final_id="m/1", calls=4, attempts=2, sample_share=0.5)
    query = build(ONE, **models(listed(ONE, "1")), raw_hub__commits=[fetch], raw_hub__discussions=[fetch])
    asked = (noon(ONE), ONE, "m/1", 0.5, ONE, noon(ONE), 1, 1, 0, 3)
    columns = "asked_at, asked_date, final_id, sample_share, version_date, version_at, version_fetch, history_version"
    columns += ", age_days, n_total"
    for table in ("int_hub__commit_histories", "int_hub__discussion_histories"):
        assert query(f"select outcome, {columns}, n_calls, n_attempts from {table}") == [("ok", *asked, 4, 2)]
    assert query("select n_commits from int_hub__commit_histories") == [(2,)]


def test_refusal_keeps_the_hubs_error(build: Build) -> None:
    said = {"status": 403, "error_code": "GatedRepo", "message": "Ask for access."}
    row = refused(ONE, "1", "gated", **said)
    query = build(ONE, **models(listed(ONE, "1")), raw_hub__commits=[row], raw_hub__discussions=[row])
    for table in ("int_hub__commit_histories", "int_hub__discussion_histories"):
        found = query(
            f"select outcome, status, error_code, message, asked_date, history_version, age_days from {table}"
        )
        assert found == [("gated", *said.values(), ONE, None, None)]


def test_fetch_counts_only_with_its_last_page(build: Build) -> None:
    query = build(
        ONE,
        **models(listed(ONE, "1"), listed(ONE, "2")),
        raw_hub__commits=[
            page(ONE, "1", commits("x"), is_last=False),
            page(ONE, "2", commits("x"), is_last=False),
            page(ONE, "2", commits("y"), page=1),
        ],
    )
    found = query("select repo_key, outcome, n_commits, n_calls from int_hub__commit_histories order by 1")
    assert found == [("1", "not_asked", None, 1), ("2", "ok", 2, 2)]
    assert query("select repo_key, n_commits from int_hub__contributions") == [("2", 2)]


def test_interrupted_fetch_can_share_its_number_with_a_later_week(build: Build) -> None:
    query = build(
        TWO,
        **models(listed(TWO, "1")),
        raw_hub__commits=[
            page(ONE, "1", commits("x", "y"), is_last=False),
            page(TWO, "1", commits("x", "y", "z")),
        ],
        raw_hub__discussions=[
            page(ONE, "1", [discussion(1, "ann"), discussion(2, "ann")], is_last=False),
            page(TWO, "1", [discussion(1, "ann")]),
        ],
    )
    assert query(HISTORY_TWO) == [("ok", 1, 3)]
    assert query("select n_commits from int_hub__contributions") == [(3,)]
    assert query("select n_discussions, n_calls from int_hub__discussion_histories") == [(1, 1)]
    assert query("select n_discussions from int_hub__discussion_starters") == [(1,)]


def test_fetches_of_a_version_add_up_until_a_new_version_replaces_them(build: Build) -> None:
    given = {
        **models(*(listed(week, "1", sha) for week, sha in ((ONE, "a"), (TWO, "b"), (THREE, "c")))),
        "raw_hub__commits": [
            page(ONE, "1", commits("x", "y")),
            page(TWO, "1", [commit("z", "ben", day=9)], fetch_number=2, listed_sha="b"),
            page(THREE, "1", commits("squashed"), fetch_number=3, history_version=2, listed_sha="c"),
        ],
    }
    names = "select author, n_commits from int_hub__contributions where snapshot_date = date '{}' order by 1"
    for week, history, authors in (
        (ONE, ("ok", 1, 2), [("ann", 2)]),
        (TWO, ("ok", 1, 3), [("ann", 2), ("ben", 1)]),
        (THREE, ("ok", 2, 1), [("ann", 1)]),
    ):
        query = build(week, **given)
        assert query(HISTORY.format(week)) == [history]
        assert query(names.format(week)) == authors
    # rebuilding an older week ignores later data
    query = build(TWO, **given)
    assert query(HISTORY.format(TWO)) == [("ok", 1, 3)]
    assert query("select max(n_calls) from int_hub__commit_histories where snapshot_date = date '2026-11-09'") == [(1,)]


def test_last_page_decides_the_version_of_a_fetch(build: Build) -> None:
    query = build(
        TWO,
        **models(listed(TWO, "1", "b")),
        raw_hub__commits=[
            page(ONE, "1", commits("old", "older")),
            page(TWO, "1", commits("x", "y"), fetch_number=2, listed_sha="b", is_last=False),
            page(TWO, "1", commits("z"), fetch_number=2, page=1, history_version=2, listed_sha="b"),
        ],
    )
    assert query(HISTORY_TWO) == [("ok", 2, 3)]
    assert query("select author, n_commits from int_hub__contributions") == [("ann", 3)]


@pytest.mark.parametrize("outcome", ["gated", "disabled", "gone", "moved", "failed", "not_asked"])
def test_unreadable_history_is_unknown(build: Build, outcome: str) -> None:
    given = [page(ONE, "1", commits("x")), refused(TWO, "1", outcome, fetch_number=2)]
    asked = [
        page(ONE, "1", [discussion(1, "ann")]),
        refused(TWO, "1", outcome, fetch_number=2, history_version=2),
    ]
    query = build(TWO, **models(listed(TWO, "1")), raw_hub__commits=given, raw_hub__discussions=asked)
    assert query(HISTORY_TWO) == [(outcome, 1, None)]
    for table in ("int_hub__commit_histories", "int_hub__discussion_histories"):
        assert query(f"select outcome, asked_date, version_date, history_version, age_days from {table}") == [
            (outcome, TWO, ONE, 1, None)
        ]
    for table in ("int_hub__contributions", "int_hub__discussion_starters"):
        assert query(f"from {table}") == []
    counts = "n_commits, n_committers, n_discussions, n_disc_starters, n_community, discussions_age_days"
    assert query(f"select {counts} from mart__repo_activity") == [(None,) * 6]


def test_failed_fetch_between_two_others_adds_nothing(build: Build) -> None:
    query = build(
        THREE,
        **models(listed(THREE, "1", "c")),
        raw_hub__commits=[
            page(ONE, "1", commits("x")),
            page(TWO, "1", commits("lost"), fetch_number=2, is_last=False),
            refused(TWO, "1", "failed", fetch_number=2, page=1),
            page(THREE, "1", commits("y", "lost"), fetch_number=3, listed_sha="c"),
        ],
    )
    assert query(HISTORY.format(THREE)) == [("ok", 1, 3)]
    assert query("select author, n_commits from int_hub__contributions") == [("ann", 3)]


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ("a", "a", ("not_modified", 1, 1, 0)),
        (None, None, ("not_asked", 1, None, 5)),
        ("a", "b", ("not_asked", 1, None, 5)),
        ("a", None, ("not_asked", 1, None, 5)),
        (None, "a", ("not_asked", 1, None, 5)),
    ],
)
def test_commits_stay_valid_while_the_listed_head_is_unchanged(
    build: Build, before: str | None, now: str | None, expected: tuple[Any, ...]
) -> None:
    query = build(
        TWO,
        **models(listed(ONE, "1", before), listed(TWO, "1", now)),
        raw_hub__commits=[page(ONE, "1", commits("x"), listed_sha=before)],
    )
    columns = "outcome, history_version, n_commits, age_days"
    where = "where snapshot_date = date '2026-11-09'"
    assert query(f"select {columns} from int_hub__commit_histories {where}") == [expected]
    known = [("ann", 1)] if expected[0] == "not_modified" else []
    assert query("select author, n_commits from int_hub__contributions") == known
    found = query(f"select commits_outcome, n_commits, n_committers from mart__repo_activity {where}")
    assert found == [(expected[0], expected[2], expected[2])]


def test_last_version_of_discussions_counts_regardless_of_age(build: Build) -> None:
    given = {
        **models(*(listed(week, "1", str(week)) for week in (ONE, TWO, FOUR))),
        "raw_hub__discussions": [
            page(ONE, "1", [discussion(1, "ann"), discussion(2, "ben")]),
            page(TWO, "1", [discussion(2, "ben"), discussion(3, "eve", pull=True)], fetch_number=2, history_version=2),
            page(FOUR, "1", [discussion(4, "late")], fetch_number=3, history_version=3, is_last=False),
        ],
    }
    columns = "outcome, history_version, n_discussions, age_days, asked_date, n_calls"
    for week, history in (
        (ONE, ("ok", 1, 2, 0, ONE, 1)),
        (TWO, ("ok", 2, 2, 0, TWO, 1)),
        (FOUR, ("ok", 2, 2, 12, TWO, 1)),
    ):
        query = build(week, **given)
        where = f"where snapshot_date = date '{week}'"
        assert query(f"select {columns} from int_hub__discussion_histories {where}") == [history]
    names = f"select author, n_discussions, n_pull_requests from int_hub__discussion_starters {where} order by 1"
    assert query(names) == [("ben", 1, 0), ("eve", 1, 1)]
    shown = "n_discussions, n_disc_starters, discussions_outcome, discussions_age_days, n_community"
    assert query(f"select {shown} from mart__repo_activity {where}") == [(2, 2, "ok", 12, None)]


def test_duplicate_discussions_count_once_and_deleted_accounts_are_omitted(build: Build) -> None:
    first = [discussion(4, "ann", pull=True, day=4), discussion(3, None), discussion(2, "ann", day=2)]
    second = [discussion(2, "ann", day=2), discussion(1, None), discussion(None, "odd")]
    query = build(
        ONE,
        **models(listed(ONE, "1")),
        raw_hub__discussions=[page(ONE, "1", first, is_last=False), page(ONE, "1", second, page=1)],
    )
    assert query("select n_discussions from int_hub__discussion_histories") == [(4,)]
    assert query("from int_hub__discussion_starters") == [
        (ONE, "model", "1", "ann", 2, 1, datetime(2026, 10, 2), datetime(2026, 10, 4))
    ]


def test_committers_and_first_authors(build: Build) -> None:
    query = build(
        ONE,
        **models(listed(ONE, "1")),
        raw_hub__commits=[
            page(
                ONE,
                "1",
                [
                    commit("1", "ann", "ben", "ann", day=1),
                    commit("2", "ben", "ann", day=2),
                    commit("3", None, "ben", day=3),
                    commit("4", None, day=4),
                    commit("5", day=5),
                    commit("6", "ann", day=6) | {"authors": None},
                    commit("7", "ann", day=7),
                ],
            )
        ],
    )
    assert query("select n_commits from int_hub__commit_histories") == [(7,)]
    columns = "author, n_commits, n_first_commits, day(first_commit_at), day(last_commit_at)"
    assert query(f"select {columns} from int_hub__contributions order by 1") == [
        ("ann", 3, 2, 1, 7),
        ("ben", 3, 1, 1, 3),
    ]
    assert query("select n_commits, n_committers from mart__repo_activity") == [(7, 2)]


@pytest.mark.parametrize("nothing", [None, []])
def test_known_empty_history_counts_as_zero(build: Build, nothing: list[Row] | None) -> None:
    row = page(ONE, "1", nothing)
    query = build(ONE, **models(listed(ONE, "1")), raw_hub__commits=[row], raw_hub__discussions=[row])
    counts = "n_commits, n_committers, n_discussions, n_disc_starters, n_community, discussions_age_days"
    assert query(f"select {counts} from mart__repo_activity") == [(0,) * 6]
    summary = (
        "select variable, n, share_zero from mart__activity_summary where variable in ('n_commits', 'n_community')"
    )
    assert query(f"{summary} order by 1") == [("n_commits", 1, 1.0), ("n_community", 1, 1.0)]


def test_community_is_known_only_if_both_histories_are(build: Build) -> None:
    people = [commit("x", "ann", "ben"), commit("y", None)]
    starters = [discussion(1, "ben"), discussion(2, "eve"), discussion(3, None)]
    keys = ("both", "neither", "no commits", "no discussions", "nobody")
    query = build(
        ONE,
        **models(*(listed(ONE, key) for key in keys)),
        raw_hub__commits=[
            page(ONE, "both", people),
            page(ONE, "no discussions", people),
            page(ONE, "nobody", [commit("x", None)]),
            refused(ONE, "no commits", "gated"),
        ],
        raw_hub__discussions=[
            page(ONE, "both", starters),
            page(ONE, "no commits", starters),
            page(ONE, "nobody", [discussion(1, None)]),
            refused(ONE, "no discussions", "discussions_off"),
        ],
    )
    columns = "repo_key, n_commits, n_committers, n_discussions, n_disc_starters, n_community"
    assert query(f"select {columns}, commits_outcome, discussions_outcome from mart__repo_activity order by 1") == [
        ("both", 2, 2, 3, 2, 3, "ok", "ok"),
        ("neither", None, None, None, None, None, "not_asked", "not_asked"),
        ("no commits", None, None, 3, 2, None, "gated", "ok"),
        ("no discussions", 2, 2, None, None, None, "ok", "discussions_off"),
        ("nobody", 1, 0, 1, 0, 0, "ok", "ok"),
    ]


def test_repository_types_are_separate(build: Build) -> None:
    query = build(
        ONE,
        raw_hub__models=[listed(ONE, "1")],
        raw_hub__datasets=[listed(ONE, "1")],
        raw_hub__spaces=[listed(ONE, "1")],
        raw_hub__commits=[page(ONE, "1", commits("x", "y")), page(ONE, "1", commits("z"), repo_type="dataset")],
        raw_hub__discussions=[
            page(ONE, "1", [discussion(3, "ann")], repo_type="space"),
            page(ONE, "1", [discussion(1, "ann"), discussion(2, "ann")], repo_type="dataset"),
        ],
    )
    named = "select repo_type, author, {} from {} order by 1"
    assert query(named.format("n_commits", "int_hub__contributions")) == [("dataset", "ann", 1), ("model", "ann", 2)]
    assert query(named.format("n_discussions", "int_hub__discussion_starters")) == [
        ("dataset", "ann", 2),
        ("space", "ann", 1),
    ]
    assert query("select repo_type, n_commits, n_committers, n_discussions from mart__repo_activity order by 1") == [
        ("dataset", 1, 1, 2),
        ("model", 2, 1, None),
        ("space", None, None, 1),
    ]


def test_unlisted_repositories_are_hidden(build: Build) -> None:
    query = build(
        TWO,
        **models(listed(ONE, "1"), listed(TWO, "2")),
        raw_hub__commits=[page(ONE, "1", commits("x"))],
        raw_hub__discussions=[page(ONE, "1", [discussion(1, "ann")])],
    )
    for table in ("int_hub__commit_histories", "int_hub__discussion_histories"):
        assert query(f"select repo_key from {table}") == [("2",)]
    for table in ("int_hub__contributions", "int_hub__discussion_starters"):
        assert query(f"from {table}") == []


def test_list_columns_contain_no_nulls(build: Build) -> None:
    undated = commit("x", "ann", None) | {"date": None, "trailers": [{"name": None, "handle": None}]}
    without = commit("y") | {"authors": None, "trailers": None}
    opened = discussion(1, "ann") | {"created_at": None}
    card = json.dumps({"license": ["mit", None]})
    query = build(
        ONE,
        **models(listed(ONE, "1", tags=["license:mit", "base_model:n/2"]), listed(ONE, "2", tags=None)),
        raw_hub__spaces=[listed(ONE, "s", models=["n/1"], cardData=card), listed(ONE, "t", models=None, tags=[])],
        raw_hub__commits=[
            page(ONE, "1", [undated, without, commit("z", "ann", "ben")]),
            page(ONE, "2", [undated]),
        ],
        raw_hub__discussions=[page(ONE, "1", [opened, discussion(None, None), discussion(3, None)])],
    )
    weeks = "select repo_key, author, active_weeks from int_hub__contributions order by 1, 2"
    monday = date(2026, 9, 28)
    assert query(weeks) == [("1", "ann", [monday]), ("1", "ben", [monday]), ("2", "ann", [])]
    assert query(weeks.replace("contributions", "participations")) == query(weeks)
    lists = query(
        "select table_name, column_name from information_schema.columns "
        "where data_type like '%[]' and regexp_matches(table_name, '^(int|mart|stats)_')"
    )
    assert {("int_hub__contributions", "active_weeks"), ("int_hub__repositories", "licenses")} <= set(lists)
    for table, column in lists:
        assert query(f"from {table} where len(list_filter({column}, lambda item: item is null)) > 0") == [], table


ALIASES = {
    "by id": (alias("old/by id", "moved", "n/1"), "1"),
    "requested in another case": (alias("Old/One", "moved", "N/1"), "1"),
    "by key": (alias("old/by key", "moved", "renamed/since", "1"), "1"),
    "key before id": (alias("old/both", "moved", "n/2", "1"), "1"),
    "exists under another id": (alias("old/there", "ok", None, "2"), "2"),
    "to an unlisted model": (alias("old/unlisted", "moved", "n/unlisted", "9"), None),
    "gone": (alias("old/gone", "gone"), None),
    "refused, so its target is ignored": (alias("old/gated", "gated", "n/1", "1"), None),
    "two steps": (alias("old/two", "moved", "old/by id"), "1"),
    "three steps": (alias("old/three", "moved", "old/two"), "1"),
    "four steps": (alias("old/four", "moved", "old/three"), None),
    "in a cycle": (alias("old/circle", "moved", "old/circle"), None),
    "to a missing model": (alias("old/to gone", "moved", "old/gone"), None),
}


@pytest.mark.parametrize("case", ALIASES)
def test_unlisted_id_can_resolve_to_a_model(build: Build, case: str) -> None:
    given, key = ALIASES[case]
    query = build(
        ONE,
        **models(listed(ONE, "1"), listed(ONE, "2")),
        raw_hub__spaces=[listed(ONE, "s", models=[given["repo_id"].lower()])],
        enrich_hub__aliases=[row for row, _ in ALIASES.values()],
    )
    columns = "model_key, is_resolved, match_method, alias_outcome"
    how = "alias" if key else "unresolved"
    assert query(f"select {columns} from int_hub__space_models") == [(key, key is not None, how, given["outcome"])]


def test_listing_takes_precedence_and_the_latest_response_counts(build: Build) -> None:
    given = {
        **models(*(listed(week, key) for week in (ONE, TWO, THREE) for key in ("1", "2"))),
        "raw_hub__spaces": [listed(week, "s", models=["n/1", "old/x", "old/y"]) for week in (ONE, TWO, THREE)],
        "enrich_hub__aliases": [
            alias("n/1", "moved", "n/2"),
            alias("old/x", "moved", "n/1"),
            alias("old/x", "gone", week=THREE),
            alias("old/y", "moved", "n/2", week=TWO),
            alias("old/x", "moved", "n/2") | {"repo_type": "dataset"},
            alias("old/x", "gone", week=TWO) | {"repo_type": "dataset"},
            alias("old/y", "moved", "n/2") | {"repo_type": "dataset"},
        ],
    }
    listed_id = ("n/1", "1", "listed", "moved")
    for week, expected in (
        (ONE, [listed_id, ("old/x", "1", "alias", "moved"), ("old/y", None, "unresolved", None)]),
        (TWO, [listed_id, ("old/x", "1", "alias", "moved"), ("old/y", "2", "alias", "moved")]),
        (THREE, [listed_id, ("old/x", None, "unresolved", "gone"), ("old/y", "2", "alias", "moved")]),
    ):
        query = build(week, **given)
        where = f"where snapshot_date = date '{week}'"
        columns = "model_id, model_key, match_method, alias_outcome"
        assert query(f"select {columns} from int_hub__space_models {where} order by 1") == expected


def test_space_counts_once_under_several_ids(build: Build) -> None:
    query = build(
        ONE,
        **models(listed(ONE, "1"), listed(ONE, "2")),
        raw_hub__spaces=[
            listed(ONE, "s1", models=["n/1", "old/1", "old/one", "old/gone", "old/unasked"]),
            listed(ONE, "s2", models=["old/one", "old/gone", "old/moved", "old/failed", "old/not held"]),
        ],
        enrich_hub__aliases=[
            alias("old/1", "moved", "n/1"),
            alias("old/one", "ok", None, "1"),
            alias("old/gone", "gone"),
            alias("old/moved", "moved", "n/unlisted"),
            alias("old/failed", "failed"),
            alias("old/not held", "not_asked"),
        ],
    )
    assert query("select repo_key, n_usage_spaces from mart__repo_activity where repo_type = 'model' order by 1") == [
        ("1", 2),
        ("2", 0),
    ]
    columns = (
        "n_spaces, n_edges, n_edges_resolved, n_edges_by_alias, n_models_named, n_models_unresolved, n_ids_moved, "
        "n_ids_gone, n_ids_not_asked"
    )
    assert query(f"select {columns} from mart__usage_resolution") == [(2, 10, 4, 3, 8, 5, 1, 1, 2)]


def test_coverage(build: Build) -> None:
    outcomes = ("gated", "disabled", "gone", "moved", "failed", "not_asked")
    keys = ("new", "read", "unchanged", "changed", *outcomes)
    query = build(
        TWO,
        **models(*(listed(TWO, key) for key in keys)),
        raw_hub__datasets=[listed(TWO, "d")],
        raw_hub__commits=[
            page(TWO, "read", commits("x"), calls=2, sample_share=0.25),
            page(ONE, "unchanged", commits("x"), sample_share=0.5, n_total=5),
            page(ONE, "changed", commits("x"), listed_sha="before"),
            *(refused(TWO, key, key, sample_share=None) for key in outcomes),
        ],
        raw_hub__discussions=[
            page(TWO, "read", [discussion(1, "ann")], sample_share=None, calls=3, n_total=1),
            page(ONE, "unchanged", sample_share=None, calls=30),
            page(TWO, "unchanged", fetch_number=2, is_last=False),
            refused(TWO, "gone", "discussions_off", sample_share=None),
        ],
    )
    counts = (
        "n_listed, n_known, n_incomplete, n_ok, n_not_modified, n_gated, n_disabled, n_gone, n_moved, "
        "n_discussions_off, n_failed, n_not_asked"
    )
    others = "share_known, share_asked, sample_share, n_calls, p50_age_days, max_age_days"
    unknown = (1, *[0] * 10, 1, 0.0, 0.0, None, 0, None, None)
    assert query(f"select repo_type, kind, {counts}, {others} from mart__history_coverage order by 1, 2") == [
        ("dataset", "commits", *unknown),
        ("dataset", "discussions", *unknown),
        ("model", "commits", 10, 2, 1, 1, 1, 1, 1, 1, 1, 0, 1, 3, 0.2, 0.7, 1.0, 8, 0, 5),
        ("model", "discussions", 10, 2, 0, 2, 0, 0, 0, 0, 0, 1, 0, 7, 0.2, 0.3, None, 5, 2.5, 5),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("kind", HISTORIES)
def test_outcomes_match_the_plan(build: Build, tmp_path: Path, kind: str) -> None:
    rng = random.Random(kind)
    weeks, keys = (ONE, TWO, THREE), [str(n) for n in range(200)]
    shas: dict[str, list[str | None]] = {key: [rng.choice("ab")] for key in keys}
    for key in keys:
        shas[key] += rng.choices([shas[key][0], "c", None], [6, 3, 1], k=2)
    given = {
        "raw_hub__models": [listed(week, key, shas[key][n]) for n, week in enumerate(weeks) for key in keys],
        f"raw_hub__{kind}": list(_fetches(rng, weeks, shas)),
    }
    lake = Lake(tmp_path)
    for table, rows in given.items():
        for week in weeks:
            part = pa.Table.from_pylist([row for row in rows if row["snapshot_date"] == week], SOURCES[table])
            lake.write_part(table, week, "part.parquet", part)
            lake.set_manifest(table, week, Manifest(complete=True, parts=[Part("part.parquet", part.num_rows)]))
    for week in weeks:
        query = build(week, **given)
        (planned,) = plan_of(lake, HISTORIES[kind], week).coverage
        where = f"where snapshot_date = date '{week}'"
        found: dict[str, int] = dict(
            query(f"select outcome, count(*) from int_hub__{kind[:-1]}_histories {where} group by all")
        )
        assert found == planned.outcomes
        assert len(found) > 4


def _fetches(rng: random.Random, weeks: Iterable[date], shas: dict[str, list[str | None]]) -> Iterator[Row]:
    """Simulate a crawl: random fetches, of which some are interrupted, some are refused and most succeed."""
    ended = dict.fromkeys(shas, 0)
    for n, week in enumerate(weeks):
        for key, listed_shas in shas.items():
            for _ in range(rng.choices([0, 1, 2], [5, 4, 1])[0]):
                outcome = rng.choices(["ok", "gated", "gone", "failed", "not_asked"], [6, 1, 1, 1, 1])[0]
                values: Row = {"fetch_number": ended[key] + 1, "listed_sha": listed_shas[n], "status": 200}
                if rng.random() < 0.2:
                    yield page(week, key, is_last=False, **values)
                    break
                ended[key] += 1
                yield page(week, key, outcome=outcome, **values)
