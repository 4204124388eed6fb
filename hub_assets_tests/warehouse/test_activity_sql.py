"""SQL based on activity: license shares, top repositories, and the comparison with the study's activity figures."""

import csv
from collections import Counter
from collections.abc import Iterator
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.compute as pc
import pytest
from scipy import stats

from hub_assets.statistics.activity import VARIABLES, concentration_table, correlation_table, license_test_table
from hub_assets.warehouse.database import failing_rows, replace_week
from hub_assets.warehouse.sql_project import Project
from hub_assets_tests.warehouse.building import STATS, Database

WEEK, BEFORE = date(2026, 11, 16), date(2026, 11, 9)
ROOT = Path(__file__).parents[2] / "dbt_like_sql"
UNTOLD = ("network__model_usage", "network__top_organizations")
LICENSES = {"apache-2.0": "permissive", "openrail": "restrictive", None: "none"}
Row = dict[str, Any]


class Warehouse(Database):
    """A database in which the tables under test are built from given activity and statistics."""

    def __init__(self, project: Project) -> None:
        super().__init__(project, "mart__repo_activity", *UNTOLD)

    def build(self) -> None:
        names = {"mart__activity_summary", "mart__top_repositories", "stats__license_shares"}
        names |= {"mart__published_comparison"}
        self.fill((model for model in self.project.models if model.name in names), WEEK)

    def ours(self) -> dict[str, float | None]:
        return dict(self.rows("select quantity, ours from mart__published_comparison"))


@pytest.fixture
def warehouse(project: Project) -> Iterator[Warehouse]:
    made = Warehouse(project)
    yield made
    made.connection.close()


def repo(key: str, repo_type: str = "model", licenses: list[str] | None = None, **values: Any) -> Row:
    row = {"snapshot_date": WEEK, "repo_type": repo_type, "repo_key": key, "repo_id": f"lab/{key}"}
    return row | {"licenses": licenses, "license": licenses[0] if licenses else None} | values


def test_licenses_without_a_group_are_counted_and_flagged(warehouse: Warehouse) -> None:
    licenses = [["mit", "my-own"], ["my-own"], ["mit"], ["mit"], ["other"], [], [], [], None]
    warehouse.give("mart__repo_activity", [repo(str(n), licenses=each) for n, each in enumerate(licenses)])
    warehouse.give("mart__repo_activity", [repo("0", licenses=["mit"]) | {"snapshot_date": BEFORE}])
    warehouse.build()
    assert warehouse.rows(
        "select license, license_group, is_mapped, n, n_first, share_of_repos, round(share_of_licensed, 6) "
        "from stats__license_shares order by license"
    ) == [
        ("mit", "permissive", True, 3, 3, 3 / 8, 0.6),
        ("my-own", "other", False, 2, 1, 2 / 8, 0.4),
        ("none", "none", True, 3, 3, 3 / 8, None),
        ("other", "other", True, 1, 1, 1 / 8, 0.2),
    ]
    assert warehouse.rows("select distinct n_licensed, n_known, n_listed, share_known from stats__license_shares") == [
        (5, 8, 9, 8 / 9)
    ]
    shares = warehouse.project.tables["stats__license_shares"]
    (warning,) = (test for test in shares.data_tests if test.is_warning)
    assert [row[2] for row in warehouse.rows(failing_rows(warning, shares, WEEK))] == ["my-own"]


def test_top_ten_repositories(warehouse: Warehouse) -> None:
    models = [repo(f"m{n:02}", n_likes=min(n, 9), n_downloads=None, n_commits=0) for n in range(12)]
    warehouse.give("mart__repo_activity", models)
    warehouse.give("mart__repo_activity", [repo("d", "dataset", n_likes=3, n_downloads=8), repo("s", "space")])
    warehouse.give("mart__repo_activity", [repo("old", n_likes=99) | {"snapshot_date": BEFORE}])
    warehouse.build()
    assert warehouse.rows(
        "select repo_type, variable, rank, repo_key, repo_id, value from mart__top_repositories order by all"
    ) == [
        ("dataset", "n_downloads", 1, "d", "lab/d", 8),
        ("dataset", "n_likes", 1, "d", "lab/d", 3),
        # ties are broken by id
        ("model", "n_likes", 1, "m09", "lab/m09", 9),
        ("model", "n_likes", 2, "m10", "lab/m10", 9),
        ("model", "n_likes", 3, "m11", "lab/m11", 9),
        *(("model", "n_likes", 12 - n, f"m{n:02}", f"lab/m{n:02}", n) for n in range(8, 1, -1)),
    ]


