"""A directed network as arrays: who is in it, which edges there are, and what these weigh.

Made from tables, and turned into what igraph and networkx take. What is measured does not belong here.

A model of n developers alone has n (n - 1) edges. 3,000 of them make 9 million: a table of 0.5 GB and arrays of 0.3;
the process held 1.5 GB at most while the one became the other, and 1.2 while they were measured. It grows as the edges
do: 5,000 developers would take about 4 GB.
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

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

WEIGHTS: Final = ("weight", "fractional_weight")
"""Columns of an edge table that are weights; the second need not be there."""
_PIECE: Final = 100_000


@dataclass(frozen=True, eq=False, repr=False)
class Graph:
    """A simple directed graph. All arrays of edges go together, in the order of (source, target).

    Args:
        names: of the nodes, a sorted string array, so that what depends on the order of nodes is the same each time.
        sources: place in `names` of each edge's source.
        targets: likewise of its target, which is another node. No two edges join the same two in the same direction.
        weights: of the edges, above 0.
        fractional_weights: likewise, if there are any.
        n_isolates: who is not among the nodes, having nothing but self-loops.
    """

    names: pa.StringArray
    sources: Ints
    targets: Ints
    weights: Floats
    fractional_weights: Floats | None = None
    n_isolates: int = 0

    @classmethod
    def of(cls, edges: pa.Table) -> "Graph":
        """Make a graph of an edge table; self-loops are set aside, and who has no other edge is an isolate.

        Args:
            edges: `source`, `target` (strings), `weight`, and `fractional_weight` if it is there; each pair once.

        Raises:
            ValueError: if a pair is there twice, a weight is not above 0, or anything is null.
        """
        names, (sources, targets) = encoded(edges["source"], edges["target"])
        keys = sources * len(names) + targets
        order = np.argsort(keys)
        keys = keys[order]
        if (keys[1:] == keys[:-1]).any():
            raise ValueError("a pair of developers has two edges in the same direction")
        weights = [floats(edges[name])[order] if name in edges.column_names else None for name in WEIGHTS]
        return cls.joining(names, sources[order], targets[order], weights)

    @classmethod
    def joining(cls, names: pa.StringArray, sources: Ints, targets: Ints, weights: Sequence[Floats | None]) -> "Graph":
        """Make a graph of edges in the order of (source, target), with self-loops among them.

        Args:
            names: sorted; some may have no edge.
            sources: places in `names`.
            targets: likewise.
            weights: and fractional weights, if there are any.

        Raises:
            ValueError: if a weight is not above 0.
        """
        if any(each is not None and not (each > 0).all() for each in weights):
            raise ValueError("a weight is not above 0")
        has_edge, has_any = np.zeros((2, len(names)), np.bool_)
        has_any[sources] = True
        joins_two = sources != targets
        sources, targets = sources[joins_two], targets[joins_two]
        weight, fractional = (None if each is None else each[joins_two] for each in weights)
        has_edge[sources] = has_edge[targets] = True
        place = np.cumsum(has_edge) - 1
        if weight is None:
            weight = np.ones(len(sources))
        return cls(
            names.filter(pa.array(has_edge)),
            *(place[sources], place[targets], weight, fractional),
            n_isolates=int((has_any & ~has_edge).sum()),
        )

    def __repr__(self) -> str:
        # nobody is named where something fails
        return f"<graph of {self.n_nodes} nodes and {self.n_edges} edges>"

    @property
    def n_nodes(self) -> int:
        """How many nodes there are."""
        return len(self.names)

    @property
    def n_edges(self) -> int:
        """How many directed edges there are."""
        return len(self.sources)

    @cached_property
    def in_degrees(self) -> Ints:
        """Of each node how many edges lead to it."""
        return np.bincount(self.targets, minlength=self.n_nodes)

    @cached_property
    def out_degrees(self) -> Ints:
        """Of each node how many edges lead from it."""
        return np.bincount(self.sources, minlength=self.n_nodes)

    @property
    def degrees(self) -> Ints:
        """In + out: two nodes that are joined both ways count twice."""
        return self.in_degrees + self.out_degrees

    @cached_property
    def links(self) -> tuple[Ints, Ints, Ints]:
        """The undirected projection: the lesser and the greater node of each link, and of each edge which link it is.

        Links are in the order of (lesser, greater).
        """
        keys = np.minimum(self.sources, self.targets) * self.n_nodes + np.maximum(self.sources, self.targets)
        keys, link = np.unique(keys, return_inverse=True)
        return *np.divmod(keys, max(self.n_nodes, 1)), link

    def subgraph(self, is_kept: Bools) -> "Graph":
        """Return the graph that some nodes (one flag each) induce; those that lose all their edges stay."""
        if is_kept.all():
            return replace(self, n_isolates=0)  # a dense network is its own core: arrays of millions are shared
        is_inside = is_kept[self.sources] & is_kept[self.targets]
        place = np.cumsum(is_kept) - 1
        return Graph(
            self.names.filter(pa.array(is_kept)),
            place[self.sources[is_inside]],
            place[self.targets[is_inside]],
            self.weights[is_inside],
            None if self.fractional_weights is None else self.fractional_weights[is_inside],
        )

    def table(self) -> pa.Table:
        """Return the edges as a table of `source`, `target`, `weight`, and `fractional_weight` if they have it."""
        columns = {
            "source": self.names.take(pa.array(self.sources)),
            "target": self.names.take(pa.array(self.targets)),
            "weight": pa.array(self.weights),
        }
        if self.fractional_weights is not None:
            columns["fractional_weight"] = pa.array(self.fractional_weights)
        return pa.table(columns)

    def to_igraph(self) -> igraph.Graph:
        """Return igraph's directed graph; edges have a `weight`, and nodes are numbered as here."""
        graph = self.edges_to_igraph()
        # igraph takes no notice of weights that are numpy's integers: a list of floats is safe
        graph.es["weight"] = self.weights.tolist()
        return graph

    def edges_to_igraph(self) -> igraph.Graph:
        """Return the same without weights, which as Python's floats take as much memory as all the rest."""
        return _igraph(self.n_nodes, self.sources, self.targets, is_directed=True)

    def links_to_igraph(self) -> igraph.Graph:
        """Return igraph's undirected graph of the links, without weights; nodes are numbered as here."""
        low, high, _ = self.links
        return _igraph(self.n_nodes, low, high, is_directed=False)

    def to_networkx(self) -> nx.DiGraph:
        """Return networkx's directed graph; nodes are names, and edges have `weight` and `fractional_weight`."""
        names = self.names.to_pylist()
        weights = {"weight": self.weights, "fractional_weight": self.fractional_weights}
        columns = {name: values.tolist() for name, values in weights.items() if values is not None}
        attributes = ({name: column[place] for name, column in columns.items()} for place in range(self.n_edges))
        ends = zip(self.sources.tolist(), self.targets.tolist(), attributes, strict=True)
        graph = nx.DiGraph()
        graph.add_nodes_from(names)
        graph.add_edges_from((names[source], names[target], each) for source, target, each in ends)
        return graph


