"""Which weeks the ticks request, and what raises an alert, tested against a local Hub without a daemon."""

import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from hub_assets import sensors
from hub_assets.definitions import build_defs
from hub_assets.home import Home
from hub_assets.hub.sources import response_tables
from hub_assets.lake.parts import Manifest
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.limiter import Quota
from hub_assets.local_hub.server import running
from hub_assets.local_hub.simulated import simulated
from hub_assets.resources import LISTED, HomeResource, HubResource
from hub_assets.schedules import hub_time, weekly_snapshot
from hub_assets.sensors import late, unfinished, unlisted

WEEK = date(2026, 11, 16)
DOWN = "http://127.0.0.1:9"
MONDAY = datetime(2026, 11, 16, 6, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(build_app(simulated(WEEK, scale=0.0003), quota=Quota(1000, 1))) as url:
        yield url


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture(autouse=True)
def asks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the sensor request the week at once, because the local Hub's clock starts on Monday at 06:30."""
    monkeypatch.setattr(sensors, "FIRST_ASKED", timedelta())


def definitions(home: Path, url: str) -> dg.Definitions:
    hub = HubResource(endpoint=url, use_token=False, is_local=True)
    return build_defs(hub=hub, home=HomeResource(root=str(home)))


def tick(definitions: dg.Definitions, instance: dg.DagsterInstance) -> dg.RunRequest | str:
    """Return the run that the sensor requests, or its reason for requesting none."""
    repository = definitions.get_repository_def()
    context = dg.build_sensor_context(instance=instance, repository_def=repository)
    result = definitions.resolve_sensor_def("unfinished_week").evaluate_tick(context)
    return result.run_requests[0] if result.run_requests else str(result.skip_message)


def with_listings(home: Path, *, is_complete: bool) -> None:
    for name in LISTED:
        _write(home, name, {})
    for table in response_tables():
        _write(home, table.name, {"is_complete": is_complete})


def _write(home: Path, table: str, details: dict[str, object]) -> None:
    lake = Home(home).lake
    lake.set_manifest(table, WEEK, Manifest(complete=True, details=details))


def add_run(instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> None:
    instance.add_run(dg.DagsterRun(job_name=weekly_snapshot.name, status=status, tags={"dagster/partition": str(WEEK)}))


@pytest.mark.slow
def test_schedule_requests_the_present_week_and_no_week_that_cannot_be_listed(
    tmp_path: Path, url: str, instance: dg.DagsterInstance
) -> None:
    def tick_at(moment: datetime, url: str) -> Any:
        loaded = definitions(tmp_path, url)
        context = dg.build_schedule_context(
            instance, scheduled_execution_time=moment, repository_def=loaded.get_repository_def()
        )
        return loaded.resolve_schedule_def("weekly_snapshot_schedule").evaluate_tick(context)

    schedule = definitions(tmp_path, url).resolve_schedule_def("weekly_snapshot_schedule")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 6 * * 1", "UTC")
    (request,) = tick_at(MONDAY, url).run_requests
    assert request.partition_key == "2026-11-16"
    assert "2026-11-09 cannot be listed: the Hub is in the week of 2026-11-16" in str(
        tick_at(MONDAY - timedelta(weeks=1), url).skip_message
    )
    assert "does not answer" in str(tick_at(MONDAY, DOWN).skip_message)


@pytest.mark.slow
def test_unlisted_week_is_requested_when_the_hub_answers_again(
    tmp_path: Path, url: str, instance: dg.DagsterInstance
) -> None:
    # during an outage, no tick requests a run, because it could not list anything
    down = definitions(tmp_path, DOWN)
    assert "does not answer" in str(tick(down, instance))
    request = tick(definitions(tmp_path, url), instance)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == str(WEEK)
    assert request.asset_selection is None


def test_partial_week_is_resumed_without_listing_it_again_once_a_day(
    tmp_path: Path, url: str, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_listings(tmp_path, is_complete=False)
    loaded = definitions(tmp_path, url)
    first = tick(loaded, instance)
    assert isinstance(first, dg.RunRequest)
    selected = {key.to_user_string() for key in first.asset_selection or ()}
    assert {"raw_hub__commits", "mart__repo_activity", "warehouse__published"} <= selected
    assert not selected & set(LISTED)
    add_run(instance, dg.DagsterRunStatus.SUCCESS)
    assert "requested again after" in str(tick(loaded, instance))
    # after the pause, the new request has another key, so the first run does not block it
    monkeypatch.setattr(sensors, "PAUSE", timedelta())
    second = tick(loaded, instance)
    assert isinstance(second, dg.RunRequest)
    assert second.run_key != first.run_key
    with_listings(tmp_path, is_complete=True)
    assert f"The week of {WEEK} is complete" in str(tick(loaded, instance))


def test_failed_week_is_requested_again_and_an_active_run_is_not_doubled(
    tmp_path: Path, url: str, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensors, "PAUSE", timedelta())
    with_listings(tmp_path, is_complete=True)
    loaded = definitions(tmp_path, url)
    add_run(instance, dg.DagsterRunStatus.FAILURE)
    assert isinstance(tick(loaded, instance), dg.RunRequest)
    add_run(instance, dg.DagsterRunStatus.STARTED)
    assert "has not ended" in str(tick(loaded, instance))


def test_late_weeks_raise_an_alert_each(tmp_path: Path) -> None:
    home, noon_on_wednesday = Home(tmp_path), timedelta(days=2, hours=13)
    assert late(home, WEEK, timedelta(hours=20), lambda: False) == []
    (alert,) = late(home, WEEK, timedelta(hours=25), lambda: False)
    assert "raw_hub__models" in alert.headline
    with_listings(tmp_path, is_complete=True)
    assert late(home, WEEK, timedelta(hours=25), lambda: False) == []
    (alert,) = late(home, WEEK, noon_on_wednesday, lambda: False)
    assert alert.headline == f"The week of {WEEK} is late: it is listed but not published"
    assert late(home, WEEK, noon_on_wednesday, lambda: True) == []
    assert unlisted(home.lake, WEEK) == unfinished(home.lake, WEEK) == []


@pytest.mark.slow
def test_alerts_are_off_by_default_and_a_failed_run_states_its_cause(
    tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("HUB_ASSETS_ALERTS", raising=False)
    assert [sensor.name for sensor in definitions(tmp_path, DOWN).sensors or ()] == ["unfinished_week"]
    monkeypatch.setenv("HUB_ASSETS_ALERTS", "log")
    loaded = definitions(tmp_path, DOWN)
    job = loaded.resolve_implicit_global_asset_job_def()
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    result = job.execute_in_process(
        instance=instance,
        partition_key=str(WEEK),
        asset_selection=[dg.AssetKey("stg_hub__models")],
        raise_on_error=False,
        run_config=quiet,
    )
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    (event,) = [entry for entry in result.all_events if entry.event_type == dg.DagsterEventType.RUN_FAILURE]
    context = dg.build_run_status_sensor_context("alert_run_failed", event, instance, run).for_run_failure()
    with caplog.at_level(logging.ERROR, "hub_assets.alerts"):
        loaded.resolve_sensor_def("alert_run_failed")(context)
    (record,) = caplog.records
    headline, details = record.getMessage().splitlines()
    assert "Cannot build or publish the week of 2026-11-16 without raw_hub__models" in headline
    assert f"Run {run.run_id[:8]}" in details


def test_partitions_begin_with_the_home_and_older_materializations_stay_valid(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    def weeks() -> dg.PartitionsDefinition:
        found = definitions(tmp_path, DOWN).resolve_asset_graph().get(dg.AssetKey("mart__repo_activity")).partitions_def
        assert found is not None
        return found

    _write(tmp_path, "raw_hub__models", {})
    narrow = weeks()
    assert narrow.get_partition_keys()[0] == str(WEEK)
    key = dg.AssetKey("mart__repo_activity")
    instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=str(WEEK)))
    # a backfill adds an earlier week
    earlier = WEEK - timedelta(weeks=2)
    Home(tmp_path).lake.set_manifest("raw_hub__models", earlier, Manifest(complete=True))
    wide = weeks()
    assert wide.get_partition_keys()[:3] == [str(earlier), str(WEEK - timedelta(weeks=1)), str(WEEK)]
    status = instance.get_status_by_partition(key, list(wide.get_partition_keys()), wide) or {}
    assert str(WEEK) in instance.get_materialized_partitions(key)
    assert status[str(WEEK)] != status[str(earlier)]


def test_the_hubs_clock_decides(url: str) -> None:
    assert hub_time(HubResource(endpoint=url, use_token=False, is_local=True)).date() == WEEK
