"""A directed network as arrays of nodes, edges and weights.

It is built from tables and converts to igraph and networkx. Measures do not belong here.

Edges of the largest repositories can be implicit (see `implicit`). Counts, degrees and strengths include them. The edge
arrays and the links do not, and conversions raise an error.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Final

import igraph
import networkx as nx
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hub_assets.networks.implicit import Implicit

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

WEIGHTS: Final = ("weight", "fractional_weight")
"""Weight columns of an edge table; the second is optional."""
_PIECE: Final = 100_000


@dataclass(frozen=True, eq=False, repr=False)
class Graph:
    """A simple directed graph. The edge arrays are parallel and sorted by (source, target).

    Args:
        names: sorted string array of the nodes' names; sorting makes results that depend on node order reproducible.
        sources: index in `names` of each edge's source.
        targets: index in `names` of each edge's target. There are no self-loops or duplicate edges.
        weights: positive weight of each edge.
        fractional_weights: optional second weight of each edge, also positive.
        n_isolates: number of developers who only have self-loops; they are not nodes.
        implicit: edges that the arrays do not list. A pair of nodes may have a listed and an implicit edge, which count
            as one edge with the sum of both weights.
    """

    names: pa.StringArray
    sources: Ints
    targets: Ints
    weights: Floats
    fractional_weights: Floats | None = None
    n_isolates: int = 0
    implicit: Implicit | None = None

    @classmethod
    def of(cls, edges: pa.Table, implicit: pa.Table | None = None) -> "Graph":
        """Build a graph from an edge table. Self-loops are dropped; a node that only has self-loops is an isolate.

        Args:
            edges: `source` and `target` (strings), `weight`, and optionally `fractional_weight`; each pair once.
            implicit: contributions to repositories whose edges are implicit, as for `Implicit.of`.

        Raises:
            ValueError: if a pair is duplicated, a weight is not positive, or a value is null.
        """
        members = [implicit["developer"]] if implicit else []
        names, (sources, targets, *_) = encoded(edges["source"], edges["target"], *members)
        keys = sources * len(names) + targets
        order = np.argsort(keys)
        keys = keys[order]
        if (keys[1:] == keys[:-1]).any():
            raise ValueError("a pair of developers has two edges in the same direction")
        weights = [floats(edges[name])[order] if name in edges.column_names else None for name in WEIGHTS]
        large = Implicit.of(implicit, names) if implicit else None
        return cls.joining(names, sources[order], targets[order], weights, large)

    @classmethod
    def joining(
        cls,
        names: pa.StringArray,
        sources: Ints,
        targets: Ints,
        weights: Sequence[Floats | None],
        implicit: Implicit | None = None,
    ) -> "Graph":
        """Build a graph from edges that are sorted by (source, target) and may include self-loops.

        Args:
            names: sorted names; some may have no edge.
            sources: indices in `names`.
            targets: indices in `names`.
            weights: weights and fractional weights; either may be None.
            implicit: edges between the named nodes that are not listed.

        Raises:
            ValueError: if a weight is not positive.
        """
        if any(each is not None and not (each > 0).all() for each in weights):
            raise ValueError("a weight is not positive")
        has_edge, has_any = np.zeros((2, len(names)), np.bool_)
        has_any[sources] = True
        joins_two = sources != targets
        sources, targets = sources[joins_two], targets[joins_two]
        weight, fractional = (None if each is None else each[joins_two] for each in weights)
        has_edge[sources] = has_edge[targets] = True
        if implicit is not None:
            everyone = np.ones(len(names))
            has_edge |= implicit.along(implicit.joins + implicit.joins.T, everyone) > 0
            has_any |= implicit.classes > 0
        place = np.cumsum(has_edge) - 1
        if weight is None:
            weight = np.ones(len(sources))
        return cls(
            names.filter(pa.array(has_edge)),
            *(place[sources], place[targets], weight, fractional),
            n_isolates=int((has_any & ~has_edge).sum()),
            implicit=None if implicit is None else implicit.of_nodes(has_edge),
        )

    def __repr__(self) -> str:
        # error messages must not show names
        return f"<graph of {self.n_nodes} nodes and {self.n_edges} edges>"

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.names)

    @property
    def n_edges(self) -> int:
        """Number of directed edges."""
        return len(self.sources) if self.implicit is None else int(self.out_degrees.sum())

    @cached_property
    def ends(self) -> tuple[Ints, Ints]:
        """Sources and targets of the listed edges, without those that are also implicit."""
        if self.implicit is None:
            return self.sources, self.targets
        is_new = self.implicit.between(self.implicit.joins, self.sources, self.targets) == 0
        return self.sources[is_new], self.targets[is_new]

    @cached_property
    def in_degrees(self) -> Ints:
        """Number of incoming edges of each node."""
        return self._degrees(1)

    @cached_property
    def out_degrees(self) -> Ints:
        """Number of outgoing edges of each node."""
        return self._degrees(0)

    def _degrees(self, end: int) -> Ints:
        listed = np.bincount(self.ends[end], minlength=self.n_nodes)
        if self.implicit is None:
            return listed
        joins = (self.implicit.joins, self.implicit.joins.T)[end]
        return listed + self.implicit.along(joins, np.ones(self.n_nodes)).astype(np.int64)

    @property
    def degrees(self) -> Ints:
        """In-degree plus out-degree: a mutual connection counts twice."""
        return self.in_degrees + self.out_degrees

    @cached_property
    def mutual_degrees(self) -> Ints:
        """Number of nodes to which each node has edges in both directions."""
        sources, targets = self.ends
        is_returned = np.isin(sources * self.n_nodes + targets, targets * self.n_nodes + sources)
        found = np.bincount(sources[is_returned], minlength=self.n_nodes)
        if self.implicit is None:
            return found
        joins = self.implicit.joins
        found += self.implicit.along(joins * joins.T, np.ones(self.n_nodes)).astype(np.int64)
        is_returned = self.implicit.between(joins, targets, sources) > 0
        return found + sum(np.bincount(end[is_returned], minlength=self.n_nodes) for end in self.ends)

    @cached_property
    def strengths(self) -> Floats:
        """Total weight of each node's edges (in + out)."""
        ends = (self.sources, self.targets)
        listed = np.asarray(sum(np.bincount(end, self.weights, self.n_nodes) for end in ends), np.float64)
        if self.implicit is None:
            return listed
        weights = self.implicit.weights
        return listed + self.implicit.along(weights + weights.T, np.ones(self.n_nodes))

    def total(self, of_source: Floats, of_target: Floats) -> float:
        """Return the sum over all edges of a value of the source times a value of the target."""
        sources, targets = self.ends
        found = float((of_source[sources] * of_target[targets]).sum())
        if self.implicit is not None:
            found += float(of_source @ self.implicit.along(self.implicit.joins, of_target))
        return found

    @cached_property
    def links(self) -> tuple[Ints, Ints, Ints]:
        """The undirected projection: the smaller and the larger node of each link, and the link of each edge.

        Links are sorted by (smaller, larger). Only listed edges are included.
        """
        keys = np.minimum(self.sources, self.targets) * self.n_nodes + np.maximum(self.sources, self.targets)
        keys, link = np.unique(keys, return_inverse=True)
        return *np.divmod(keys, max(self.n_nodes, 1)), link

    def subgraph(self, is_kept: Bools) -> "Graph":
        """Return the induced subgraph of the flagged nodes, including nodes that lose all their edges."""
        if is_kept.all():
            return replace(self, n_isolates=0)  # share the large arrays, because a dense network is often its own core
        is_inside = is_kept[self.sources] & is_kept[self.targets]
        place = np.cumsum(is_kept) - 1
        return Graph(
            self.names.filter(pa.array(is_kept)),
            place[self.sources[is_inside]],
            place[self.targets[is_inside]],
            self.weights[is_inside],
            None if self.fractional_weights is None else self.fractional_weights[is_inside],
            implicit=None if self.implicit is None else self.implicit.of_nodes(is_kept),
        )

    def table(self) -> pa.Table:
        """Return the listed edges as a table of `source`, `target`, `weight` and, if present, `fractional_weight`."""
        columns = {
            "source": self.names.take(pa.array(self.sources)),
            "target": self.names.take(pa.array(self.targets)),
            "weight": pa.array(self.weights),
        }
        if self.fractional_weights is not None:
            columns["fractional_weight"] = pa.array(self.fractional_weights)
        return pa.table(columns)

    def to_igraph(self) -> igraph.Graph:
        """Return a directed igraph graph with the same node numbers and a `weight` on each edge.

        Raises:
            ValueError: if the graph has implicit edges; all other conversions raise it, too.
        """
        graph = self.edges_to_igraph()
        # igraph silently ignores weights that are NumPy integers, so they are passed as a list of floats
        graph.es["weight"] = self.weights.tolist()
        return graph

    def edges_to_igraph(self) -> igraph.Graph:
        """Return the graph of `to_igraph` without weights, which are Python floats and would double the memory."""
        self._require_all()
        return _igraph(self.n_nodes, self.sources, self.targets, is_directed=True)

    def links_to_igraph(self) -> igraph.Graph:
        """Return an undirected, unweighted igraph graph of the links with the same node numbers."""
        self._require_all()
        low, high, _ = self.links
        return _igraph(self.n_nodes, low, high, is_directed=False)

    def to_networkx(self) -> nx.DiGraph:
        """Return a directed networkx graph whose nodes are names; edges have `weight` and `fractional_weight`."""
        self._require_all()
        names = self.names.to_pylist()
        weights = {"weight": self.weights, "fractional_weight": self.fractional_weights}
        columns = {name: values.tolist() for name, values in weights.items() if values is not None}
        attributes = ({name: column[place] for name, column in columns.items()} for place in range(self.n_edges))
        ends = zip(self.sources.tolist(), self.targets.tolist(), attributes, strict=True)
        graph = nx.DiGraph()
        graph.add_nodes_from(names)
        graph.add_edges_from((names[source], names[target], each) for source, target, each in ends)
        return graph

    def _require_all(self) -> None:
        if self.implicit is not None:
            raise ValueError("the graph has implicit edges, which a conversion would lose")


