"""Average clustering of a directed graph: how often a developer's collaborators also work with each other."""

from typing import Final

import numpy as np
from scipy import sparse

from hub_assets.networks.graph import Floats, Graph

MOST_DENSE: Final = 6_000
"""Nodes in the dense matrix, which takes 0.3 GB at most, as does its product."""


def average_clustering(graph: Graph, weights: Floats | None = None) -> float:
    """Return the mean over all nodes of the directed clustering coefficient; NaN without nodes.

    A node's coefficient is the sum over its triangles, in each combination of directions, of the geometric mean of the
    three weights relative to the graph's maximum weight, divided by the number of possible triangles (Fagiolo 2007,
    after Saramaki et al. 2007). It is 0 for a node without triangles. The result equals networkx's
    `average_clustering` of a DiGraph, which takes minutes where this function takes seconds.

    Args:
        graph: any graph.
        weights: positive weight of each edge; 1 by default.
    """
    if graph.n_nodes == 0:
        return float("nan")
    low, high, link = graph.links
    roots = np.ones(graph.n_edges) if weights is None else np.cbrt(weights / weights.max(initial=0))
    strengths = np.asarray(np.bincount(link, roots, minlength=len(low)), np.float64)
    n_mutual = np.bincount(link, minlength=len(low)) == 2
    degrees = graph.degrees
    mutual = sum(np.bincount(ends[n_mutual], minlength=graph.n_nodes) for ends in (low, high))
    possible = degrees * (degrees - 1) - 2 * mutual
    # a node without triangles may have 0 possible ones
    return float((_triangles(graph, strengths) / np.maximum(possible, 1)).mean())


def _triangles(graph: Graph, strengths: Floats) -> Floats:
    """Return, for each node, the product of the three links' strengths, summed over its triangles.

    Each link points from the node with fewer links to the one with more. No node then has many outgoing links, and the
    cost of a hub does not grow with the square of its degree. The nodes with the most links, `m` nodes with at least
    `m` links each, are multiplied as a dense matrix: a repository with 3,000 developers is a clique, for which sparse
    products took 7 times as long.
    """
    low, high, _ = graph.links
    n_links = np.bincount(low, minlength=graph.n_nodes) + np.bincount(high, minlength=graph.n_nodes)
    order = np.argsort(n_links, kind="stable")
    rank = np.empty(graph.n_nodes, np.int64)
    rank[order] = np.arange(graph.n_nodes)
    ends = (np.minimum(rank[low], rank[high]), np.maximum(rank[low], rank[high]))
    onward = sparse.csr_array((strengths, ends), shape=(graph.n_nodes, graph.n_nodes))
    n_dense = min(int((n_links[order][::-1] >= np.arange(1, graph.n_nodes + 1)).sum()), MOST_DENSE)
    n_sparse = graph.n_nodes - n_dense
    # a triangle a < b < c whose a is not in the dense part is found at its link a-c through b, and at b-c through a
    start = onward[:n_sparse]
    by_way_of_middle = (start @ onward).multiply(start)
    by_way_of_first = (start.T.tocsr() @ start).multiply(onward)
    found = np.asarray(by_way_of_first.sum(axis=1) + by_way_of_first.sum(axis=0), np.float64)
    found[:n_sparse] += by_way_of_middle.sum(axis=1)
    dense = onward[n_sparse:, n_sparse:].toarray()
    dense += dense.T
    found[n_sparse:] += np.einsum("ij,ij->i", dense @ dense, dense) / 2
    triangles: Floats = found[rank]
    return triangles
