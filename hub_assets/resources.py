"""What assets are given: the Hub and the home. Configuration and wiring only; no asset logic."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, cast

import dagster as dg
import duckdb
from pydantic import Field, PrivateAttr

from hub_assets.home import Home
from hub_assets.hub.collect.collection import CollectOptions
from hub_assets.hub.collect.crawl import WORKERS, Budget, Watch
from hub_assets.hub.collect.listing_pages import PAGE_SIZE
from hub_assets.hub.collect.plan import RECHECK_WEEKS, ROTATION_WEEKS, Selection
from hub_assets.hub.http.client import ANSWER_MEGABYTES, ANSWER_SECONDS, HubClient
from hub_assets.hub.http.endpoint import DEFAULT_ENDPOINT
from hub_assets.hub.http.pacing import PATIENCE_HOURS, patience_of
from hub_assets.hub.http.session import READ_SECONDS
from hub_assets.hub.sources.schemas import REPO_TYPES, RepoType
from hub_assets.warehouse.database import connect, prepare
from hub_assets.warehouse.sql_project import Model, Project, Source, load_project


@cache
def project() -> Project:
    """Return the models of `dbt_like_sql`, read once."""
    return load_project(Path(str(files("dbt_like_sql"))))


class HubResource(dg.ConfigurableResource):
    """The Hub, paced by its own rate limit."""

    endpoint: str = Field(default=DEFAULT_ENDPOINT, description="The Hub's address.")
    use_token: bool = Field(default=True, description="Send the token that huggingface_hub finds (HF_TOKEN, a login).")
    page_size: int = Field(default=PAGE_SIZE, ge=1, le=PAGE_SIZE, description="Rows of a listing asked for at a time.")
    attempts: int = Field(default=6, ge=1, description="How often a request is sent before its error counts.")
    backoff: float = Field(default=1.0, ge=0, description="Seconds before the second attempt, doubled from then on.")
    read_seconds: float = Field(default=READ_SECONDS, gt=0, description="How long to wait for a piece of an answer.")
    answer_seconds: float = Field(default=ANSWER_SECONDS, gt=0, description="How long a whole answer may take.")
    answer_megabytes: float = Field(default=ANSWER_MEGABYTES, gt=0, description="How large an answer may be, unpacked.")
    outage_backoff_hours: float = Field(
        default=PATIENCE_HOURS, ge=0, description="How long to wait for a Hub that does not work before a step fails."
    )
    is_local: bool = Field(
        default=False, description="It is a Hub of our own on this machine: proxies and offline mode do not concern it."
    )
    _client: HubClient | None = PrivateAttr(default=None)

    def new_client(self) -> HubClient:
        """Return a client; it has asked nothing yet."""
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
        """How long to wait, time after time, while the Hub does not work."""
        return patience_of(self.outage_backoff_hours)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002
        """Make the client of a run."""
        self._client = self.new_client()

    @property
    def client(self) -> HubClient:
        """The client of this run."""
        assert self._client is not None, "the resource was not set up"
        return self._client

    @classmethod
    def of_environment(cls, **settings: Any) -> "HubResource":
        """Return the Hub that HF_ENDPOINT names, else the real one, with some settings."""
        return cls(endpoint=os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT, **settings)


class CrawlResource(dg.ConfigurableResource):
    """How far a week's histories are collected, and of which repositories."""

    budget_calls: int | None = Field(default=None, ge=0, description="Calls that a run may make for all histories.")
    budget_hours: float | None = Field(
        default=24.0, ge=0, description="Or as many as the Hub's rate limit allows in so many hours; null: no limit."
    )
    repo_types: list[str] = Field(default=list(REPO_TYPES), description="Of which types of repositories.")
    top: int | None = Field(default=None, description="Only so many of each type, the most liked ones.")
    sample: float | None = Field(default=None, description="Only this share of each type, the same ones every week.")
    ids: list[str] = Field(default=[], description="Only these repositories.")
    rotation_weeks: int = Field(default=ROTATION_WEEKS, ge=1, description="Weeks in which all discussions are read.")
    recheck_weeks: int = Field(default=RECHECK_WEEKS, ge=1, description="Weeks until what was refused is asked again.")
    workers: int = Field(default=WORKERS, ge=1, description="Questions asked at a time at most.")
    refresh: bool = Field(default=False, description="Begin the week's histories anew.")
    _calls: int = PrivateAttr(default=0)

    @property
    def selection(self) -> Selection:
        """Which repositories.

        Raises:
            PlanError: if the settings do not fit together.
        """
        types = cast(tuple[RepoType, ...], tuple(self.repo_types))
        return Selection(types, self.top, self.sample, tuple(self.ids), self.rotation_weeks, self.recheck_weeks)

    def calls_at(self, client: HubClient) -> int | None:
        """Return how many calls a run may make for all histories; None for no limit."""
        if self.budget_calls is not None or self.budget_hours is None:
            return self.budget_calls
        limit = client.pacer.estimate
        if limit.quota is None or limit.seconds is None:
            return None
        return int(self.budget_hours * 3600 / limit.seconds * limit.quota)

    def terms(self, table: str, client: HubClient, watch: Watch) -> CollectOptions:
        """Return the terms of a table: its share of the budget, and what the tables before it have left."""
        calls = self.calls_at(client)
        share = BUDGET_SHARES[table]
        left = None if calls is None else max(int(calls * share) - self._calls, 0)
        return CollectOptions(budget=Budget(left), workers=self.workers, refresh=self.refresh, watch=watch)

    def spend(self, calls: int) -> None:
        """Count calls that a table has taken from the run's budget."""
        self._calls += calls

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002
        """Begin a run."""
        self._calls = 0


