"""A hostile Hub, a client that gives up at once, and an empty lake."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub_assets.hub.client import HubClient
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
