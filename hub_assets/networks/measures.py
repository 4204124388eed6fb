"""Measures of a developer network: the columns of the study's Tables 6-9, and some others.

Each measure is a function of a graph, which may have no edges or nodes; the mean or ratio of an empty set is NaN.
Communities and clustering have their own modules.
"""

from typing import Final

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from hub_assets.networks.clustering import average_clustering
from hub_assets.networks.communities import greedy_communities, leiden_communities
from hub_assets.networks.graph import Graph

MOST_EDGES: Final = 500_000
"""Maximum number of edges for greedy communities. Larger graphs would take minutes; Leiden's algorithm takes
seconds."""
FEWER_EDGES: Final = 50_000
"""A smaller maximum for callers that measure many graphs."""
NAN: Final = float("nan")


def measures(graph: Graph, most_edges: int = MOST_EDGES) -> dict[str, float]:
    """Measure a graph.

    Args:
        graph: any graph.
        most_edges: maximum number of edges for the greedy communities.

    Returns:
        `nodes`, `edges`, `weak_components`; `modularity` and `communities` by the greedy algorithm of Clauset, Newman
        and Moore (NaN above `most_edges`); `leiden_modularity` and `leiden_communities`; `density`, `reciprocity`,
        `rich_club`, `assortativity`, `average_degree`; `average_clustering` (weighted), `average_clustering_unweighted`
        and `average_clustering_fractional` (by fractional weights; NaN if the graph has none). Communities and their
        modularity are NaN if some edges are implicit, because both algorithms need to list the edges.
    """
    is_listed = graph.implicit is None
    greedy = greedy_communities(graph) if is_listed and graph.n_edges <= most_edges else None
    leiden = leiden_communities(graph) if is_listed else None
    has_fractional = graph.fractional_weights is not None
    return {
        "nodes": graph.n_nodes,
        "edges": graph.n_edges,
        "modularity": greedy.modularity if greedy else NAN,
        "communities": greedy.n_communities if greedy else NAN,
        "leiden_modularity": leiden.modularity if leiden else NAN,
        "leiden_communities": leiden.n_communities if leiden else NAN,
        "density": density(graph),
        "reciprocity": reciprocity(graph),
        "rich_club": rich_club(graph),
        "assortativity": assortativity(graph),
        "average_degree": average_degree(graph),
        "average_clustering": average_clustering(graph, "weight"),
        "average_clustering_unweighted": average_clustering(graph),
        "average_clustering_fractional": average_clustering(graph, "fractional_weight") if has_fractional else NAN,
        "weak_components": weak_components(graph),
    }


def density(graph: Graph) -> float:
    """Return the share of possible edges that exist, E / (N (N - 1)); like networkx, 0 for fewer than 2 nodes."""
    return graph.n_edges / (graph.n_nodes * (graph.n_nodes - 1)) if graph.n_nodes > 1 else 0.0


def reciprocity(graph: Graph) -> float:
    """Return the share of edges with an edge in the opposite direction, as networkx does; NaN without edges."""
    return int(graph.mutual_degrees.sum()) / graph.n_edges if graph.n_edges else NAN


def rich_club(graph: Graph) -> float:
    """Return the directed rich-club coefficient of the best connected 10% of nodes: the density among them.

    It is E' / (N' (N' - 1)), where N' nodes have a degree (in + out) of at least k, and E' edges connect two of them
    (Smilkov and Kocarev 2010). k is the lowest degree among the top 10% of nodes by degree, rounded up to whole nodes.
    The result is NaN for fewer than two such nodes. Smilkov and Kocarev require a degree above k, which no node of a
    regular graph has.

    The study reports different values. By this definition, complete cores have a coefficient of 1; in the study, they
    have 2 / (N - 1) (0.15 for N = 14, 0.40 for N = 6). The study's 0.26 (CV, k = 1) and 0.37 (MM, k = 10) do not equal
    2 / (N' - 1) for any integer N'.
    """
    degrees = graph.degrees
    n_top = -(-graph.n_nodes // 10)
    if n_top == 0:
        return NAN
    is_rich = (degrees >= np.partition(degrees, -n_top)[-n_top]).astype(np.float64)
    n_rich = int(is_rich.sum())
    return graph.total(is_rich, is_rich) / (n_rich * (n_rich - 1)) if n_rich > 1 else NAN


def assortativity(graph: Graph) -> float:
    """Return Pearson's correlation between source out-degree and target in-degree over all edges (Newman 2002/3).

    It equals networkx's `degree_assortativity_coefficient`. The result is NaN if either degree is the same for all
    edges, as in a regular graph.
    """
    out, into = graph.out_degrees, graph.in_degrees
    # a node is the source of as many edges as its out-degree
    if graph.n_edges == 0 or np.ptp(out[out > 0]) == 0 or np.ptp(into[into > 0]) == 0:
        return NAN
    from_mean = [degrees - (degrees @ degrees) / graph.n_edges for degrees in (out, into)]
    variances = [degrees @ difference**2 for degrees, difference in zip((out, into), from_mean, strict=True)]
    return graph.total(*from_mean) / float(np.sqrt(np.prod(variances)))


def average_degree(graph: Graph) -> float:
    """Return the mean degree (in + out), 2E / N; NaN without nodes."""
    return 2 * graph.n_edges / graph.n_nodes if graph.n_nodes else NAN


def weak_components(graph: Graph) -> int:
    """Return the number of weakly connected components."""
    sources, targets = graph.sources, graph.targets
    n_vertices = graph.n_nodes
    if (implicit := graph.implicit) is not None:
        # each class is one more vertex, which represents all its members if any of them has an implicit edge
        joined = np.argwhere((implicit.joins > 0) & implicit.has_pairs)
        member = np.flatnonzero(np.isin(implicit.classes, joined))
        sources = np.concatenate([sources, member, graph.n_nodes + joined[:, 0]])
        targets = np.concatenate([targets, graph.n_nodes + implicit.classes[member], graph.n_nodes + joined[:, 1]])
        n_vertices += len(implicit.joins)
    matrix = sparse.coo_array((np.ones(len(sources), np.int8), (sources, targets)), shape=(n_vertices, n_vertices))
    if graph.n_nodes == 0:
        return 0
    return len(np.unique(connected_components(matrix, directed=False)[1][: graph.n_nodes]))
