"""Fixtures shared by the tests of collection: an empty lake, a hostile Hub and its client."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub_assets.hub.http.client import HubClient
from hub_assets.lake.parts import Lake
from hub_assets_tests.hub.hostile import HostileHub, hostile


@pytest.fixture
def hub() -> Iterator[HostileHub]:
    with hostile() as (hub, _):
        yield hub


@pytest.fixture
def client(hub: HostileHub) -> HubClient:
    return HubClient(hub.url, hub.token, attempts=1, backoff=0.01)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")
