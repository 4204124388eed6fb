"""An interrupted week still counts for the next week, and an interrupted refresh leaves the old rows in place."""

import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from hub_assets.hub.collect.collection import land
from hub_assets.hub.collect.listing import land_listing
from hub_assets.hub.http.client import HubClient
from hub_assets.hub.sources.listings import LISTINGS
from hub_assets.lake.parts import Lake
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.limiter import Quota
from hub_assets.local_hub.server import running
from hub_assets.local_hub.simulated import simulated
from hub_assets_tests.hub.tables import COMMITS

BEFORE, WEEK = date(2026, 11, 9), date(2026, 11, 16)
INTERRUPTED = """
import os, signal, sys
from datetime import date
from pathlib import Path
from hub_assets.hub.collect.collection import land
from hub_assets.hub.http.client import HubClient
from hub_assets.hub.sources.commits import TABLE
from hub_assets.lake import journal
from hub_assets.lake.parts import Lake
left = int(sys.argv[3])
append = journal.Journal.append
def deadly(self, payload):
    global left
    append(self, payload)
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
journal.Journal.append = deadly
lake = Lake(Path(sys.argv[1]))
refresh = sys.argv[4] == "refresh"
land(HubClient(sys.argv[2], False), lake, TABLE, date(2026, 11, 9), workers=2, refresh=refresh)
"""


def interrupt(lake: Lake, url: str, after: int, how: str = "") -> None:
    command = [sys.executable, "-c", INTERRUPTED, str(lake.root), url, str(after), how]
    assert subprocess.run(command, env=dict(os.environ), check=False).returncode == -signal.SIGKILL


def repos_of(lake: Lake, week: date) -> set[str]:
    return {key for file in lake.files("raw_hub__commits", week) for key in pq.read_table(file)["repo_key"].to_pylist()}


@pytest.fixture
def listed(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path)
    for week in (BEFORE, WEEK):
        with running(build_app(simulated(week, scale=0.0005), quota=Quota(10**6, 1))) as url:
            for repo_type in ("model", "dataset", "space"):
                land_listing(HubClient(url, False), lake, LISTINGS[repo_type], week)
    return lake


@pytest.mark.slow
def test_interrupted_week_counts_for_the_next_week(listed: Lake) -> None:
    with running(build_app(simulated(BEFORE, scale=0.0005), quota=Quota(10**6, 1))) as url:
        interrupt(listed, url, 100)
    assert repos_of(listed, BEFORE) == set()
    app = build_app(simulated(WEEK, scale=0.0005), quota=Quota(10**6, 1))
    with running(app) as url:
        manifest = land(HubClient(url, False), listed, COMMITS, WEEK)
    assert manifest.details["is_complete"]
    assert len(repos_of(listed, BEFORE)) == 100
    assert listed.manifest("raw_hub__commits", BEFORE).details == {"is_complete": False}
    asked = app.state.counters.by_kind["history"]
    repos = sum(map(len, app.state.population.repos.values()))
    assert repos - 100 <= asked < repos - 70


@pytest.mark.slow
def test_interrupted_refresh_leaves_week_unchanged(listed: Lake) -> None:
    with running(build_app(simulated(BEFORE, scale=0.0005), quota=Quota(10**6, 1))) as url:
        land(HubClient(url, False), listed, COMMITS, BEFORE)
        before = listed.files("raw_hub__commits", BEFORE)
        interrupt(listed, url, 50, "refresh")
    app = build_app(simulated(WEEK, scale=0.0005), quota=Quota(10**6, 1))
    with running(app) as url:
        land(HubClient(url, False), listed, COMMITS, WEEK)
    assert listed.files("raw_hub__commits", BEFORE) == before
    assert app.state.counters.by_kind["history"] < len(repos_of(listed, BEFORE)) / 3
