"""Limits on what a home keeps: events, logs, runs, intermediate rows, exports and figures. On by default.

Raw data, published tables and materializations (which the UI plots over the weeks) are never removed. What is removed
can be made again from the lake, except the events and logs of old runs. When limits are applied belongs to `runs` and
`schedules`; how Dagster deletes a run belongs to Dagster.
"""

import shutil
import sqlite3
import tomllib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import duckdb

from hub_assets.errors import UserError
from hub_assets.home import Home
from hub_assets.warehouse.database import connect, rewrite
from hub_assets.warehouse.sql_project import Project

FILE: Final = "retention.toml"
"""Its name in the home: one line per limit that differs from the default, such as `exports_weeks = 104`."""
KEPT_EVENTS: Final = (
    "ASSET_MATERIALIZATION",
    "ASSET_OBSERVATION",
    "PIPELINE_START",
    "PIPELINE_SUCCESS",
    "PIPELINE_FAILURE",
)
"""Event types that stay in the index: they say what is materialized, and hold the numbers that the UI plots."""


class LimitsError(UserError):
    """The file of limits is wrong; the message says where and how to mend it."""


@dataclass(frozen=True)
class Limits:
    """How many weeks each part of a home is kept; 0 keeps it forever.

    Args:
        events_weeks: events and compute logs of runs, by when the run ended. Run records and materializations stay.
        failed_runs_weeks: records of runs that failed or were canceled.
        build_weeks: weeks of intermediate tables in `build.duckdb`; materializing a week makes them again.
        exports_weeks: weeks of networks in `exports/`.
        figures_weeks: weeks of figures in `report/figures/`.
    """

    events_weeks: int = 8
    failed_runs_weeks: int = 26
    build_weeks: int = 8
    exports_weeks: int = 52
    figures_weeks: int = 104


@dataclass(frozen=True)
class Kept:
    """A part of a home: its limit in weeks (0: none), its size in bytes, and what falls under the limit."""

    what: str
    weeks: int
    size: int
    n_over: int
    unit: str


def limits_of(home: Home) -> Limits:
    """Return the limits of a home: the defaults, changed by its `retention.toml`.

    Raises:
        LimitsError: if the file cannot be read, or has an unknown limit or a value that is no whole number.
    """
    path = home.root / FILE
    if not path.exists():
        return Limits()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LimitsError(f"{path} cannot be read ({error}); correct it, or remove it for the defaults") from error
    names = [one.name for one in fields(Limits)]
    for name, value in content.items():
        if name not in names:
            raise LimitsError(f"{path} sets {name}, which is no limit; the limits are {', '.join(names)}")
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise LimitsError(f"{path} sets {name} to {value!r}; write a number of weeks, or 0 to keep everything")
    return Limits(**content)


def kept(home: Home, now: datetime) -> list[Kept]:
    """Return the parts of a home with their limits and sizes. Writes nothing."""
    limits = limits_of(home)
    dagster = home.dagster
    logs = [path for path in (dagster / "storage").glob("*") if path.is_dir()]
    shards = _shards(home)
    events = _size(dagster / "history")
    over = len(_over(shards, limits.events_weeks, now))
    return [
        Kept("events", limits.events_weeks, events, over, "runs"),
        Kept(
            "compute logs",
            limits.events_weeks,
            sum(map(_size, logs)),
            len(_over(logs, limits.events_weeks, now)),
            "runs",
        ),
        Kept("failed runs", limits.failed_runs_weeks, 0, 0, "runs"),
        Kept("build.duckdb", limits.build_weeks, _size(home.build), len(_build_weeks(home, limits, now)), "weeks"),
        Kept(
            "exports",
            limits.exports_weeks,
            _size(home.exports),
            len(_old(home.exports, limits.exports_weeks, now)),
            "weeks",
        ),
        Kept(
            "figures",
            limits.figures_weeks,
            _size(home.figures),
            len(_old(home.figures, limits.figures_weeks, now)),
            "weeks",
        ),
    ]


