"""A crawl killed with SIGKILL, at random moments and at every write step, resumes without loss."""

import random
import time
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.json
import pytest

from hub_assets.hub.collect import collection, crawl
from hub_assets.hub.collect.collection import land
from hub_assets.hub.http.client import HubClient
from hub_assets.lake import journal, landing, parts
from hub_assets.lake.parts import Lake
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.simulated import simulate
from hub_assets_tests.hub.made import PLENTY, Hub, Item, Repo, listed, rows, rows_so_far, served, state, truth
from hub_assets_tests.hub.tables import HISTORIES
from hub_assets_tests.killing import deadly, ended, started

WEEK = date(2026, 11, 16)
WORKERS = 16
KILLS = 20
FLUSH_BYTES = 8_000
STEPS: dict[str, tuple[Any, str]] = {
    "a response is written to the journal": (journal.Journal, "append"),
    "the journal is flushed": (landing.Landing, "_flush"),
    "its rows are converted": (pyarrow.json, "read_json"),
    "the part is written": (parts.Lake, "write_part"),
    "the manifest is written": (parts.Lake, "set_manifest"),
    "the next journal is opened": (landing.Landing, "_open_journal"),
    "the old journal is removed": (Path, "unlink"),
    "the crawl ends": (collection, "crawl"),
    "the rest of the journal is flushed": (landing.Landing, "flush"),
    "the week is finished": (landing.Landing, "finish"),
}


def collect(url: str, root: str, kind: str, flush_bytes: int, step: str = "", *how: Any) -> None:
    """Crawl in a separate process that kills itself at `step`, if given."""
    crawl.FIRST_WORKERS = WORKERS  # start all workers at once
    client = HubClient(url, False, backoff=0.01)
    client.contact()
    if step:
        deadly(*STEPS[step], *how)
    land(client, Lake(Path(root)), HISTORIES[kind], WEEK, workers=WORKERS, flush_bytes=flush_bytes)


def written_rows(lake: Lake, kind: str) -> list[Item]:
    """Return the distinct rows on disk, even if a journal was left over after its part was written."""
    names = ["repo_type", "repo_key", "fetch_number", "page", "calls"]
    found = rows_so_far(lake, f"raw_hub__{kind}", WEEK, names)
    return list({tuple(row[name] for name in names[:4]): row for row in found}.values())


@pytest.mark.slow
def test_kill_at_random_moments_loses_nothing_and_wastes_little(tmp_path: Path) -> None:
    rng = random.Random(7)
    simulation = simulate(WEEK, scale=0.0036)
    lake = Lake(tmp_path)
    app = build_app(simulation.population(), quota=PLENTY, latency=0.003)
    counted = app.state.counters.by_kind
    wasted = [0]
    with served(app) as client:
        url = client.endpoint
        listed(client, lake, WEEK)
        n_repos = sum(map(len, simulation.repos.values()))
        assert n_repos > 2_000
        for moment in sorted(rng.sample(range(20, n_repos - 20), KILLS)):
            process = started(collect, url, str(lake.root), "commits", 10 * FLUSH_BYTES)
            while counted["history"] - wasted[-1] < moment and process.is_alive():
                time.sleep(0.0005)
            process.kill()
            ended(process)
            time.sleep(0.05)  # let the Hub count the requests in flight
            wasted.append(counted["history"] - sum(row["calls"] for row in written_rows(lake, "commits")))
        ended(started(collect, url, str(lake.root), "commits", 10 * FLUSH_BYTES), None)
        asked = counted["history"]
        ended(started(collect, url, str(lake.root), "commits", 10 * FLUSH_BYTES), None)
        assert counted["history"] == asked
    assert state(lake, "commits") == truth(simulation, "commits")
    found = rows(lake, "raw_hub__commits")
    assert len({(row["repo_type"], row["repo_key"]) for row in found}) == n_repos
    assert asked == wasted[-1] + sum(row["calls"] for row in found)
    by_kill = [later - earlier for earlier, later in pairwise(wasted)]
    print(f"calls wasted by {KILLS} kills: {by_kill}, {sum(by_kill) / KILLS / WORKERS:.2f} x workers on average")
    assert max(by_kill) <= 1.5 * WORKERS, by_kill
    assert len(lake.manifest("raw_hub__commits", WEEK).parts) > 3


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_kill_at_any_write_step_loses_and_duplicates_nothing(tmp_path: Path, step: str) -> None:
    lake = Lake(tmp_path)
    kind: str = "discussions" if step == "the part is written" else "commits"
    hub = Hub(*(Repo(f"65{index:03}", f"acme/r{index}") for index in range(90)), cap=5)
    for index, repo in enumerate(hub.repos):
        repo.commits, repo.discussions = hub.commits(index % 8), hub.discussions(index % 60)
    hub.publish()
    with served(hub) as client:
        listed(client, lake, WEEK, ("model",))
        known: set[tuple[Any, ...]] = set()
        for moment in ("before", "after"):
            ended(started(collect, client.endpoint, str(lake.root), kind, FLUSH_BYTES, step, moment, 1))
            now = {(row["repo_key"], row["fetch_number"], row["page"]) for row in written_rows(lake, kind)}
            assert known <= now
            known = now
        ended(started(collect, client.endpoint, str(lake.root), kind, FLUSH_BYTES), None)
    assert state(lake, kind) == hub.state(kind)
    assert {(row["repo_key"], row["fetch_number"], row["page"]) for row in rows(lake, f"raw_hub__{kind}")} >= known
