"""Measures match networkx on random graphs, theory on complete graphs, and published values."""

import math
from pathlib import Path

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hub_assets.networks import clustering
from hub_assets.networks import measures as of
from hub_assets.networks.clustering import average_clustering
from hub_assets.networks.cores import core_numbers
from hub_assets.networks.graph import Graph, Ints
from hub_assets.networks.measures import measures
from hub_assets_tests.networks.made import edges, hub_like

Made = tuple[int, dict[tuple[int, int], int]]

CIRCLE = (5, {(place, (place + 1) % 5): 1 for place in range(5)})
COMPLETE = (6, {(one, other): one * other + 1 for one in range(6) for other in range(6) if one != other})
TWO_PARTS = (7, {(0, 1): 3, (1, 2): 5, (2, 0): 1, (4, 5): 2, (5, 4): 2})


@st.composite
def graphs(draw: st.DrawFn) -> Made:
    """Draw a number of nodes and weighted edges; some nodes may have no edge."""
    n = draw(st.integers(0, 9))
    pair = st.tuples(st.integers(0, max(n - 1, 0)), st.integers(0, max(n - 1, 0))).filter(
        lambda ends: ends[0] != ends[1]
    )
    found = draw(st.dictionaries(pair, st.integers(1, 1000), max_size=n * (n - 1))) if n > 1 else {}
    return n, found


def both(made: Made) -> tuple[Graph, nx.DiGraph]:
    """Return the same graph as our `Graph` and as a networkx graph."""
    n, found = made
    keys = sorted(found)
    ends = np.array(keys, np.int64).reshape(-1, 2)
    weights = np.array([found[key] for key in keys], np.float64)
    graph = Graph(names(n), ends[:, 0], ends[:, 1], weights, weights / 3)
    reference = nx.DiGraph()
    reference.add_nodes_from(range(n))
    reference.add_weighted_edges_from((*key, weight) for key, weight in found.items())
    return graph, reference


def names(n: int) -> pa.StringArray:
    return pa.array([f"{place:04d}" for place in range(n)], pa.string())


def known_assortativity(reference: nx.DiGraph) -> float:
    """Return networkx's value, or NaN if a variance is 0, which networkx may miss because of rounding."""
    out = [reference.out_degree(source) for source, _ in reference.edges]
    into = [reference.in_degree(target) for _, target in reference.edges]
    if len(set(out)) < 2 or len(set(into)) < 2:
        return math.nan
    return float(nx.degree_assortativity_coefficient(reference))


def known_rich_club(reference: nx.DiGraph) -> float:
    """Return the density of the subgraph of the top 10% by degree, including ties."""
    degrees = sorted((degree for _, degree in reference.degree), reverse=True)
    if not degrees:
        return math.nan
    least = degrees[math.ceil(len(degrees) / 10) - 1]
    club = reference.subgraph([node for node, degree in reference.degree if degree >= least])
    return nx.density(club) if len(club) > 1 else math.nan


def known_measures(reference: nx.DiGraph, fractional_weight: str = "fractional_weight") -> dict[str, float]:
    """Return networkx's value of each measure that does not depend on communities."""
    has_nodes, has_edges = len(reference) > 0, reference.size() > 0

    def mean_clustering(weight: str | None) -> float:
        return nx.average_clustering(reference, weight=weight) if has_nodes else math.nan

    return {
        "nodes": len(reference),
        "edges": reference.size(),
        "density": nx.density(reference),
        "reciprocity": nx.overall_reciprocity(reference) if has_edges else math.nan,
        "rich_club": known_rich_club(reference),
        "assortativity": known_assortativity(reference),
        "average_degree": sum(dict(reference.degree).values()) / len(reference) if has_nodes else math.nan,
        "average_clustering": mean_clustering("weight"),
        "average_clustering_unweighted": mean_clustering(None),
        "average_clustering_fractional": mean_clustering(fractional_weight),
        "weak_components": nx.number_weakly_connected_components(reference) if has_nodes else 0,
    }


