"""Edges that are not listed because they follow from who contributed to which repository.

A repository with n developers has up to n (n - 1) edges, but only n rows of contributions. Developers with identical
rows have identical edges, so developers are grouped into classes, and one number per pair of classes is enough.
Choosing which repositories to treat this way does not belong here.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Matrix = npt.NDArray[Any]


@dataclass(frozen=True, eq=False, repr=False)
class Implicit:
    """Edges between C classes of nodes: each node of a class has the same edge to each node of another class.

    The same holds within a class, except that no node has an edge to itself. A repository's developers are
    grouped by their number of commits, so a repository with n commits has at most about sqrt(2 n) classes.

    Args:
        classes: class of each node, in [0, C). Class 0 consists of the nodes without implicit edges.
        weights: C x C weights of the edges from a node of one class to a node of another class; 0 where there are none.
        fractional_weights: C x C fractional weights of the same edges.
    """

    classes: Ints
    weights: Floats
    fractional_weights: Floats

    @classmethod
    def of(cls, contributions: pa.Table, names: pa.StringArray) -> "Implicit":
        """Derive the edges of repositories from contributions to them.

        Args:
            contributions: one row per `repo_key` and `developer` with `n_commits`, the number of commits that create
                edges from the developer to each of the repository's other developers.
            names: names of the nodes, which include all of these developers.
        """
        node = pc.index_in(contributions["developer"].cast(pa.string()), names).to_numpy().astype(np.int64)
        repo = contributions["repo_key"].combine_chunks().dictionary_encode().indices.to_numpy()
        members, row = np.unique(node, return_inverse=True)
        # 0 for no contribution, otherwise 1 plus the number of commits
        rows = np.zeros((len(members), int(repo.max(initial=-1)) + 1), np.int64)
        rows[row, repo] = 1 + contributions["n_commits"].to_numpy()
        kinds, kind = np.unique(rows, axis=0, return_inverse=True)
        kinds = np.insert(kinds, 0, 0, axis=0)
        classes = np.zeros(len(names), np.int64)
        classes[members] = 1 + kind.reshape(-1)
        commits, is_member = np.maximum(kinds - 1, 0).astype(np.float64), (kinds > 0).astype(np.float64)
        # a repository with a single developer has no edges
        n_others = np.maximum(np.bincount(repo, minlength=rows.shape[1]) - 1, 1)
        return cls(classes, commits @ is_member.T, (commits / n_others) @ is_member.T)

    @cached_property
    def sizes(self) -> Ints:
        """Number of nodes in each class."""
        return np.bincount(self.classes, minlength=len(self.weights))

    @cached_property
    def joins(self) -> Ints:
        """C x C: 1 where there are edges from one class to another, otherwise 0."""
        return (self.weights > 0).astype(np.int64)

    @property
    def has_pairs(self) -> Bools:
        """C x C: whether two different nodes exist, one in each class."""
        found: Bools = np.outer(self.sizes, self.sizes) - np.diag(self.sizes) > 0
        return found

    def between(self, matrix: Matrix, sources: Ints, targets: Ints) -> Matrix:
        """Return, for each pair of nodes, the entry of a C x C matrix for their classes."""
        return matrix[self.classes[sources], self.classes[targets]]

    def along(self, matrix: Matrix, values: Matrix) -> Floats:
        """Return, for each node, the sum of the other nodes' values, weighted by the matrix entry for the two classes.

        Transpose the matrix to sum over incoming edges.
        """
        of_class = np.bincount(self.classes, values, len(matrix))
        found: Floats = (matrix @ of_class)[self.classes] - np.diagonal(matrix)[self.classes] * values
        return found

    def of_nodes(self, is_kept: Bools) -> "Implicit":
        """Return the edges between the flagged nodes."""
        return replace(self, classes=self.classes[is_kept])
