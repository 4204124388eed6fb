"""Greedy communities match networkx's except for ties; Leiden's are as good; both are reproducible."""

import math
from itertools import combinations
from typing import Any, Final

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest

from hub_assets.networks.communities import Partition, greedy_communities, greedy_spread, leiden_communities
from hub_assets.networks.graph import Graph
from hub_assets.networks.measures import measures
from hub_assets_tests.networks.made import edges, hub_like

SEEDS: Final = range(300)


def small(seed: int) -> Graph:
    """Draw a graph of up to 12 nodes; some nodes may have no edges, or every pair may be connected."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 13))
    is_edge = rng.random((n, n)) < rng.random()
    np.fill_diagonal(is_edge, val=False)
    sources, targets = np.nonzero(is_edge)
    return Graph(pa.array([f"{place:02d}" for place in range(n)]), sources, targets, np.ones(len(sources)))


def links_of(graph: Graph) -> nx.Graph:
    """Return networkx's undirected projection."""
    return graph.to_networkx().to_undirected()


def sets_of(graph: Graph, partition: Partition) -> list[set[Any]]:
    """Return the communities as sets of names."""
    names = np.array(graph.names.to_pylist())
    return [set(names[partition.labels == label].tolist()) for label in range(partition.n_communities)]


def known_modularity(links: nx.Graph, sets: list[set[Any]]) -> float:
    """Return the modularity that networkx computes, or NaN if there are no edges."""
    return float(nx.community.modularity(links, sets, weight=None)) if links.size() else math.nan


def test_modularity_belongs_to_the_labels() -> None:
    for graph in [*map(small, SEEDS), Graph.of(hub_like(800, 1_650))]:
        links, found = links_of(graph), measures(graph)
        for name, partition in (("", greedy_communities(graph)), ("leiden_", leiden_communities(graph))):
            sets = sets_of(graph, partition)
            assert nx.community.is_partition(links, sets)
            assert found[f"{name}communities"] == len(sets)
            assert found[f"{name}modularity"] == pytest.approx(known_modularity(links, sets), abs=1e-12, nan_ok=True)


def test_greedy_communities_are_as_good_as_those_of_networkx() -> None:
    """Our algorithm and networkx's break ties between equally good merges differently, and neither is better."""
    apart = []
    for graph in map(small, SEEDS):
        links = links_of(graph)
        if links.size():
            known = known_modularity(links, nx.community.greedy_modularity_communities(links))
            apart.append(greedy_communities(graph).modularity - known)
    is_same = np.abs(apart) < 1e-9
    assert is_same.mean() > 0.95
    assert np.abs(apart).max() < 0.1
    assert np.mean(apart) == pytest.approx(0, abs=0.001)


def test_greedy_communities_of_hub_like_networks_match_networkx() -> None:
    for seed in range(3):
        graph = Graph.of(hub_like(800, 1_650, seed))
        links = links_of(graph)
        sets = nx.community.greedy_modularity_communities(links)
        found = greedy_communities(graph)
        assert found.modularity == pytest.approx(known_modularity(links, sets), abs=0.01)
        assert found.n_communities == pytest.approx(len(sets), rel=0.02)


def test_the_spread_matches_networkx_with_reordered_nodes() -> None:
    """On a grid, almost all merges are equally good; for two cliques, the order has no effect."""
    graph = Graph.of(edges([(str(one), str(other)) for one, other in nx.grid_2d_graph(6, 6).edges]))
    spread = greedy_spread(graph)
    assert spread == greedy_spread(graph) > 0.01
    known = []
    for seed in range(20):
        # networkx breaks ties by the order of the nodes' names
        place = np.random.default_rng(seed).permutation(graph.n_nodes)
        links = nx.Graph(zip(place[graph.sources].tolist(), place[graph.targets].tolist(), strict=True))
        known.append(known_modularity(links, nx.community.greedy_modularity_communities(links)))
    assert spread == pytest.approx(np.ptp(known), abs=0.05)
    cliques = [pair for clique in ("abcd", "efg") for pair in combinations(clique, 2)]
    assert greedy_spread(Graph.of(edges([*cliques, ("a", "e")]))) == pytest.approx(0, abs=1e-12)


def test_an_empty_graph_has_no_spread() -> None:
    assert math.isnan(greedy_spread(Graph.of(edges([]))))
    assert math.isnan(greedy_spread(Graph.of(edges([("a", "b")])), n_orders=1))


def test_two_cliques_are_two_communities_sorted_by_size() -> None:
    cliques = [[f"b{place}" for place in range(4)], [f"a{place}" for place in range(3)]]
    pairs = [(one, other) for clique in cliques for one in clique for other in clique if one != other]
    graph = Graph.of(edges([*pairs, ("a0", "b0")]))
    for found in (greedy_communities(graph), leiden_communities(graph)):
        assert found.labels.tolist() == [1, 1, 1, 0, 0, 0, 0]
        # 6 + 3 of 10 links are internal; the degrees predict a share of (13^2 + 7^2) / 20^2
        assert found.modularity == pytest.approx(0.9 - (13**2 + 7**2) / 20**2)


def test_communities_are_reproducible() -> None:
    table = hub_like(500, 1_500)
    shuffled = table.take(np.random.default_rng(1).permutation(len(table)))
    one, other = Graph.of(table), Graph.of(shuffled)
    assert greedy_communities(one).labels.tolist() == greedy_communities(other).labels.tolist()
    assert leiden_communities(one).labels.tolist() == leiden_communities(other).labels.tolist()
    draws = {leiden_communities(one, seed).modularity for seed in range(5)}
    assert len(draws) > 1
    assert min(draws) > greedy_communities(one).modularity - 0.02
