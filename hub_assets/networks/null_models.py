"""Null models with the same degrees: rewired copies of a network, and the network's distance from them."""

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
"""Attempted swaps per edge, which is igraph's own default."""
MEASURES: Final[Mapping[str, Callable[[Graph], float]]] = {
    "average_clustering_unweighted": average_clustering,
    "reciprocity": reciprocity,
    "rich_club": rich_club,
    "modularity": lambda graph: greedy_communities(graph).modularity if _is_listed(graph, FEWER_EDGES) else NAN,
    "leiden_modularity": lambda graph: leiden_communities(graph).modularity if _is_listed(graph) else NAN,
}
"""Measures of structure only, because rewiring discards the weights."""


def null_table(graph: Graph, draws: int = DRAWS, seed: int = 0) -> pa.Table:
    """Compare the cores of a network with rewired copies: rows of `schemas.NULL_MODELS`, without the key columns.

    Args:
        graph: the network.
        draws: number of rewired copies per core.
        seed: seed of the random draws.

    Returns:
        One row per core (`k`, `is_max_k`) and `measure` in `MEASURES`: its `value`, the `null_mean` and `null_std`
        (ddof 1) over the copies, `z`, the value's distance from the mean in standard deviations (null if all copies
        have the same value), and `n_draws`. Greedy modularity is null above 50,000 edges. Rewiring needs to list the
        edges, so if some are implicit, `n_draws` is 0, and the comparison and both modularities are null.
    """

    def rows() -> Iterator[dict[str, Any]]:
        for k, is_greatest, core in cores(graph):
            # each core has its own rng, so that a row does not depend on the other rows
            rng = random.Random(f"{seed} {k}")
            n_draws = draws if _is_listed(core) else 0
            copies = (rewired(core, rng) for _ in range(n_draws))
            drawn = np.array([[of(copy) for of in MEASURES.values()] for copy in copies])
            drawn = drawn.reshape(n_draws, len(MEASURES))
            for (measure, of), values in zip(MEASURES.items(), drawn.T, strict=True):
                row = {"k": k, "is_max_k": is_greatest, "measure": measure, "n_draws": n_draws}
                yield row | _compare(of(core), values)

    return table_of(rows(), schemas.NULL_MODELS)


def rewired(graph: Graph, rng: random.Random) -> Graph:
    """Return a random graph in which each node keeps its in-degree and out-degree.

    Two randomly drawn edges swap their targets, unless that would create a self-loop or a duplicate edge. This is
    attempted ten times per edge (Milo et al. 2003; igraph's `rewire`). All edges get weight 1.
    """
    swapped = graph.edges_to_igraph()
    with igraph_draws_from(rng):
        swapped.rewire(n=SWAPS * graph.n_edges)
    ends = np.array(swapped.get_edgelist(), np.int64).reshape(-1, 2)
    sources, targets = ends[np.lexsort((ends[:, 1], ends[:, 0]))].T
    return Graph(graph.names, sources, targets, np.ones(graph.n_edges))


def _is_listed(graph: Graph, most_edges: float = float("inf")) -> bool:
    """Return whether all edges are listed, and there are no more than `most_edges`."""
    return graph.implicit is None and graph.n_edges <= most_edges


def _compare(value: float, drawn: Floats) -> dict[str, float]:
    mean = float(drawn.mean()) if len(drawn) else NAN
    std = float(drawn.std(ddof=1)) if len(drawn) > 1 else NAN
    if len(drawn) > 1 and np.ptp(drawn) == 0:
        mean, std = float(drawn[0]), 0.0  # rounding may shift the mean of equal numbers
    return {"value": value, "null_mean": mean, "null_std": std, "z": (value - mean) / std if std > 0 else NAN}
