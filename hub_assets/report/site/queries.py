"""Queries whose results the site shows, and links from each number on a page back to its query.

A page runs a query once and hands its cells to the template. The `number` filter (see `rendering`) writes each cell as
a `<data>` element with its value and source, so that a reader or a test can check it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from hub_assets.report.text import visible

Value = str | int | float | bool | date | datetime | None

LONGEST_TEXT: Final = 160
"""Maximum number of characters to show of an id, a tag or a title. The Hub allows 96 + 1 + 96 in an id, but malicious
data can contain more.
"""

LARGEST_RESULT: Final = 20_000
"""Maximum number of rows in a result. People read the pages; larger results belong in a file next to the page."""


@dataclass(frozen=True)
class Query:
    """A SELECT with a name that is unique within the site.

    Attributes:
        name: lower case, with hyphens; the anchor on the page of queries.
        title: a description of the result, without a period.
        sql: a SELECT in DuckDB's dialect. `$week` is the week of the site, as a date; a query that reads several weeks
            uses `<= $week`, so that an old site does not change when a new week is published.
    """

    name: str
    title: str
    sql: str


@dataclass(frozen=True)
class Cell:
    """One value in a query result, with the query's name, the row (counted from 0) and the column."""

    value: Value
    query: str
    row: int
    column: str

    def __bool__(self) -> bool:
        return self.value is not None


@dataclass(frozen=True)
class Row:
    """A row of a result. `row["n"]` and, in a template, `row.n` are cells."""

    query: str
    index: int
    values: Mapping[str, Value]

    def __getitem__(self, column: str) -> Cell:
        if column not in self.values:
            raise KeyError(f"the query {self.query} has no column {column}")
        return Cell(self.values[column], self.query, self.index, column)


@dataclass(frozen=True)
class Result:
    """All rows that a query returned, in the same order."""

    query: Query
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def first(self) -> Row | None:
        """The first row; None if the result is empty."""
        return self.rows[0] if self.rows else None

    def where(self, **values: Value) -> list[Row]:
        """Return the rows that have the given values in the given columns."""
        return [row for row in self.rows if all(row.values[name] == value for name, value in values.items())]

    def by(self, *columns: str) -> dict[tuple[Value, ...], Row]:
        """Return the rows keyed by the values of the given columns; if several rows share a key, the last one wins."""
        return {tuple(row.values[name] for name in columns): row for row in self.rows}

    def records(self) -> list[dict[str, Value]]:
        """Return the rows as plain dictionaries for `json_script`, with text escaped and truncated as on pages."""
        return [
            {
                name: visible(value, LONGEST_TEXT) if isinstance(value, str) else value
                for name, value in row.values.items()
            }
            for row in self.rows
        ]
