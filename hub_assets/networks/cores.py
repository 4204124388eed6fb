"""The k-cores of a network of developers, with their measures: the study's Tables 6-9."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hub_assets.networks import schemas
from hub_assets.networks.communities import greedy_spread
from hub_assets.networks.graph import Graph, Ints
from hub_assets.networks.measures import FEWER_EDGES, MOST_EDGES, NAN, measures
from hub_assets.networks.tables import table_of

CORES: Final = (1, 5, 10)
"""The k of the study's tables, beside the greatest."""


def core_numbers(graph: Graph) -> Ints:
    """Return for each node the greatest k whose core has it.

    The k-core is the greatest subgraph in which each node has a degree of at least k, in + out (Batagelj and Zaversnik
    2003; networkx's `core_number` of a DiGraph). Among 14 developers who all work with each other, k is 26.
    """
    return np.array(graph.edges_to_igraph().coreness(mode="all"), np.int64)


def cores(graph: Graph) -> Iterator[tuple[int, bool, Graph]]:
    """Return the cores of the study's tables: k, whether it is the greatest, and the core.

    k is 1, 5, 10 and the greatest; there are none above that, and none at all of a graph without edges.
    """
    numbers = core_numbers(graph)
    greatest = int(numbers.max(initial=0))
    for k in sorted({*(k for k in CORES if k <= greatest), greatest} - {0}):
        yield k, k == greatest, graph.subgraph(numbers >= k)


def core_table(graph: Graph, contributions: pa.Table, most_edges: int = MOST_EDGES, n_orders: int = 0) -> pa.Table:
    """Measure the cores of a network: rows of `schemas.COLLABORATION_CORES`, without what says which network it is.

    Args:
        graph: the network.
        contributions: `repo_key`, `developer`: who worked where, in the same sense as the network's edges.
        most_edges: up to which greedy communities are looked for.
        n_orders: of nodes, for the spread of the greedy modularity, which takes that many times as long.

    Returns:
        A row for each of `cores`: `k`, `is_max_k`, what `measures` gives, `modularity_spread` (see `greedy_spread`;
        null if there are no orders, and above 50,000 edges), `n_repos`, the repositories in which at least two
        developers of the core worked, and `n_in_largest_repo`, the most of them who worked in one: where these are all,
        it alone can make the core.
    """

    def rows() -> Iterator[dict[str, Any]]:
        for k, is_greatest, core in cores(graph):
            together = np.bincount(worked(core, contributions)[1])
            repos = {"n_repos": int((together > 1).sum()), "n_in_largest_repo": int(together.max(initial=0))}
            spread = greedy_spread(core, n_orders) if core.n_edges <= min(most_edges, FEWER_EDGES) else NAN
            found = measures(core, most_edges) | {"modularity_spread": spread}
            yield {"k": k, "is_max_k": is_greatest, **found, **repos}

    return table_of(rows(), schemas.COLLABORATION_CORES)


def worked(graph: Graph, contributions: pa.Table) -> tuple[Ints, Ints]:
    """Return which node worked in which repository: places of nodes, and numbers of repositories, each pair once.

    Args:
        graph: whose nodes count; others are left out.
        contributions: `repo_key`, `developer`; a pair may be there more than once.
    """
    developer = contributions["developer"].cast(pa.string()).combine_chunks()
    place = pc.index_in(developer, graph.names, skip_nulls=True)
    is_here = pc.is_valid(place)
    repos = contributions["repo_key"].cast(pa.string()).filter(is_here).combine_chunks().dictionary_encode()
    pairs = place.filter(is_here).to_numpy().astype(np.int64) * max(len(repos.dictionary), 1) + repos.indices.to_numpy()
    return np.divmod(np.unique(pairs), max(len(repos.dictionary), 1))