def encoded(*columns: pa.ChunkedArray) -> tuple[pa.StringArray, list[Ints]]:
    """Return the sorted distinct strings of all columns, and for each column the index of each value among them.

    Raises:
        ValueError: if a value is null.
    """
    strings = [column.cast(pa.string()) for column in columns]
    if any(column.null_count for column in strings):
        raise ValueError("a name is null")
    # names are far fewer than rows, so take the distinct values before concatenating
    names = pc.unique(pa.concat_arrays([pa.array([], pa.string()), *map(pc.unique, strings)]))
    names = names.take(pc.array_sort_indices(names))
    return names, [pc.index_in(column, names).to_numpy().astype(np.int64) for column in strings]


def floats(column: pa.ChunkedArray) -> Floats:
    """Return a numeric column as an array of floats.

    Raises:
        ValueError: if a value is null.
    """
    if column.null_count:
        raise ValueError("a weight is null")
    values: Floats = column.cast(pa.float64(), safe=False).to_numpy()
    return values


def _igraph(n_nodes: int, sources: Ints, targets: Ints, *, is_directed: bool) -> igraph.Graph:
    # igraph 1.0 needs three times as much time and memory if all edges arrive in a single array
    pieces = ((sources[at : at + _PIECE], targets[at : at + _PIECE]) for at in range(0, len(sources), _PIECE))
    ends = chain.from_iterable(zip(one.tolist(), other.tolist(), strict=True) for one, other in pieces)
    return igraph.Graph(n_nodes, ends, directed=is_directed)
