"""What endpoints that scan a whole week keep in memory: columns as small integers, sorted by organization so that an
organization is a slice; and names in lower case, sorted by rank.

To group 3.5 million models by a million names, DuckDB needs 0.4 s of CPU; adding up slices takes 20 ms. Queries that
read few rows belong in SQL.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Final

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.signedinteger[Any]]
Ints = npt.NDArray[np.int64]

_REPOSITORY: Final = ("kind", "country", "license_group", "created_date", "n_likes", "trending_score")
SCANNED: Final[Mapping[str, tuple[str, ...]]] = {
    "mart__models": (
        *_REPOSITORY,
        *("task", "library", "size_class", "to_json(themes)::varchar", "n_parameters"),
        *("n_downloads", "n_downloads_all_time", "n_usage_spaces", "n_derivatives"),
    ),
    "mart__datasets": (
        *_REPOSITORY,
        *("benchmark", "size_class", *(f"to_json({name})::varchar" for name in ("modalities", "domains", "languages"))),
        *("n_downloads", "n_downloads_all_time"),
    ),
    "mart__spaces": ("license_group", "n_likes", "trending_score"),
}
"""The columns to keep of each table; lists are written as JSON."""
_STEP: Final = 100_000
"""Names to search at a time, in 2 ms; most texts are found among the first."""


@dataclass(frozen=True)
class Column:
    """A column: its distinct values in ascending order, and each row's position among them, -1 for null."""

    values: pa.Array
    codes: Codes

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> "Column":
        """Encode a column."""
        encoded = column.combine_chunks().dictionary_encode()
        order = pc.sort_indices(encoded.dictionary)
        # one more element than there are values, so that the position -1, of null, is that of the code -1
        codes = np.full(len(order) + 1, -1, np.min_scalar_type(-len(order) - 1))
        codes[order.to_numpy()] = np.arange(len(order))
        return cls(encoded.dictionary.take(order), codes[pc.fill_null(encoded.indices, -1).to_numpy()])

    def taken(self, rows: Ints) -> "Column":
        """Return the column of these rows, in their order."""
        return Column(self.values, self.codes[rows])

    @cached_property
    def numbers(self) -> Ints:
        """The distinct values of a column of integers by code; null counts as 0."""
        return np.append(self.values.to_numpy(zero_copy_only=False), 0).astype(np.int64)

    def is_null(self) -> Bools:
        """Return which rows are null."""
        return self.codes < 0

    def equals(self, value: Any) -> Bools:
        """Return which rows have a value."""
        position = pc.index(self.values, pa.scalar(value, self.values.type)).as_py()
        return self.codes == position if position >= 0 else np.zeros(len(self.codes), np.bool_)

    def is_at_least(self, value: Any) -> Bools:
        """Return which rows are not null and at least a value."""
        return self.codes >= self._n_where(pc.less, value)

    def is_at_most(self, value: Any) -> Bools:
        """Return which rows are not null and at most a value."""
        return (self.codes >= 0) & (self.codes < self._n_where(pc.less_equal, value))

    def has_list(self, is_met: Callable[[list[str]], bool]) -> Bools:
        """Return which rows of a column of lists, written as JSON, have one that meets a condition."""
        met = np.array([*(is_met(json.loads(text)) for text in self.values.to_pylist()), False])
        result: Bools = met[self.codes]
        return result

    def least(self, rows: Ints) -> Any:
        """Return the smallest value of these rows, or None if all are null."""
        codes = self.codes[rows]
        codes = codes[codes >= 0]
        return self.values[codes.min()].as_py() if len(codes) else None

    def _n_where(self, compare: Callable[..., pa.Array], value: Any) -> int:
        return int(pc.sum(compare(self.values, pa.scalar(value, self.values.type))).as_py() or 0)


