"""Cores match networkx, and the cores of recorded commits match values computed independently.

Authors of recorded commits are replaced with numbers, so that a failing test does not print names.
"""

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from hub_assets.networks import schemas
from hub_assets.networks.communities import greedy_spread
from hub_assets.networks.cores import core_numbers, core_table, worked
from hub_assets.networks.graph import Graph
from hub_assets.networks.tables import without_network
from hub_assets_tests.networks.made import contributions, edges, hub_like

Expected = list[tuple[float, ...]]
NOBODY = contributions()
BOTS = {"system", "SFconvertbot", "leaderboard-pr-bot", "librarian-bot", "modularbot"}
COMPLETE = [(one, other) for one in "abcd" for other in "abcd" if one != other]


def rows(graph: Graph, worked: pa.Table = NOBODY) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = core_table(graph, worked).to_pylist()
    return found


def test_core_numbers_of_a_hub_like_network_match_networkx() -> None:
    graph = Graph.of(hub_like(1_000, 3_000))
    expected = nx.core_number(graph.to_networkx())
    assert core_numbers(graph).tolist() == [expected[name] for name in graph.names.to_pylist()]


def test_cores_match_networkx() -> None:
    graph = Graph.of(hub_like(1_000, 3_000))
    reference = graph.to_networkx()
    found = rows(graph)
    greatest = max(nx.core_number(reference).values())
    assert [(row["k"], row["is_max_k"]) for row in found] == [(1, False), (5, False), (10, False), (greatest, True)]
    for row in found:
        core = nx.k_core(reference, row["k"])
        assert (row["nodes"], row["edges"]) == (len(core), core.size())
        assert row["density"] == pytest.approx(nx.density(core))


def test_no_core_is_above_the_maximum_k() -> None:
    assert [(row["k"], row["is_max_k"]) for row in rows(Graph.of(edges([("a", "b")])))] == [(1, True)]
    assert [(row["k"], row["is_max_k"]) for row in rows(Graph.of(edges(COMPLETE)))] == [
        (1, False),
        (5, False),
        (6, True),
    ]
    five_all_around = [(f"{one}", f"{(one + step) % 11}") for one in range(11) for step in range(1, 6)]
    assert [(row["k"], row["is_max_k"]) for row in rows(Graph.of(edges(five_all_around)))] == [
        (1, False),
        (5, False),
        (10, True),
    ]


def test_the_spread_of_modularity_is_reported_on_request() -> None:
    graph = Graph.of(hub_like(300, 700))
    assert {row["modularity_spread"] for row in rows(graph)} == {None}
    found = core_table(graph, NOBODY, n_orders=20).to_pylist()
    assert found[0]["modularity_spread"] == greedy_spread(graph) < found[0]["modularity"]
    assert [row["modularity_spread"] for row in found if row["is_max_k"]] == [0]
    assert {row["modularity_spread"] for row in core_table(graph, NOBODY, 10, n_orders=20).to_pylist()} == {None}


@pytest.mark.parametrize("table", [edges([]), edges([("a", "a")])])
def test_a_network_without_edges_has_no_cores(table: pa.Table) -> None:
    found = core_table(Graph.of(table), NOBODY)
    assert len(found) == 0
    assert found.schema.equals(without_network(schemas.COLLABORATION_CORES))


def test_undefined_measures_are_null() -> None:
    graph = Graph.of(edges(COMPLETE).select(["source", "target", "weight"]))
    *_, core = rows(graph)
    assert core["assortativity"] is None
    assert core["average_clustering_fractional"] is None
    assert core_table(graph, NOBODY).schema.equals(without_network(schemas.COLLABORATION_CORES))


def test_repositories_count_if_two_developers_of_the_core_contributed() -> None:
    graph = Graph.of(edges([*COMPLETE, ("e", "a"), ("f", "f")]))
    there = contributions("a b c", "d e", "a b", "f a", "a", "e a", "nobody else", "")
    twice = pa.concat_tables([there, there])
    for table in (there, twice):
        first, *_, core = rows(graph, table)
        assert (first["nodes"], first["n_repos"], first["n_in_largest_repo"]) == (5, 4, 3)
        assert (core["nodes"], core["n_repos"], core["n_in_largest_repo"]) == (4, 2, 3)
    assert [row["n_repos"] for row in rows(graph)] == [0, 0, 0]
    developers, _ = worked(graph, twice)
    assert np.bincount(developers).tolist() == [5, 2, 1, 1, 2]


