"""Only one run writes to a home at a time, and an unlisted week is never built or published."""

import re
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from hub_assets.definitions import build_defs
from hub_assets.home import Home
from hub_assets.hub.sources.listings import LISTINGS
from hub_assets.lake.parts import Manifest
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.limiter import Quota
from hub_assets.local_hub.server import running
from hub_assets.local_hub.simulated import simulated
from hub_assets.resources import HomeResource, HubResource, listings_behind
from hub_assets.run_tags import CAUSE_TAG, STARTED_BY_TAG
from hub_assets_tests.killing import ended, started
from hub_assets_tests.test_lock import appeared, write

WEEK = date(2026, 11, 16)
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def job_on(root: Path, url: str = "http://127.0.0.1:9") -> dg.JobDefinition:
    hub = HubResource(endpoint=url, use_token=False, attempts=1)
    return build_defs(hub=hub, home=HomeResource(root=str(root))).resolve_implicit_global_asset_job_def()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def job(home: Home) -> dg.JobDefinition:
    return job_on(home.root)


def failures_of(job: dg.JobDefinition, instance: dg.DagsterInstance, *assets: str) -> list[str]:
    """Materialize assets for the week and return the messages of the failed steps."""
    result = job.execute_in_process(
        instance=instance,
        partition_key=str(WEEK),
        asset_selection=[dg.AssetKey(asset) for asset in assets],
        raise_on_error=False,
        run_config=QUIET,
    )
    messages = []
    for event in result.get_step_failure_events():
        error = event.step_failure_data.error
        while error is not None and error.cause is not None:  # the command shows the innermost error
            error = error.cause
        messages.append(error.message if error else "")
    return messages


@pytest.mark.parametrize(
    "table",
    [
        "stg_hub__models",
        "mart__repo_activity",
        "core__candidate_pairs",
        "core__developers",
        "core__pseudonyms",
        "stats__license_tests",
        "network__summary",
        "network__usage_summary",
        "network__base_model_cycles",
        "warehouse__published",
    ],
)
def test_no_table_is_built_for_an_unlisted_week(
    home: Home, instance: dg.DagsterInstance, job: dg.JobDefinition, table: str
) -> None:
    built_together = job.asset_layer.get(dg.AssetKey(table)).execution_set_asset_keys
    (message,) = failures_of(job, instance, *(key.to_user_string() for key in built_together))
    assert re.search(
        f"Cannot build or publish the week of {WEEK} without raw_hub__.*: these listings were not taken", message
    )
    assert not home.warehouse.exists()


@pytest.mark.slow
def test_histories_require_the_listings_of_the_current_week(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    with running(build_app(simulated(WEEK, scale=0.0003), quota=Quota(1000, 1))) as url:
        job = job_on(tmp_path, url)
        for table in ("raw_hub__commits", "raw_hub__discussions", "enrich_hub__aliases", "enrich_hub__accounts"):
            (message,) = failures_of(job, instance, table)
            assert "listing" in message


def test_table_requires_only_the_listings_behind_it(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    assert listings_behind("stg_hub__models") == {"raw_hub__models"}
    assert listings_behind("int_hub__space_models") >= {"raw_hub__models", "raw_hub__spaces"}
    assert listings_behind("stg_hub__commits") == {
        f"raw_hub__{repo_type}s" for repo_type in ("model", "dataset", "space")
    }
    assert listings_behind("bots") == set()
    lake = Home(tmp_path).lake
    part = lake.write_part("raw_hub__models", WEEK, "part.parquet", LISTINGS["model"].schema.empty_table())
    lake.set_manifest("raw_hub__models", WEEK, Manifest(True, [part]))
    job = job_on(tmp_path)
    assert failures_of(job, instance, "stg_hub__models") == []
    (message,) = failures_of(job, instance, "int_hub__repositories")
    assert "without raw_hub__datasets, raw_hub__spaces:" in message


@pytest.mark.slow
def test_run_waits_for_another_writer_and_names_it(
    tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_on(tmp_path)
    other = started(write, str(tmp_path), 600.0, "another")
    appeared(tmp_path / "another.in")
    monkeypatch.setenv("HUB_ASSETS_WAIT", "0")
    (message,) = failures_of(job, instance, "bots")
    assert re.search(rf"another \(process {other.pid}, since .* is still building in", message)
    (run,) = instance.get_runs(limit=1)
    assert "another (process" in run.tags[CAUSE_TAG]
    assert run.tags[STARTED_BY_TAG].startswith("Dagster, by ")
    assert not Home(tmp_path).build.exists()
    monkeypatch.setenv("HUB_ASSETS_WAIT", "5")
    threading.Timer(1, other.kill).start()
    assert job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey("bots")], run_config=QUIET).success
    ended(other)


def test_run_that_collects_lets_others_build(tmp_path: Path) -> None:
    with HomeResource(root=str(tmp_path)).yield_for_execution(dg.build_init_resource_context()) as home:
        with home.building():
            pass
        other = started(write, str(tmp_path), 0.0, "another")
        home.collecting()
        ended(other, None)
        assert (tmp_path / "another.out").exists()
        with home.building() as connection:
            assert connection.sql("select count(*) from license_groups").fetchall() != [(0,)]


def test_damaged_part_fails_the_step_with_an_error_that_names_it(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    lake = Home(tmp_path).lake
    part = lake.write_part("raw_hub__models", WEEK, "part.parquet", LISTINGS["model"].schema.empty_table())
    lake.set_manifest("raw_hub__models", WEEK, Manifest(True, [part]))
    path = lake.folder("raw_hub__models", WEEK) / "part.parquet"
    path.write_bytes(path.read_bytes()[::-1])
    (message,) = failures_of(job_on(tmp_path), instance, "stg_hub__models")
    assert f"{path} is damaged" in message
