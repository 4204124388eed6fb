"""Identity SQL: occurrences of author strings, and the activity of resolved developers."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest

from hub_assets.warehouse.sql_project import Project
from hub_assets_tests.warehouse.building import Database, build_week, fill, only

ONE, TWO = date(2026, 11, 2), date(2026, 11, 9)
BUILT = ("int_hub__trailers", "mart__identity_pairs", "mart__identity_summary", "mart__repo_activity")
Row = dict[str, Any]


class Week(Database):
    """A database that builds a week from raw rows."""

    def build(self, week: date, **given: list[Row]) -> None:
        fill(self.connection, given)
        build_week(self.connection, self.project, week)


@pytest.fixture
def built(project: Project) -> Iterator[Week]:
    week = Week(only(project, *BUILT))
    yield week
    week.connection.close()


def listed(week: date, *keys: str) -> list[Row]:
    at = datetime(week.year, week.month, week.day)
    return [{"snapshot_date": week, "observed_at": at, "_id": key, "id": f"lab/{key}", "sha": "a"} for key in keys]


def page(week: date, key: str, *items: Row, history_version: int = 1, fetch_number: int = 1) -> Row:
    asked = {"snapshot_date": week, "observed_at": datetime(week.year, week.month, week.day), "outcome": "ok"}
    asked |= {"repo_type": "model", "repo_key": key, "repo_id": f"lab/{key}", "listed_sha": "a"}
    return asked | {
        "fetch_number": fetch_number,
        "page": 0,
        "is_last": True,
        "history_version": history_version,
        "commits": list(items),
    }


def commit(*users: str, day: int = 1, avatar: bool = True, trailers: tuple[tuple[str, str | None], ...] = ()) -> Row:
    authors = [{"user": user, "has_avatar": avatar} for user in users]
    named = [{"name": name, "handle": handle} for name, handle in trailers]
    return {"id": "x", "title": "x", "date": datetime(2026, 10, day), "authors": authors, "trailers": named}


def talk(week: date, key: str, *authors: str | None) -> Row:
    items = [
        {"num": num, "author": author, "is_pull_request": False, "created_at": datetime(2026, 10, 3)}
        for num, author in enumerate(authors, 1)
    ]
    return page(week, key) | {"discussions": items}


def developer(author: str, developer_id: str, **others: Any) -> Row:
    known = {"snapshot_date": ONE, "author": author, "developer_id": developer_id, "match_method": "alone"}
    return known | {"is_bot": False, "is_generic": False, "decisions_hash": "0"} | others


def test_sightings_outlive_their_repository(built: Week) -> None:
    raw = [page(ONE, "1", commit("ann", "bob", day=5)), page(ONE, "2", commit("ann", day=12))]
    built.build(TWO, raw_hub__models=[*listed(ONE, "1", "2"), *listed(TWO, "2")], raw_hub__commits=raw)
    seen = built.rows(
        "select repo_key, namespace, author, is_committer, is_first_author, is_starter, active_weeks "
        "from int_hub__participations order by all"
    )
    assert seen == [
        ("1", "lab", "ann", True, True, False, [date(2026, 10, 5)]),
        ("1", "lab", "bob", True, False, False, [date(2026, 10, 5)]),
        ("2", "lab", "ann", True, True, False, [date(2026, 10, 12)]),
    ]
    # their activity counts only in listed repositories
    assert built.rows("select author, n_commits, n_repos from int_hub__author_strings order by 1") == [
        ("ann", 1, 1),
        ("bob", 0, 0),
    ]


def test_later_fetches_do_not_change_the_first_seen_date(built: Week) -> None:
    first = "select first_seen_date, first_seen_at from int_hub__author_strings where author = 'ann'"
    raw = [page(ONE, "1", commit("ann", day=20))]
    built.build(ONE, raw_hub__models=listed(ONE, "1", "2"), raw_hub__commits=raw)
    assert built.rows(first) == [(ONE, datetime(2026, 10, 20))]
    later = [*raw, page(TWO, "2", commit("ann", day=2)), page(TWO, "1", commit("ann", day=1), fetch_number=2)]
    listings = [*listed(ONE, "1", "2"), *listed(TWO, "1", "2")]
    built.build(TWO, raw_hub__models=listings, raw_hub__commits=later)
    assert built.rows(f"{first} and snapshot_date = date '{TWO}'") == [(ONE, datetime(2026, 10, 20))]
    assert built.rows(f"{first} and snapshot_date = date '{ONE}'") == [(ONE, datetime(2026, 10, 20))]


def test_account_links_are_known_only_if_any_are_recorded(built: Week) -> None:
    linked = "select author, is_linked from int_hub__author_strings order by 1"
    raw = [page(ONE, "1", commit("ann", avatar=False), commit("bob", avatar=False))]
    built.build(ONE, raw_hub__models=listed(ONE, "1"), raw_hub__commits=raw)
    assert built.rows(linked) == [("ann", None), ("bob", None)]
    talks = [talk(ONE, "1", "bob", None)]
    built.build(ONE, raw_hub__models=listed(ONE, "1"), raw_hub__commits=raw, raw_hub__discussions=talks)
    assert built.rows(linked) == [("ann", None), ("bob", True)]
    raw[0]["commits"].append(commit("cy"))
    built.build(ONE, raw_hub__models=listed(ONE, "1"), raw_hub__commits=raw, raw_hub__discussions=talks)
    assert built.rows(linked) == [("ann", False), ("bob", True), ("cy", True)]


def test_trailers_with_a_handle(built: Week) -> None:
    trailers = (("Ann A", "ann"), ("Bob B", None), ("Ann A", "ann"))
    raw = [page(ONE, "1", commit("bob", trailers=trailers), commit("cy"))]
    built.build(ONE, raw_hub__models=listed(ONE, "1"), raw_hub__commits=raw)
    assert built.rows("select name, handle, n_commits from int_hub__trailers") == [("Ann A", "ann", 2)]


def test_repositories_count_merged_developers_without_bots(built: Week) -> None:
    commits = [
        page(ONE, "1", commit("ann", "Ann A"), commit("Ann A"), commit("root"), commit("a-bot", "ann")),
        page(ONE, "2", commit("root"), commit("a-bot")),
        page(ONE, "3", commit("a-bot")),
    ]
    talks = [talk(ONE, "1", "ann", "ann", "bob", "a-bot"), talk(ONE, "2"), talk(ONE, "3", "a-bot")]
    people = [
        developer("ann", "d1"),
        developer("Ann A", "d1", match_method="same_name"),
        developer("bob", "d2"),
        developer("root", "d3", is_generic=True),
        developer("a-bot", "d4", is_bot=True),
    ]
    built.build(
        ONE,
        raw_hub__models=listed(ONE, "1", "2", "3"),
        raw_hub__commits=commits,
        raw_hub__discussions=talks,
        core__developers=people,
    )
    columns = "repo_key, developer_id, n_commits, n_first_commits"
    assert built.rows(f"select {columns} from int_hub__developer_contributions order by all") == [
        ("1", "d1", 3, 2),
        ("1", "d3-1", 1, 1),
        ("2", "d3-2", 1, 1),
    ]
    found = built.rows("select repo_key, developer_id, n_discussions from int_hub__developer_discussions order by all")
    assert found == [("1", "d1", 2), ("1", "d2", 1)]
    # bots' commits and discussions count as activity, but a repository with only bots has no community
    counts = "n_commits, n_committers, n_discussions, n_disc_starters, n_community"
    assert built.rows(f"select repo_key, {counts} from mart__repo_activity order by 1") == [
        ("1", 4, 2, 4, 2, 3),
        ("2", 2, 1, 0, 0, 1),
        ("3", 1, 0, 1, 0, 0),
    ]
    names = "n_author_strings, n_bots, n_generic_names, n_names, n_developers, n_names_merged"
    assert built.rows(f"select {names} from mart__identity_summary") == [(5, 1, 1, 3, 2, 1)]


def test_author_without_a_developer_is_not_silently_dropped(built: Week) -> None:
    """The data test on `developer_id` blocks the week."""
    raw = [page(ONE, "1", commit("ann"), commit("bob"))]
    people = [developer("ann", "d1")]
    built.build(ONE, raw_hub__models=listed(ONE, "1"), raw_hub__commits=raw, core__developers=people)
    found = built.rows("select developer_id, n_commits from int_hub__developer_contributions order by 1 nulls last")
    assert found == [("d1", 1), (None, 1)]


def test_pair_decisions_by_blocking_rule(built: Week) -> None:
    def pair(number: int, generators: list[str], decision: str, decided_by: str | None, **others: Any) -> Row:
        names = {"snapshot_date": ONE, "author_a": f"a{number}", "author_b": f"b{number}", "generators": generators}
        return (
            names
            | {"decision": decision, "decided_by": decided_by, "is_conflict": False, "is_reopened": False}
            | others
        )

    pairs = [
        pair(1, ["same_repository", "real_name"], "accepted", "rule"),
        pair(2, ["real_name"], "accepted", "person"),
        pair(3, ["real_name"], "accepted", "person", is_conflict=True),
        pair(4, ["real_name"], "review", None, is_conflict=True),
        pair(5, ["real_name"], "review", None),
        pair(6, ["real_name"], "rejected", "rule"),
        pair(7, ["real_name"], "rejected", "person", is_reopened=True),
    ]
    built.build(ONE, core__developer_pairs=pairs)
    counts = "n_pairs, n_accepted_by_rule, n_accepted_by_person, n_rejected_by_rule, n_rejected_by_person"
    counts += ", n_for_review, n_conflicts, n_reopened, share_accepted"
    assert built.rows(f"select generator, {counts} from mart__identity_pairs order by 1") == [
        ("all", 7, 1, 1, 1, 1, 1, 2, 1, 2 / 7),
        ("real_name", 7, 1, 1, 1, 1, 1, 2, 1, 2 / 7),
        ("same_repository", 1, 1, 0, 0, 0, 0, 0, 0, 1.0),
    ]
