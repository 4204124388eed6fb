"""Makes writes to Dagster's SQLite files cheaper during a run.

For each event, Dagster creates an engine, compiles its statements, opens a connection, and closes it again. SQLite then
moves the write-ahead log into the file and waits for the disk twice. A small run has 1,900 events, and Dagster has no
setting that changes this behavior. The content of events belongs in the assets.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Engine
from sqlalchemy.pool import QueuePool

_STORAGES: Final = (sqlite_event_log, sqlite_run_storage)
_MAKER: Final = "create_engine"


@contextmanager
def cheap_commits() -> Iterator[None]:
    """Reuse one engine and its connections for each SQLite file, and spare most commits the wait for the disk.

    A power failure can cost the last events of a run, but never damages a file (SQLite, "PRAGMA synchronous").
    Databases other than SQLite are not affected. Inside another such block, this does nothing.
    """
    if getattr(sqlite_event_log, _MAKER) is not create_engine:
        yield
        return
    kept: dict[str, Engine] = {}

    def kept_engine(url: str, *, poolclass: object, **options: Any) -> Engine:
        del poolclass  # Dagster passes a pool class that closes each connection after use
        if url not in kept:
            kept[url] = create_engine(url, poolclass=QueuePool, **options)
            stack.callback(Engine.dispose, kept[url])
            event.listen(kept[url], "connect", _relax)
            # Dagster disposes of engines after each use, but this one must stay open
            kept[url].dispose = lambda *_, **__: None  # type: ignore[method-assign]
        return kept[url]

    with ExitStack() as stack:
        for storage in _STORAGES:
            stack.callback(setattr, storage, _MAKER, create_engine)
            setattr(storage, _MAKER, kept_engine)
        yield


def _relax(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("pragma synchronous = normal")
