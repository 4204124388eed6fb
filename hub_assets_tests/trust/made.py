"""A Hub whose counters are known, week by week, so that faults can be planted into its listings.

Rates per repository are lognormal, as on the Hub; a week's downloads are Poisson around a noisy rate.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hub_assets.hub.sources.listings import LISTINGS
from hub_assets.local_hub.population import Population
from hub_assets.trust.corrections import flow_corrections
from hub_assets.trust.quality import week_quality
from hub_assets.trust.rules import Rules
from hub_assets.vocabulary import REPO_TYPES, RepoType
from hub_assets.warehouse.database import failing_rows, replace_week
from hub_assets.warehouse.sql_project import Project
from hub_assets_tests.warehouse.building import prepare_tables

START: Final = date(2025, 3, 3)
MODELS: Final = ("int_hub__listing_changes", "int_hub__listing_totals")
AFTER: Final = ("core__repo_anomalies", "mart__weekly_flows")
SIZES: Final[dict[RepoType, int]] = {"model": 1500, "dataset": 1500, "space": 400}
Counts = npt.NDArray[np.int64]


@dataclass
class Kind:
    """One type's repositories as matrices, one row per week and one column per repository; tests edit them in place."""

    repo_type: RepoType
    created: Counts
    all_time: Counts
    downloads: Counts
    likes: Counts
    modified: Counts
    listed: npt.NDArray[np.bool_]
    ids: npt.NDArray[Any]

    def freeze(self, week: int, which: Any = slice(None)) -> None:
        """Serve the previous week's counters again in the given week; the next week has the true ones."""
        for values in (self.all_time, self.downloads):
            values[week, which] = values[week - 1, which]

    def repeat(self, week: int) -> None:
        """Serve the previous week's listing again in the given week."""
        for values in (self.all_time, self.downloads, self.likes, self.modified, self.listed, self.ids):
            values[week] = values[week - 1]

    def add(self, week: int, which: Any, downloads: Any) -> None:
        """Add downloads from the given week on; negative ones are a rollback."""
        self.all_time[week:, which] += downloads


@dataclass
class World:
    """All repository types over a number of weeks."""

    weeks: int
    kinds: dict[RepoType, Kind] = field(default_factory=dict)

    def date_of(self, week: int) -> date:
        return START + timedelta(weeks=week)

    def listing(self, repo_type: RepoType, week: int) -> pa.Table:
        """Return a raw listing table."""
        kind, schema = self.kinds[repo_type], LISTINGS[repo_type].schema
        rows = np.flatnonzero(kind.listed[week])
        monday = datetime.combine(self.date_of(week), time(6, 30))
        start = datetime.combine(START, time())
        columns: dict[str, Any] = {
            "snapshot_date": [self.date_of(week)] * len(rows),
            "observed_at": [monday] * len(rows),
            "_id": [f"{repo_type}{row:06d}" for row in rows],
            "id": kind.ids[week, rows],
            "createdAt": [start + timedelta(weeks=int(kind.created[row]), minutes=int(row)) for row in rows],
            "lastModified": [start + timedelta(hours=int(kind.modified[week, row])) for row in rows],
            "likes": kind.likes[week, rows],
        }
        if repo_type != "space":
            columns |= {"downloads": kind.downloads[week, rows], "downloadsAllTime": kind.all_time[week, rows]}
        nothing = pa.nulls(len(rows))
        return pa.table(
            [pa.array(columns[f.name], f.type) if f.name in columns else nothing.cast(f.type) for f in schema],
            schema=schema,
        )


