"""The jobs and their schedules."""

import os

import dagster as dg

from hub_assets.assets.archives import archived_week_selection, archives_selection
from hub_assets.assets.releases import RELEASE_TO, ReleaseConfig
from hub_assets.home import Home
from hub_assets.partitions import week_of
from hub_assets.resources import HomeResource
from hub_assets.runs import clean_up
from hub_assets.upkeep.findings import Examination, last_examination, sentence

weekly_snapshot = dg.define_asset_job(
    "weekly_snapshot",
    selection=dg.AssetSelection.all() - archives_selection() - dg.AssetSelection.assets("release__dataset"),
    description="One week of the Hub: listings, histories, marts, networks, statistics and the published warehouse.",
)

merge_identities = dg.define_asset_job(
    "merge_identities",
    selection=dg.AssetSelection.assets("core__developer_pairs").downstream(),
    description="Apply reviewed identity decisions: rebuild developers and every table that depends on them.",
)

archived_week = dg.define_asset_job(
    "archived_week",
    selection=archived_week_selection(),
    description="A past week from a public archive: its listings, and the marts that need nothing else.",
)

weekly_release = dg.define_asset_job(
    "weekly_release",
    selection=dg.AssetSelection.assets("release__dataset"),
    description="Build a published week as a data set, and publish it on the Hub if HUB_ASSETS_RELEASE_TO names one.",
)


def doctor_warning(examination: Examination | None) -> str | None:
    """Return what to log before a scheduled snapshot; None if the doctor's last result was good or there is none."""
    if examination is None or not examination.failures + examination.warnings:
        return None
    found = f"{examination.endpoint} on {examination.examined_at:%Y-%m-%d}"
    if examination.failures:
        return f"By the doctor's last result, this snapshot will fail ({found}): {sentence(examination.failures)}."
    return f"The doctor's last result has warnings ({found}): {sentence(examination.warnings)}."


@dg.op
def remove_what_is_over_the_limits(context: dg.OpExecutionContext, home: HomeResource) -> None:
    """Apply the home's limits on events, logs, runs, intermediate rows, exports and figures."""
    for line in clean_up(home.home):
        context.log.info(f"Removed {line}")


@dg.job(description="Keep the home within its limits; `hub-assets status` shows them.")
def upkeep() -> None:
    """Remove what is over the limits."""
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


@dg.schedule(job=weekly_snapshot, cron_schedule="30 6 * * 1", execution_timezone="UTC")
def weekly_snapshot_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Take the snapshot of the new week on Mondays at 06:30 UTC."""
    week = str(week_of(context.scheduled_execution_time))
    if warning := doctor_warning(last_examination(Home.default().root)):
        context.log.warning(warning)
    return dg.RunRequest(run_key=week, partition_key=week)


@dg.schedule(
    job=weekly_release,
    cron_schedule="0 6 * * 3",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
)
def weekly_release_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Release the present week on Wednesdays at 06:00 UTC. To use it, start it and set HUB_ASSETS_RELEASE_TO."""
    to = os.environ.get(RELEASE_TO)
    if not to:
        return dg.SkipReason(f"{RELEASE_TO} does not name a data set, such as my-lab/hub-weekly")
    week = str(week_of(context.scheduled_execution_time))
    config = dg.RunConfig(ops={"release__dataset": ReleaseConfig(to=to)})
    return dg.RunRequest(run_key=f"{to} {week}", partition_key=week, run_config=config)
