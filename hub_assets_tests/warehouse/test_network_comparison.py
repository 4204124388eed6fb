"""The comparison with the study's network figures."""

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from hub_assets.warehouse.sql_project import Model, Project
from hub_assets_tests.warehouse.building import Database

WEEK, BEFORE = date(2026, 11, 16), date(2026, 11, 9)
ROOT = Path(__file__).parents[2] / "dbt_like_sql"
COMPARISON = "mart__published_comparison"
MEASURES = (
    *("nodes", "edges", "modularity", "communities", "density", "reciprocity", "rich_club", "assortativity"),
    *("average_degree", "average_clustering"),
)
NETWORKS = ("all", "cv", "nlp", "mm")
Row = dict[str, Any]


class Warehouse(Database):
    """A database whose tests supply the rows of every table that the comparison reads."""

    def __init__(self, project: Project) -> None:
        (self.comparison,) = (model for model in project.models if model.name == COMPARISON)
        built = (name for name in self.comparison.upstream if isinstance(project.tables[name], Model))
        super().__init__(project, *built)

    def build(self, **given: list[Row]) -> None:
        for table, rows in given.items():
            self.give(table, ({"snapshot_date": WEEK} | row for row in rows))
        self.fill([self.comparison], WEEK)

    def compared(self, columns: str, where: str = "ours is not null") -> list[Any]:
        return self.rows(f"select {columns} from {COMPARISON} where {where} order by place")

    def ours(self) -> dict[str, float | None]:
        return dict(self.compared("quantity, ours", "starts_with(quantity, 'network ')"))


@pytest.fixture
def warehouse(project: Project) -> Iterator[Warehouse]:
    made = Warehouse(project)
    yield made
    made.connection.close()


def core(k: int, network: str = "all", is_max_k: bool = False, **values: Any) -> Row:
    row = {
        "network": network,
        "edge_rule": "first_author",
        "includes_bots": False,
        "k": k,
        "is_max_k": is_max_k,
        "nodes": 1,
    }
    return row | values


def used(name: str, n_spaces: int, key: str | None = None, **values: Any) -> Row:
    return {"network": "all", "repo_key": key or name, "repo_id": name, "n_spaces": n_spaces} | values


def leader(organization: str, n_models: int, kind: str = "company", **values: Any) -> Row:
    row = {"network": "all", "ranking": "usage", "organization": organization, "kind": kind, "n_models": n_models}
    return row | {"share_of_leading_five": 0.4} | values


def published() -> dict[str, Row]:
    with (ROOT / "seeds" / "published_values.csv").open(encoding="utf-8", newline="") as file:
        return {row["quantity"]: row for row in csv.DictReader(file) if row["quantity"].startswith("network ")}