class Recorded:
    """The collaboration network of recorded commits, built by the published script's rule from unmerged author strings.

    Args:
        commits: repository and authors of each commit.
        left_out: authors to exclude.
    """

    def __init__(self, commits: list[tuple[str, list[str]]], left_out: set[str]) -> None:
        there: dict[str, set[str]] = defaultdict(set)
        made: dict[str, Counter[str]] = defaultdict(Counter)
        for repo, authors in commits:
            there[repo].update(set(authors) - left_out)
            made[repo].update({authors[0]} - left_out)
        weights: Counter[tuple[str, str]] = Counter()
        fractions: Counter[tuple[str, str]] = Counter()
        for repo, developers in there.items():
            for source, n_commits in made[repo].items():
                for target in developers - {source} or {source}:
                    weights[source, target] += n_commits
                    fractions[source, target] += n_commits / max(len(developers) - 1, 1)  # type: ignore[assignment]
        self.graph = Graph.of(edges([(*pair, weight, fractions[pair]) for pair, weight in weights.items()]))
        self.contributions = pa.table(
            {
                "repo_key": [repo for repo, developers in there.items() for _ in developers],
                "developer": [name for developers in there.values() for name in developers],
            }
        )
        self.n_strings = len(set().union(*there.values()))
        self.n_commits = sum(map(Counter.total, made.values()))


@pytest.fixture(scope="module")
def recorded(real_data: Path) -> dict[str, Recorded]:
    """The networks with and without bots."""
    table = pq.read_table(real_data / "top_models_2024" / "commits.parquet", columns=["model_id", "authors"])
    names = sorted(set(pc.list_flatten(table["authors"]).to_pylist()))
    number = {name: f"{place:04d}" for place, name in enumerate(names)}
    commits = [(row["model_id"], [number[name] for name in row["authors"]]) for row in table.to_pylist()]
    return {"kept": Recorded(commits, set()), "out": Recorded(commits, {number[name] for name in BOTS})}


# k, nodes, edges, density, reciprocity, average degree, clustering (unweighted, weighted), greedy modularity and
# communities, weak components; computed twice with networkx
KEPT = [
    (1, 571, 2611, 0.0080, 0.6610, 9.145, 0.5621, 0.0092, 0.5907, 60, 45),
    (5, 278, 2049, 0.0266, 0.7204, 14.741, 0.8025, 0.0115, 0.5395, 17, 6),
    (10, 103, 1111, 0.1057, 0.8173, 21.573, 0.8306, 0.0107, 0.4555, 8, 4),
    (26, 14, 182, 1.0000, 1.0000, 26.000, 1.0000, 0.0098, 0, 1, 1),
]
OUT = [
    (1, 524, 2087, 0.0076, 0.6756, 7.966, 0.5399, 0.0221, 0.6703, 83, 68),
    (5, 219, 1561, 0.0327, 0.7277, 14.256, 0.8234, 0.0294, 0.5937, 17, 6),
    (10, 94, 928, 0.1062, 0.8319, 19.745, 0.8402, 0.0309, 0.5112, 8, 4),
    (24, 13, 156, 1.0000, 1.0000, 24.000, 1.0000, 0.0481, 0, 1, 1),
]


@pytest.mark.parametrize(
    ("bots", "strings", "n_commits", "isolates", "table"), [("kept", 653, 8034, 82, KEPT), ("out", 648, 7495, 124, OUT)]
)
def test_recorded_commits_have_the_precomputed_cores(
    recorded: dict[str, Recorded], *, bots: str, strings: int, n_commits: int, isolates: int, table: Expected
) -> None:
    network = recorded[bots]
    assert (network.n_strings, network.n_commits) == (strings, n_commits)
    assert network.graph.n_isolates == isolates
    found = rows(network.graph, network.contributions)
    assert [row["is_max_k"] for row in found] == [False, False, False, True]
    for row, expected in zip(found, table, strict=True):
        k, nodes, n_edges, density, reciprocity, degree, clustering, weighted, modularity, communities, parts = expected
        assert (row["k"], row["nodes"], row["edges"], row["weak_components"]) == (k, nodes, n_edges, parts)
        assert row["density"] == pytest.approx(density, abs=5e-5)
        assert row["reciprocity"] == pytest.approx(reciprocity, abs=5e-5)
        assert row["average_degree"] == pytest.approx(degree, abs=5e-4)
        assert row["average_clustering_unweighted"] == pytest.approx(clustering, abs=5e-5)
        assert row["average_clustering"] == pytest.approx(weighted, abs=5e-5)
        # networkx breaks ties differently
        assert row["modularity"] == pytest.approx(modularity, abs=0.01)
        assert row["communities"] == communities
        assert row["leiden_modularity"] >= row["modularity"] - 1e-12
    # the last row of the study's Table 6; without bots, the core has one fewer member
    core = found[-1]
    assert (core["rich_club"], core["assortativity"], core["n_in_largest_repo"]) == (1, None, core["nodes"])
