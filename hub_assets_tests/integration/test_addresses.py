"""An e-mail address that somebody uses as their git name, followed from the Hub to the published warehouse."""

from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from hub_assets.home import Home
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.limiter import Quota
from hub_assets.local_hub.server import running
from hub_assets.local_hub.simulated import simulated
from hub_assets_tests.integration.home_week import raw_rows_of, tables_of, take_week
from hub_assets_tests.killing import ended, started

WEEK = date(2026, 11, 16)
SPELLINGS = ("zq.umbra@example.org", "Zq Umbra <Zq.Umbra@Example.ORG>", "zq.umbra (at) example (dot) org")
"""Three spellings of one address; no simulated developer's name contains `zq` or `umbra`."""
MACHINES = {"github-actions[bot]", "system"}


@pytest.mark.slow
def test_address_used_as_name_is_one_developer_and_is_stored_nowhere(tmp_path: Path) -> None:
    hub = simulated(WEEK, scale=0.001)
    assert hub.authors is not None
    people = hub.authors.to_pylist()
    unlinked = [n for n, author in enumerate(people) if not author["avatar"] and author["user"] not in MACHINES]
    for place, spelling in zip(unlinked[: len(SPELLINGS)], SPELLINGS, strict=True):
        people[place]["user"] = spelling
    hub.authors = pa.Table.from_pylist(people, hub.authors.schema)
    home = Home(tmp_path / "home")
    with running(build_app(hub, quota=Quota(10**6, 300))) as url:
        ended(started(take_week, str(home.root), url, str(WEEK)), None, 1200)

    tables = tables_of(home.warehouse)
    (_,) = (row for row in tables["core__developers"] if any(str(value).startswith("address:") for value in row))
    everything = repr((tables, raw_rows_of(home))).lower()
    assert "address:" in everything
    assert not [part for part in ("zq", "umbra", "example.org", "example (dot)") if part in everything]