def test_full_week_has_a_value_for_every_published_network_figure(warehouse: Warehouse) -> None:
    number = count(1000)
    greatest = {"all": 31, "cv": 10, "nlp": 12, "mm": 26}
    cores = [
        core(k, network, k == greatest[network], **{name: next(number) for name in MEASURES})
        for network in NETWORKS
        for k in sorted({1, 5, 10, greatest[network]})
    ]
    wrong: list[Row] = [{"edge_rule": "all_authors"}, {"includes_bots": True}, {"snapshot_date": BEFORE}]
    statistics = [f"{what}_{name}" for what in ("degree", "pagerank") for name in ("mean", "median", "max", "std")]
    summary: Row = {"network": "all", "edge_rule": "first_author", "includes_bots": False}
    summary |= {name: next(number) for name in ("n_developers", "share_isolates", "nodes", *statistics)}
    degrees: list[Row] = [
        {"network": network, "ranking": ranking}
        | {name: next(number) for name in ("n", "n_at_least_1000", "mean", "std", "p50", "max")}
        for network in NETWORKS
        for ranking in ("usage", "co_usage")
    ]
    named = [match for name in published() if (match := re.fullmatch(r"network (\w+) usage (\S+) spaces", name))]
    usage = [used(match[2], next(number), network=match[1]) for match in named]
    leaders = [leader("Meta", next(number)) | {name: row[name] for name in ("network", "ranking")} for row in degrees]
    warehouse.build(
        network__collaboration_cores=[*cores, *(row | other for row in cores for other in wrong)],
        network__summary=[summary, *(summary | other for other in wrong)],
        network__usage_summary=degrees,
        network__model_usage=usage,
        network__top_organizations=leaders,
    )
    ours = warehouse.ours()
    assert len(ours) == 206
    assert [quantity for quantity, value in ours.items() if value is None] == []

    expected = {
        f"network {row['network']} k {k} {name}": row[name]
        for row in cores
        for k in ([row["k"], "max"] if row["is_max_k"] else [row["k"]])
        for name in MEASURES
    }
    expected |= {f"network {network} greatest k": k for network, k in greatest.items()}
    expected |= {"network all isolates share": summary["share_isolates"]}
    expected |= {"network all developers count": summary["n_developers"]}
    expected |= {f"network all {name.replace('_', ' ').replace('median', 'p50')}": summary[name] for name in statistics}
    for row in degrees:
        network = f"network {row['network']} {row['ranking']}"
        expected |= {f"{network} degree {name}": row[name] for name in ("mean", "p50", "std", "max")}
        expected |= {f"{network} models count": row["n"], f"{network} leading five share": 0.4}
        expected |= {f"{network} degree at least 1000 count": row["n_at_least_1000"]}
    expected |= {match[0]: row["n_spaces"] for match, row in zip(named, usage, strict=True)}
    expected |= {f"network {row['network']} {row['ranking']} Meta models": row["n_models"] for row in leaders}
    others = {quantity for quantity in ours if quantity not in expected}
    assert {quantity: ours[quantity] for quantity in ours if quantity not in others} == {
        quantity: value for quantity, value in expected.items() if quantity in ours
    }
    # developers outside the top 100 have no models there
    assert {ours[quantity] for quantity in others} == {0}
    assert {quantity.rpartition(" ")[2] for quantity in others} == {"models"}


def test_last_row_is_the_maximal_core(warehouse: Warehouse) -> None:
    warehouse.build(network__collaboration_cores=[core(1, nodes=9), core(5, nodes=4, is_max_k=True)])
    assert warehouse.compared("quantity, ours") == [
        ("network all greatest k", 5),
        ("network all k 1 nodes", 9),
        ("network all k 5 nodes", 4),
        ("network all k max nodes", 4),
    ]


def test_rich_club_has_no_difference(warehouse: Warehouse) -> None:
    warehouse.build(network__collaboration_cores=[core(26, is_max_k=True, nodes=28, rich_club=1.0, density=0.5)])
    columns = "figure, quantity, published, ours, difference, ratio, n, share_known"
    assert warehouse.compared(columns, "ours > 0 and quantity like '%k max%'") == [
        ("Table 6", "network all k max nodes", 14, 28, 14, 2, 28, None),
        ("Table 6", "network all k max density", 1, 0.5, -0.5, 0.5, 28, None),
        ("Table 6", "network all k max rich_club", 0.15, 1, None, None, 28, None),
    ]


def test_coverage_of_collaboration_is_that_of_model_commits(warehouse: Warehouse) -> None:
    summary = {"network": "all", "edge_rule": "first_author", "includes_bots": False, "n_developers": 8, "nodes": 2}
    warehouse.build(
        network__collaboration_cores=[core(1, "mm", nodes=7, edges=30, share_known=0.25)],
        network__summary=[summary | {"share_isolates": 0.75, "degree_max": 3, "share_known": 0.25}],
        network__usage_summary=[{"network": "cv", "ranking": "usage", "n": 5}],
        network__model_usage=[used("gpt2", 4), used("lab/other", 1), used("gpt2", 3) | {"snapshot_date": BEFORE}],
    )
    assert warehouse.compared("quantity, ours, n, share_known") == [
        ("network all developers count", 8, 8, 0.25),
        ("network all isolates share", 0.75, 8, 0.25),
        ("network all degree max", 3, 2, 0.25),
        ("network mm k 1 nodes", 7, 7, 0.25),
        ("network mm k 1 edges", 30, 7, 0.25),
        ("network all usage gpt2 spaces", 4, 2, 1),
        ("network cv usage models count", 5, 5, 1),
    ]


