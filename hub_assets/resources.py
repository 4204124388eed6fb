"""The Dagster resources: the Hub, the crawl and the home. Configuration and wiring only; no asset logic."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, cast

import dagster as dg
import duckdb
from huggingface_hub import HfApi
from pydantic import Field, PrivateAttr

from hub_assets.archives.catalog import archive_of
from hub_assets.archives.uploads import Uploads
from hub_assets.event_store import cheap_commits
from hub_assets.home import Home
from hub_assets.hub.collect.budget import DEFAULT_HOURS, budget_calls, calls_left
from hub_assets.hub.collect.collection import CollectOptions
from hub_assets.hub.collect.crawl import WORKERS, Budget, Watch
from hub_assets.hub.collect.listing_pages import PAGE_SIZE
from hub_assets.hub.collect.raw_table import ResponseTable
from hub_assets.hub.collect.selection import RECHECK_WEEKS, ROTATION_WEEKS, Selection
from hub_assets.hub.http.client import ANSWER_MEGABYTES, ANSWER_SECONDS, HubClient
from hub_assets.hub.http.endpoint import DEFAULT_ENDPOINT
from hub_assets.hub.http.pacing import PATIENCE_HOURS, patience_of
from hub_assets.hub.http.session import READ_SECONDS
from hub_assets.hub.http.window import DOCUMENTED_RESOLVERS, DOCUMENTED_WINDOW
from hub_assets.hub.sources import response_tables
from hub_assets.hub.sources.listings import LISTINGS
from hub_assets.lock import Activity
from hub_assets.run_tags import CAUSE_TAG, STARTED_BY_TAG, cause_of, started_by
from hub_assets.vocabulary import REPO_TYPES, Bucket, RepoType
from hub_assets.warehouse.database import connect, prepare, replace_week
from hub_assets.warehouse.spark import build_week, connected, engine_of_environment
from hub_assets.warehouse.sql_project import Model, Project, Source, load_project


@cache
def project() -> Project:
    """Return the SQL project in `dbt_like_sql`, loaded once."""
    return load_project(Path(str(files("dbt_like_sql"))))


class HubResource(dg.ConfigurableResource):
    """The Hub, paced by its own rate limit."""

    endpoint: str = Field(default=DEFAULT_ENDPOINT, description="The Hub's address.")
    use_token: bool = Field(
        default=True, description="Send the token that huggingface_hub finds (HF_TOKEN or a login)."
    )
    page_size: int = Field(default=PAGE_SIZE, ge=1, le=PAGE_SIZE, description="Listing rows per request.")
    attempts: int = Field(default=6, ge=1, description="Attempts per request before it fails.")
    backoff: float = Field(default=1.0, ge=0, description="Seconds before the second attempt; doubles each time.")
    read_seconds: float = Field(default=READ_SECONDS, gt=0, description="Seconds to wait for the next bytes.")
    answer_seconds: float = Field(default=ANSWER_SECONDS, gt=0, description="Time limit for a complete response.")
    answer_megabytes: float = Field(default=ANSWER_MEGABYTES, gt=0, description="Size limit after decompression.")
    outage_backoff_hours: float = Field(
        default=PATIENCE_HOURS, ge=0, description="How long to retry while the Hub is down before a step fails."
    )
    is_local: bool = Field(
        default=False, description="This is a local Hub on this machine: ignore proxies and offline mode."
    )
    _client: HubClient | None = PrivateAttr(default=None)

    def new_client(self) -> HubClient:
        """Return a client that has not made any calls."""
        return HubClient(
            self.endpoint,
            None if self.use_token else False,
            attempts=self.attempts,
            backoff=self.backoff,
            read_seconds=self.read_seconds,
            answer_seconds=self.answer_seconds,
            answer_megabytes=self.answer_megabytes,
            is_local=self.is_local,
        )

    @property
    def outage_backoff(self) -> list[float]:
        """The waits between retries while the Hub is down, in seconds."""
        return patience_of(self.outage_backoff_hours)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002
        """Create the client for a run."""
        self._client = self.new_client()

    @property
    def client(self) -> HubClient:
        """The client of the current run."""
        assert self._client is not None, "the resource is not set up"
        return self._client

    @classmethod
    def of_environment(cls, **settings: Any) -> "HubResource":
        """Return the Hub at HF_ENDPOINT, or huggingface.co if that is not set, with these settings."""
        return cls(endpoint=os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT, **settings)


class CrawlResource(dg.ConfigurableResource):
    """The histories that a run fetches, and the budget for fetching them."""

    budget_calls: int | None = Field(default=None, ge=0, description="Calls per run for all histories.")
    budget_hours: float | None = Field(
        default=DEFAULT_HOURS,
        ge=0,
        description="If budget_calls is null: the calls that the rate limit allows in this many hours; null: no limit.",
    )
    repo_types: list[str] = Field(default=list(REPO_TYPES), description="Repository types.")
    top: int | None = Field(default=None, description="Only the N most-liked repositories per type.")
    sample: float | None = Field(
        default=None, description="Only this share of each type; the sample is the same each week."
    )
    ids: list[str] = Field(default=[], description="Only these repositories.")
    rotation_weeks: int = Field(default=ROTATION_WEEKS, ge=1, description="Weeks between re-reads of discussions.")
    recheck_weeks: int = Field(default=RECHECK_WEEKS, ge=1, description="Weeks before retrying what the Hub refused.")
    workers: int = Field(default=WORKERS, ge=1, description="Maximum concurrent requests.")
    refresh: bool = Field(default=False, description="Fetch the week's histories again from scratch.")
    _calls: Counter[Bucket] = PrivateAttr(default_factory=Counter)

    @property
    def selection(self) -> Selection:
        """The selection of repositories.

        Raises:
            PlanError: if the settings contradict each other.
        """
        types = cast(tuple[RepoType, ...], tuple(self.repo_types))
        return Selection(types, self.top, self.sample, tuple(self.ids), self.rotation_weeks, self.recheck_weeks)

    def calls_at(self, client: HubClient) -> int | None:
        """Return the number of calls that a run may make for all tables; None means no limit."""
        limit = client.pacer.estimate
        quota = limit.quota or (DOCUMENTED_RESOLVERS if client.pacer.bucket == "resolvers" else None)
        if self.budget_calls is None and quota is None:
            return None
        return budget_calls(self.budget_calls, self.budget_hours, quota or 0, limit.seconds or DOCUMENTED_WINDOW)

    def options_for(self, table: ResponseTable, client: HubClient, watch: Watch) -> CollectOptions:
        """Return a table's collect options, including its share of the run's remaining budget."""
        budget = self.calls_at(client.within(table.bucket))
        left = calls_left(response_tables(), table, budget, self._calls[table.bucket])
        return CollectOptions(budget=Budget(left), workers=self.workers, refresh=self.refresh, watch=watch)

    def spend(self, bucket: Bucket, calls: int) -> None:
        """Subtract calls from the run's budget."""
        self._calls[bucket] += calls

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002
        """Reset the budget for a run."""
        self._calls = Counter()


