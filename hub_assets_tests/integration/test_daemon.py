"""The daemon of `hub-assets dev` retries a killed run, and the retry resumes where the run stopped."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from hub_assets.home import Home
from hub_assets.hub.collect.crawl import FAILURE_STREAK, WORKERS
from hub_assets.hub.sources.commits import PAGE_SIZE
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.limiter import Quota
from hub_assets.local_hub.population import Population
from hub_assets.local_hub.server import running
from hub_assets.local_hub.simulated import simulated
from hub_assets.warehouse.database import connect

T = TypeVar("T")
WEEK = date(2026, 11, 16)
LISTINGS = {"raw_hub__models", "raw_hub__datasets", "raw_hub__spaces"}
LOCATION = """
{ repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } } } } }
"""
LAUNCH = """
mutation ($execution: ExecutionParams!) {
  launchRun(executionParams: $execution) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""


@pytest.mark.slow
def test_daemon_retries_killed_run_and_the_retry_resumes(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    population = simulated(WEEK, scale=0.001)
    app = build_app(population, quota=Quota(150, 2), latency=0.1)
    hub = CommitsAsked(app)
    repos = sum(map(len, population.repos.values()))
    with (
        running(hub) as url,
        dev(home, url) as (process, port),
        dg.DagsterInstance.from_config(str(home.dagster)) as instance,
    ):
        first = launch(port, population.week)
        until(lambda: len(hub.asked) > repos // 2, 180)
        worker = worker_of(instance, first)
        assert os.getpgid(worker) == process.pid
        os.kill(worker, signal.SIGKILL)
        asked_before = len(hub.asked)
        retry = until(lambda: retry_of(instance, first), 180)
        until(lambda: run_of(instance, retry).is_finished, 240)
        assert run_of(instance, first).status == dg.DagsterRunStatus.FAILURE
        assert run_of(instance, retry).status == dg.DagsterRunStatus.SUCCESS
        done_before, done_after = steps_done(instance, first), steps_done(instance, retry)
    # finished steps are not repeated
    assert done_before >= LISTINGS
    assert done_before & done_after == set()
    assert {"raw_hub__commits", "enrich_hub__aliases", "raw_hub__discussions", "enrich_hub__accounts"} <= done_after
    # requests are repeated only if their response was in flight or held back when the process died
    assert asked_before < repos - WORKERS
    assert len(hub.asked) <= calls_for_commits(population) + WORKERS + FAILURE_STREAK
    assert app.state.counters.throttled == 0
    assert_published(home, population)


class CommitsAsked:
    """ASGI middleware that records the paths of requests for commits."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.asked: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].endswith("/commits/main"):
            self.asked.append(scope["path"])
        await self._app(scope, receive, send)


@contextlib.contextmanager
def dev(home: Home, url: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run `hub-assets dev` while the block runs; yield its process (which leads a process group) and its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    command = [sys.executable, "-m", "hub_assets", "dev", "--home", str(home.root), "--port", str(port)]
    log = home.root.with_name("dev.log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=os.environ | {"HF_ENDPOINT": url},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    with process:
        try:
            until(lambda: process.poll() is not None or is_ready(port), 240)
            yield process, port
            process.terminate()
            process.wait(30)
        except BaseException:
            print(*(line for line in log.read_text(errors="replace").splitlines() if " DEBUG " not in line), sep="\n")
            raise
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def is_ready(port: int) -> bool:
    try:
        ask(port, "{ version }")
    except OSError:
        return False
    return True


def ask(port: int, query: str, **variables: Any) -> dict[str, Any]:
    """Send a GraphQL query to the web server."""
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql", body, {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=300) as answer:
        found = json.load(answer)
    assert "errors" not in found, found["errors"]
    return dict(found["data"])


def launch(port: int, week: date) -> str:
    """Queue a run of the weekly job as the UI does, and return its id."""
    (repository,) = ask(port, LOCATION)["repositoriesOrError"]["nodes"]
    selector = {
        "repositoryLocationName": repository["location"]["name"],
        "repositoryName": repository["name"],
        "jobName": "weekly_snapshot",
    }
    tags = [{"key": "dagster/partition", "value": str(week)}]
    execution = {"selector": selector, "mode": "default", "executionMetadata": {"tags": tags}}
    launched = ask(port, LAUNCH, execution=execution)["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    return str(launched["run"]["runId"])


def run_of(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRun:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run


def retry_of(instance: dg.DagsterInstance, run_id: str) -> str | None:
    found = instance.get_runs(dg.RunsFilter(tags={"dagster/parent_run_id": run_id}))
    assert len(found) <= 1
    return found[0].run_id if found else None


def worker_of(instance: dg.DagsterInstance, run_id: str) -> int:
    """Return the id of the process that executes a run."""
    events = [entry.get_dagster_event() for entry in instance.all_logs(run_id, dg.DagsterEventType.ENGINE_EVENT)]
    (pid,) = {
        event.engine_event_data.metadata["pid"].value for event in events if "pid" in event.engine_event_data.metadata
    }
    return int(str(pid))


def steps_done(instance: dg.DagsterInstance, run_id: str) -> set[str]:
    entries = instance.all_logs(run_id, dg.DagsterEventType.STEP_SUCCESS)
    return {entry.step_key for entry in entries if entry.step_key is not None}


def until(condition: Callable[[], T | None], seconds: float) -> T:
    """Wait until a condition returns a true value, and return that value."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.05)
    return found


def calls_for_commits(population: Population) -> int:
    """Return the number of calls that fetching all commits takes."""
    calls = 0
    for kind, repos in population.repos.items():
        commits = population.histories[kind].commits
        assert commits is not None
        calls += sum(max(1, -(-len(commits.of(place)) // PAGE_SIZE)) for place in range(len(repos)))
    return calls


def assert_published(home: Home, population: Population) -> None:
    """Assert that the lake has one outcome per commit history, and that all of them are published."""
    table = pa.concat_tables(pq.read_table(file) for file in home.lake.files("raw_hub__commits", population.week))
    outcomes = [(row["repo_type"], row["repo_key"]) for row in table.to_pylist() if row["is_last"]]
    assert sorted(outcomes) == sorted(
        (kind, key) for kind, repos in population.repos.items() for key in repos.table["_id"].to_pylist()
    )
    with connect(home.warehouse, read_only=True) as connection:
        coverage = connection.sql("select kind, sum(n_listed), sum(n_not_asked) from mart__history_coverage group by 1")
        assert sorted(coverage.fetchall()) == [("commits", len(outcomes), 0), ("discussions", len(outcomes), 0)]
