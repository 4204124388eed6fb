"""Opens DuckDB databases in memory, with a memory limit and a folder for what does not fit.

DuckDB's own limit is 80% of the machine's memory per database, and it would spill to `.tmp` in the working directory,
which a service may not be allowed to write to. Databases in files belong in `warehouse.database`.
"""

import tempfile
import uuid
from pathlib import Path
from typing import Final

import duckdb

from hub_assets.sql import literal

MOST_MEMORY: Final = 5 * 2**30
"""Bytes that a database may use. Without a limit, building a Hub ten times the study's size took 8.9 GiB."""


def scratch() -> duckdb.DuckDBPyConnection:
    """Return a connection to a new database in memory, in UTC and without a progress bar.

    Data that does not fit is spilled to the system's folder for temporary files; DuckDB deletes it afterward.
    """
    connection = duckdb.connect()
    limit_memory(connection)
    folder = Path(tempfile.gettempdir()) / f"hub_assets_{uuid.uuid4().hex}"  # DuckDB creates it when it needs it
    connection.execute(f"set temp_directory = {literal(folder)}")
    connection.execute("set timezone = 'UTC'")
    connection.execute("set enable_progress_bar = false")  # it would overwrite our own output
    return connection


def limit_memory(connection: duckdb.DuckDBPyConnection) -> None:
    """Set DuckDB's memory limit to MOST_MEMORY, unless its own limit, 80% of the machine's memory, is lower."""
    ((own,),) = connection.execute("select current_setting('memory_limit')").fetchall()
    size, unit = own.split()
    n_bytes = float(size) * 2 ** (10 * ["bytes", "KiB", "MiB", "GiB", "TiB"].index(unit))
    if n_bytes > MOST_MEMORY:
        connection.execute(f"set memory_limit = '{MOST_MEMORY}B'")
