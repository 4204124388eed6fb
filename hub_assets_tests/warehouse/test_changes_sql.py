"""Changes from week to week: repositories that appeared, disappeared or changed, and totals per namespace."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest

from hub_assets.warehouse.sql_project import Project
from hub_assets_tests.warehouse.building import Database

WEEK, BEFORE, LONG_BEFORE = date(2026, 11, 16), date(2026, 11, 9), date(2026, 10, 26)
Row = dict[str, Any]


class Changes(Database):
    """A database with several weeks of given repositories and activity."""

    def build(self, table: str, week: date = WEEK) -> list[Row]:
        names = ("mart__repository_changes", table)
        self.fill([model for model in self.project.models if model.name in names], week)
        built = self.connection.sql(f"from {table} where snapshot_date = date '{week}' order by all")
        rows: list[Row] = built.to_arrow_table().to_pylist()
        return rows


@pytest.fixture
def changes(project: Project) -> Iterator[Changes]:
    made = Changes(project, "int_hub__repositories", "mart__repo_activity")
    yield made
    made.connection.close()


def repo(key: str, week: date = WEEK, name: str | None = None, **values: Any) -> Row:
    repo_id = name or f"lab/{key}"
    row = {"snapshot_date": week, "repo_type": "model", "repo_key": key, "repo_id": repo_id}
    row |= {"namespace": repo_id.split("/")[0] if "/" in repo_id else None, "created_at": datetime(2026, 1, 1)}
    return row | {"is_gated": False, "is_disabled": False, "n_likes": 1, "n_downloads": 1} | values


def given(changes: Changes, rows: list[Row]) -> None:
    changes.give("int_hub__repositories", rows)
    kept = (
        "snapshot_date",
        "repo_type",
        "repo_key",
        "repo_id",
        "namespace",
        "n_likes",
        "n_downloads",
        "n_usage_spaces",
    )
    changes.give("mart__repo_activity", [{name: row.get(name) for name in kept} for row in rows])


def test_every_kind_of_change(changes: Changes) -> None:
    given(
        changes,
        [
            *(repo(key, BEFORE) for key in ("same", "gone", "renamed", "moved", "gated", "disabled")),
            repo("ungated", BEFORE, is_gated=True),
            repo("bare", BEFORE, "bert"),
            repo("same"),
            repo("renamed", name="lab/other"),
            repo("moved", name="firm/moved"),
            repo("gated", is_gated=True),
            repo("ungated"),
            repo("disabled", is_disabled=True),
            repo("bare", name="google/bert"),
            repo("new", created_at=datetime(2026, 11, 9)),
            repo("returned", created_at=datetime(2026, 11, 8)),
        ],
    )
    rows = changes.build("mart__repository_changes")
    assert {(row["repo_key"], row["change"]) for row in rows} == {
        *((name, name) for name in ("gone", "renamed", "moved", "gated", "ungated", "disabled", "new", "returned")),
        ("bare", "moved"),
    }
    assert len(rows) == 9
    gone = next(row for row in rows if row["change"] == "gone")
    assert (gone["repo_id"], gone["namespace"], gone["previous_date"]) == ("lab/gone", "lab", BEFORE)


def test_changes_are_relative_to_the_newest_earlier_week(changes: Changes) -> None:
    given(
        changes,
        [repo("a", LONG_BEFORE), repo("b", LONG_BEFORE), repo("a", BEFORE), repo("a"), repo("a", date(2026, 11, 23))],
    )
    assert changes.build("mart__repository_changes") == []
    assert changes.build("mart__repository_changes", LONG_BEFORE) == []
    (gone,) = changes.build("mart__repository_changes", BEFORE)
    assert (gone["repo_key"], gone["previous_date"]) == ("b", LONG_BEFORE)


def test_type_that_was_not_listed_has_not_changed(changes: Changes) -> None:
    given(changes, [repo("a", BEFORE), repo("s", BEFORE, repo_type="space"), repo("a"), repo("d", repo_type="dataset")])
    assert changes.build("mart__repository_changes") == []


def test_movement_by_namespace(changes: Changes) -> None:
    given(
        changes,
        [
            repo("a", BEFORE, n_likes=5, n_downloads=100, n_usage_spaces=2),
            repo("b", BEFORE, n_likes=1, n_downloads=None),
            repo("m", BEFORE, "old/m"),
            repo("q", BEFORE, "quiet/q"),
            repo("a", n_likes=8, n_downloads=60, n_usage_spaces=3),
            repo("b", n_likes=1, n_downloads=7),
            repo("m", name="lab/m"),
            repo("n", n_likes=50, created_at=datetime(2026, 11, 15)),
            repo("q", name="quiet/q"),
        ],
    )
    rows = {row["namespace"]: row for row in changes.build("mart__weekly_changes")}
    assert rows.keys() == {"lab", "old"}
    lab = rows["lab"]
    assert (lab["n_listed"], lab["n_listed_both"], lab["n_new"], lab["n_moved_in"], lab["n_gone"]) == (4, 3, 1, 1, 0)
    # the new repository's likes are not a change, and unknown downloads count in neither week
    assert (lab["likes_change"], lab["downloads_change"], lab["usage_change"]) == (3, -40, 1)
    assert (rows["old"]["n_moved_out"], rows["old"]["n_listed"]) == (1, 0)
