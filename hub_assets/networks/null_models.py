"""What chance alone would make of the degrees in a network: rewired copies, and how far the network is from them."""

import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa

from hub_assets.networks import schemas
from hub_assets.networks.clustering import average_clustering
from hub_assets.networks.communities import greedy_communities, leiden_communities
from hub_assets.networks.cores import cores
from hub_assets.networks.graph import Floats, Graph
from hub_assets.networks.measures import FEWER_EDGES, NAN, reciprocity, rich_club
from hub_assets.networks.randomness import igraph_draws_from
from hub_assets.networks.tables import table_of

DRAWS: Final = 20
SWAPS: Final = 10
"""Tries to swap two edges' targets, for each edge: what igraph, too, holds to be enough."""
MEASURES: Final[Mapping[str, Callable[[Graph], float]]] = {
    "average_clustering_unweighted": average_clustering,
    "reciprocity": reciprocity,
    "rich_club": rich_club,
    "modularity": lambda graph: greedy_communities(graph).modularity if graph.n_edges <= FEWER_EDGES else NAN,
    "leiden_modularity": lambda graph: leiden_communities(graph).modularity,
}
"""Of structure alone: weights do not outlive rewiring."""


def null_table(graph: Graph, draws: int = DRAWS, seed: int = 0) -> pa.Table:
    """Hold the cores of a network against rewired ones: rows of `schemas.NULL_MODELS`, without which network it is.

    Args:
        graph: the network.
        draws: rewired copies of each core.
        seed: of their draws.

    Returns:
        A row for each of `cores` (`k`, `is_max_k`) and `measure` of `MEASURES`: its `value`, its `null_mean` and
        `null_std` (ddof 1) over the copies, `z`, how many such standard deviations the value is above the mean (null
        where all copies are the same), and `n_draws`. Greedy modularity is null above 50,000 edges.
    """

    def rows() -> Iterator[dict[str, Any]]:
        for k, is_greatest, core in cores(graph):
            # rng of its own for each core, so that a row does not depend on which others there are
            rng = random.Random(f"{seed} {k}")
            copies = (rewired(core, rng) for _ in range(draws))
            drawn = np.array([[of(copy) for of in MEASURES.values()] for copy in copies]).reshape(draws, len(MEASURES))
            for (measure, of), values in zip(MEASURES.items(), drawn.T, strict=True):
                row = {"k": k, "is_max_k": is_greatest, "measure": measure, "n_draws": draws}
                yield row | _compare(of(core), values)

    return table_of(rows(), schemas.NULL_MODELS)


def rewired(graph: Graph, rng: random.Random) -> Graph:
    """Return a graph in which each node has as many edges in and out as in another, and chance the rest of it.

    Two edges drawn by chance swap their targets, unless that would make a self-loop or an edge that is there already;
    ten times as often as there are edges (Milo et al. 2003; igraph's `rewire`). All edges weigh 1.
    """
    swapped = graph.edges_to_igraph()
    with igraph_draws_from(rng):
        swapped.rewire(n=SWAPS * graph.n_edges)
    ends = np.array(swapped.get_edgelist(), np.int64).reshape(-1, 2)
    sources, targets = ends[np.lexsort((ends[:, 1], ends[:, 0]))].T
    return Graph(graph.names, sources, targets, np.ones(graph.n_edges))


def _compare(value: float, drawn: Floats) -> dict[str, float]:
    mean = float(drawn.mean()) if len(drawn) else NAN
    std = float(drawn.std(ddof=1)) if len(drawn) > 1 else NAN
    if len(drawn) > 1 and np.ptp(drawn) == 0:
        mean, std = float(drawn[0]), 0.0  # the mean of equal numbers may differ from them in its last digit
    return {"value": value, "null_mean": mean, "null_std": std, "z": (value - mean) / std if std > 0 else NAN}
