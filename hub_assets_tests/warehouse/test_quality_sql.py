"""Numeric checks: each threshold fires just outside its limit and is silent just inside."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from hub_assets.warehouse.database import failing_rows
from hub_assets.warehouse.sql_project import Project
from hub_assets_tests.warehouse.building import Database

WEEK, BEFORE = date(2026, 11, 16), date(2026, 11, 9)
Row = dict[str, Any]
Given = dict[str, list[Row]]
TABLES = ("mart__listing_quality", "mart__activity_quality", "mart__result_quality")


class Quality(Database):
    """A database with given inputs to the quality tables."""

    def outside(self, given: Given) -> dict[str, tuple[str, float]]:
        """Return each failing check's subject and value, and verify that errors, and only errors, block publishing."""
        for table, rows in given.items():
            self.give(table, rows)
        found: dict[str, tuple[str, float]] = {}
        for name in TABLES:
            model = next(model for model in self.project.models if model.name == name)
            self.connection.execute(f"create or replace table {name} as {model.render(WEEK)}")
            failing = {test.columns[0]: failing_rows(test, model, WEEK) for test in model.data_tests if test.values}
            outside = self.rows(f"select check_name, subject, value, severity from ({failing['is_within']})")
            blocked = self.rows(f"select check_name from ({failing['is_publishable']})")
            assert {check for (check,) in blocked} == {check for check, *_, severity in outside if severity == "error"}
            found |= {check: (subject, value) for check, subject, value, _ in outside}
        return found


@pytest.fixture
def quality(project: Project) -> Iterator[Quality]:
    inputs = {name for table in TABLES for name in project.tables[table].upstream}  # type: ignore[attr-defined]
    made = Quality(project, *(inputs & {model.name for model in project.models if not model.is_view}))
    yield made
    made.connection.close()


def listing(n: int, n_before: int, likes: int = 1, downloads: int = 1) -> Given:
    row = {"repo_type": "model", "n_likes": 1, "n_downloads": 1}
    rows = [{**row, "snapshot_date": BEFORE, "repo_key": str(i)} for i in range(n_before)]
    now = [{**row, "snapshot_date": WEEK, "repo_key": str(i)} for i in range(n)]
    now[0] |= {"n_likes": likes, "n_downloads": downloads}
    return {"int_hub__repositories": rows + now}


def moved(before: int, now: int, name: str) -> Given:
    rows = [(BEFORE, before), (WEEK, now)]
    row = {"repo_type": "dataset", "repo_key": "1"}
    return {"int_hub__repositories": [{**row, "snapshot_date": week, name: n} for week, n in rows]}


def fetched(*keys: str) -> Given:
    commits = [{"snapshot_date": WEEK, "repo_type": "model", "repo_key": key} for key in keys]
    return {"raw_hub__commits": commits, **listing(2, 2)}


def known(share: float) -> Given:
    row = {"snapshot_date": WEEK, "repo_type": "space", "kind": "commits", "share_known": share}
    return {"mart__history_coverage": [row]}


def licensed(n: int, n_unmapped: int) -> Given:
    names = ["mit"] * (n - n_unmapped) + ["of-mine"] * n_unmapped
    row = {"snapshot_date": WEEK, "repo_type": "model"}
    return {"mart__repo_activity": [{**row, "repo_key": str(i), "license": name} for i, name in enumerate(names)]}


def two_weeks(table: str, column: str, n: int, n_before: int, **values: Any) -> Given:
    rows = [
        {"snapshot_date": week, column: str(i), **values}
        for week, each in ((BEFORE, n_before), (WEEK, n))
        for i in range(each)
    ]
    weeks = [{"snapshot_date": week, "repo_type": "model", "repo_key": "1"} for week in (BEFORE, WEEK)]
    return {table: rows, "mart__repo_activity": weeks}


def pairs(n: int, n_conflicts: int) -> Given:
    row = {"snapshot_date": WEEK, "decision": "accepted"}
    return {"core__developer_pairs": [{**row, "author_a": str(i), "is_conflict": i < n_conflicts} for i in range(n)]}


def result(table: str, **values: Any) -> Given:
    return {table: [{"snapshot_date": WEEK, **values}]}


def u_statistics(u_b: float) -> Given:
    return result("stats__license_tests", variable="n_likes", n_a=3, n_b=4, u_a=5.0, u_b=u_b, p_value=0.5)


def degrees(edges: int) -> Given:
    key = {"snapshot_date": WEEK, "network": "all", "edge_rule": "first_author", "includes_bots": False}
    people = [{"developer": name, "degree": 2, "in_degree": 1, "out_degree": 1} for name in "abc"]
    return {
        "network__developer_centrality": [key | person for person in people],
        "network__summary": [key | {"edges": edges}],
    }


CASES = {
    "repositories_change": (listing(94, 100), listing(96, 100), ("model", -0.06)),
    "likes_change": (moved(100, 79, "n_likes"), moved(100, 81, "n_likes"), ("dataset", -0.21)),
    "downloads_change": (moved(100, 69, "n_downloads"), moved(100, 71, "n_downloads"), ("dataset", -0.31)),
    "commits_of_unlisted_repositories": (fetched("0", "1", "9"), fetched("0", "1"), ("all", 1)),
    "share_of_histories_known": (known(0.49), known(0.51), ("space commits", 0.49)),
    "share_of_licenses_unmapped": (licensed(100, 3), licensed(100, 2), ("model", 0.03)),
    "subfield_change": (
        two_weeks("int_hub__model_networks", "repo_key", 89, 100, network="cv"),
        two_weeks("int_hub__model_networks", "repo_key", 91, 100, network="cv"),
        ("cv", -0.11),
    ),
    "share_of_merges_in_conflict": (pairs(100, 2), pairs(100, 1), ("all", 0.02)),
    "developers_change": (
        two_weeks("core__developers", "developer_id", 94, 100, is_bot=False),
        two_weeks("core__developers", "developer_id", 96, 100, is_bot=False),
        ("all", -0.06),
    ),
    "shares_out_of_range": (
        result("stats__concentration", gini=1.1, share_of_repos=0.5),
        result("stats__concentration", gini=1.0, share_of_repos=0.0),
        ("gini", 1),
    ),
    "coefficients_out_of_range": (
        result("stats__correlations", kendall=-1.01),
        result("stats__correlations", kendall=-1.0),
        ("kendall", 1),
    ),
    "p_values_out_of_range": (
        result("stats__correlations", pearson_p=-0.1),
        result("stats__correlations", pearson_p=0.0),
        ("pearson_p", 1),
    ),
    "u_statistics_off": (u_statistics(8.0), u_statistics(7.0), ("n_likes", 1 / 12)),
    "degrees_off": (degrees(4), degrees(3), ("all", 4)),
}


@pytest.mark.parametrize("check", CASES)
def test_threshold_fires_outside_its_limit_only(quality: Quality, check: str) -> None:
    outside, inside, (subject, value) = CASES[check]
    found = quality.outside(outside)
    assert {name: each[0] for name, each in found.items()} == {check: subject}
    assert found[check][1] == pytest.approx(value)
    for table in outside.keys() | inside.keys():
        quality.connection.execute(f"delete from {table}")
    assert quality.outside(inside) == {}


def test_every_threshold_has_a_case(quality: Quality) -> None:
    assert {name for (name,) in quality.rows("select check_name from check_thresholds")} == CASES.keys()


def test_first_week_has_no_changes_to_check(quality: Quality) -> None:
    assert quality.outside(listing(5, 0)) == {}