class Columns:
    """The columns of a table in a week; rows are sorted by organization, and within one as in the table.

    Args:
        connection: where the table is.
        table: a key of `SCANNED`.
        week: the Monday of the week.

    Attributes:
        rowids: each row's `rowid` in the table.
        organizations: the organizations, in ascending order.
        starts: each organization's first row, followed by the number of rows.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, table: str, week: date) -> None:
        def read(expression: str) -> pa.ChunkedArray:
            # a scan of a table keeps its order, so that all columns have the same
            sql = f"select {expression} as value from {table} where snapshot_date = $week"
            return connection.sql(sql, params={"week": week}).to_arrow_table()["value"]

        # null in weeks that were published before the column existed
        organization = Column.of(read("coalesce(organization, '(no namespace)')"))
        order = np.argsort(organization.codes, kind="stable")
        self.rowids: Ints = read("rowid").to_numpy()[order]
        self.organizations: pa.Array = organization.values
        self.starts: Ints = np.append(0, np.cumsum(np.bincount(organization.codes, minlength=len(organization.values))))
        self._lowered = pc.utf8_lower(self.organizations)
        self._columns = {expression: Column.of(read(expression)).taken(order) for expression in SCANNED[table]}

    def __len__(self) -> int:
        return len(self.rowids)

    def __getitem__(self, expression: str) -> Column:
        """Return a column, given its expression in `SCANNED`."""
        return self._columns[expression]

    def sums(self, amounts: Ints) -> Ints:
        """Return the sum of each organization's amounts, given an amount per row.

        A count is at most `GREATEST_COUNT`, so that the sum of nine thousand of the largest fits in 64 bits.
        """
        return np.add.reduceat(amounts, self.starts[:-1]) if len(self) else np.zeros(0, np.int64)

    def of_organizations(self, names: Sequence[str]) -> Bools:
        """Return which rows belong to one of these organizations, ignoring case."""
        found = pc.is_in(self._lowered, pc.utf8_lower(pa.array(names, self.organizations.type)))
        return np.repeat(found.to_numpy(zero_copy_only=False), np.diff(self.starts))


def top(codes: Codes, selected: Bools, n: int) -> Ints:
    """Return the n selected rows with the largest codes, largest first; equal ones are in row order."""
    counts = np.bincount(codes[selected] + 1)
    n_at_least = np.cumsum(counts[::-1])[::-1]
    least = np.count_nonzero(n_at_least >= n) - 2  # the largest code that at least n rows have or exceed
    above = np.flatnonzero(selected & (codes > least))
    above = above[np.argsort(-codes[above].astype(np.int64), kind="stable")]
    equal = np.flatnonzero(selected & (codes == least))
    return np.append(above, equal[: n - len(above)])


def largest(amounts: Ints, n: int) -> Ints:
    """Return the positions of the n largest amounts, largest first; equal ones are in ascending order."""
    found = np.arange(len(amounts))
    if len(amounts) > n:
        found = np.flatnonzero(amounts >= np.partition(amounts, -n)[-n])
    return found[np.argsort(-amounts[found], kind="stable")][:n]


class Names:
    """Names in order of rank, to find by a part of them, ignoring case.

    Args:
        ranked: the names, best first.
    """

    def __init__(self, ranked: pa.ChunkedArray) -> None:
        self._lowered: pa.Array = pc.utf8_lower(ranked).combine_chunks()

    def equal(self, name: str) -> Ints:
        """Return the positions of the names that equal this one."""
        return _positions(pc.equal(self._lowered, _lower(name)))

    def containing(self, text: str, n: int) -> Ints:
        """Return the positions of the first n names that contain the text."""
        found, lowered = np.zeros(0, np.int64), _lower(text)
        for start in range(0, len(self._lowered), _STEP):
            part = pc.match_substring(self._lowered.slice(start, _STEP), lowered)
            found = np.append(found, start + _positions(part))
            if len(found) >= n:
                break
        return found[:n]


def _lower(text: str) -> str:
    """Lower a text as Arrow does, which differs from Python for a final sigma and a dotted I."""
    lowered: str = pc.utf8_lower(pa.scalar(text)).as_py()
    return lowered


def _positions(found: pa.Array) -> Ints:
    return np.flatnonzero(found.to_numpy(zero_copy_only=False))
