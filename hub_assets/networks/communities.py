"""Which developers form communities, by two ways of looking for a partition of great modularity.

Both look at the undirected, unweighted projection, and modularity is that of a partition there (Newman and Girvan
2004).
"""

import random
from dataclasses import dataclass
from typing import Any, Final

import igraph
import numpy as np

from hub_assets.networks.graph import Graph, Ints
from hub_assets.networks.randomness import igraph_draws_from

ORDERS: Final = 20
"""Of nodes, over which the spread of the greedy modularity is taken."""
ITERATIONS: Final = 5
"""Of Leiden's algorithm. To go on until nothing moves can take ten times as long, for the fourth digit."""


@dataclass(frozen=True, eq=False)
class Partition:
    """The community of each node, from 0 on, the largest first, and the modularity: NaN where there are no edges."""

    labels: Ints
    modularity: float

    @property
    def n_communities(self) -> int:
        """How many communities there are."""
        return int(self.labels.max(initial=-1)) + 1


def greedy_communities(graph: Graph) -> Partition:
    """Join communities, from single nodes on, while modularity grows most (Clauset, Newman and Moore 2004).

    The engine is igraph's `community_fastgreedy`, whose definition is that of networkx's
    `greedy_modularity_communities`, of which ten thousand developers take ten seconds where this takes a fifth of one.

    Its limit: among joins that are equally good the two break ties differently, and so does each with the order of the
    nodes, which here is that of their names. On four of five real networks of 200 to 20,000 nodes our modularity
    differs from networkx's by 0.001 to 0.004. The order of nodes alone moves it by up to 0.035 there, and by 0.06 on
    Wikipedia's votes (7,115 nodes). Compare modularities with that in mind: `greedy_spread` says how far a network's
    own moves.
    """
    links = graph.links_to_igraph()
    return _partition(links, links.community_fastgreedy().as_clustering().membership)


def greedy_spread(graph: Graph, n_orders: int = ORDERS, seed: int = 0) -> float:
    """Return how far the order of nodes moves the greedy modularity: the greatest less the least over drawn orders.

    Args:
        graph: any; NaN if it has no edges.
        n_orders: how many orders of its nodes are drawn, each as likely as any other; NaN of fewer than two.
        seed: of these draws.
    """
    low, high, _ = graph.links
    rng = np.random.default_rng(seed)

    def modularity() -> float:
        place = rng.permutation(graph.n_nodes)
        ends = np.sort([place[low], place[high]], axis=0)
        # so that nothing of the old order is left
        ends = ends[:, np.lexsort(ends[::-1])]
        links = igraph.Graph(graph.n_nodes, ends.T.tolist())
        return float(links.community_fastgreedy().as_clustering().modularity)

    if len(low) == 0 or n_orders < 2:
        return float("nan")
    return float(np.ptp([modularity() for _ in range(n_orders)]))


def leiden_communities(graph: Graph, seed: int = 0) -> Partition:
    """Move, refine and aggregate communities by Leiden's algorithm (Traag, Waltman and van Eck 2019), five times over.

    The engine is igraph's `community_leiden` for modularity. It finds partitions that are as good as the greedy ones or
    better, in a time that grows about as the edges do.

    Args:
        graph: any.
        seed: of its draws.
    """
    links = graph.links_to_igraph()
    with igraph_draws_from(random.Random(seed)):
        found = links.community_leiden(objective_function="modularity", n_iterations=ITERATIONS)
    return _partition(links, found.membership)


def _partition(links: Any, membership: list[int]) -> Partition:
    """Return a partition with its communities in the order of their sizes; of equals in that of their first nodes."""
    _, first, label, size = np.unique(
        np.array(membership, np.int64), return_index=True, return_inverse=True, return_counts=True
    )
    order = np.lexsort((first, -size))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return Partition(rank[label], float(links.modularity(membership)) if links.ecount() else float("nan"))
