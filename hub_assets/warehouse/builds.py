"""Records which version of the code built each week of each table, and finds the weeks that are out of date.

The record is a table in the build database, next to the rows that it describes. The callers decide what a code version
covers.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

import duckdb

BUILDS: Final = "table_builds"


@dataclass(frozen=True)
class TableCode:
    """The tables that a table reads, and the version of its current code, which also covers all upstream code."""

    version: str
    reads: frozenset[str]


@dataclass(frozen=True)
class _Build:
    version: str
    changed_at: datetime
    built_at: datetime


def record_build(
    connection: duckdb.DuckDBPyConnection, table: str, snapshot_date: date, version: str, now: datetime | None = None
) -> None:
    """Record that a version of the code has just built a week of a table.

    Args:
        connection: the build database.
        table: the table, or another asset that is built week by week.
        snapshot_date: the week.
        version: the version of the code.
        now: the time of the build (UTC); None means now.
    """
    moment = (now or datetime.now(UTC)).astimezone(UTC).replace(tzinfo=None)
    _create(connection)
    connection.execute(
        # a merge rather than an upsert, because the table loses its primary key when the database is rewritten
        f"merge into {BUILDS} as old "
        "using (select ? as table_name, ? as snapshot_date, ? as code_version, ? as built_at) as new "
        "on old.table_name = new.table_name and old.snapshot_date = new.snapshot_date "
        # record when the code changed, because running the same code again must not make downstream tables stale
        "when matched then update set "
        "changed_at = case when old.code_version = new.code_version then old.changed_at else new.built_at end, "
        "code_version = new.code_version, built_at = new.built_at "
        "when not matched then insert values (table_name, snapshot_date, code_version, built_at, built_at)",
        [table, snapshot_date, version, moment],
    )


def stale_tables(
    connection: duckdb.DuckDBPyConnection, code: Mapping[str, TableCode], weeks: Iterable[date] = ()
) -> dict[date, list[str]]:
    """Return, for each week that was ever built, the tables that need a rebuild.

    A week of a table is stale if it is missing, if another version of the code built it, or if a table that it reads is
    stale or has since been rebuilt by different code.

    Args:
        connection: the build database.
        code: all tables, in the order in which they are built.
        weeks: weeks that count as built even if no build was recorded.
    """
    builds: dict[date, dict[str, _Build]] = {week: {} for week in weeks}
    if connection.execute("select 1 from duckdb_tables() where table_name = ?", [BUILDS]).fetchone():
        for table, week, *build in connection.execute(
            f"select table_name, snapshot_date, code_version, changed_at, built_at from {BUILDS}"
        ).fetchall():
            builds.setdefault(week, {})[table] = _Build(*build)
    stale = {week: _stale_of(code, builds[week]) for week in sorted(builds)}
    return {week: tables for week, tables in stale.items() if tables}


def _stale_of(code: Mapping[str, TableCode], built: Mapping[str, _Build]) -> list[str]:
    stale: list[str] = []
    for table, present in code.items():
        build = built.get(table)
        upstream = present.reads & code.keys()
        if (
            build is None
            or build.version != present.version
            or _intersects(upstream, stale)
            or any(built[name].changed_at > build.built_at for name in upstream)
        ):
            stale.append(table)
    return stale


def _intersects(names: Collection[str], others: Collection[str]) -> bool:
    return not set(names).isdisjoint(others)


def _create(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        f"create table if not exists {BUILDS} (table_name varchar, snapshot_date date, code_version varchar, "
        "changed_at timestamp, built_at timestamp)"
    )
