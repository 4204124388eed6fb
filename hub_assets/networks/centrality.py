"""How central each developer is in a network, and how that is spread: the study's Figure 4."""

import numpy as np
import pyarrow as pa

from hub_assets.networks import schemas
from hub_assets.networks.communities import greedy_communities, leiden_communities
from hub_assets.networks.cores import core_numbers, worked
from hub_assets.networks.graph import Floats, Graph
from hub_assets.networks.measures import MOST_EDGES, NAN
from hub_assets.networks.tables import table_of, without_network


def centrality_table(graph: Graph, contributions: pa.Table, most_edges: int = MOST_EDGES) -> pa.Table:
    """Measure each developer of a network: rows of `schemas.DEVELOPER_CENTRALITY`, without what says which network.

    Args:
        graph: the network; its isolates are not in it.
        contributions: `repo_key`, `developer`: who worked where.
        most_edges: up to which greedy communities are looked for.

    Returns:
        By `developer`, in their order: `in_degree`, `out_degree` and their sum, `degree`; `strength`, the weights of
        all these edges; `pagerank` (see there); `core_number`, the greatest k whose core has them; `community`, by the
        greedy algorithm (null above `most_edges`), and `leiden_community`, from 0 on, the largest first; `n_repos`,
        the repositories in which they worked, be it alone.
    """
    strength = np.bincount(graph.sources, graph.weights, graph.n_nodes)
    strength += np.bincount(graph.targets, graph.weights, graph.n_nodes)
    has_greedy = graph.n_edges <= most_edges
    columns = {
        "developer": graph.names,
        "degree": graph.degrees,
        "in_degree": graph.in_degrees,
        "out_degree": graph.out_degrees,
        "core_number": core_numbers(graph),
        "community": greedy_communities(graph).labels if has_greedy else pa.nulls(graph.n_nodes),
        "leiden_community": leiden_communities(graph).labels,
        "n_repos": np.bincount(worked(graph, contributions)[0], minlength=graph.n_nodes),
        "strength": strength,
        "pagerank": pagerank(graph),
    }
    return pa.table(columns).cast(without_network(schemas.DEVELOPER_CENTRALITY))


def pagerank(graph: Graph) -> Floats:
    """Return the PageRank of each node: weighted, with a damping of 0.85, in sum 1 (Brin and Page 1998).

    By igraph's PRPACK. networkx's `pagerank` is the same within its tolerance, which is times the number of nodes, so
    that its default is of no use where there are many.
    """
    return np.array(graph.to_igraph().pagerank(weights="weight"), np.float64)


def summary_table(graph: Graph, centrality: pa.Table) -> pa.Table:
    """Summarise a network: the row of `schemas.SUMMARY`, without what says which network it is.

    Args:
        graph: the network.
        centrality: its `centrality_table`.

    Returns:
        `n_developers`, isolates and all; `n_isolates`, who only work where nobody else does, and `share_isolates`;
        `nodes` (the others), `edges`; mean, median, maximum and standard deviation (ddof 1) of `degree` and `pagerank`
        over the nodes.
    """
    n_developers = graph.n_nodes + graph.n_isolates
    row: dict[str, float] = {
        "n_developers": n_developers,
        "n_isolates": graph.n_isolates,
        "share_isolates": graph.n_isolates / n_developers if n_developers else NAN,
        "nodes": graph.n_nodes,
        "edges": graph.n_edges,
    }
    for name in ("degree", "pagerank"):
        values = centrality[name].to_numpy()
        row |= {
            f"{name}_mean": float(values.mean()) if len(values) else NAN,
            f"{name}_median": float(np.median(values)) if len(values) else NAN,
            f"{name}_max": float(values.max(initial=0)) if len(values) else NAN,
            f"{name}_std": float(values.std(ddof=1)) if len(values) > 1 else NAN,
        }
    return table_of([row], schemas.SUMMARY)
