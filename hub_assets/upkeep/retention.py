"""Retention limits on a home's events, logs, runs, intermediate rows, exports and figures. On by default.

Limits on events and runs count back from now. Limits on weeks of data count back from the newest week in the
home, so that a home that no longer collects keeps its figures. Raw data, published tables and materializations (which
the UI plots over the weeks) are never removed. Everything that is removed can be rebuilt from the lake, except the
events and logs of old runs. Deciding when to apply the limits belongs in `runs` and `schedules`.
"""

import shutil
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import sqlalchemy

from hub_assets.errors import UserError
from hub_assets.home import Home
from hub_assets.warehouse.database import connect, rewrite
from hub_assets.warehouse.sql_project import Project

FILE: Final = "retention.toml"
"""Name of a file in the home that overrides default limits, one per line, such as `exports_weeks = 104`."""
MATERIALIZED: Final = ("ASSET_MATERIALIZATION", "ASSET_OBSERVATION")
KEPT_EVENTS: Final = (*MATERIALIZED, "PIPELINE_START", "PIPELINE_SUCCESS")
"""Event types to keep, because they record materializations and contain the numbers that the UI plots."""


class LimitsError(UserError):
    """The file of limits is wrong; the message says where and how to fix it."""


@dataclass(frozen=True)
class Limits:
    """The number of weeks to keep each part of a home; 0 keeps it forever.

    Args:
        events_weeks: events and compute logs of runs, counted from the end of the run. Materializations are kept.
        runs_weeks: records of runs that materialized nothing, such as most failed runs.
        build_weeks: weeks of intermediate tables in `build.duckdb`; materializing a week rebuilds them.
        exports_weeks: weeks of networks in `exports/`.
        figures_weeks: weeks of figures in `report/figures/`.
    """

    events_weeks: int = 8
    runs_weeks: int = 26
    build_weeks: int = 8
    exports_weeks: int = 52
    figures_weeks: int = 104


@dataclass(frozen=True)
class Kept:
    """A part of a home: its limit in weeks (0: no limit), its size in bytes, and the amount over the limit."""

    what: str
    weeks: int
    size: int
    n_over: int
    unit: str