@settings(deadline=None, max_examples=150)
@given(graphs())
@example((0, {}))
@example((1, {}))
@example((4, {}))
@example((2, {(0, 1): 1}))
@example(CIRCLE)
@example(COMPLETE)
@example(TWO_PARTS)
def test_every_measure_matches_networkx(made: Made) -> None:
    graph, reference = both(made)
    found = measures(graph)
    # scaling all weights changes nothing
    expected = known_measures(reference, fractional_weight="weight")
    # `test_communities` covers communities
    assert found.keys() - expected.keys() == {
        *("modularity", "communities", "leiden_modularity", "leiden_communities"),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, nan_ok=True, rel=1e-9, abs=1e-12)
    known_cores = nx.core_number(reference)
    assert core_numbers(graph).tolist() == [known_cores[node] for node in range(len(reference))]


@pytest.mark.parametrize("n", [2, 6, 14])
def test_a_complete_network(n: int) -> None:
    graph = Graph.of(edges([(f"{one}", f"{other}") for one in range(n) for other in range(n) if one != other]))
    found = measures(graph)
    assert {name: found[name] for name in ("nodes", "edges", "communities", "weak_components")} == {
        "nodes": n,
        "edges": n * (n - 1),
        "communities": 1,
        "weak_components": 1,
    }
    assert found["density"] == found["reciprocity"] == found["rich_club"] == 1
    assert found["modularity"] == pytest.approx(0)
    assert found["average_degree"] == 2 * (n - 1)
    assert found["average_clustering_unweighted"] == (1 if n > 2 else 0)
    assert math.isnan(found["assortativity"])
    assert set(core_numbers(graph)) == {2 * (n - 1)}


def test_one_large_weight_reduces_clustering_to_almost_zero() -> None:
    """This explains the clustering of 0.04 in the study's complete core of 14."""
    pairs = [(f"{one:02d}", f"{other:02d}", 1) for one in range(14) for other in range(14) if one != other]
    graph = Graph.of(edges([(*pairs[0][:2], 27), *pairs[1:]]))
    # the geometric mean is 1/27 in all triangles except those with that edge, where it is 1/9
    n_triangles = 8 * 14 * 13 * 12 // 6
    with_it = 4 * 12
    expected = ((n_triangles - with_it) / 27 + with_it / 9) / n_triangles
    assert average_clustering(graph, "weight") == pytest.approx(expected)
    assert round(expected, 2) == 0.04
    assert average_clustering(graph) == pytest.approx(1)


def test_only_large_graphs_lack_greedy_communities() -> None:
    graph = Graph.of(edges([("a", "b"), ("b", "c"), ("c", "d")]))
    assert measures(graph, 3)["communities"] == 2
    found = measures(graph, 2)
    assert math.isnan(found["modularity"])
    assert math.isnan(found["communities"])
    assert found["leiden_communities"] == 2


def test_clustering_and_rich_club_of_a_hub_like_network_match_networkx() -> None:
    graph = Graph.of(hub_like(1_500, 4_000))
    reference = graph.to_networkx()
    assert average_clustering(graph, "weight") == pytest.approx(nx.average_clustering(reference, weight="weight"))
    assert average_clustering(graph) == pytest.approx(nx.average_clustering(reference))
    assert graph.fractional_weights is not None
    by_fractions = nx.average_clustering(reference, weight="fractional_weight")
    assert average_clustering(graph, "fractional_weight") == pytest.approx(by_fractions)
    assert of.rich_club(graph) == pytest.approx(known_rich_club(reference))
    assert of.assortativity(graph) == pytest.approx(known_assortativity(reference))


# --- published networks ---


def of_links(n: int, ends: Ints) -> Graph:
    """Return a graph with edges in both directions for each pair of ends, as undirected measures require."""
    keys = np.unique(np.concatenate([ends @ [n, 1], ends @ [1, n]]))
    sources, targets = np.divmod(keys, n)
    is_edge = sources != targets
    return Graph(names(n), sources[is_edge], targets[is_edge], np.ones(int(is_edge.sum())))


def read_metis(path: Path) -> tuple[int, Ints]:
    """Return the number of nodes and the ends of all edges in both directions; weights are left out."""
    header, *lines = path.read_text().splitlines()
    n, _, has_weights = map(int, header.split())
    rows = [line.split()[:: 2 if has_weights else 1] for line in lines[:n]]
    return n, np.array([(place, int(end) - 1) for place, row in enumerate(rows) for end in row])


