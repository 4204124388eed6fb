"""What assets are given: the Hub and the home. Configuration and wiring only; no asset logic."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path

import dagster as dg
import duckdb
from pydantic import Field, PrivateAttr

from hub_assets.home import Home
from hub_assets.hub.client import DEFAULT_ENDPOINT, READ_SECONDS, HubClient
from hub_assets.hub.listing import PAGE_SIZE
from hub_assets.warehouse.database import connect, prepare
from hub_assets.warehouse.models import Project, load_project


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
    read_seconds: float = Field(default=READ_SECONDS, gt=0, description="How long to wait for an answer.")
    _client: HubClient | None = PrivateAttr(default=None)

    def new_client(self) -> HubClient:
        """Return a client; it has asked nothing yet."""
        return HubClient(
            self.endpoint,
            None if self.use_token else False,
            attempts=self.attempts,
            backoff=self.backoff,
            read_seconds=self.read_seconds,
        )

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002
        """Make the client of a run."""
        self._client = self.new_client()

    @property
    def client(self) -> HubClient:
        """The client of this run."""
        assert self._client is not None, "the resource was not set up"
        return self._client

    @classmethod
    def of_environment(cls, page_size: int = PAGE_SIZE) -> "HubResource":
        """Return the Hub that HF_ENDPOINT names, else the real one."""
        return cls(endpoint=os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT, page_size=page_size)


class HomeResource(dg.ConfigurableResource):
    """The home: where the lake and the warehouse are."""

    root: str = Field(description="The folder.")

    @property
    def home(self) -> Home:
        """The home itself."""
        return Home(Path(self.root))

    @contextmanager
    def building(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the build database with its views, seeds and sources in place."""
        home = self.home
        sources = {
            source.name: [f for week in home.lake.weeks(source.name) for f in home.lake.files(source.name, week)]
            for source in project().sources
        }
        home.root.mkdir(parents=True, exist_ok=True)
        with connect(home.build) as connection:
            prepare(connection, project(), sources)
            yield connection