def limits_of(home: Home) -> Limits:
    """Return a home's limits: the defaults, overridden by its `retention.toml`.

    Raises:
        LimitsError: if the file cannot be read, or contains an unknown limit or a value that is not a whole number.
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
            raise LimitsError(f"{path} sets {name}, which is not a limit; the limits are {', '.join(names)}")
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise LimitsError(f"{path} sets {name} to {value!r}; write a number of weeks, or 0 to keep everything")
    return Limits(**content)


def kept(home: Home, now: datetime, databases: Sequence[str] = ()) -> list[Kept]:
    """Return the parts of a home with their limits and sizes, without changing anything; arguments as for `apply`."""
    limits = limits_of(home)
    with _Instance(home, databases) as instance:
        events = instance.with_events(_before(now, limits.events_weeks))
        runs = instance.without_materializations(_before(now, limits.runs_weeks))
    logs = [path for path in (home.dagster / "storage").glob("*") if path.is_dir()]
    build = _build_weeks(home, limits)
    exports = _old(home.exports, _first_kept(home, limits.exports_weeks))
    figures = _old(home.figures, _first_kept(home, limits.figures_weeks))
    return [
        Kept("events", limits.events_weeks, _size(home.dagster / "history"), len(events), "runs"),
        Kept("compute logs", limits.events_weeks, sum(map(_size, logs)), len({p.name for p in logs} & events), "runs"),
        Kept("runs", limits.runs_weeks, _size(home.dagster / "history" / "runs.db"), len(runs), "runs"),
        Kept("build.duckdb", limits.build_weeks, _size(home.build), len(build), "weeks"),
        Kept("exports", limits.exports_weeks, _size(home.exports), len(exports), "weeks"),
        Kept("figures", limits.figures_weeks, _size(home.figures), len(figures), "weeks"),
    ]


def apply(home: Home, project: Project, now: datetime, databases: Sequence[str] = ()) -> Iterator[str]:
    """Remove everything over the limits and yield a line per part that shrank. The caller must hold the building lock.

    Args:
        home: the home.
        project: the SQL project, which describes the tables of the home's databases.
        now: the time from which the limits on events and runs count back.
        databases: the address (SQLAlchemy) of the Dagster instance's database, if it lies outside the home.
    """
    limits = limits_of(home)
    before = _size(home.dagster)
    with _Instance(home, databases) as instance:
        n_events = instance.drop_events(_before(now, limits.events_weeks))
        n_runs = instance.drop_runs(_before(now, limits.runs_weeks))
    if n_events or n_runs:
        megabytes = f"{(before - _size(home.dagster)) / 1e6:,.1f} MB"
        yield f"events and logs of {n_events} runs, and {n_runs} run records: {megabytes}"
    weeks = _build_weeks(home, limits)
    if weeks:
        before = _size(home.build)
        _drop_weeks(home, project, weeks)
        yield f"intermediate rows of {len(weeks)} weeks: {(before - _size(home.build)) / 1e6:,.1f} MB"
    for folder, n_weeks in ((home.exports, limits.exports_weeks), (home.figures, limits.figures_weeks)):
        old = _old(folder, _first_kept(home, n_weeks))
        if old:
            size = sum(map(_size, old))
            for path in old:
                shutil.rmtree(path, ignore_errors=True)
            yield f"{folder.name} of {len(old)} weeks: {size / 1e6:,.1f} MB"


class _Instance:
    """The databases of a home's Dagster instance: SQLite files in the home, or one database elsewhere.

    Dagster can delete a run only together with its materializations, which would make its partitions look missing.
    """

    def __init__(self, home: Home, databases: Sequence[str]) -> None:
        history = home.dagster / "history"
        self._shards = history / "runs"
        self._logs = home.dagster / "storage"
        files = (history / "runs.db", self._shards / "index.db")
        addresses = [databases[0]] * 2 if databases else [f"sqlite:///{path}" for path in files]
        self._exists = bool(databases) or all(path.exists() for path in files)
        self._runs, self._events = (sqlalchemy.create_engine(address) for address in addresses)

    def __enter__(self) -> "_Instance":
        return self

    def __exit__(self, *_: object) -> None:
        self._runs.dispose()
        self._events.dispose()

    def with_events(self, before: datetime | None) -> set[str]:
        """Return the runs that ended before a given time and still have events that may be removed."""
        shards = {path.stem for path in self._shards.glob("*.db")}
        return self._ended(before) & (shards | self._runs_of("not in", KEPT_EVENTS))

    def without_materializations(self, before: datetime | None) -> set[str]:
        """Return the runs that ended before a given time and materialized nothing."""
        return self._ended(before) - self._runs_of("in", MATERIALIZED)

    def drop_events(self, before: datetime | None) -> int:
        """Remove the events (except `KEPT_EVENTS`) and logs of old runs, and return the number of these runs."""
        runs = self.with_events(before)
        unkept = "(dagster_event_type is null or dagster_event_type not in :kinds)"
        for chunk in _chunks(runs):
            delete = f"delete from event_logs where run_id in :runs and {unkept}"
            _execute(self._events, delete, runs=chunk, kinds=KEPT_EVENTS)
        for run in runs:
            shutil.rmtree(self._logs / run, ignore_errors=True)
            for file in self._shards.glob(f"{run}.db*"):  # including the files that SQLite keeps beside it
                file.unlink()
        if runs:
            _vacuum(self._events)
        return len(runs)

    def drop_runs(self, before: datetime | None) -> int:
        """Remove the records of old runs that materialized nothing, and return the number of these runs."""
        runs = self.without_materializations(before)
        for chunk in _chunks(runs):
            _execute(self._events, "delete from event_logs where run_id in :runs", runs=chunk)
            for table in ("run_tags", "runs"):
                _execute(self._runs, f"delete from {table} where run_id in :runs", runs=chunk)
        if runs:
            _vacuum(self._runs)
        return len(runs)

    def _ended(self, before: datetime | None) -> set[str]:
        if before is None or not self._exists:
            return set()
        select = "select run_id from runs where update_timestamp < :before and status in :statuses"
        return _execute(self._runs, select, before=before, statuses=("SUCCESS", "FAILURE", "CANCELED"))

    def _runs_of(self, operator: str, kinds: Sequence[str]) -> set[str]:
        if not self._exists:
            return set()
        select = f"select distinct run_id from event_logs where dagster_event_type {operator} :kinds"
        return _execute(self._events, select, kinds=kinds)


def _execute(engine: sqlalchemy.Engine, statement: str, **values: Sequence[str] | datetime) -> set[str]:
    """Run a statement, and return the first column of its rows if it has any."""
    parameters: list[sqlalchemy.BindParameter[Any]] = [
        sqlalchemy.bindparam(name, value)
        if isinstance(value, datetime)
        else sqlalchemy.bindparam(name, list(value), expanding=True)
        for name, value in values.items()
    ]
    with engine.begin() as connection:
        result = connection.execute(sqlalchemy.text(statement).bindparams(*parameters))
        return set(result.scalars()) if result.returns_rows else set()


def _vacuum(engine: sqlalchemy.Engine) -> None:
    if engine.dialect.name == "sqlite":  # PostgreSQL vacuums by itself
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sqlalchemy.text("vacuum"))


def _chunks(runs: set[str]) -> Iterator[list[str]]:
    ordered = sorted(runs)
    for start in range(0, len(ordered), 500):
        yield ordered[start : start + 500]


def _before(now: datetime, weeks: int) -> datetime | None:
    """Return the time some weeks ago in UTC without a time zone, as Dagster stores it; None if there is no limit."""
    return now.astimezone(UTC).replace(tzinfo=None) - timedelta(weeks=weeks) if weeks else None


def _first_kept(home: Home, weeks: int) -> date | None:
    """Return the first week to keep, counting back from the newest week; None if there is no limit or no week."""
    return home.weeks[-1] - timedelta(weeks=weeks) if weeks and home.weeks else None


def _old(folder: Path, first: date | None) -> list[Path]:
    """Return the folders of all weeks before the first week to keep."""
    if first is None or not folder.exists():
        return []
    return [path for path in folder.iterdir() if (day := _day(path.name)) is not None and day < first]


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(name)
    except ValueError:
        return None


def _build_weeks(home: Home, limits: Limits) -> list[date]:
    """Return the weeks whose intermediate rows are over the limit."""
    first = _first_kept(home, limits.build_weeks)
    if first is None or not home.build.exists():
        return []
    with connect(home.build, read_only=True) as connection:
        tables = connection.execute("select table_name from duckdb_tables() where starts_with(table_name, 'int_')")
        weeks = {
            week
            for (table,) in tables.fetchall()
            for (week,) in connection.execute(f"select distinct snapshot_date from {table}").fetchall()
        }
    weeks |= {week for folder in home.tables.root.glob("int_*") for week in home.tables.weeks(folder.name)}
    return sorted(week for week in weeks if week < first)


def _drop_weeks(home: Home, project: Project, weeks: list[date]) -> None:
    intermediate = {model.name for model in project.models if model.layer == "intermediate"}
    with connect(home.build) as connection:
        for (table,) in connection.execute("select table_name from duckdb_tables()").fetchall():
            if table in intermediate:
                connection.execute(f"delete from {table} where snapshot_date in (select unnest(?))", [weeks])
    rewrite(home.build, lambda rows: rows, project)
    for name in intermediate:
        for week in weeks:
            shutil.rmtree(home.tables.folder(name, week), ignore_errors=True)


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