def apply(home: Home, project: Project, now: datetime) -> Iterator[str]:
    """Remove what is over the limits, and yield a line for each part that shrank. The caller holds the write lock.

    Args:
        home: the home.
        project: the tables of its databases.
        now: the time that the limits count from.
    """
    limits = limits_of(home)
    shards = _over(_shards(home), limits.events_weeks, now)
    logs = _over([path for path in (home.dagster / "storage").glob("*") if path.is_dir()], limits.events_weeks, now)
    if shards or logs:
        before = _size(home.dagster)
        _drop_events(home, shards)
        for path in logs:
            shutil.rmtree(path, ignore_errors=True)
        yield f"events and logs of {max(len(shards), len(logs))} runs: {(before - _size(home.dagster)) / 1e6:,.1f} MB"
    weeks = _build_weeks(home, limits, now)
    if weeks:
        before = _size(home.build)
        _drop_weeks(home, project, weeks)
        yield f"intermediate rows of {len(weeks)} weeks: {(before - _size(home.build)) / 1e6:,.1f} MB"
    for folder, n_weeks in ((home.exports, limits.exports_weeks), (home.figures, limits.figures_weeks)):
        old = _old(folder, n_weeks, now)
        if old:
            size = sum(map(_size, old))
            for path in old:
                shutil.rmtree(path, ignore_errors=True)
            yield f"{folder.name} of {len(old)} weeks: {size / 1e6:,.1f} MB"


def _shards(home: Home) -> list[Path]:
    """Return the files of events, one per run; Dagster keeps none for PostgreSQL."""
    return [path for path in (home.dagster / "history" / "runs").glob("*.db") if path.name != "index.db"]


def _over(paths: list[Path], weeks: int, now: datetime) -> list[Path]:
    """Return the files that have not changed for more than a number of weeks."""
    if not weeks:
        return []
    before = (now - timedelta(weeks=weeks)).timestamp()
    return [path for path in paths if path.stat().st_mtime < before]


def _old(folder: Path, weeks: int, now: datetime) -> list[Path]:
    """Return the folders of weeks older than a number of weeks."""
    if not weeks or not folder.exists():
        return []
    first = now.astimezone(UTC).date() - timedelta(weeks=weeks)
    return [path for path in folder.iterdir() if (day := _day(path.name)) is not None and day < first]


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(name)
    except ValueError:
        return None


def _drop_events(home: Home, shards: list[Path]) -> None:
    """Remove the events of runs, except materializations and the start and end of each run."""
    runs = [path.stem for path in shards]
    index = home.dagster / "history" / "runs" / "index.db"
    if index.exists():
        marks, kept_types = ", ".join("?" * len(runs)), ", ".join("?" * len(KEPT_EVENTS))
        with closing(sqlite3.connect(index, timeout=60)) as connection:
            with connection:
                connection.execute(
                    f"delete from event_logs where run_id in ({marks}) and dagster_event_type not in ({kept_types})",
                    [*runs, *KEPT_EVENTS],
                )
            connection.execute("vacuum")
    for path in shards:
        for file in path.parent.glob(f"{path.name}*"):  # with SQLite's own files
            file.unlink()


def _build_weeks(home: Home, limits: Limits, now: datetime) -> list[date]:
    """Return the weeks of which the build has intermediate rows, and should not."""
    if not limits.build_weeks or not home.build.exists():
        return []
    first = now.astimezone(UTC).date() - timedelta(weeks=limits.build_weeks)
    try:
        with connect(home.build, read_only=True) as connection:
            names = connection.execute(
                "select table_name from duckdb_tables() where table_name like 'int\\_%' escape '\\'"
            )
            weeks = {
                week
                for (table,) in names.fetchall()
                for (week,) in connection.execute(f"select distinct snapshot_date from {table}").fetchall()
            }
    except duckdb.Error:
        return []
    return sorted(week for week in weeks if week < first)


def _drop_weeks(home: Home, project: Project, weeks: list[date]) -> None:
    intermediate = {model.name for model in project.models if model.layer == "intermediate"}
    with connect(home.build) as connection:
        for (table,) in connection.execute("select table_name from duckdb_tables()").fetchall():
            if table in intermediate:
                connection.execute(f"delete from {table} where snapshot_date in (select unnest(?))", [weeks])
    rewrite(home.build, lambda rows: rows, project)


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
