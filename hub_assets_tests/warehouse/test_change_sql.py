"""Change over weeks in SQL: flows, relations, cohorts, attribution, license drift, and lifetimes of models."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from hub_assets.statistics.lifetimes import durations
from hub_assets.statistics.survival import survival
from hub_assets.warehouse.sql_project import Project
from hub_assets_tests.warehouse.building import Database

WEEKS = [date(2026, 10, 26) + timedelta(weeks=place) for place in range(4)]
WEEK = WEEKS[-1]
CREATED = datetime(2026, 10, 1)
Row = dict[str, Any]


class Weeks(Database):
    """A database with given tables as the input of the tables of change."""

    def build(self, table: str, *before: str, week: date = WEEK) -> list[Row]:
        self.fill([model for model in self.project.models if model.name in (*before, table)], week)
        built = self.connection.sql(f"from {table} where snapshot_date = date '{week}' order by all")
        rows: list[Row] = built.to_arrow_table().to_pylist()
        return rows


@pytest.fixture
def weeks(project: Project) -> Iterator[Weeks]:
    made = Weeks(
        project,
        *("int_hub__listing_changes", "int_hub__listing_totals", "int_hub__repositories", "int_hub__organizations"),
        *("mart__models", "mart__base_model_edges", "mart__repository_changes", "int_hub__model_relations"),
        *("int_hub__repository_flows",),
    )
    yield made
    made.connection.close()


def listed(key: str, week: date, **values: Any) -> Row:
    """A model in this listing and the previous one."""
    at = datetime.combine(week, datetime.min.time())
    row = {
        "snapshot_date": week,
        "repo_type": "model",
        "repo_key": key,
        "repo_id": f"lab/{key}",
        "created_at": CREATED,
        "is_listed": True,
        "was_listed": True,
        "previous_date": week - timedelta(weeks=1),
        "observed_at": at,
        "previous_observed_at": at - timedelta(weeks=1),
    }
    return row | values


def first(key: str, week: date, **values: Any) -> Row:
    """A model that is new in this listing."""
    nothing = {"was_listed": False, "previous_date": None, "previous_observed_at": None}
    return listed(key, week, **nothing, **values)


def vanished(key: str, week: date, **values: Any) -> Row:
    return listed(key, week, **({"is_listed": False, "observed_at": None} | values))


def verdict(rule: str, week: date = WEEK, severity: str = "error") -> Row:
    return {"snapshot_date": week, "repo_type": "model", "rule": rule, "severity": severity, "evidence": "seen"}


def model(key: str, **values: Any) -> Row:
    row = {"snapshot_date": WEEK, "repo_key": key, "repo_id": f"lab/{key}", "namespace": "lab", "organization": "Lab"}
    row |= {"kind": "company", "size_class": "unknown", "license_group": "none", "themes": [], "n_derivatives": 0}
    return row | {"n_downloads": 1, "n_likes": 0} | values


def edge(child: str, base: str, relation: str) -> Row:
    row = {"snapshot_date": WEEK, "repo_key": child, "repo_id": f"lab/{child}", "base_repo_id": f"lab/{base}"}
    return row | {"base_repo_key": base, "relation": relation, "is_self_loop": child == base}


def test_most_informative_relation_counts(weeks: Weeks) -> None:
    weeks.give("mart__models", [model(key) for key in "abcde"])
    edges = [
        edge("b", "a", "finetune"),
        edge("b", "a", "quantized"),
        edge("c", "a", "merge"),
        edge("c", "b", "adapter"),
    ]
    weeks.give("mart__base_model_edges", [*edges, edge("d", "a", "unspecified"), edge("e", "e", "finetune")])
    found = {
        row["repo_key"]: (row["relation"], row["is_derivative"]) for row in weeks.build("int_hub__model_relations")
    }
    assert found == {
        "a": ("original", False),
        "b": ("quantized", True),
        "c": ("merge", True),
        "d": ("unspecified", True),
        "e": ("original", False),
    }


def test_flows_are_next_to_those_of_the_previous_listing(weeks: Weeks) -> None:
    before = WEEKS[-2]
    long_before = datetime.combine(WEEKS[0] - timedelta(weeks=1), datetime.min.time())
    weeks.give(
        "int_hub__listing_changes",
        [
            listed("a", before, n_new_downloads=70, n_downloads=300, previous_n_downloads=280),
            listed("a", WEEK, n_new_downloads=90, n_downloads=310, previous_n_downloads=300),
            listed("b", before, n_downloads=30, previous_n_downloads=20, previous_observed_at=long_before),
            listed("b", WEEK, n_downloads=31, previous_n_downloads=30),
            first("new", WEEK, created_at=datetime(2026, 11, 12), n_downloads_all_time=8, n_downloads=8),
            first("old", WEEK, n_downloads_all_time=500, n_downloads=5),
        ],
    )
    correction = {"snapshot_date": WEEK, "repo_type": "model", "repo_key": "a", "rule": "backlog"}
    weeks.give("core__flow_corrections", [correction | {"flow_date": WEEK, "amount": -20}])
    weeks.give("core__flow_corrections", [correction | {"flow_date": before, "amount": 20}])
    found = {row["repo_key"]: row for row in weeks.build("int_hub__repository_flows")}
    a = found["a"]
    assert (a["n_new_downloads"], a["n_new_downloads_earlier"], a["n_days"], a["previous_date"]) == (70, 90, 7, before)
    assert (a["n_downloads_earlier"], a["n_downloads_overlap"]) == (300, pytest.approx(23 / 30))
    assert (a["n_downloads_before_earlier"], found["b"]["n_downloads_before_earlier"]) == (280, None)
    # all downloads of a new model came after its creation; if a model was merely unseen, its new downloads are unknown
    assert (found["new"]["n_new_downloads"], found["new"]["n_days"]) == (8, 4)
    assert (found["old"]["n_new_downloads"], found["old"]["n_days"]) == (None, None)


@pytest.mark.parametrize(("rule", "n_gone"), [("stall", 2), ("partial", 1)])
def test_cohorts_count_models_missing_from_complete_listings_as_gone(weeks: Weeks, rule: str, n_gone: int) -> None:
    repo = {"snapshot_date": WEEK, "repo_type": "model", "created_at": CREATED, "observed_at": datetime(2026, 11, 16)}
    weeks.give(
        "int_hub__repositories",
        [
            repo
            | {"repo_key": "a", "repo_id": "lab/a", "n_downloads": 3, "is_gated": False, "last_modified_at": CREATED},
            repo
            | {
                "repo_key": "b",
                "repo_id": "lab/b",
                "n_downloads": 0,
                "is_gated": True,
                "last_modified_at": datetime(2026, 1, 1),
            },
            repo | {"repo_key": "back", "repo_id": "lab/back", "created_at": datetime(2026, 9, 9)},
        ],
    )
    changes = [vanished("back", WEEKS[1]), vanished("earlier", WEEKS[1]), vanished("now", WEEK)]
    weeks.give("int_hub__listing_changes", changes)
    weeks.give("core__week_quality", [verdict(rule)])
    september, october = weeks.build("mart__cohorts")
    assert (september["created_month"], september["n_gone"], september["share_downloaded"]) == (
        date(2026, 9, 1),
        0,
        None,
    )
    assert (october["n_listed"], october["n_gone"], october["is_suspect"]) == (2, n_gone, rule == "partial")
    assert october["share_gone"] == pytest.approx(n_gone / (2 + n_gone))
    assert (october["share_downloaded"], october["share_committed"], october["share_gated"]) == (0.5, 0.5, 0.5)


def family(key: str, root: str, depth: int = 1, listed_key: str | None = "") -> Row:
    row = {
        "snapshot_date": WEEK,
        "node": key,
        "repo_key": key if listed_key == "" else listed_key,
        "repo_id": f"{root}/{key}",
    }
    row |= {
        "root_node": key if depth == 0 else root,
        "is_listed": listed_key == "",
        "is_root": depth == 0,
        "is_in_cycle": False,
    }
    return (
        row
        | {"depth": depth}
        | dict.fromkeys(("n_roots", "n_bases", "n_children", "n_descendants", "n_downloads_descendants"), 1)
    )


def test_attribution_gives_a_range_for_unknown_publishers(weeks: Weeks) -> None:
    china, person = {"country": "China"}, {"kind": "individual", "namespace": "someone", "organization": "someone"}
    weeks.give(
        "mart__models",
        [
            model("base", namespace="qwen", n_downloads=50, **china),
            model("quant", **person, n_downloads=30),
            model("other", namespace="nobody", kind="unknown", n_downloads=20),
        ],
    )
    group = {"snapshot_date": WEEK, "organization": "Qwen", "kind": "company", "country": "China"}
    weeks.give("int_hub__organizations", [group | {"handle": "qwen", "organization_group": "Alibaba"}])
    weeks.give("network__family_nodes", [family("base", "base", 0) | {"repo_id": "qwen/base"}, family("quant", "base")])
    rows = [row for row in weeks.build("mart__attribution") if row["measure"] == "n_downloads"]
    found = {(row["attributed_to"], row["dimension"], row["item"]): (row["share"], row["share_high"]) for row in rows}
    assert found["publisher", "country", "China"] == (0.5, 1.0)
    assert found["root", "country", "China"] == (0.8, 1.0)
    assert found["publisher", "country", "individual"] == (pytest.approx(0.3), pytest.approx(0.3))
    assert found["root", "country", "unknown"] == (0.2, 0.2)
    assert found["root", "organization", "Alibaba"] == (0.8, 1.0)
    assert found["publisher", "kind", "individual"] == (pytest.approx(0.3), pytest.approx(0.5))
    assert not [item for _, _, item in found if item in ("someone", "nobody")]


def test_shares_of_relations(weeks: Weeks) -> None:
    weeks.give("mart__models", [model("a", n_downloads=60), model("b", n_downloads=40), model("c", n_downloads=None)])
    relation = {"snapshot_date": WEEK, "is_derivative": True}
    weeks.give(
        "int_hub__model_relations",
        [
            relation | {"repo_key": "a", "relation": "original", "is_derivative": False},
            *(relation | {"repo_key": key, "relation": "adapter"} for key in "bc"),
        ],
    )
    weeks.give("core__week_quality", [verdict("frozen"), verdict("stall", WEEKS[0])])
    adapter, original = weeks.build("mart__relation_shares")
    assert (adapter["share_of_downloads"], adapter["share_of_models"]) == (0.4, pytest.approx(2 / 3))
    assert (original["share_of_downloads"], original["share_of_new_downloads"], original["is_suspect"]) == (
        0.6,
        None,
        True,
    )


def test_licenses_are_compared_with_the_root(weeks: Weeks) -> None:
    weeks.give(
        "mart__models",
        [
            model("root", license="mit", license_group="permissive"),
            model("child", license="llama3", license_group="restrictive"),
            model("grandchild", license="mit", license_group="permissive"),
        ],
    )
    weeks.give("network__family_nodes", [family("root", "root", 0), family("id:x/y", "id:x/y", 0, None)])
    member = {"snapshot_date": WEEK}
    weeks.give(
        "network__family_members",
        [
            member | {"root_node": "root", "node": "child", "depth": 1},
            member | {"root_node": "root", "node": "grandchild", "depth": 9},
            member | {"root_node": "id:x/y", "node": "grandchild", "depth": 1},
        ],
    )
    found = [(row["depth"], row["drift"], row["n_models"]) for row in weeks.build("mart__license_drift_by_depth")]
    assert found == [(1, "more restrictive", 1), (1, "root not listed", 1), (5, "kept", 1)]


def lives(weeks: Weeks, event: str, week: date = WEEK) -> list[tuple[str, float, float, bool]]:
    rows = durations(weeks.connection, week).to_pylist()
    found = [(row["relation"], row["entry"], row["exit"], row["is_event"]) for row in rows if row["event"] == event]
    return sorted(found, key=str)


@pytest.fixture
def watched(weeks: Weeks) -> Weeks:
    """Four listings of an old model, a young one, and one that disappears in the last week."""
    young = datetime(2026, 11, 5)
    weeks.give("int_hub__listing_totals", [{"snapshot_date": week, "repo_type": "model"} for week in WEEKS])
    weeks.give(
        "int_hub__listing_changes",
        [
            *(
                listed(
                    "old",
                    week,
                    n_downloads=9,
                    previous_n_downloads=9,
                    n_downloads_all_time=90 + 20 * place,
                    previous_n_downloads_all_time=70 + 20 * place if place else None,
                )
                for place, week in enumerate(WEEKS)
            ),
            first("young", WEEKS[2], created_at=young, n_downloads=150, n_downloads_all_time=150),
            listed(
                "young",
                WEEKS[3],
                created_at=young,
                n_downloads=0,
                previous_n_downloads=150,
                n_downloads_all_time=150,
                previous_n_downloads_all_time=150,
            ),
            *(
                listed("brief", week, n_downloads=1, previous_n_downloads=1, n_downloads_all_time=1)
                for week in WEEKS[:3]
            ),
            vanished("brief", WEEK),
        ],
    )
    repo = {"repo_type": "model", "created_at": CREATED, "last_modified_at": CREATED, "is_gated": False}
    weeks.give(
        "int_hub__repositories",
        [
            *(repo | {"snapshot_date": week, "repo_key": "old", "repo_id": "lab/old"} for week in WEEKS),
            *(
                repo
                | {
                    "snapshot_date": week,
                    "repo_key": "young",
                    "repo_id": "lab/young",
                    "created_at": young,
                    "last_modified_at": young,
                }
                for week in WEEKS[2:]
            ),
            *(repo | {"snapshot_date": week, "repo_key": "brief", "repo_id": "lab/brief"} for week in WEEKS[:3]),
        ],
    )
    relation = {"relation": "original", "is_derivative": False}
    weeks.give(
        "int_hub__model_relations",
        [relation | {"snapshot_date": week, "repo_key": key} for week in WEEKS for key in ("old", "young")]
        + [relation | {"snapshot_date": WEEKS[2], "repo_key": "brief", "relation": "merge"}],
    )
    return weeks


def test_models_enter_late_and_leave_as_gone_or_censored(watched: Weeks) -> None:
    # since October 1, the first listing is day 25, the last one day 46; the young model is listed 4 days old
    assert lives(watched, "gone") == [("merge", 25, 46, True), ("original", 25, 46, False), ("original", 4, 11, False)]


def test_absence_from_a_partial_listing_is_not_an_event(watched: Weeks) -> None:
    watched.give("core__week_quality", [verdict("partial")])
    assert ("merge", 25, 46, True) not in lives(watched, "gone")
    assert len(lives(watched, "gone")) == 2


def test_thresholds_are_interpolated_and_known_from_creation_for_young_models(watched: Weeks) -> None:
    # the old model has 90, then 110: halfway through a week that begins on day 25; the young one has 150 after 4 days
    found = lives(watched, "reached_100")
    assert found == [
        ("merge", 25, 39, False),
        ("original", 0, pytest.approx(4 * 100 / 150), True),
        ("original", 25, 28.5, True),
    ]
    assert [is_event for *_, is_event in lives(watched, "reached_1000")] == [False, False, False]


def test_silence_counts_from_a_month_of_age_on(watched: Weeks) -> None:
    found = lives(watched, "no_downloads")
    # the young model fell silent at 11 days, which may only be a slow start
    assert found == [("merge", 25, 39, False), ("original", 25, 46, False), ("original", 4, 11, False)]


def test_model_created_after_it_was_listed_has_no_negative_age(watched: Weeks) -> None:
    # the Hub's clock and ours differ; a recording has only a day
    later = datetime.combine(WEEK, datetime.min.time()) + timedelta(hours=6)
    counts = {"n_downloads": 5, "n_downloads_all_time": 5_000}
    watched.give("int_hub__listing_changes", [first("early", WEEK, created_at=later, **counts)])
    repo = {"snapshot_date": WEEK, "repo_type": "model", "repo_key": "early", "repo_id": "lab/early", "is_gated": False}
    watched.give("int_hub__repositories", [repo | {"created_at": later, "last_modified_at": later}])
    rows = durations(watched.connection, WEEK)
    assert min(rows["entry"].to_pylist()) == min(rows["exit"].to_pylist()) == 0
    assert len(survival(rows, ["event"], at=[0.0, 30.0])) > 0