@pytest.mark.parametrize(
    ("file", "nodes", "links", "modularity", "communities", "greatest_core", "assortativity", "clustering"),
    [
        ("karate", 34, 78, 0.3807, 3, 4, -0.4756, 0.5706),
        ("lesmis", 77, 254, 0.5006, 5, 9, -0.1652, 0.5731),
        ("polblogs", 1490, 16715, 0.4269, 277, 36, -0.2212, 0.2627),
    ],
)
def test_undirected_networks_have_their_published_measures(
    real_data: Path,
    *,
    file: str,
    nodes: int,
    links: int,
    modularity: float,
    communities: int,
    greatest_core: int,
    assortativity: float,
    clustering: float,
) -> None:
    graph = of_links(*read_metis(real_data / "networks" / f"{file}.graph"))
    found = measures(graph)
    assert (found["nodes"], found["edges"], len(graph.links[0])) == (nodes, 2 * links, links)
    assert found["reciprocity"] == 1
    assert found["modularity"] == pytest.approx(modularity, abs=5e-5)
    assert found["communities"] == communities
    assert found["leiden_modularity"] >= found["modularity"]
    # both directions count
    assert core_numbers(graph).max() == 2 * greatest_core
    assert found["assortativity"] == pytest.approx(assortativity, abs=5e-5)
    for name in ("average_clustering", "average_clustering_unweighted"):
        assert found[name] == pytest.approx(clustering, abs=5e-5)


def test_the_karate_club(real_data: Path) -> None:
    graph = of_links(*read_metis(real_data / "networks" / "karate.graph"))
    assert measures(graph)["modularity"] == pytest.approx(0.3806706114398422, abs=1e-14)
    assert (core_numbers(graph) == 8).sum() == 10
    # the maximum, according to Agarwal and Kempe (2008)
    assert measures(graph)["leiden_modularity"] == pytest.approx(0.41979, abs=5e-6)


def test_the_votes_of_wikipedia(real_data: Path) -> None:
    ends = np.loadtxt(real_data / "networks" / "wiki-Vote.txt", np.int64, comments="#")
    people, places = np.unique(ends, return_inverse=True)
    ends = places.reshape(-1, 2)
    directed = Graph.of(edges([(f"{one:05d}", f"{other:05d}") for one, other in ends.tolist()]))
    assert (directed.n_nodes, directed.n_edges) == (7115, 103689)
    assert of.reciprocity(directed) == pytest.approx(0.05646, abs=5e-6)
    assert core_numbers(directed).max() == 56
    assert of.weak_components(directed) == 24
    undirected = of_links(len(people), ends)
    assert core_numbers(undirected).max() == 2 * 53
    assert of.assortativity(undirected) == pytest.approx(-0.0831, abs=5e-5)
    assert average_clustering(undirected) == pytest.approx(0.1409, abs=5e-5)


@pytest.mark.parametrize("most_dense", [0, 7, 6_000])
def test_clustering_of_a_clique_among_small_teams_is_fagiolos(monkeypatch: pytest.MonkeyPatch, most_dense: int) -> None:
    """The dense part matches sparse products and Fagiolo's own formula, the diagonal of (A + A')^3."""
    monkeypatch.setattr(clustering, "MOST_DENSE", most_dense)
    rng = np.random.default_rng(3)
    clique = [(f"0{one:03d}", f"0{other:03d}") for one in range(40) for other in range(40) if one != other]
    ends = [[f"{n:04d}" for n in rng.integers(0, 200, 600)] for _ in range(2)]
    around = {(one, other) for one, other in zip(*ends, strict=True) if one != other and max(one, other) > "0039"}
    graph = Graph.of(edges([(*pair, int(rng.integers(1, 50))) for pair in sorted({*clique, *around})]))
    weights = np.zeros((graph.n_nodes, graph.n_nodes))
    weights[graph.sources, graph.targets] = np.cbrt(graph.weights / graph.weights.max())
    links = (weights > 0).astype(float)
    triangles = np.diag(np.linalg.matrix_power(weights + weights.T, 3)) / 2
    degrees = (links + links.T).sum(axis=1)
    possible = degrees * (degrees - 1) - 2 * np.diag(links @ links)
    expected = (triangles / np.maximum(possible, 1)).mean()
    assert average_clustering(graph, "weight") == pytest.approx(expected, rel=1e-12)
