"""The week that a site covers, and its pages' access to the published warehouse.

The content of a page belongs in its module in `pages`.
"""

import re
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from hub_assets.home import is_simulated
from hub_assets.report.site.queries import LARGEST_RESULT, Query, Result, Row
from hub_assets.sql import literal
from hub_assets.warehouse.sql_project import Project


class Printed(NamedTuple):
    """A static figure for print: its file in `figures/`, and its size in pixels."""

    file: str
    width: int
    height: int


class QueryError(Exception):
    """A page's query is wrong, which is a defect in the page, not in the data."""


@dataclass
class Week:
    """A published week, and all results that its pages requested.

    Attributes:
        snapshot_date: Monday of the week.
        connection: the published warehouse, read-only. Use `run` for all numbers that pages show.
        project: the tables' descriptions.
        source: the Hub that the data comes from, as `home.json` names it.
        figures: the folder of this week's figures (SVG and PNG); it may not exist.
        queries: the queries that were run, by name, in the order of their first use.
        printed: the static figures that pages show.
        data_files: contents of `data/NAME.js`, by name; see `data_file`.
    """

    snapshot_date: date
    connection: duckdb.DuckDBPyConnection
    project: Project
    source: str | None = None
    figures: Path | None = None
    queries: dict[str, Query] = field(default_factory=dict)
    printed: set[str] = field(default_factory=set)
    data_files: dict[str, Any] = field(default_factory=dict)
    _results: dict[str, Result] = field(default_factory=dict)

    @property
    def is_simulated(self) -> bool:
        """Whether the repositories are invented."""
        return is_simulated(self.source)

    def run(self, query: Query) -> Result:
        """Return a query's result. Each query runs only once.

        Raises:
            QueryError: if another query has the same name, the query fails in DuckDB, or its result is too large.
        """
        if self.queries.setdefault(query.name, query) != query:
            raise QueryError(f"two queries are called {query.name}")
        if query.name not in self._results:
            try:
                answer = self.connection.execute(self.sql_of(query))
            except duckdb.Error as error:
                raise QueryError(f"the query {query.name} fails: {error}") from error
            columns = tuple(name for name, *_ in answer.description or ())
            rows = answer.fetchmany(LARGEST_RESULT + 1)
            if len(rows) > LARGEST_RESULT:
                raise QueryError(f"the query {query.name} returns more than {LARGEST_RESULT:,} rows")
            self._results[query.name] = Result(
                query,
                columns,
                tuple(
                    Row(query.name, i, {name: _plain(value) for name, value in zip(columns, row, strict=True)})
                    for i, row in enumerate(rows)
                ),
            )
        return self._results[query.name]

    def sql_of(self, query: Query) -> str:
        """Return a query's SQL with the week filled in, as it is run and shown to readers."""
        return query.sql.strip().replace("$week", f"date {literal(self.snapshot_date)}")

    def figure(self, name: str) -> Printed | None:
        """Return a static figure by its name without extension; None if it was not drawn this week."""
        path = self.figures / f"{name}.svg" if self.figures else None
        if path is None or not path.exists():
            return None
        head = path.read_text(encoding="utf-8")[:2_000]
        size = [re.search(rf'{side}="([\d.]+)pt"', head) for side in ("width", "height")]
        width, height = (round(float(found[1]) * 96 / 72) if found else 0 for found in size)
        self.printed.add(path.name)
        return Printed(path.name, width, height)

    def data_file(self, name: str, value: Any) -> str:
        """Schedule a value to be written to `data/NAME.js` next to the pages, and return that path for a `<script>`.

        Unlike a request for JSON, this works from `file://`. In the browser, `hub.data("NAME")` returns the value.
        """
        self.data_files[name] = value
        return f"data/{name}.js"


def _plain(value: Any) -> Any:
    """Convert a value to a type that pages handle, because DuckDB returns decimal literals and sums as `Decimal`."""
    return float(value) if isinstance(value, Decimal) else value