def test_ranks_include_coverage(warehouse: Warehouse) -> None:
    downloads = [None, 5, 7, 0]
    warehouse.give("mart__repo_activity", [repo(str(n), n_downloads=each) for n, each in enumerate(downloads)])
    warehouse.build()
    coverage = "select distinct n, n_listed, share_known from {} where variable = 'n_downloads'"
    for table in ("mart__top_repositories", "mart__activity_summary"):
        assert warehouse.rows(coverage.format(table)) == [(3, 4, 0.75)]
    assert warehouse.rows(
        "select n, share_known from mart__published_comparison where quantity = 'models n_downloads mean'"
    ) == [(3, 0.75)]


def test_quantities_that_grow_with_the_hub_have_no_difference(warehouse: Warehouse) -> None:
    test = {"snapshot_date": WEEK, "variable": "n_likes", "group_a": "permissive", "group_b": "none"}
    warehouse.give(
        "stats__license_tests", [test | {"n_a": 3, "n_b": 4, "u_a": 6.0, "p_value": 0.5, "share_known": 1.0}]
    )
    warehouse.build()
    ours = warehouse.rows(
        "select quantity, ours, difference, ratio, n from mart__published_comparison "
        "where figure = 'Table 5' and ours > 0"
    )
    # p is left out, because the study reports the maximum of 24 tests and this is only one
    assert ours == [("models n_likes permissive vs none U", 6, None, None, 7)]


def test_maximum_p_covers_only_the_tests_in_the_study(warehouse: Warehouse) -> None:
    printed = warehouse.rows("select item, cut, compared_with from published_values where measure = 'u_a'")
    p_values = dict(zip(printed, np.linspace(0.001, 0.024, len(printed)), strict=True))
    rows = [
        {"snapshot_date": WEEK, "variable": variable, "group_a": a, "group_b": b, "n_a": 2, "n_b": 3, "p_value": p}
        for (variable, a, b), p in (p_values | {("n_new", "permissive", "none"): 0.9}).items()
    ]
    warehouse.give("stats__license_tests", rows[1:])
    warehouse.build()
    assert warehouse.ours()["models license tests greatest p"] is None
    warehouse.give("stats__license_tests", rows[:1])
    warehouse.build()
    assert warehouse.ours()["models license tests greatest p"] == pytest.approx(0.024)


def test_published_values_map_to_distinct_weekly_values(warehouse: Warehouse) -> None:
    keys = warehouse.rows(
        "select source_table, subject, item, cut, compared_with, measure, place from published_values order by place"
    )
    assert len({key[:-1] for key in keys}) == len(keys)
    assert [key[-1] for key in keys] == list(range(1, len(keys) + 1))
    counted = {
        ("mart__repo_activity", "n_repos"),
        ("mart__repo_activity", "n_above"),
        ("mart__repo_activity", "share_equal"),
        ("stats__license_tests", "n_listed"),
        ("stats__license_tests", "share_listed"),
    }
    (comparison,) = (model for model in warehouse.project.models if model.name == "mart__published_comparison")
    for table, *_, measure, _ in keys:
        assert table in comparison.upstream
        columns = {column.name for column in warehouse.project.tables[table].columns}
        assert measure in columns or (table, measure) in counted, (table, measure)


def test_license_tests_cover_models_of_the_three_groups(warehouse: Warehouse) -> None:
    sizes = {"permissive": 3, "restrictive": 4, "none": 5}
    for a, b in combinations(sizes, 2):
        test = {"snapshot_date": WEEK, "variable": "n_likes", "group_a": a, "group_b": b, "p_value": 0.5}
        warehouse.give("stats__license_tests", [test | {"n_listed_a": sizes[a], "n_listed_b": sizes[b]}])
    warehouse.give("mart__repo_activity", [repo(str(n)) for n in range(16)])
    warehouse.build()
    ours = warehouse.ours()
    assert ours["models in license tests count"] == 12
    assert ours["models in license tests share"] == 12 / 16


