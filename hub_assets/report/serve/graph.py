"""The graph of models and their bases, in memory: nodes sorted by rank, with the bases and derivatives of each node.

A popular model can have 100,000 derivatives. To sort these, SQL would have to join them with all of the week's nodes
and models. The contents of responses belong in `families`.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

import duckdb
import numpy as np
import numpy.typing as npt

from hub_assets.report.serve.columns import Codes, Column, Ints, Names, Positions, small

Hashes = npt.NDArray[np.uint64]
Nodes = npt.NDArray[np.int32]

_NODES: Final = """
select
    rowid as row_id, repo_id, hash(node) as hash, coalesce(n_descendants, 0) as n_descendants,
    coalesce(n_downloads_descendants, 0) as n_downloads
from network__family_nodes
where snapshot_date = $week
"""
_MODELS: Final = """
select rowid as row_id, hash(repo_key) as hash, coalesce(n_downloads, 0) as n_downloads
from mart__models
where snapshot_date = $week
"""
_EDGES: Final = """
select
    hash(repo_key) as child, hash(coalesce(base_repo_key, concat('id:', lower(base_repo_id)))) as base,
    coalesce(relation, 'unspecified') as relation
from mart__base_model_edges
where snapshot_date = $week and not is_self_loop and base_repo_id <> '(no id)'
"""


@dataclass(frozen=True)
class Neighbors:
    """Edges sorted by node.

    Attributes:
        starts: each node's first edge, followed by the number of edges.
        others: the node at the other end of each edge.
        relations: the code of each edge's relation.
    """

    starts: Positions
    others: Nodes
    relations: Codes

    @classmethod
    def of(cls, nodes: Ints, others: Ints, relations: Codes, n_nodes: int) -> "Neighbors":
        """Sort edges by the node in `nodes`; `others` contains the node at the other end of each edge."""
        order = np.argsort(nodes, kind="stable")
        starts = np.append(0, np.cumsum(np.bincount(nodes, minlength=n_nodes)))
        return cls(small(starts), others[order].astype(np.int32), relations[order])

    def of_node(self, node: int) -> tuple[Nodes, Codes]:
        """Return the node at the other end of each of a node's edges, and the edges' relations."""
        edges = slice(self.starts[node], self.starts[node + 1])
        return self.others[edges], self.relations[edges]


@dataclass(frozen=True)
class Graph:
    """The nodes of a week, those with the most descendants first, and their edges.

    Attributes:
        names: the nodes' ids.
        node_rowids: the `rowid` of each node in `network__family_nodes`.
        model_rowids: the `rowid` of each node in `mart__models`; -1 for a model that is not listed.
        sizes: downloads of each model together with all its descendants.
        relations: the name of each relation by its code.
        bases, derivatives: the edges to each node's bases and derivatives.
    """

    names: Names
    node_rowids: Positions
    model_rowids: Ints
    sizes: Ints
    relations: list[str]
    bases: Neighbors
    derivatives: Neighbors

    @classmethod
    def read(cls, connection: duckdb.DuckDBPyConnection, week: date) -> "Graph":
        """Read a week's graph.

        Rows are matched by 64-bit hashes of their keys. With ten million keys, one in 370,000 weeks is expected to have
        a collision.
        """
        nodes, models, edges = (
            connection.sql(sql, params={"week": week}).to_arrow_table() for sql in (_NODES, _MODELS, _EDGES)
        )
        nodes = nodes.take(np.argsort(-nodes["n_descendants"].to_numpy(), kind="stable"))
        hashes = nodes["hash"].to_numpy()
        position = _positions(models["hash"].to_numpy(), hashes)
        # an extra element at position -1, for nodes without a model
        rowids = np.append(models["row_id"].to_numpy(), -1)
        downloads = np.append(models["n_downloads"].to_numpy(), 0)
        child, base = (_positions(hashes, edges[name].to_numpy()) for name in ("child", "base"))
        relation = Column.of(edges["relation"])
        is_known = (child >= 0) & (base >= 0)  # some weeks were published without all of their nodes
        child, base, codes = child[is_known], base[is_known], relation.codes[is_known]
        return cls(
            names=Names(nodes["repo_id"]),
            node_rowids=small(nodes["row_id"].to_numpy()),
            model_rowids=rowids[position],
            sizes=nodes["n_downloads"].to_numpy() + downloads[position],
            relations=relation.values.to_pylist(),
            bases=Neighbors.of(child, base, codes, len(nodes)),
            derivatives=Neighbors.of(base, child, codes, len(nodes)),
        )


def _positions(hashes: Hashes, wanted: Hashes) -> Ints:
    """Return the position in `hashes` of each wanted hash, or -1 if it is absent."""
    if not len(hashes):
        return np.full(len(wanted), -1)
    order = np.argsort(hashes)
    found = order[np.searchsorted(hashes, wanted, sorter=order).clip(max=len(order) - 1)]
    return np.where(hashes[found] == wanted, found, -1)
