"""The sensors: one requests an incomplete week again; the others raise alerts.

Sending alerts belongs in `alerts`; requesting each new week belongs in `schedules`.
"""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import dagster as dg

from hub_assets.alerts import Alert, configured, send
from hub_assets.home import Home
from hub_assets.hub.http.errors import HubError
from hub_assets.hub.sources import response_tables
from hub_assets.lake.parts import Lake
from hub_assets.partitions import week_of
from hub_assets.resources import LISTED, HubResource
from hub_assets.run_tags import CAUSE_TAG, STARTED_BY_TAG, cause_of
from hub_assets.schedules import LISTED_BY, PUBLISHED_BY, hub_time, is_switched_on, weekly_snapshot

FIRST_ASKED: Final = timedelta(hours=12)
"""Minimum age of a week before the sensor may request it. The schedule requests a week when it is 6.5 hours old."""
PAUSE: Final = timedelta(hours=24)
"""Minimum time between the starts of two runs for the same week. By default, each run may make 24 hours of calls."""
HOUR: Final = 3600
_ACTIVE: Final = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def unfinished_week_sensor(hub: HubResource, home: Home) -> dg.SensorDefinition:
    """Build the sensor that requests the Hub's current week until it is listed, complete and published."""

    @dg.sensor(
        name="unfinished_week",
        job=weekly_snapshot,
        minimum_interval_seconds=HOUR,
        default_status=dg.DefaultSensorStatus.RUNNING if is_switched_on() else dg.DefaultSensorStatus.STOPPED,
    )
    def unfinished_week(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """Check hourly whether the current week is unlisted, partial or failed, and request it at most once a day."""
        active = context.instance.get_runs(dg.RunsFilter(job_name=weekly_snapshot.name, statuses=_ACTIVE), limit=1)
        if active:
            return dg.SkipReason(f"Run {active[0].run_id[:8]} of {weekly_snapshot.name} has not ended.")
        try:
            now = hub_time(hub)
        except HubError as error:
            return dg.SkipReason(f"The Hub does not answer: {error}. The next tick will try again.")
        week = week_of(now)
        if now < _start(week) + FIRST_ASKED:
            return dg.SkipReason(f"The week of {week} has just begun; the schedule requests it.")
        missing, partial = unlisted(home.lake, week), unfinished(home.lake, week)
        runs = context.instance.get_run_records(
            dg.RunsFilter(job_name=weekly_snapshot.name, tags={"dagster/partition": str(week)})
        )
        has_failed = not runs or runs[0].dagster_run.status != dg.DagsterRunStatus.SUCCESS
        if not missing and not partial and not has_failed:
            return dg.SkipReason(f"The week of {week} is complete.")
        # the age of runs is measured with our own clock, because the Hub's clock may show another year
        last = max((record.create_timestamp for record in runs), default=None)
        if last is not None and (next_at := last.astimezone(UTC) + PAUSE) > _now(context):
            return dg.SkipReason(f"The week of {week} is requested again after {next_at:%Y-%m-%d %H:%M} UTC.")
        selection = None
        if not missing:  # keep the listings, and request only what is missing
            assert context.repository_def is not None
            layer = context.repository_def.get_job(weekly_snapshot.name).asset_layer
            selection = sorted(key for key in layer.executable_asset_keys if key.to_user_string() not in LISTED)
        # the number of earlier runs is part of the key, so that the key of an earlier run never blocks a retry
        return dg.RunRequest(run_key=f"{week}, run {len(runs) + 1}", partition_key=str(week), asset_selection=selection)

    return unfinished_week


def alert_sensors(home: Home) -> list[dg.SensorDefinition]:
    """Build the sensors that raise alerts; there are none unless HUB_ASSETS_ALERTS names a target."""
    if not configured():
        return []
    running = dg.DefaultSensorStatus.RUNNING

    # runs started by the command have no code location, so the sensor monitors all locations
    @dg.run_failure_sensor(name="alert_run_failed", default_status=running, monitor_all_code_locations=True)
    def run_failed(context: dg.RunFailureSensorContext) -> None:
        """Send an alert about a failed run, with the cause first."""
        run = context.dagster_run
        cause = run.tags.get(CAUSE_TAG) or cause_of(context.instance, run.run_id) or context.failure_event.message
        week = run.tags.get("dagster/partition", "no week")
        starter = run.tags.get(STARTED_BY_TAG, "unknown")
        send(Alert("run_failed", cause or "", f"Run {run.run_id[:8]} of {run.job_name}, {week}, started by: {starter}"))

    @dg.run_status_sensor(
        dg.DagsterRunStatus.SUCCESS,
        name="alert_week_incomplete",
        default_status=running,
        monitor_all_code_locations=True,
    )
    def week_incomplete(context: dg.RunStatusSensorContext) -> None:
        """Send an alert if a week was published with missing histories."""
        run = context.dagster_run
        week = run.tags.get("dagster/partition")
        if run.job_name == weekly_snapshot.name and week and (left := unfinished(home.lake, date.fromisoformat(week))):
            how = "The sensor unfinished_week resumes it while the week lasts; `hub-assets plan` shows what is left"
            send(Alert("week_incomplete", f"The week of {week} is incomplete: {', '.join(left)}", how))

    @dg.sensor(name="alert_week_late", minimum_interval_seconds=HOUR, default_status=running)
    def week_late(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        """Alert once if the current week is not listed by Tuesday, or not published by Wednesday noon."""
        now = _now(context)
        week = week_of(now)
        sent = json.loads(context.cursor or "[]")
        for alert in late(home, week, now - _start(week), lambda: _is_published(context.instance, week)):
            if alert.headline not in sent:
                send(alert)
                sent = [*sent[-10:], alert.headline]
        context.update_cursor(json.dumps(sent))
        return dg.SkipReason(sent[-1] if sent else f"The week of {week} is on time.")

    return [run_failed, week_incomplete, week_late]


def late(home: Home, week: date, age: timedelta, is_published: Callable[[], bool]) -> list[Alert]:
    """Return the alerts for a week that is late; empty if it is on time.

    Args:
        home: the home.
        week: the week.
        age: time since the week began.
        is_published: whether the week is published.
    """
    missing = unlisted(home.lake, week)
    if age > LISTED_BY and missing:
        headline = f"The week of {week} is late: {', '.join(missing)} not listed"
        return [
            Alert("week_late", headline, "It is lost unless it is listed before the week ends: hub-assets snapshot")
        ]
    if age > PUBLISHED_BY and not is_published():
        headline = f"The week of {week} is late: it is listed but not published"
        return [Alert("week_late", headline, "See its last run in the UI, or run: hub-assets snapshot")]
    return []


def unlisted(lake: Lake, week: date) -> list[str]:
    """Return the listings that a week lacks."""
    return [table for table in LISTED if not lake.manifest(table, week).complete]


def unfinished(lake: Lake, week: date) -> list[str]:
    """Return the response tables that are still incomplete for the given week."""
    return [table.name for table in response_tables() if not lake.manifest(table.name, week).details.get("is_complete")]


def _is_published(instance: dg.DagsterInstance, week: date) -> bool:
    return str(week) in instance.get_materialized_partitions(dg.AssetKey("warehouse__published"))


def _start(week: date) -> datetime:
    return datetime.combine(week, time(), UTC)


def _now(context: dg.SensorEvaluationContext) -> datetime:  # noqa: ARG001
    return datetime.now(UTC)
