"""Columns and names that endpoints keep in memory to scan a whole week.

Columns are stored as small integers, with rows sorted by organization so that each organization is a slice. Names are
stored in lower case, sorted by rank. DuckDB needs 0.4 s of CPU time to group 3.5 million models by a million names,
whereas adding up slices takes 20 ms. Queries that read few rows belong in SQL.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.signedinteger[Any]]
Ints = npt.NDArray[np.int64]
Positions = npt.NDArray[np.integer[Any]]

_REPOSITORY: Final = ("kind", "country", "license_group", "created_date", "n_likes", "trending_score")
SCANNED: Final[Mapping[str, tuple[Sequence[str], Sequence[str]]]] = {
    "mart__models": (
        (*_REPOSITORY, "task", "library", "size_class", "to_json(themes)::varchar", "n_parameters", "n_downloads"),
        ("n_downloads", "n_downloads_all_time", "n_likes", "n_usage_spaces", "n_derivatives"),
    ),
    "mart__datasets": (
        (
            *(*_REPOSITORY, "benchmark", "size_class", "n_downloads"),
            *(f"to_json({name})::varchar" for name in ("modalities", "domains", "languages")),
        ),
        ("n_downloads", "n_downloads_all_time", "n_likes"),
    ),
    "mart__spaces": (("license_group", "n_likes", "trending_score"), ()),
}
"""For each table, the columns to compare (with lists written as JSON) and the counts to add up."""
_STEP: Final = 100_000
"""Number of names to convert to Python objects at a time."""


@dataclass(frozen=True)
class Column:
    """A column: its distinct values in ascending order, and each row's position among them (-1 for null)."""

    values: pa.Array
    codes: Codes

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> "Column":
        """Encode a column."""
        encoded = column.combine_chunks().dictionary_encode()
        order = pc.sort_indices(encoded.dictionary)
        # the extra last element, at position -1, is the code of null
        codes = np.full(len(order) + 1, -1, np.min_scalar_type(-len(order) - 1))
        codes[order.to_numpy()] = np.arange(len(order))
        return cls(encoded.dictionary.take(order), codes[pc.fill_null(encoded.indices, -1).to_numpy()])

    def taken(self, rows: Ints) -> "Column":
        """Return the column for the given rows, in the given order."""
        return Column(self.values, self.codes[rows])

    def is_null(self) -> Bools:
        """Return which rows are null."""
        return self.codes < 0

    def equals(self, value: Any) -> Bools:
        """Return which rows equal the given value."""
        position = pc.index(self.values, pa.scalar(value, self.values.type)).as_py()
        return self.codes == position if position >= 0 else np.zeros(len(self.codes), np.bool_)

    def is_at_least(self, value: Any) -> Bools:
        """Return which rows are not null and at least the given value."""
        return self.codes >= self.n_where(pc.less, value)

    def is_at_most(self, value: Any) -> Bools:
        """Return which rows are not null and at most the given value."""
        return (self.codes >= 0) & (self.codes < self.n_where(pc.less_equal, value))

    def has_list(self, is_met: Callable[[list[str]], bool]) -> Bools:
        """Return which rows contain a list that meets a condition; the lists must be written as JSON."""
        met = np.array([*(is_met(json.loads(text)) for text in self.values.to_pylist()), False])
        result: Bools = met[self.codes]
        return result

    def least(self, rows: Ints) -> Any:
        """Return the smallest value of these rows, or None if all are null."""
        codes = self.codes[rows]
        codes = codes[codes >= 0]
        return self.values[codes.min()].as_py() if len(codes) else None

    def n_where(self, compare: Callable[..., pa.Array], value: Any) -> int:
        """Return the number of distinct values for which `compare(distinct, value)` is true."""
        return int(pc.sum(compare(self.values, pa.scalar(value, self.values.type))).as_py() or 0)


