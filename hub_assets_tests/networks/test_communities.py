"""Greedy communities are networkx's where no ties decide; Leiden's are as good; both are the same each time."""

import networkx as nx
import numpy as np
import pytest

from hub_assets.networks.communities import greedy_communities, leiden_communities
from hub_assets.networks.graph import Graph
from hub_assets_tests.networks.made import edges, hub_like


def test_greedy_communities_of_networks_like_the_hubs_are_networkxs() -> None:
    for seed in range(3):
        graph = Graph.of(hub_like(800, 1_650, seed))
        links = graph.to_networkx().to_undirected()
        sets = nx.community.greedy_modularity_communities(links)
        found = greedy_communities(graph)
        assert found.modularity == pytest.approx(nx.community.modularity(links, sets, weight=None), abs=0.003)
        assert found.n_communities == pytest.approx(len(sets), rel=0.02)


def test_two_cliques_are_two_communities_the_greater_first() -> None:
    cliques = [[f"b{place}" for place in range(4)], [f"a{place}" for place in range(3)]]
    pairs = [(one, other) for clique in cliques for one in clique for other in clique if one != other]
    graph = Graph.of(edges([*pairs, ("a0", "b0")]))
    for found in (greedy_communities(graph), leiden_communities(graph)):
        assert found.labels.tolist() == [1, 1, 1, 0, 0, 0, 0]
        # (6 + 3) of 10 links inside, of which the degrees would let 13^2 + 7^2 of 20^2 be expected
        assert found.modularity == pytest.approx(0.9 - (13**2 + 7**2) / 20**2)


def test_communities_are_the_same_each_time() -> None:
    table = hub_like(500, 1_500)
    shuffled = table.take(np.random.default_rng(1).permutation(len(table)))
    one, other = Graph.of(table), Graph.of(shuffled)
    assert greedy_communities(one).labels.tolist() == greedy_communities(other).labels.tolist()
    assert leiden_communities(one).labels.tolist() == leiden_communities(other).labels.tolist()
    draws = {leiden_communities(one, seed).modularity for seed in range(5)}
    assert len(draws) > 1
    assert min(draws) > greedy_communities(one).modularity - 0.02