def encoded(*columns: pa.ChunkedArray) -> tuple[pa.StringArray, list[Ints]]:
    """Return the distinct strings of all columns, sorted, and for each column the places of its own among them.

    Raises:
        ValueError: if one is null.
    """
    strings = [column.cast(pa.string()) for column in columns]
    if any(column.null_count for column in strings):
        raise ValueError("a name is null")
    # there are far fewer names than rows: the strings of all rows are not copied
    names = pc.unique(pa.concat_arrays([pa.array([], pa.string()), *map(pc.unique, strings)]))
    names = names.take(pc.array_sort_indices(names))
    return names, [pc.index_in(column, names).to_numpy().astype(np.int64) for column in strings]


def floats(column: pa.ChunkedArray) -> Floats:
    """Return a column of numbers.

    Raises:
        ValueError: if one is null.
    """
    if column.null_count:
        raise ValueError("a weight is null")
    values: Floats = column.cast(pa.float64(), safe=False).to_numpy()
    return values


def _igraph(n_nodes: int, sources: Ints, targets: Ints, *, is_directed: bool) -> igraph.Graph:
    # igraph 1.0 takes three times as long, and three times the memory, for an array of all ends at once
    pieces = ((sources[at : at + _PIECE], targets[at : at + _PIECE]) for at in range(0, len(sources), _PIECE))
    ends = chain.from_iterable(zip(one.tolist(), other.tolist(), strict=True) for one, other in pieces)
    return igraph.Graph(n_nodes, ends, directed=is_directed)
