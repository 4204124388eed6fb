"""The server's view of the published warehouse: read-only, with resource limits, and reopened when a week is published.

The queries belong in the other modules of this package.
"""

import math
import threading
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeVar

import duckdb
import pyarrow as pa

from hub_assets.errors import HubAssetsError
from hub_assets.report.serve.columns import Columns
from hub_assets.search.index import Index
from hub_assets.sql import literal

T = TypeVar("T")

MEMORY: Final = "512MB"
"""DuckDB's memory limit for all queries together; a query that exceeds it fails instead of spilling to disk."""
THREADS: Final = 2
"""DuckDB's threads for all queries together."""


class Unanswered(HubAssetsError):
    """A request that cannot be answered: the HTTP status, and a sentence that says why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Reader:
    """A connection for one request.

    Attributes:
        week: the Monday of the week to serve.
        cursor: cursor of the warehouse; use `table` to query it.
        indexes: the search indexes.
        memory: what is kept in memory.
        version: changes whenever responses to the same requests may change.
        deadline: the value of `time.monotonic()`, in seconds, at which this request times out.
    """

    week: date
    cursor: duckdb.DuckDBPyConnection
    indexes: "Indexes"
    memory: "Memory"
    version: tuple[Any, ...]
    deadline: float = math.inf

    def table(self, sql: str, **values: Any) -> pa.Table:
        """Return the rows of a SELECT, with `$week` bound to the week and other `$name` parameters to the given values.

        Raises:
            Unanswered: if the request has timed out, or the query needs too much memory (503).
        """
        if time.monotonic() > self.deadline:
            raise _too_slow()
        used = {name: value for name, value in {"week": self.week, **values}.items() if f"${name}" in sql}
        try:
            return self.cursor.sql(sql, params=used).to_arrow_table()
        except duckdb.InterruptException as error:
            raise _too_slow() from error
        except duckdb.OutOfMemoryException as error:
            raise Unanswered(503, "This request needs more memory than the server allows; narrow it.") from error

    def rows(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        """Return the rows of a SELECT as dictionaries; see `table`."""
        rows: list[dict[str, Any]] = self.table(sql, **values).to_pylist()
        return rows

    @cached_property
    def index(self) -> Index:
        """The week's search index.

        Raises:
            Unanswered: if the week has none (404).
        """
        return self.indexes.of(self.week)

    def kept(self, key: Hashable, read: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """Return what `read` returns, which stays in memory under the key while this database and week are served.

        Args:
            key: tells it from everything else that is kept.
            read: called the first time, with a connection of its own.
        """
        return self.memory.of(self.week, key, read)

    def columns(self, table: str) -> Columns:
        """Return the week's columns of a table."""
        return self.kept(table, lambda connection: Columns(connection, table, self.week))

    def interrupt(self) -> None:
        """Stop the running query; called from another thread when the time is up."""
        self.cursor.interrupt()


def _too_slow() -> Unanswered:
    return Unanswered(503, "This request took too long and was stopped; narrow it, or try again later.")


@dataclass
class Indexes:
    """The search indexes, memory-mapped. Only the most recently used one stays open."""

    folder: Path
    _open: tuple[tuple[Any, ...], Index] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, week: date) -> Index:
        """Return the index of a week, reopening it if it was rebuilt.

        Raises:
            Unanswered: if there is none (404).
        """
        folder = self.folder / str(week)
        with self._lock:
            mark = (folder, *_mark(folder))
            if self._open is None or self._open[0] != mark:
                if not folder.is_dir():
                    raise Unanswered(404, f"The week of {week} has no search index yet; materialize search__index.")
                self._open = (mark, Index.open(folder))
            return self._open[1]


@dataclass
class Memory:
    """What was read from one database to keep in memory; only what belongs to the most recent week stays."""

    connection: duckdb.DuckDBPyConnection
    _week: date | None = None
    _kept: dict[Hashable, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, week: date, key: Hashable, read: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """Return what `read` returned for the key, calling it with a connection of its own if it is the first time."""
        with self._lock:
            if week != self._week:
                self._week, self._kept = week, {}
            if key not in self._kept:
                self._kept[key] = read(_cursor(self.connection))
            kept: T = self._kept[key]
            return kept


@dataclass
class _Opened:
    """An open database: the mark of its file, its published weeks, and what is kept of it in memory."""

    mark: tuple[int, ...]
    connection: duckdb.DuckDBPyConnection
    weeks: list[date]
    memory: Memory


@dataclass
class Published:
    """The published warehouse.

    Attributes:
        path: the database file, which publishing replaces.
        sites: the folder that contains a folder per week with its site.
        indexes: the search indexes.
        chosen: the week to serve; None for the newest published week with a site, or if no week has one, the newest.
    """

    path: Path
    sites: Path
    indexes: Indexes
    chosen: date | None = None
    _open: _Opened | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reader(self) -> Reader:
        """Return a reader of the current database and week.

        Raises:
            Unanswered: if the database is missing or cannot be read (503), or does not have the week (404).
        """
        with self._lock:
            mark = _mark(self.path)
            if self._open is None or self._open.mark != mark:
                self._reopen(mark)
            opened = self._open
            assert opened is not None
            cursor = _cursor(opened.connection)
        week = self._week(opened.weeks)
        return Reader(week, cursor, self.indexes, opened.memory, (mark, week, _mark(self.indexes.folder / str(week))))

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            if self._open is not None:
                self._open.connection.close()
                self._open = None

    def _reopen(self, mark: tuple[int, ...]) -> None:
        # an in-memory database that attaches the file: connections to the same path would share the file opened first
        connection = duckdb.connect(config={"memory_limit": MEMORY, "threads": THREADS, "temp_directory": ""})
        try:
            connection.execute(f"attach {literal(self.path)} as published (read_only)")
            connection.execute("set enable_external_access = false")
            found = connection.execute(
                "select distinct snapshot_date from published.mart__repo_activity order by 1"
            ).fetchall()
        except duckdb.Error as error:
            connection.close()
            raise Unanswered(503, "The published warehouse cannot be read at the moment; try again.") from error
        if self._open is not None:
            self._open.connection.close()  # cursors of requests in flight keep the old file
        self._open = _Opened(mark, connection, [week for (week,) in found], Memory(_cursor(connection)))

    def _week(self, weeks: list[date]) -> date:
        if self.chosen is not None and self.chosen in weeks:
            return self.chosen
        if self.chosen is not None:
            raise Unanswered(404, f"The week of {self.chosen} is not published.")
        if not weeks:
            raise Unanswered(404, "No week is published yet.")
        return max((week for week in weeks if (self.sites / str(week)).is_dir()), default=max(weeks))


def _cursor(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Return a connection of its own to the same database, which outlives the given one."""
    cursor = connection.cursor()
    cursor.execute("use published")
    cursor.execute("set enable_progress_bar = false")  # DuckDB draws it on stdout
    return cursor


def _mark(path: Path) -> tuple[int, ...]:
    """Return a mark that changes when a file or folder is replaced."""
    with suppress(OSError):
        found = path.stat()
        return (found.st_ino, found.st_mtime_ns, found.st_size)
    return ()
