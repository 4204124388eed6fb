"""The server's view of the published warehouse: read-only, with resource limits, and reopened when a week is published.

The queries belong in the other modules of this package.
"""

import math
import threading
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeVar
from weakref import WeakSet

import duckdb
import numpy as np
import pyarrow as pa

from hub_assets.errors import HubAssetsError
from hub_assets.report.serve.columns import Columns
from hub_assets.search.index import Index
from hub_assets.sql import escaped, literal
from hub_assets.warehouse.database import WarehouseError
from hub_assets.warehouse.publication import files_of, require_intact, show_one_week

T = TypeVar("T")
Read = Callable[[duckdb.DuckDBPyConnection, date], T]
"""A function that reads data about a week from a database; its result is kept in memory."""

MEMORY: Final = "160MB"
"""DuckDB's memory limit for all queries together; a query that exceeds it fails instead of spilling to disk."""
THREADS: Final = 2
"""Number of DuckDB threads that all queries share."""


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
        memory: the week's data in memory.
        version: a value that changes whenever the response to a request may change.
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
            raise _too_large() from error

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

    def rows_at(self, table: str, columns: str, rowids: Sequence[int]) -> pa.Table:
        """Return columns of the rows with the given row ids, in the given order; unknown ids are left out."""
        found = self.table(
            f"select {columns}, rowid as row_id from {table} where rowid in (select unnest($rowids::bigint[]))",
            rowids=list(rowids),
        )
        # `order by list_position` would search the list for each row
        position = {rowid: place for place, rowid in enumerate(rowids)}
        order = np.argsort([position[rowid] for rowid in found["row_id"].to_pylist()])
        return found.drop_columns(["row_id"]).take(order.astype(np.int64))

    def kept(self, key: Hashable, read: Read[T]) -> T:
        """Return the result of `read`, which is kept in memory; see `Memory.get`."""
        return self.memory.get(key, read, self.deadline)

    def columns(self, table: str) -> Columns:
        """Return a table's columns for the week; see `SCANNED`."""
        return self.kept(table, lambda connection, week: Columns(connection, table, week))

    def interrupt(self) -> None:
        """Stop the running query; called from another thread when the time is up."""
        self.cursor.interrupt()


def _too_slow() -> Unanswered:
    return Unanswered(503, "This request took too long and was stopped; narrow it, or try again later.")


def _closing() -> Unanswered:
    return Unanswered(503, "The server is closing.")


def _too_large() -> Unanswered:
    return Unanswered(503, "This request needs more memory than the server allows; narrow it.")


@dataclass
class Indexes:
    """The search indexes, memory-mapped. Only the most recently used one stays open."""

    folder: Path
    _open: tuple[tuple[Any, ...], Index] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, week: date) -> Index:
        """Return the index of a week, reopening it if it was rebuilt.

        Raises:
            Unanswered: if the week has none (404).
        """
        folder = self.folder / str(week)
        with self._lock:
            mark = (folder, *_mark(folder))
            if self._open is None or self._open[0] != mark:
                if not folder.is_dir():
                    raise Unanswered(404, f"The week of {week} has no search index yet; materialize search__index.")
                self._open = (mark, Index.open(folder))
            return self._open[1]


class Memory:
    """A week's data in memory. It is read in the background, one read at a time, and is kept until another database or
    week is served. Thread-safe.

    Args:
        connection: the connection to read from; nothing else may use it.
        week: the Monday of the week.
        reads: the reads to start immediately, taken from the `Memory` object that this one replaces.

    Attributes:
        reads: the function that reads each requested result, by key.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, week: date, reads: Mapping[Hashable, Read[Any]]) -> None:
        self.week = week
        self.reads: dict[Hashable, Read[Any]] = {}
        self._connection = connection
        self._executor = ThreadPoolExecutor(1, "memory")
        self._kept: dict[Hashable, Future[Any]] = {}
        self._lock = threading.Lock()
        for key, read in reads.items():
            self._future(key, read)

    def get(self, key: Hashable, read: Read[T], deadline: float) -> T:
        """Return the result of `read` for the connection and the week, waiting for it if necessary.

        Args:
            key: identifies the result among all kept results.
            read: called when the key is first requested, and again only after a failure.
            deadline: the value of `time.monotonic()`, in seconds, at which to stop waiting.

        Raises:
            Unanswered: if reading is not finished by the deadline, or needs too much memory (503).
        """
        future = self._future(key, read)
        try:
            kept: T = future.result(min(max(deadline - time.monotonic(), 0), threading.TIMEOUT_MAX))
        except (TimeoutError, CancelledError, duckdb.InterruptException) as error:
            raise Unanswered(503, "The server is still reading this week; try again in a moment.") from error
        except duckdb.OutOfMemoryException as error:
            raise _too_large() from error
        return kept

    def cancel_waiting(self) -> None:
        """Cancel the reads that have not started; `get` starts them again if a request still needs them."""
        with self._lock:
            for future in self._kept.values():
                future.cancel()

    def stop(self) -> None:
        """Stop reading, and return once no read is running."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        # an interruption stops only a query that is already running, so it is repeated
        while any(not future.done() for future in self._kept.values()):
            self._connection.interrupt()
            time.sleep(0.02)

    def _future(self, key: Hashable, read: Read[T]) -> "Future[T]":
        with self._lock:
            known = self._kept.get(key)
            if known is None or (known.done() and (known.cancelled() or known.exception() is not None)):
                self.reads[key] = read
                try:
                    known = self._kept[key] = self._executor.submit(read, self._connection, self.week)
                except RuntimeError as error:  # stopped
                    raise _closing() from error
            return known