LISTED: Final = tuple(table.name for table in LISTINGS.values())
ARCHIVE_UPLOADS: Final = "raw_archive__uploads"
ARCHIVED: Final = {f"raw_archive__{repo_type}s": table.name for repo_type, table in LISTINGS.items()}
"""Maps each table of archived listings to the listing it replaces in a week that was not listed."""


def listings_behind(table: str) -> set[str]:
    """Return the listings that a table is computed from; all listings if a Python step or a history is upstream."""
    definition = project().tables[table]
    if isinstance(definition, Model):
        return set().union(*map(listings_behind, definition.upstream))
    if isinstance(definition, Source):
        if table in LISTED or table in ARCHIVED:
            return {ARCHIVED.get(table, table)}
        return set() if table == ARCHIVE_UPLOADS else set(LISTED)
    return set()


class ArchiveResource(dg.ConfigurableResource):
    """The archive to import past weeks from."""

    name: str = Field(default="hub-stats", description="Either hub-stats or weekly-snapshots.")

    def uploads(self, hub: HubResource, home: Home, report: Callable[[str], None]) -> Uploads:
        """Return the archive's uploads, using the same Hub and token as the listings.

        Raises:
            UnknownArchive: if there is no archive of this name.
        """
        archive = archive_of(self.name)
        api = HfApi(hub.endpoint, token=None if hub.use_token else False)
        return Uploads(api, archive, home.archives / f"{archive.name}.json", report)


