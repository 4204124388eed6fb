"""Centrality of each developer in a network, and its distribution: the study's Figure 4."""

from typing import Final

import numpy as np
import pyarrow as pa
from scipy import sparse

from hub_assets.networks import schemas
from hub_assets.networks.communities import greedy_communities, leiden_communities
from hub_assets.networks.cores import core_numbers, worked
from hub_assets.networks.graph import Floats, Graph
from hub_assets.networks.implicit import Implicit
from hub_assets.networks.measures import MOST_EDGES, NAN
from hub_assets.networks.tables import table_of, without_network

DAMPING: Final = 0.85


def centrality_table(graph: Graph, contributions: pa.Table, most_edges: int = MOST_EDGES) -> pa.Table:
    """Measure each developer of a network: rows of `schemas.DEVELOPER_CENTRALITY`, without the key columns.

    Args:
        graph: the network; it does not contain its isolates.
        contributions: `repo_key` and `developer`, with one or more rows per pair.
        most_edges: maximum number of edges for the greedy communities.

    Returns:
        One row per `developer`, in the graph's order: `in_degree`, `out_degree` and their sum `degree`; `strength`, the
        total weight of these edges; `pagerank`; `core_number`, the largest k whose k-core contains the developer;
        `community` (greedy; null above `most_edges`) and `leiden_community`, numbered from 0 by decreasing size, both
        null if some edges are implicit; and `n_repos`, the number of repositories that the developer contributed to,
        alone or with others.
    """
    is_listed = graph.implicit is None
    has_greedy = is_listed and graph.n_edges <= most_edges
    unknown = pa.nulls(graph.n_nodes)
    columns = {
        "developer": graph.names,
        "degree": graph.degrees,
        "in_degree": graph.in_degrees,
        "out_degree": graph.out_degrees,
        "core_number": core_numbers(graph),
        "community": greedy_communities(graph).labels if has_greedy else unknown,
        "leiden_community": leiden_communities(graph).labels if is_listed else unknown,
        "n_repos": np.bincount(worked(graph, contributions)[0], minlength=graph.n_nodes),
        "strength": graph.strengths,
        "pagerank": pagerank(graph),
    }
    return pa.table(columns).cast(without_network(schemas.DEVELOPER_CENTRALITY))


def pagerank(graph: Graph) -> Floats:
    """Return the weighted PageRank of each node, with damping 0.85 and sum 1 (Brin and Page 1998).

    Computed by igraph's PRPACK. networkx's `pagerank` agrees within its tolerance, but multiplies that tolerance by the
    number of nodes, so its default is too coarse for large graphs. Graphs with implicit edges use power iteration.
    """
    if graph.implicit is not None:
        return _pagerank(graph, graph.implicit)
    return np.array(graph.to_igraph().pagerank(damping=DAMPING, weights="weight"), np.float64)


def _pagerank(graph: Graph, implicit: Implicit) -> Floats:
    n = graph.n_nodes
    listed = sparse.csr_array((graph.weights, (graph.targets, graph.sources)), shape=(n, n))
    out = listed.sum(axis=0) + implicit.along(implicit.weights, np.ones(n))
    start = 1 / max(n, 1)
    ranks = np.full(n, start)
    # each step multiplies the error by the damping factor, so an error of 1e-12 takes 171 steps
    for _ in range(int(np.ceil(np.log(1e-12) / np.log(DAMPING)))):
        per_weight = np.divide(ranks, out, where=out > 0, out=np.zeros(n))
        followed = listed @ per_weight + implicit.along(implicit.weights.T, per_weight)
        ranks = DAMPING * (followed + ranks[out == 0].sum() * start) + (1 - DAMPING) * start
    return ranks


def summary_table(graph: Graph, centrality: pa.Table) -> pa.Table:
    """Summarize a network: the row of `schemas.SUMMARY`, without the key columns.

    Args:
        graph: the network.
        centrality: its `centrality_table`.

    Returns:
        `n_developers` (including isolates); `n_isolates`, developers who share no repository with anyone, and
        `share_isolates`; `nodes` (all other developers) and `edges`; mean, median, maximum and standard deviation
        (ddof 1) of `degree` and `pagerank` over the nodes.
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