def world(weeks: int, seed: int, sizes: dict[RepoType, int] | None = None) -> World:
    """Return a Hub without faults: three in ten repositories appear over the weeks, and a few are deleted."""
    rng = np.random.default_rng(seed)
    made = World(weeks)
    for repo_type, n in (sizes or SIZES).items():
        created = np.where(rng.random(n) < 0.7, -rng.integers(1, 100, n), rng.integers(1, weeks + 1, n))
        rate = np.exp(rng.normal(2.0, 2.3, n))
        noise = np.exp(rng.normal(0, 0.25, (weeks, n)))
        exists = np.arange(weeks)[:, None] >= created
        # a release is downloaded more in its first weeks
        age = np.arange(weeks)[:, None] - created
        fresh = 1 + 3 * np.exp(-np.maximum(age, 0) / 3)
        flows = np.where(exists, rng.poisson(7 * rate * noise * fresh), 0)
        before = np.where(created < 0, rate * -created * 7, 0).astype(np.int64)
        month = np.array([flows[max(0, week - 3) : week + 1].mean(axis=0) * 30 / 7 for week in range(weeks)])
        gone = np.where(rng.random(n) < 0.001 * weeks, rng.integers(1, weeks + 1, n), weeks + 1)
        likes = rng.poisson(rate / 20, n) + np.cumsum(rng.poisson(rate / 500, (weeks, n)), axis=0)
        made.kinds[repo_type] = Kind(
            repo_type,
            created,
            before + np.cumsum(flows, axis=0),
            month.astype(np.int64),
            likes.astype(np.int64),
            np.cumsum(rng.integers(0, 2, (weeks, n)) * 100, axis=0),
            exists & (np.arange(weeks)[:, None] < gone),
            np.tile(np.array([f"lab{row % 97}/{repo_type}{row}" for row in range(n)], object), (weeks, 1)),
        )
    return made


class Observatory:
    """A database that builds the trust tables of a world, week by week."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.connection = duckdb.connect()
        self.connection.execute("set enable_progress_bar = false")
        prepare_tables(self.connection, project)
        self.rules = Rules.of_seed(self.connection.sql("from trust_rules").to_arrow_table())

    def add(self, table: pa.Table, repo_type: RepoType) -> None:
        """Add a raw listing."""
        self.connection.register("given", table)
        self.connection.execute(f"insert into raw_hub__{repo_type}s by name from given")

    def add_population(self, population: Population, repo_type: RepoType, week: date) -> None:
        """Add the listing that a simulated Hub would serve."""
        self.connection.register("given", population.repos[repo_type].table)
        counts = "" if repo_type == "space" else ", downloads, downloadsAllTime"
        self.connection.execute(
            f"insert into raw_hub__{repo_type}s by name select date '{week}' as snapshot_date, "
            f"timestamp '{week} 06:30' as observed_at, _id, id, createdAt, lastModified, likes{counts} from given"
        )

    def build(self, week: date) -> None:
        """Build a week's tables in order, and run their data tests."""
        for name in MODELS:
            self._fill(name, week)
        totals = self.connection.sql("from int_hub__listing_totals").to_arrow_table()
        changes = self.connection.sql("from counting_changes").to_arrow_table()
        self._store("core__week_quality", week, week_quality(totals, changes, self.rules, week))
        self._store("core__flow_corrections", week, flow_corrections(self.connection, week))
        for name in AFTER:
            self._fill(name, week)

    def observe(self, hub: World) -> None:
        """Build all weeks of a world."""
        for week in range(hub.weeks):
            for repo_type in REPO_TYPES:
                if hub.kinds[repo_type].listed[week].any():
                    self.add(hub.listing(repo_type, week), repo_type)
            self.build(hub.date_of(week))

    def doubts(self) -> set[tuple[str, date, str]]:
        """Return the type, week and rule of every suspicion about a whole listing."""
        return set(
            self.rows(
                "select repo_type, snapshot_date, rule from core__week_quality where severity in ('warning', 'error')"
            )
        )

    def anomalies(self) -> set[tuple[str, date, str, str]]:
        """Return the type, week, rule and repository key of every anomaly."""
        return set(self.rows("select repo_type, snapshot_date, rule, repo_key from core__repo_anomalies"))

    def rows(self, select: str) -> list[Any]:
        return self.connection.execute(select).fetchall()

    def _store(self, table: str, week: date, rows: pa.Table) -> None:
        self.connection.register("made", rows)
        replace_week(self.connection, table, week, "from made")
        self._test(table, week)

    def _fill(self, name: str, week: date) -> None:
        model = next(model for model in self.project.models if model.name == name)
        replace_week(self.connection, name, week, model.render(week))
        self._test(name, week)

    def _test(self, table: str, week: date) -> None:
        for test in self.project.tables[table].data_tests:
            failing = failing_rows(test, self.project.tables[table], week)
            assert self.rows(failing) == [], (table, test.name)