BUDGET_SHARES: Final = {
    "raw_hub__commits": 0.5,
    "enrich_hub__aliases": 0.55,
    "raw_hub__discussions": 0.85,
    "enrich_hub__accounts": 1.0,
}
"""What of a run's budget may be spent when a table is done, in the order in which a run collects them.

Half is for commits, on which most of the study rests; what they leave is for the others.
"""


LISTINGS: Final = tuple(f"raw_hub__{repo_type}s" for repo_type in REPO_TYPES)


def listings_behind(table: str) -> set[str]:
    """Return the listings that a table's rows come from; all of them where Python or a history is in between."""
    found = project().tables[table]
    if isinstance(found, Model):
        return set().union(*map(listings_behind, found.upstream))
    if isinstance(found, Source):
        return {table} if table in LISTINGS else set(LISTINGS)
    return set()


class HomeResource(dg.ConfigurableResource):
    """The home: where the lake and the warehouse are. A run is its only writer from its first step to its last."""

    root: str = Field(description="The folder.")
    _home: Home | None = PrivateAttr(default=None)
    _prepared: object = PrivateAttr(default=None)

    @property
    def home(self) -> Home:
        """The home itself."""
        return self._home or Home(Path(self.root))

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["HomeResource"]:
        """Keep other writers out during a run, after waiting for the one that is there.

        Raises:
            HomeBusy, HomeError: as `Home.written_by`.
        """
        self._home = Home(Path(self.root))
        run = context.run
        what = f"run {run.run_id[:8]} of {run.job_name}" if run else "a run"
        with self._home.written_by(what, context.log.info if context.log else print):
            yield self

    def require_listed(self, snapshot_date: date, listings: Iterable[str] = LISTINGS) -> None:
        """Make sure that a week was listed.

        Raises:
            dagster.Failure: that names the listings which are missing.
        """
        lake = self.home.lake
        missing = sorted(table for table in listings if not lake.manifest(table, snapshot_date).complete)
        if missing:
            raise dg.Failure(
                f"The week of {snapshot_date} can be neither built nor published without {', '.join(missing)}: the Hub "
                "was not listed then, and only its present week can be. Choose a week that was listed.",
                allow_retries=False,
            )

    @contextmanager
    def building(
        self, snapshot_date: date | None = None, listings: Iterable[str] = LISTINGS
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the build database with its views, seeds and sources in place.

        Args:
            snapshot_date: the week that is built; None for tables without weeks, and for looking.
            listings: what must have been listed then.

        Raises:
            dagster.Failure: if it was not.
        """
        home = self.home
        if snapshot_date is not None:
            self.require_listed(snapshot_date, listings)
        sources = {
            source.name: [f for week in home.lake.weeks(source.name) for f in home.lake.files(source.name, week)]
            for source in project().sources
            if not source.is_stored
        }
        home.root.mkdir(parents=True, exist_ok=True)
        with connect(home.build) as connection:
            # most of a run's steps find what the one before them prepared, which takes 30 ms
            present = (home.build.stat().st_ino, sources)
            if self._prepared != present:
                prepare(connection, project(), sources)
                self._prepared = present
            yield connection