def test_published_value_next_to_ours(warehouse: Warehouse) -> None:
    held = {"snapshot_date": WEEK, "repo_type": "model", "n": 5, "share_of_repos": 0.004, "target_share": 0.8}
    warehouse.give("stats__concentration", [held | {"variable": "n_likes"}])
    pair = {"snapshot_date": WEEK, "repo_type": "space", "variable_x": "n_likes", "variable_y": "n_community", "n": 5}
    groups = [{"license_group": "all", "pearson": 0.5, "pearson_p": 0.01}, {"license_group": "none", "pearson": 0.9}]
    warehouse.give("stats__correlations", [pair | group for group in groups])
    warehouse.give("stats__correlations", [pair | groups[0] | {"snapshot_date": BEFORE, "pearson": 0.1}])
    downloads = [None, 5, 1_000_000, 1_000_001]
    warehouse.give("mart__repo_activity", [repo(str(n), n_downloads=each) for n, each in enumerate(downloads)])
    warehouse.build()
    columns = "figure, quantity, published, relation, ours, round(difference, 6), round(ratio, 6)"
    assert warehouse.rows(
        f"select {columns} from mart__published_comparison "
        "where ours is not null and (quantity not like 'models n_%' or quantity = 'models n_downloads min') order by 2"
    ) == [
        ("Section 5.2.3", "models above 1000000 downloads count", 86, "equals", 1, -85, 0.011628),
        ("Section 4.1", "models count", 348_181, "equals", 4, -348_177, 0.000011),
        ("Section 4.1.1", "models holding 80 % of n_likes", 0.01, "below", 0.004, -0.006, 0.4),
        ("Table 2", "models n_downloads min", 0, "equals", 5, 5, None),
        ("Section 4.1.2", "spaces n_likes ~ n_community pearson", 0.76, "equals", 0.5, -0.26, 0.657895),
        ("Section 4.1.2", "spaces n_likes ~ n_community pearson_p", 0.001, "below", 0.01, 0.009, 10),
    ]


def test_empty_week_has_no_values(warehouse: Warehouse) -> None:
    warehouse.build()
    assert set(warehouse.ours().values()) == {None}
    assert len(warehouse.ours()) == 417


def test_unused_license_is_zero_rather_than_unknown(warehouse: Warehouse) -> None:
    given = [["mit"], ["mit", "cc-by-4.0"], ["cc-by-nc-4.0"], ["cc0-1.0"], []]
    warehouse.give("mart__repo_activity", [repo(str(n), "dataset", each) for n, each in enumerate(given)])
    warehouse.give("mart__repo_activity", [repo("m")])
    warehouse.build()
    assert {quantity: ours for quantity, ours in warehouse.ours().items() if " license " in quantity and ours} == {
        "datasets license none share_of_repos": pytest.approx(0.2),
        "datasets license mit share_of_licensed": 0.5,
        "datasets license cc 4.0 family share_of_licensed": 0.25,
    }
    assert warehouse.ours()["datasets license openrail share_of_licensed"] == 0
    assert warehouse.ours()["models license mit share_of_licensed"] is None


def test_full_week_has_a_value_for_every_published_activity_figure(warehouse: Warehouse) -> None:
    rng = np.random.default_rng(1)
    for repo_type, variables in VARIABLES.items():
        amounts = dict(zip(variables, rng.geometric(0.4, (len(variables), 360)) - 1, strict=True))
        kinds = [*LICENSES.items()] * 120
        rows = [
            repo(str(n), repo_type, [license] if license else [], license_group=group)
            | {name: int(amount[n]) for name, amount in amounts.items()}
            for n, (license, group) in enumerate(kinds)
        ]
        warehouse.give("mart__repo_activity", rows)
    everything = warehouse.connection.sql("from mart__repo_activity").to_arrow_table()
    activity = {each: everything.filter(pc.equal(everything["repo_type"], each)) for each in VARIABLES}
    made = {
        "stats__concentration": concentration_table(activity),
        "stats__correlations": correlation_table(activity),
        "stats__license_tests": license_test_table(activity),
    }
    for name, table in made.items():
        warehouse.connection.register("made", table)
        columns = ", ".join(STATS[name].names[1:])
        replace_week(warehouse.connection, name, WEEK, f"select date '{WEEK}' as snapshot_date, {columns} from made")
    warehouse.build()
    ours = warehouse.ours()
    missing = [quantity for quantity, value in ours.items() if value is None]
    assert [quantity for quantity in missing if not quantity.startswith("network ")] == []

    models = {name: activity["model"][name].to_numpy() for name in VARIABLES["model"]}
    spaces = {name: activity["space"][name].to_numpy() for name in VARIABLES["space"]}
    licensed, likes = activity["model"]["license_group"].to_numpy(), models["n_likes"]
    expected = {
        "spaces count": 360,
        "models n_downloads mean": models["n_downloads"].mean(),
        "spaces n_commits std": spaces["n_commits"].std(ddof=1),
        "models n_likes share_zero": (likes == 0).mean(),
        "models with one contributor share": (models["n_community"] == 1).mean(),
        "models n_committers rank 2": np.sort(models["n_committers"])[-2],
        "models license none share_of_repos": 1 / 3,
        "datasets license openrail share_of_licensed": 1 / 2,
        "models in license tests count": 360,
        "models in license tests share": 1,
        "models holding 99 % of n_likes": 1 - (np.cumsum(np.sort(likes)) <= 0.01 * likes.sum()).mean(),
        "models n_likes ~ n_usage_spaces pearson": np.corrcoef(likes, models["n_usage_spaces"])[0, 1],
        "spaces n_likes ~ n_discussions pearson": np.corrcoef(spaces["n_likes"], spaces["n_discussions"])[0, 1],
        "models n_likes restrictive vs none U": stats.mannwhitneyu(
            likes[licensed == "restrictive"], likes[licensed == "none"]
        ).statistic,
    }
    assert {quantity: ours[quantity] for quantity in expected} == pytest.approx(expected)


