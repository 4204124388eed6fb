"""The jobs, their schedules, and the deadlines for a week. Requesting an incomplete week again belongs in `sensors`."""

import os
from datetime import date, datetime, timedelta
from typing import Final

import dagster as dg

from hub_assets.assets.archives import archived_week_selection, archives_selection
from hub_assets.assets.releases import RELEASE_TO, ReleaseConfig
from hub_assets.home import Home
from hub_assets.hub.http.errors import HubError
from hub_assets.hub.sources import raw_tables
from hub_assets.partitions import week_of
from hub_assets.resources import LISTED, HomeResource, HubResource
from hub_assets.runs import clean_up
from hub_assets.upkeep.findings import Examination, last_examination, sentence

COLLECTS_TAG: Final = "hub_assets/collects"
"""Tag for runs that collect; `instance/dagster.yaml` allows only one such run at a time."""
SCHEDULE_VARIABLE: Final = "HUB_ASSETS_SCHEDULE"
"""Environment variable: `on` starts the schedule and the sensor with the daemon; otherwise, start them in the UI."""
LISTED_BY: Final = timedelta(days=1)
"""A week's listings are due by Tuesday 00:00 UTC."""
PUBLISHED_BY: Final = timedelta(days=2, hours=12)
"""A week must be published by Wednesday 12:00 UTC, which leaves time for a 24-hour crawl, an outage, and the build."""
DEADLINES: Final = {
    **{
        table: dg.FreshnessPolicy.cron(deadline_cron="0 0 * * 2", lower_bound_delta=LISTED_BY, timezone="UTC")
        for table in LISTED
    },
    "warehouse__published": dg.FreshnessPolicy.cron(
        deadline_cron="0 12 * * 3", lower_bound_delta=PUBLISHED_BY, timezone="UTC"
    ),
}

ON_REQUEST: Final = ("release__dataset", "report__space")
"""Assets that publish on the Hub; a snapshot leaves them out."""

weekly_snapshot = dg.define_asset_job(
    "weekly_snapshot",
    selection=dg.AssetSelection.all() - archives_selection() - dg.AssetSelection.assets(*ON_REQUEST),
    tags={COLLECTS_TAG: "yes"},
    description="One week of the Hub: listings, histories, marts, networks, statistics and the published warehouse.",
)

merge_identities = dg.define_asset_job(
    "merge_identities",
    selection=dg.AssetSelection.assets("core__developer_pairs").downstream(),
    description="Apply reviewed identity decisions: rebuild developers and every table that depends on them.",
)

rebuild_weeks = dg.define_asset_job(
    "rebuild_weeks",
    selection=dg.AssetSelection.all()
    - archives_selection()
    - dg.AssetSelection.assets(*ON_REQUEST, *(table.name for table in raw_tables())),
    description="Rebuild one week, or a range of weeks in one run, from raw files. Makes no calls to the Hub.",
)

archived_week = dg.define_asset_job(
    "archived_week",
    selection=archived_week_selection(),
    description="A past week from a public archive: its listings, and the marts that can be built from them alone.",
)

weekly_release = dg.define_asset_job(
    "weekly_release",
    selection=dg.AssetSelection.assets("release__dataset"),
    description="Build a published week as a data set, and upload it if the run's configuration names a repository.",
)


def doctor_warning(examination: Examination | None) -> str | None:
    """Return the warning to log before a scheduled snapshot; None if the doctor never ran or last found no problem."""
    if examination is None or not examination.failures + examination.warnings:
        return None
    found = f"{examination.endpoint} on {examination.examined_at:%Y-%m-%d}"
    if examination.failures:
        return f"According to the doctor, this snapshot will fail ({found}): {sentence(examination.failures)}."
    return f"The doctor's last result has warnings ({found}): {sentence(examination.warnings)}."


@dg.op
def remove_what_is_over_the_limits(context: dg.OpExecutionContext, home: HomeResource) -> None:
    """Apply the home's limits on events, logs, runs, intermediate rows, exports and figures."""
    with home.home.locked("building", "upkeep", context.log.info):
        removed = clean_up(home.home)
    for line in removed:
        context.log.info(f"Removed {line}")


@dg.job(description="Keep the home within its limits; `hub-assets status` shows them.")
def upkeep() -> None:
    """Remove everything that exceeds the home's limits."""
    remove_what_is_over_the_limits()


@dg.schedule(
    job=upkeep,
    cron_schedule="30 5 * * 1",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def upkeep_schedule() -> dg.RunRequest:
    """Keep the home within its limits on Mondays at 05:30 UTC, an hour before the snapshot."""
    return dg.RunRequest()


def weekly_snapshot_schedule(hub: HubResource) -> dg.ScheduleDefinition:
    """Build the weekly schedule. Each tick reads the Hub's clock, because only the Hub's current week can be listed."""

    @dg.schedule(
        name="weekly_snapshot_schedule",
        job=weekly_snapshot,
        cron_schedule="30 6 * * 1",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING if is_switched_on() else dg.DefaultScheduleStatus.STOPPED,
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """Take the snapshot of the new week on Mondays at 06:30 UTC."""
        week = week_of(context.scheduled_execution_time)
        try:
            present = week_of(hub_time(hub))
        except HubError as error:
            return dg.SkipReason(f"The Hub does not answer: {error}. The sensor unfinished_week will try again.")
        if week != present:
            return cannot_list(week, present)
        if warning := doctor_warning(last_examination(Home.default().root)):
            context.log.warning(warning)
        return dg.RunRequest(run_key=str(week), partition_key=str(week))

    return schedule


def cannot_list(week: date, present: date) -> dg.SkipReason:
    """Return the reason for skipping a week that is not the Hub's current week."""
    return dg.SkipReason(f"The week of {week} cannot be listed: the Hub is in the week of {present}.")


def hub_time(hub: HubResource) -> datetime:
    """Return the Hub's time. Only one attempt is made, because a tick must end within a minute.

    Raises:
        HubError: if the Hub does not answer.
    """
    return (
        hub.model_copy(update={"attempts": 1, "read_seconds": min(hub.read_seconds, 20.0)}).new_client().contact().now
    )


def is_switched_on() -> bool:
    """Return whether the schedule and the sensor start with the daemon."""
    return os.environ.get(SCHEDULE_VARIABLE) == "on"


@dg.schedule(
    job=weekly_release,
    cron_schedule="0 6 * * 3",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
)
def weekly_release_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Release the current week on Wednesdays at 06:00 UTC. Needs HUB_ASSETS_RELEASE_TO, and is off by default."""
    to = os.environ.get(RELEASE_TO)
    if not to:
        return dg.SkipReason(f"{RELEASE_TO} does not name a data set, such as my-lab/hub-weekly")
    week = str(week_of(context.scheduled_execution_time))
    config = dg.RunConfig(ops={"release__dataset": ReleaseConfig(to=to)})
    return dg.RunRequest(run_key=f"{to} {week}", partition_key=week, run_config=config)