@dataclass(frozen=True)
class Amounts:
    """The positive values of a column of counts, in the order of the rows. Most counts are 0.

    Attributes:
        rows: the rows of the values.
        codes: the position of each value among the distinct values.
        distinct: the distinct values, in ascending order.
        unknown: the rows whose count is null.
        total: the sum of all values.
    """

    rows: npt.NDArray[np.int32]
    codes: Codes
    distinct: Ints
    unknown: Ints
    total: int

    @classmethod
    def of(cls, column: Column) -> "Amounts":
        """Take the positive values of a column."""
        n_others = column.n_where(pc.less_equal, 0)
        rows = np.flatnonzero(column.codes >= n_others)
        codes = column.codes[rows] - n_others
        distinct = column.values.to_numpy(zero_copy_only=False)[n_others:].astype(np.int64)
        return cls(
            rows=rows.astype(np.int32),
            codes=codes,
            distinct=distinct,
            unknown=np.flatnonzero(column.is_null()),
            total=int(distinct[codes].sum()),
        )

    def between(self, start: int, end: int) -> slice:
        """Return which values belong to the rows from `start` up to, but not including, `end`."""
        return slice(*np.searchsorted(self.rows, np.array([start, end], np.int32)))


@dataclass(frozen=True)
class Sums:
    """The sum of a count over some rows, for each organization with a positive sum.

    Attributes:
        organizations: positions of the organizations, in ascending order.
        totals: their sums. A count is at most `GREATEST_COUNT`, so nine thousand of the largest fit in 64 bits.
        counts: how often each distinct positive value occurs.
    """

    organizations: Positions
    totals: Ints
    counts: Ints


def small(positions: Ints) -> Positions:
    """Return non-negative integers in the smallest type that holds the largest of them."""
    return positions.astype(np.min_scalar_type(int(positions.max(initial=0))))


