"""The k-cores of a network of developers, with their measures: the study's Tables 6-9."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hub_assets.networks import schemas
from hub_assets.networks.communities import greedy_spread
from hub_assets.networks.graph import Graph, Ints
from hub_assets.networks.implicit import Implicit
from hub_assets.networks.measures import FEWER_EDGES, MOST_EDGES, NAN, measures
from hub_assets.networks.tables import table_of

CORES: Final = (1, 5, 10)
"""Values of k in the study's tables, besides the maximum."""


def core_numbers(graph: Graph) -> Ints:
    """Return for each node the largest k whose k-core contains it.

    The k-core is the maximal subgraph in which each node has a degree (in + out) of at least k (Batagelj and Zaversnik
    2003; networkx's `core_number` of a DiGraph). For 14 developers who all work with each other, k is 26.
    """
    if graph.implicit is not None:
        return _core_numbers(graph, graph.implicit)
    return np.array(graph.edges_to_igraph().coreness(mode="all"), np.int64)


def _core_numbers(graph: Graph, implicit: Implicit) -> Ints:
    """Peel off the nodes of lowest degree repeatedly, without listing the implicit edges."""
    n, (sources, targets) = graph.n_nodes, graph.ends
    joins = implicit.joins + implicit.joins.T
    is_left, numbers, k = np.ones(n, np.bool_), np.zeros(n, np.int64), 0
    while is_left.any():
        degrees = implicit.along(joins, is_left).astype(np.int64)
        degrees += np.bincount(sources, minlength=n) + np.bincount(targets, minlength=n)
        k = max(k, int(degrees[is_left].min()))
        leaves = is_left & (degrees <= k)
        numbers[leaves] = k
        is_left &= ~leaves
        stays = is_left[sources] & is_left[targets]
        sources, targets = sources[stays], targets[stays]
    return numbers


def cores(graph: Graph) -> Iterator[tuple[int, bool, Graph]]:
    """Yield the k-cores of the study's tables: k, whether k is the maximum, and the core.

    The values of k are the maximum, and 1, 5 and 10 unless they exceed it. A graph without edges has no cores.
    """
    numbers = core_numbers(graph)
    greatest = int(numbers.max(initial=0))
    for k in sorted({*(k for k in CORES if k <= greatest), greatest} - {0}):
        yield k, k == greatest, graph.subgraph(numbers >= k)


def core_table(graph: Graph, contributions: pa.Table, most_edges: int = MOST_EDGES, n_orders: int = 0) -> pa.Table:
    """Measure the cores of a network and return rows of `schemas.COLLABORATION_CORES` without the key columns.

    Args:
        graph: the network.
        contributions: table with `repo_key` and `developer`; it must define a contribution the same way as the edges
        do.
        most_edges: maximum number of edges for the greedy communities.
        n_orders: number of node orders used to measure the spread of the greedy modularity; the running time is
            proportional to it.

    Returns:
        One row per core: `k`, `is_max_k`, the `measures`, `modularity_spread` (see `greedy_spread`; null if `n_orders`
        is 0 or 1, and above 50,000 edges), `n_repos`, the number of repositories that at least two developers of the
        core contributed to, and `n_in_largest_repo`, the maximum number of the core's developers in a single
        repository. If that equals the size of the core, one repository is enough to explain the core.
    """

    def rows() -> Iterator[dict[str, Any]]:
        for k, is_greatest, core in cores(graph):
            together = np.bincount(worked(core, contributions)[1])
            repos = {"n_repos": int((together > 1).sum()), "n_in_largest_repo": int(together.max(initial=0))}
            is_small = core.implicit is None and core.n_edges <= min(most_edges, FEWER_EDGES)
            spread = greedy_spread(core, n_orders) if is_small else NAN
            found = measures(core, most_edges) | {"modularity_spread": spread}
            yield {"k": k, "is_max_k": is_greatest, **found, **repos}

    return table_of(rows(), schemas.COLLABORATION_CORES)


def worked(graph: Graph, contributions: pa.Table) -> tuple[Ints, Ints]:
    """Return the distinct pairs of a node and a repository that it contributed to, as two arrays of integers.

    Args:
        graph: the network; contributions by developers outside it are ignored.
        contributions: `repo_key` and `developer`; pairs may repeat.
    """
    developer = contributions["developer"].cast(pa.string()).combine_chunks()
    place = pc.index_in(developer, graph.names, skip_nulls=True)
    is_here = pc.is_valid(place)
    repos = contributions["repo_key"].cast(pa.string()).filter(is_here).combine_chunks().dictionary_encode()
    pairs = place.filter(is_here).to_numpy().astype(np.int64) * max(len(repos.dictionary), 1) + repos.indices.to_numpy()
    return np.divmod(np.unique(pairs), max(len(repos.dictionary), 1))
