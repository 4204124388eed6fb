"""Fixtures for the tests of the local Hub: a simulated week, and a Hub that serves it during a test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from typing import Any

import httpx2
import pytest

from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.limiter import Counters, Quota
from hub_assets.local_hub.population import Population
from hub_assets.local_hub.server import running
from hub_assets.local_hub.simulated import simulated

WEEK = date(2026, 9, 7)
PLENTY = Quota(100_000, 300)


class Hub(httpx2.Client):
    """A client of a running Hub that does not follow redirects."""

    def __init__(self, url: str, population: Population, counters: Counters) -> None:
        super().__init__(base_url=url)
        self.url = url
        self.population = population
        self.counters = counters

    def rows(self, path: str, **headers: str) -> list[dict[str, Any]]:
        response = self.get(path, headers=headers)
        assert response.status_code == 200, response.text
        return list(response.json())

    def pages(self, path: str) -> Iterator[list[dict[str, Any]]]:
        following: str | None = path
        while following is not None:
            response = self.get(following)
            assert response.status_code == 200, response.text
            yield response.json()
            following = response.links.get("next", {}).get("url")


@contextmanager
def hub_of(population: Population, **options: Any) -> Iterator[Hub]:
    app = build_app(population, **({"quota": PLENTY} | options))
    with running(app) as url, Hub(url, population, app.state.counters) as hub:
        yield hub


@pytest.fixture(scope="session")
def _shared_hub() -> Iterator[Hub]:
    with hub_of(simulated(WEEK)) as hub:
        yield hub


@pytest.fixture
def hub(_shared_hub: Hub) -> Hub:
    """A Hub that tests only read."""
    return _shared_hub


@pytest.fixture
def start_hub() -> Iterator[Callable[..., Hub]]:
    """A function that starts a separate Hub for a test, serving the simulated week or a given population."""
    with ExitStack() as stack:

        def start(population: Population | None = None, **options: Any) -> Hub:
            return stack.enter_context(hub_of(population or simulated(WEEK), **options))

        yield start