class HomeResource(dg.ConfigurableResource):
    """The home, which holds the lake and the warehouse.

    A run takes the collecting lock at its first step that collects and holds it until the run ends. It takes the
    building lock at its first step that builds and holds it until it collects again or ends.
    """

    root: str = Field(description="The home's folder.")
    _home: Home | None = PrivateAttr(default=None)
    _who: str = PrivateAttr(default="a run")
    _tell: Callable[[str], None] = PrivateAttr(default=print)
    _locks: dict[str, ExitStack] = PrivateAttr(default_factory=dict)
    _prepared: dict[str, list[Path]] | None = PrivateAttr(default=None)
    _open: AbstractContextManager[duckdb.DuckDBPyConnection] | None = PrivateAttr(default=None)
    _connection: duckdb.DuckDBPyConnection | None = PrivateAttr(default=None)

    @property
    def home(self) -> Home:
        """The home itself."""
        return self._home or Home(Path(self.root))

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["HomeResource"]:
        """Record what started the run; afterwards, release the database and locks, and record any cause of failure."""
        self._home = Home(Path(self.root))
        run, instance = context.run, context.instance
        if run is not None and instance is not None and STARTED_BY_TAG not in run.tags:
            instance.add_run_tags(run.run_id, {STARTED_BY_TAG: started_by(run.tags)})
        self._who = f"run {run.run_id[:8]} of {run.job_name}" if run else "a run"
        self._tell = context.log.info if context.log else print
        try:
            with cheap_commits():
                yield self
                self.release()
        finally:
            self._unlock("building")
            self._unlock("collecting")
            if run is not None and instance is not None and (cause := cause_of(instance, run.run_id)):
                instance.add_run_tags(run.run_id, {CAUSE_TAG: cause})

    def collecting(self) -> None:
        """Wait until no other process is collecting, and keep others from collecting until the run ends.

        Other processes can still build, because a crawl can take a day.

        Raises:
            HomeBusy, HomeError: see `Home.locked`.
        """
        self.release()
        self._unlock("building")
        self._lock("collecting")

    def _lock(self, activity: Activity) -> None:
        if activity not in self._locks:
            with ExitStack() as stack:
                stack.enter_context(self.home.locked(activity, self._who, self._tell))
                self._locks[activity] = stack.pop_all()

    def _unlock(self, activity: Activity) -> None:
        if stack := self._locks.pop(activity, None):
            stack.close()

    def require_listed(self, snapshot_date: date, listings: Iterable[str] = LISTED) -> None:
        """Check that a week was listed, or imported from an archive.

        Raises:
            dagster.Failure: if listings are missing; the message names them.
        """
        lake = self.home.lake
        archives = {listing: archived for archived, listing in ARCHIVED.items()}
        missing = sorted(
            table
            for table in listings
            if not any(lake.manifest(source, snapshot_date).complete for source in (table, archives[table]))
        )
        if missing:
            raise dg.Failure(
                f"Cannot build or publish the week of {snapshot_date} without {', '.join(missing)}: these listings "
                "were not taken, and only the current week can be listed. Choose a listed week, or import a past one "
                "with: hub-assets backfill",
                allow_retries=False,
            )

    @contextmanager
    def building(
        self, snapshot_date: date | None = None, listings: Iterable[str] = LISTED
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """Wait until no other process is building, then open the build database and load its views, seeds and sources.

        A run opens the database once and keeps it open until `release` or an error, because opening it takes 25 ms and
        preparing it another 30 ms.

        Args:
            snapshot_date: the week to build; None to read, or to build tables without weeks.
            listings: the listings that the week must have.

        Raises:
            dagster.Failure: if one of the listings is missing.
            HomeBusy, HomeError: see `Home.locked`.
        """
        home = self.home
        if snapshot_date is not None:
            self.require_listed(snapshot_date, listings)
        found = {
            source.name: home.lake.files_of_all_weeks(source.name)
            for source in project().sources
            if not source.is_stored
        }
        models = [model.name for model in project().models if (home.tables.root / model.name).exists()]
        found |= {name: home.tables.files_of_all_weeks(name) for name in models}
        self._lock("building")
        try:
            if self._connection is None:
                self._open = connect(home.build)
                self._connection = self._open.__enter__()
                self._prepared = None
            if self._prepared != found:
                prepare(self._connection, project(), found)
                self._prepared = found
            yield self._connection
        except BaseException as error:
            self.release(error)
            raise
        if self._home is None:
            self.release()
            self._unlock("building")

    def build(self, connection: duckdb.DuckDBPyConnection, model: Model, snapshot_date: date) -> None:
        """Build a week of a model, with the engine that HUB_ASSETS_ENGINE names.

        Args:
            connection: the connection that `building` yields.
            model: the model.
            snapshot_date: the week.

        Raises:
            SparkError: if Spark is requested but cannot be used.
        """
        address = engine_of_environment()
        if address is None:
            replace_week(connection, model.name, snapshot_date, model.render(snapshot_date))
        else:
            spark, tables = connected(address), self.home.tables
            build_week(spark, connection, project(), self._prepared or {}, tables, model, snapshot_date)

    def release(self, error: BaseException | None = None) -> None:
        """Close the build database, but keep the lock.

        Raises:
            WarehouseError: see `connect`.
        """
        opened, self._open, self._connection = self._open, None, None
        if opened is not None:
            opened.__exit__(type(error) if error else None, error, None)