@dataclass
class _Opened:
    """An open database: the mark of its file, its published weeks, and the search path for the week being read.

    The connection is never closed explicitly, because closing would fail while a request reads from it, and would break
    the requests that read later. The file is closed along with the last cursor.
    """

    mark: tuple[int, ...]
    connection: duckdb.DuckDBPyConnection
    weeks: list[date]
    search_path: str = ""

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return another connection to the same database, with its search path set to the week's tables."""
        cursor = self.connection.cursor()
        cursor.execute(f"set search_path = {literal(self.search_path)}")
        cursor.execute("set enable_progress_bar = false")  # DuckDB draws it on stdout
        return cursor


@dataclass
class Published:
    """The published warehouse.

    Attributes:
        path: the database file, which is replaced when a week is published.
        sites: the folder with a subfolder for each week's site.
        indexes: the search indexes.
        chosen: the week to serve; None for the newest published week with a site, or for the newest published week if
            none has a site.
    """

    path: Path
    sites: Path
    indexes: Indexes
    chosen: date | None = None
    _open: _Opened | None = None
    _memory: Memory | None = None
    _memories: "WeakSet[Memory]" = field(default_factory=WeakSet)
    _is_closed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reader(self) -> Reader:
        """Return a reader of the current database and week.

        Raises:
            Unanswered: if the database is missing or cannot be read (503), or does not have the week (404).
        """
        with self._lock:
            if self._is_closed:
                raise _closing()
            mark = _mark(self.path)
            if self._open is None or self._open.mark != mark:
                self._open = self._opened(mark)
                self._memory, earlier = None, self._memory
            else:
                earlier = self._memory
            week = self._week(self._open.weeks)
            if self._memory is None or self._memory.week != week:
                if earlier is not None:
                    earlier.cancel_waiting()
                self._open.search_path = self._search_path(self._open.connection, week)
                self._memory = Memory(self._open.cursor(), week, earlier.reads if earlier else {})
                self._memories.add(self._memory)
            memory, cursor = self._memory, self._open.cursor()
        return Reader(week, cursor, self.indexes, memory, (mark, week, _mark(self.indexes.folder / str(week))))

    def _search_path(self, connection: duckdb.DuckDBPyConnection, week: date) -> str:
        try:
            require_intact(self.path, week)
            return show_one_week(connection, week)
        except (HubAssetsError, duckdb.Error) as error:
            raise Unanswered(503, f"The week of {week} cannot be read; run hub-assets verify on the server.") from error

    def close(self) -> None:
        """Stop reading; later calls to `reader` are refused."""
        with self._lock:
            for memory in list(self._memories):  # requests may still use earlier ones
                memory.stop()
            self._open = self._memory = None
            self._is_closed = True

    def _opened(self, mark: tuple[int, ...]) -> _Opened:
        # attach the file to an in-memory database, because connections to one path would share the first file opened
        connection = duckdb.connect(config={"memory_limit": MEMORY, "threads": THREADS, "temp_directory": ""})
        try:
            connection.execute(f"attach {literal(self.path)} as published (read_only)")
            paths = (str(file.path) for file in files_of(self.path))
            # DuckDB compares with what a view names, and with what this matches
            files = ", ".join(map(literal, dict.fromkeys(name for path in paths for name in (path, escaped(path)))))
            connection.execute(f"set allowed_paths = [{files}]")
            connection.execute("set enable_external_access = false")
            found = connection.execute(
                "select distinct snapshot_date from published.mart__repo_activity order by 1"
            ).fetchall()
        except (duckdb.Error, WarehouseError) as error:
            connection.close()
            raise Unanswered(503, "The published warehouse cannot be read at the moment; try again.") from error
        return _Opened(mark, connection, [week for (week,) in found])

    def _week(self, weeks: list[date]) -> date:
        if self.chosen is not None and self.chosen in weeks:
            return self.chosen
        if self.chosen is not None:
            raise Unanswered(404, f"The week of {self.chosen} is not published.")
        if not weeks:
            raise Unanswered(404, "No week is published yet.")
        return max((week for week in weeks if (self.sites / str(week)).is_dir()), default=max(weeks))


def _mark(path: Path) -> tuple[int, ...]:
    """Return a mark that changes when a file or folder is replaced."""
    with suppress(OSError):
        found = path.stat()
        return (found.st_ino, found.st_mtime_ns, found.st_size)
    return ()
