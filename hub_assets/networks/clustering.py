"""Average clustering of a directed graph: how often a developer's collaborators also work with each other."""

from typing import Final, Literal

import numpy as np
from scipy import sparse

from hub_assets.networks.graph import Floats, Graph
from hub_assets.networks.implicit import Implicit

Weight = Literal["weight", "fractional_weight"]

MOST_DENSE: Final = 6_000
"""Maximum number of nodes in the dense matrix, which takes at most 0.3 GB, as does its square."""


def average_clustering(graph: Graph, weight: Weight | None = None) -> float:
    """Return the mean over all nodes of the directed clustering coefficient; NaN without nodes.

    A node's coefficient is a sum over its triangles, in each combination of directions, divided by the number of
    possible triangles (Fagiolo 2007, after Saramaki et al. 2007). Each triangle adds the geometric mean of its three
    weights relative to the graph's maximum weight. The coefficient is 0 for a node without triangles. The result equals
    networkx's `average_clustering` of a DiGraph, which takes minutes where this function takes seconds.

    Args:
        graph: any graph.
        weight: weights of the edges; all 1 by default.

    Raises:
        ValueError: if the graph does not have these weights.
    """
    if graph.n_nodes == 0:
        return float("nan")
    ones = np.ones(len(graph.sources))
    weights = {None: ones, "weight": graph.weights, "fractional_weight": graph.fractional_weights}[weight]
    if weights is None:
        raise ValueError("the graph has no fractional weights")
    if graph.implicit is not None:
        triangles = _triangles_with_implicit(graph, graph.implicit, weights, weight)
    else:
        low, _, link = graph.links
        roots = np.cbrt(weights / weights.max(initial=0))
        triangles = _triangles(graph, np.asarray(np.bincount(link, roots, minlength=len(low)), np.float64))
    possible = graph.degrees * (graph.degrees - 1) - 2 * graph.mutual_degrees
    # a node without triangles may have 0 possible ones
    return float((triangles / np.maximum(possible, 1)).mean())


def _triangles_with_implicit(graph: Graph, implicit: Implicit, weights: Floats, weight: Weight | None) -> Floats:
    """Return what `_triangles` returns, for a graph with implicit edges.

    The symmetric matrix of the links' strengths is M = P S P' + Y. P assigns nodes to classes, and S holds the strength
    between two classes. Y is sparse: it adds what listed links contribute, and cancels the strengths that P S P' has on
    the diagonal. The triangles are half the diagonal of M^3, which is the sum of eight products. Each product is
    computed without forming a dense n x n matrix.
    """
    low, high, link = graph.links
    is_up = graph.sources < graph.targets
    matrix = {None: implicit.joins, "weight": implicit.weights, "fractional_weight": implicit.fractional_weights}[
        weight
    ]
    forth, back = (np.bincount(link[which], weights[which], len(low)) for which in (is_up, ~is_up))
    forth, back = forth + implicit.between(matrix, low, high), back + implicit.between(matrix, high, low)
    if weight is None:
        forth, back = np.minimum(forth, 1), np.minimum(back, 1)  # an edge that is listed and implicit counts once
    heaviest = max(forth.max(initial=0), back.max(initial=0), (matrix * implicit.has_pairs).max())
    roots = np.cbrt(matrix / heaviest)
    roots = roots + roots.T
    surplus = np.cbrt(forth / heaviest) + np.cbrt(back / heaviest) - implicit.between(roots, low, high)
    own = np.diagonal(roots)[implicit.classes]

    n, classes = graph.n_nodes, implicit.classes
    upper = sparse.csr_array((surplus, (low, high)), shape=(n, n))
    listed = upper + upper.T
    to_class = sparse.csr_array((np.ones(n), (np.arange(n), classes)), shape=(n, len(roots)))
    rest = listed - sparse.diags_array(own, format="csr")
    rest_by_class = (rest @ to_class).tocsr()

    def picked(of_classes: Floats, by_class: sparse.csr_array) -> Floats:
        """Return, for each node, the dot product of its row of `by_class` and its class's row of `of_classes`."""
        found = by_class.tocoo()
        values = found.data * of_classes[classes[found.coords[0]], found.coords[1]]
        return np.asarray(np.bincount(found.coords[0], values, n), np.float64)

    steps = roots * implicit.sizes
    squares = steps @ roots
    cubes = np.diagonal(steps @ squares)[classes]  # P S P' P S P' P S P'
    cubes = cubes + 2 * picked(squares, rest_by_class)  # P S P' P S P' Y, and the reverse
    cubes += np.diagonal(roots @ (to_class.T @ rest_by_class).toarray() @ roots)[classes]  # P S P' Y P S P'
    cubes += 2 * picked(roots, (rest @ rest_by_class).tocsr())  # P S P' Y Y, and the reverse
    cubes += rest_by_class.multiply(rest_by_class @ roots).sum(axis=1)  # Y P S P' Y
    squared = listed.multiply(listed)
    cubes += 2 * _triangles(graph, surplus) - 2 * own * squared.sum(axis=1) - squared @ own - own**3  # Y Y Y
    return np.asarray(cubes / 2, np.float64)


def _triangles(graph: Graph, strengths: Floats) -> Floats:
    """Return, for each node, the product of the three links' strengths, summed over its triangles.

    Each link points from the node with fewer links to the one with more. No node then has many outgoing links, and the
    cost of a hub does not grow with the square of its degree. The links among the most connected nodes (for the
    largest `m` such that `m` nodes have at least `m` links each, up to MOST_DENSE) go into a dense matrix: the 3,000
    developers of a single repository form a clique, and sparse products took 7 times as long on it.
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