class Columns:
    """A table's columns for one week. Rows are sorted by organization, and otherwise keep their order in the table.

    Args:
        connection: a database that contains the table.
        table: a key of `SCANNED`.
        week: the Monday of the week.

    Attributes:
        rowids: each row's `rowid` in the table.
        organizations: the organizations, in ascending order.
        organization_of: each row's position among the organizations.
        starts: each organization's first row, followed by the number of rows.
        amounts: the counts to add up, by name.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, table: str, week: date) -> None:
        def read(expression: str) -> pa.ChunkedArray:
            # a table scan preserves the order of rows, so all columns have the same order
            sql = f"select {expression} as value from {table} where snapshot_date = $week"
            return connection.sql(sql, params={"week": week}).to_arrow_table()["value"]

        # null in weeks that were published before the column existed
        organization = Column.of(read("coalesce(organization, '(no namespace)')"))
        order = np.argsort(organization.codes, kind="stable")
        self.rowids = small(read("rowid").to_numpy()[order])
        # not the smallest type, because the position after the last organization must fit, too
        self.organization_of = organization.codes[order].astype(np.int32)
        self.organizations: pa.Array = organization.values
        self.starts: Ints = np.append(0, np.cumsum(np.bincount(organization.codes, minlength=len(organization.values))))
        self._names = Names(self.organizations)
        self._columns: dict[str, Column] = {}
        self.amounts: dict[str, Amounts] = {}
        self._sums_of_all: dict[str, Sums] = {}
        scanned, counts = SCANNED[table]
        for expression in dict.fromkeys([*scanned, *counts]):
            column = Column.of(read(expression)).taken(order)
            if expression in scanned:
                self._columns[expression] = column
            if expression in counts:
                self.amounts[expression] = Amounts.of(column)

    def __len__(self) -> int:
        return len(self.rowids)

    def __getitem__(self, expression: str) -> Column:
        """Return a column, given its expression in `SCANNED`."""
        return self._columns[expression]

    def sums(self, name: str, selected: Bools) -> Sums:
        """Return the sums of a count over the selected rows, by organization; the sums over all rows are cached."""
        if not selected.all():
            return self._sums(self.amounts[name], np.flatnonzero(selected[self.amounts[name].rows]))
        if name not in self._sums_of_all:
            self._sums_of_all[name] = self._sums(self.amounts[name], slice(None))
        return self._sums_of_all[name]

    def _sums(self, amounts: Amounts, chosen: Ints | slice) -> Sums:
        codes = amounts.codes[chosen]
        organizations = self.organization_of[amounts.rows[chosen]]
        # the rows of an organization are consecutive; this is twice as fast as `reduceat`
        last = np.flatnonzero(organizations != np.append(organizations[1:], -1))
        return Sums(
            organizations=organizations[last],
            totals=np.diff(np.cumsum(amounts.distinct[codes])[last], prepend=0),
            counts=np.bincount(codes, minlength=len(amounts.distinct)),
        )

    def of_organizations(self, names: Sequence[str]) -> Bools:
        """Return which rows belong to one of these organizations, ignoring case."""
        met = np.zeros(len(self), np.bool_)
        for position in (position for name in names for position in self._names.equal(name).tolist()):
            met[self.starts[position] : self.starts[position + 1]] = True
        return met


def top(codes: Codes, selected: Bools, n: int) -> Ints:
    """Return the n selected rows with the largest codes, largest first; rows with equal codes are in row order."""
    # start with the few largest codes and quadruple their number until enough rows are found: most codes are small
    highest, n_codes = int(codes.max(initial=-1)), n
    rows = np.flatnonzero(selected & (codes > highest - n_codes))
    while len(rows) < n and n_codes <= highest + 1:
        n_codes *= 4
        rows = np.flatnonzero(selected & (codes > highest - n_codes))
    found = codes[rows].astype(np.int64)
    return rows[largest(found, n)]


def largest(amounts: Ints, n: int) -> Ints:
    """Return the positions of the n largest amounts, largest first; positions of equal amounts ascend."""
    found = np.arange(len(amounts))
    if len(amounts) > n:
        found = np.flatnonzero(amounts >= np.partition(amounts, -n)[-n])
    return found[np.argsort(-amounts[found], kind="stable")][:n]


class Names:
    """Names sorted by rank, which can be searched for any part of a name, ignoring case.

    They are stored as one text with a line per name: `bytes.find` searches 1.6 million ids in 29 ms, whereas
    comparing the names one by one takes Arrow 187 ms.

    Args:
        ranked: the names, best first.
    """

    def __init__(self, ranked: pa.Array | pa.ChunkedArray) -> None:
        lowered = pc.utf8_lower(ranked).cast(pa.binary())
        self._starts = small(np.append(1, 1 + np.cumsum(pc.binary_length(lowered).to_numpy().astype(np.int64) + 1)))
        parts = [lowered.slice(start, _STEP).to_pylist() for start in range(0, len(lowered), _STEP)]
        self._text = b"\n" + b"".join(b"\n".join(part) + b"\n" for part in parts)
        self._has_breaks = self._text.count(b"\n") > len(lowered) + 1
        hashes = np.fromiter((hash(name) for part in parts for name in part), np.int64, len(lowered))
        self._by_hash = small(np.argsort(hashes, kind="stable"))
        self._hashes = hashes[self._by_hash]

    def equal(self, name: str) -> Positions:
        """Return the positions of the names that equal the given name, ignoring case."""
        wanted = _lower(name)
        first, last = (np.searchsorted(self._hashes, hash(wanted), side=side) for side in ("left", "right"))
        found = self._by_hash[first:last]
        starts = self._starts
        # Python integers, because `each + 1` may not fit in the type of the positions
        is_equal = [self._text[starts[each] : starts[each + 1] - 1] == wanted for each in found.tolist()]
        return found[np.array(is_equal, np.bool_)]

    def containing(self, text: str, n: int) -> Ints:
        """Return the positions of the first n names that contain the text, ignoring case."""
        part = _lower(text)
        found: list[int] = []
        if b"\n" in part and not self._has_breaks:
            return np.array(found, np.int64)
        at = self._text.find(part, 1)
        while 0 <= at < self._starts[-1] and len(found) < n:
            # the same type as the starts; otherwise, NumPy would convert all of them
            position = int(np.searchsorted(self._starts, self._starts.dtype.type(at), side="right")) - 1
            following = self._starts[position + 1]
            is_within = at + len(part) < following
            if is_within:
                found.append(position)
            at = self._text.find(part, following if is_within else at + 1)
        return np.array(found, np.int64)


def _lower(text: str) -> bytes:
    """Convert a text to lower case with Arrow, because Python treats a final sigma and a dotted I differently."""
    lowered: str = pc.utf8_lower(pa.scalar(text)).as_py()
    return lowered.encode()