def test_published_values_match_the_study() -> None:
    with (ROOT / "seeds" / "published_values.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["quantity"]: row for row in csv.DictReader(file) if not row["quantity"].startswith("network ")}
    said = {
        "models count": ("Section 4.1", 348_181, "equals"),
        "models n_downloads std": ("Table 2", 158_207.09, "equals"),
        "models n_commits max": ("Table 2", 75_653, "equals"),
        "datasets n_discussions mean": ("Table 3", 1.41, "equals"),
        "datasets n_downloads p75": ("Table 3", 2, "equals"),
        "spaces n_community p75": ("Table 4", 2, "equals"),
        "spaces n_disc_starters max": ("Table 4", 4684, "equals"),
        "models n_downloads share_zero": ("Section 5.2.3", 0.7099, "equals"),
        "spaces n_discussions share_zero": ("Section 4.1.1", 0.96, "about"),
        "models holding 80 % of n_downloads": ("Section 4.1.1", 0.01, "below"),
        "models holding 99 % of n_discussions": ("Section 4.1.1", 0.15, "about"),
        "models with one contributor share": ("Section 4.1.1", 0.87, "about"),
        "models above 1000000 downloads count": ("Section 5.2.3", 86, "equals"),
        "models n_likes ~ n_community pearson": ("Section 4.1.2", 0.75, "equals"),
        "models n_downloads ~ n_usage_spaces pearson": ("Section 4.3.3", 0.29, "equals"),
        "datasets license none share_of_repos": ("Section 5.2.2", 0.7213, "equals"),
        "datasets license cc 4.0 family share_of_licensed": ("Section 4.1.3", 0.07, "about"),
        "models n_usage_spaces permissive vs none U": ("Table 5", 8_276_280_946, "equals"),
        "models n_commits restrictive vs none U": ("Table 5", 5_451_995_655, "equals"),
    }
    for quantity, (figure, published, relation) in said.items():
        row = rows[quantity]
        assert (row["figure"], float(row["published"]), row["relation"]) == (figure, published, relation), quantity
    tables = Counter(row["figure"] for row in rows.values() if row["figure"].startswith("Table"))
    assert tables == {"Table 2": 49, "Table 3": 49, "Table 4": 42, "Table 5": 25}


def test_licenses_are_grouped_by_their_terms() -> None:
    with (ROOT / "seeds" / "license_groups.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = [row["license"] for row in rows]
    assert names == sorted(name.lower() for name in names)
    # every reason always leads to the same group
    assert len({row["reason"] for row in rows}) == len({(row["reason"], row["license_group"]) for row in rows})
    terms = ("-nc", "-nd", "-sa", "gpl", "rail", "llama", "research", "community")
    limited = [row for row in rows if any(term in row["license"] for term in terms)]
    assert {row["license_group"] for row in limited} == {"restrictive"}


def test_license_aliases_are_not_identifiers_but_map_to_one() -> None:
    groups, aliases = (
        list(csv.DictReader((ROOT / "seeds" / f"{name}.csv").read_text(encoding="utf-8").splitlines()))
        for name in ("license_groups", "license_aliases")
    )
    identifiers, names = {row["license"] for row in groups}, [row["alias"] for row in aliases]
    assert names == sorted(name.strip().lower() for name in names)
    assert not identifiers & {*names}
    assert {row["license"] for row in aliases} - {""} < identifiers


def test_all_recorded_licenses_are_mapped(real_data: Path) -> None:
    files = [*real_data.glob("radar/*/models.parquet"), *real_data.glob("*/models.parquet")]
    with duckdb.connect() as connection:
        unmapped = connection.execute(
            "select distinct lower(substr(tag, 9)) from (select unnest(tags) as tag from read_parquet($files)) "
            "where starts_with(tag, 'license:') except select license from read_csv($seed)",
            {"files": [str(file) for file in files], "seed": str(ROOT / "seeds" / "license_groups.csv")},
        ).fetchall()
    assert unmapped == []