def test_models_are_matched_by_their_id_of_the_week(warehouse: Warehouse) -> None:
    warehouse.build(
        network__model_usage=[
            used("openai-community/gpt2", 9),
            *(used("skytnt/anime-seg", 2, "one"), used("skytnt/anime-seg", 3, "two")),
        ]
    )
    assert warehouse.compared("quantity, ours, n") == [("network all usage skytnt/anime-seg spaces", 3, 3)]


def test_developers_outside_the_ranking_have_zero_models(warehouse: Warehouse) -> None:
    warehouse.build(
        network__top_organizations=[
            leader("Meta", 3),
            leader("nitrosocke", 2, "individual"),
            # a namespace that belongs to someone else
            leader("Google", 5, "unknown"),
            leader("Meta", 7) | {"snapshot_date": BEFORE},
        ]
    )
    assert warehouse.compared("quantity, ours, n, share_known") == [
        ("network all usage Meta models", 3, 10, 1),
        ("network all usage Google models", 0, 10, 1),
        ("network all usage Stability AI models", 0, 10, 1),
        ("network all usage OpenAI models", 0, 10, 1),
        ("network all usage Microsoft models", 0, 10, 1),
        ("network all usage Fudan University models", 0, 10, 1),
        ("network all usage leading five share", 0.4, 10, 1),
        ("network all usage nitrosocke models", 2, 10, 1),
    ]


def test_published_values_match_the_study() -> None:
    rows = published()
    said = {
        "network all developers count": ("Section 3.4", 101_144, "equals"),
        "network all isolates share": ("Section 4.2.1", 0.89, "about"),
        "network all degree std": ("Figure 4", 32.63, "equals"),
        "network all pagerank max": ("Figure 4", 0.04, "equals"),
        "network nlp greatest k": ("Section 4.2.2", 25, "equals"),
        "network all k 1 communities": ("Table 6", 2894, "equals"),
        "network cv k 5 rich_club": ("Table 7", 0.67, "equals"),
        "network nlp k max average_clustering": ("Table 8", 0.01, "equals"),
        "network mm k 10 assortativity": ("Table 9", -0.33, "equals"),
        "network all usage degree mean": ("Section 4.3.1", 6.68, "equals"),
        "network all usage skytnt/anime-seg spaces": ("Section 4.3.1", 1162, "equals"),
        "network all co_usage leading five share": ("Section 4.3.2", 0.56, "about"),
        "network nlp usage models count": ("Section 4.3.2", 3995, "equals"),
        "network mm co_usage Stability AI models": ("Section 4.3.2", 22, "equals"),
    }
    for quantity, (figure, value, relation) in said.items():
        row = rows[quantity]
        assert (row["figure"], float(row["published"]), row["relation"]) == (figure, value, relation), quantity
    tables = Counter(row["figure"] for row in rows.values() if row["figure"].startswith("Table"))
    # the assortativity of the maximal cores is NaN and therefore omitted
    assert tables == {"Table 6": 39, "Table 7": 29, "Table 8": 39, "Table 9": 39}


def test_published_core_measures_follow_from_their_nodes_and_edges() -> None:
    cores: dict[str, dict[str, float]] = defaultdict(dict)
    for quantity, row in published().items():
        if row["figure"].startswith("Table"):
            name, _, measure = quantity.rpartition(" ")
            cores[name][measure] = float(row["published"])
    assert len(cores) == 15
    for name, core in cores.items():
        n, edges = core["nodes"], core["edges"]
        assert core["average_degree"] == pytest.approx(2 * edges / n, abs=0.005), name
        assert core["density"] == pytest.approx(edges / (n * (n - 1)), abs=0.005), name
        if edges == n * (n - 1):
            # the rich-club coefficient of a complete graph is 1 by definition; the study reports another quantity
            assert core["rich_club"] == pytest.approx(2 / (n - 1), abs=0.005), name
