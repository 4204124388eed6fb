"""Families of models: the roots of each model, its generation, and everything that descends from it.

Tracing descent takes as many steps as there are generations, which is impossible in SQL without recursive queries.
Finding base models and describing what a family's members have in common belong in SQL.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from hub_assets.networks import schemas

MAX_GENERATIONS: Final = 64
"""Number of generations over which descendants are counted; roots are found at any distance. The Hub's deepest families
have some 20 generations. Without the limit, the cost of a deliberately long chain would grow with the square of its
length."""
NO_ID: Final = "(no id)"

Integers = NDArray[np.int64]


def family_tables(edges: pa.Table, downloads: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Find one week's families of models.

    A root is a model without a base: it names no base, only itself, or something that cannot be an id. A base that is
    not listed is a root, because its own bases are unknown. Models that descend from each other form a cycle, which
    counts as one generation. If no model of a cycle has a base outside it, the model whose id comes first is its root.
    A merge belongs to the families of all its bases.

    Args:
        edges: rows of `mart__base_model_edges`: `repo_key`, `repo_id`, `base_repo_key`, `base_repo_id`, `is_self_loop`.
        downloads: `repo_key`, `repo_id` and `n_downloads` of listed models; an unknown number counts as 0.

    Returns:
        Rows of `schemas.FAMILY_NODES` and of `schemas.FAMILY_MEMBERS`, without the week. `node` is the key of a listed
        model; for an unlisted one, it is `id:` followed by the id in lower case, because the Hub ignores case.
    """
    nodes, child, base = _encode(edges)
    n = len(nodes)
    _, cycle = connected_components(_matrix(child, base, n), directed=True, connection="strong")
    cycle = cycle.astype(np.int64)
    n_cycles = int(cycle.max(initial=-1)) + 1
    by_id = np.argsort(np.asarray(pc.rank(nodes["repo_id"].combine_chunks(), tiebreaker="first")), kind="stable")
    first = np.full(n_cycles, -1, np.int64)
    first[cycle[by_id][::-1]] = by_id[::-1]

    between = cycle[child] != cycle[base]
    pairs = np.unique(cycle[child[between]] * max(n_cycles, 1) + cycle[base[between]])
    generations = _Generations.of(pairs // max(n_cycles, 1), pairs % max(n_cycles, 1), n_cycles)
    is_root = np.bincount(generations.child, minlength=n_cycles) == 0
    to_root = generations.ancestors(is_root, None)
    to_any = generations.ancestors(np.ones(n_cycles, bool), MAX_GENERATIONS)

    size = np.bincount(cycle, minlength=n_cycles)
    n_downloads = _downloads(nodes, downloads)
    cycle_downloads = np.bincount(cycle, n_downloads, n_cycles).astype(np.int64)
    n_below = np.bincount(to_any.ancestor, size[to_any.node], n_cycles).astype(np.int64)
    downloads_below = np.bincount(to_any.ancestor, cycle_downloads[to_any.node], n_cycles).astype(np.int64)
    # roots are known at any distance
    n_in_family = np.bincount(to_root.ancestor, size[to_root.node], n_cycles).astype(np.int64)
    downloads_in_family = np.bincount(to_root.ancestor, cycle_downloads[to_root.node], n_cycles).astype(np.int64)
    n_below = np.where(is_root, n_in_family, n_below)
    downloads_below = np.where(is_root, downloads_in_family, downloads_below)

    n_roots = np.bincount(to_root.node, minlength=n_cycles)
    depth = np.zeros(n_cycles, np.int64)
    nearest = first.copy()
    order = np.lexsort((nodes["repo_id"].to_numpy()[first[to_root.ancestor]], to_root.distance, to_root.node))
    _, starts = np.unique(to_root.node[order], return_index=True)
    closest = order[starts]
    depth[to_root.node[closest]] = to_root.distance[closest]
    nearest[to_root.node[closest]] = first[to_root.ancestor[closest]]

    is_family_root = is_root[cycle] & (first[cycle] == np.arange(n))
    node_table = pa.table(
        {
            "node": nodes["node"],
            "repo_key": nodes["repo_key"],
            "repo_id": nodes["repo_id"],
            "root_node": nodes["node"].take(pa.array(nearest[cycle])),
            "is_listed": pc.is_valid(nodes["repo_key"]),
            "is_root": is_family_root,
            "is_in_cycle": size[cycle] > 1,
            "depth": depth[cycle],
            "n_roots": np.where(is_root[cycle], 1, n_roots[cycle]),
            "n_bases": np.bincount(child, minlength=n),
            "n_children": np.bincount(base, minlength=n),
            "n_descendants": n_below[cycle] + size[cycle] - 1,
            "n_downloads_descendants": downloads_below[cycle] + cycle_downloads[cycle] - n_downloads,
        }
    )
    return _as(schemas.FAMILY_NODES, node_table, "node"), _members(nodes, cycle, first, to_root, is_root)


def _members(nodes: pa.Table, cycle: Integers, first: Integers, to_root: "_Pairs", is_root: NDArray[Any]) -> pa.Table:
    # every model of a cycle is a member, except for the one that is the root
    own = np.flatnonzero(is_root[cycle] & (first[cycle] != np.arange(len(cycle))))
    by_cycle = np.argsort(cycle, kind="stable")
    starts = np.searchsorted(cycle[by_cycle], np.arange(len(first) + 1))
    place, position = _ranges(starts[to_root.node], starts[to_root.node + 1])
    member = np.concatenate([own, by_cycle[position]])
    root = np.concatenate([first[cycle[own]], first[to_root.ancestor[place]]])
    depth = np.concatenate([np.zeros(len(own), np.int64), to_root.distance[place]])
    names = nodes["node"].combine_chunks()
    table = pa.table({"root_node": names.take(pa.array(root)), "node": names.take(pa.array(member)), "depth": depth})
    return _as(schemas.FAMILY_MEMBERS, table, "root_node", "node")


def _encode(edges: pa.Table) -> tuple[pa.Table, Integers, Integers]:
    """Return the nodes (`node`, `repo_key`, `repo_id`) and each pair of a model and its base as node indices."""
    edges = edges.filter(
        pc.and_(pc.invert(edges["is_self_loop"]), pc.not_equal(edges["base_repo_id"], NO_ID))
    ).combine_chunks()
    unlisted = pc.binary_join_element_wise("id:", pc.utf8_lower(edges["base_repo_id"]), "")
    base = pc.coalesce(edges["base_repo_key"], unlisted)
    columns = ["node", "repo_key", "repo_id"]
    ends = pa.concat_tables(
        [
            pa.table([edges["repo_key"], edges["repo_key"], edges["repo_id"]], columns),
            pa.table([base, edges["base_repo_key"], edges["base_repo_id"]], columns),
        ]
    )
    grouped = ends.group_by("node", use_threads=False).aggregate([("repo_key", "min"), ("repo_id", "min")])
    nodes = grouped.rename_columns(columns).sort_by("node").combine_chunks()
    names = nodes["node"].combine_chunks()
    ends_of = (_positions(edges["repo_key"], names), _positions(base, names))
    pairs = np.unique(ends_of[0] * max(len(names), 1) + ends_of[1])
    return nodes, pairs // max(len(names), 1), pairs % max(len(names), 1)


def _positions(values: pa.ChunkedArray, names: pa.Array) -> Integers:
    found: Integers = pc.index_in(values, names).to_numpy().astype(np.int64)
    return found


def _downloads(nodes: pa.Table, downloads: pa.Table) -> Integers:
    place = pc.index_in(nodes["repo_key"].combine_chunks(), downloads["repo_key"].combine_chunks(), skip_nulls=True)
    numbers: Integers = pc.fill_null(downloads["n_downloads"].combine_chunks().take(place), 0).to_numpy()
    return numbers


def _matrix(child: Integers, base: Integers, n: int) -> sparse.coo_array:
    return sparse.coo_array((np.ones(len(child), np.int8), (child, base)), shape=(n, n))


def _as(schema: pa.Schema, table: pa.Table, *order: str) -> pa.Table:
    columns = pa.schema(list(schema)[1:])
    return table.select(columns.names).cast(columns).sort_by([(name, "ascending") for name in order])


def _ranges(starts: Integers, stops: Integers) -> tuple[Integers, Integers]:
    """Return the numbers in the given ranges, one range after another, and the index of each number's range."""
    lengths = stops - starts
    place = np.repeat(np.arange(len(starts)), lengths)
    offsets = np.cumsum(lengths) - lengths
    return place, np.arange(len(place)) - offsets[place] + starts[place]


@dataclass(frozen=True)
class _Pairs:
    """Pairs of a node and an ancestor, with the length of the shortest path between them (at least 1)."""

    node: Integers
    ancestor: Integers
    distance: Integers


@dataclass(frozen=True)
class _Generations:
    """An acyclic graph with edges from child to base. Its nodes are in levels: bases come before their children."""

    child: Integers
    base: Integers
    n: int
    levels: list[Integers]

    @classmethod
    def of(cls, child: Integers, base: Integers, n: int) -> "_Generations":
        """Build the graph from edges that are sorted by child, and sort its nodes into levels."""
        by_base = np.argsort(base, kind="stable")
        starts = np.searchsorted(base[by_base], np.arange(n + 1))
        waiting = np.bincount(child, minlength=n)
        level, levels = np.flatnonzero(waiting == 0), []
        while len(level):
            levels.append(level)
            _, position = _ranges(starts[level], starts[level + 1])
            reached, n_times = np.unique(child[by_base[position]], return_counts=True)
            waiting[reached] -= n_times
            level = reached[waiting[reached] == 0]
        return cls(child, base, n, levels)

    def ancestors(self, counts: NDArray[Any], max_distance: int | None) -> _Pairs:
        """Return each node's ancestors up to a maximum distance, considering only ancestors flagged in `counts`."""
        starts = np.searchsorted(self.child, np.arange(self.n + 1))
        # the range that each node's ancestors occupy in `found`
        begin, end = np.zeros(self.n, np.int64), np.zeros(self.n, np.int64)
        found = [_Growing() for _ in range(3)]
        for level in self.levels[1:]:
            place, edge = _ranges(starts[level], starts[level + 1])
            node, parent = level[place], self.base[edge]
            is_counted = counts[parent]
            of, position = _ranges(begin[parent], end[parent])
            owner = np.concatenate([node[is_counted], node[of]])
            ancestor = np.concatenate([parent[is_counted], found[1].values[position]])
            distance = np.concatenate([np.ones(is_counted.sum(), np.int64), found[2].values[position] + 1])
            if max_distance is not None:
                is_near = distance <= max_distance
                owner, ancestor, distance = owner[is_near], ancestor[is_near], distance[is_near]
            order = np.lexsort((distance, ancestor, owner))
            owner, ancestor, distance = owner[order], ancestor[order], distance[order]
            is_first = np.ones(len(owner), bool)
            is_first[1:] = (owner[1:] != owner[:-1]) | (ancestor[1:] != ancestor[:-1])
            owner, offset = owner[is_first], found[0].n
            begin[level] = offset + np.searchsorted(owner, level)
            end[level] = offset + np.searchsorted(owner, level, side="right")
            for growing, values in zip(found, (owner, ancestor[is_first], distance[is_first]), strict=True):
                growing.extend(values)
        return _Pairs(*(growing.values for growing in found))


class _Growing:
    """An array that grows at the end by doubling its memory."""

    def __init__(self) -> None:
        self._memory = np.empty(1024, np.int64)
        self.n = 0

    @property
    def values(self) -> Integers:
        """The numbers added so far."""
        return self._memory[: self.n]

    def extend(self, values: Integers) -> None:
        """Append numbers."""
        if self.n + len(values) > len(self._memory):
            grown = np.empty(max(2 * len(self._memory), self.n + len(values)), np.int64)
            grown[: self.n] = self.values
            self._memory = grown
        self._memory[self.n : self.n + len(values)] = values
        self.n += len(values)
