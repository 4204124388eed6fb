"""The jobs and their schedule."""

import dagster as dg

from hub_assets.hub.sources import raw_tables
from hub_assets.partitions import week_of

weekly_snapshot = dg.define_asset_job(
    "weekly_snapshot",
    selection=dg.AssetSelection.all(),
    description="One week of the Hub: listings, histories, marts, networks, statistics and the published warehouse.",
)

merge_identities = dg.define_asset_job(
    "merge_identities",
    selection=dg.AssetSelection.assets("core__developer_pairs").downstream(),
    description="Apply reviewed identity decisions: rebuild developers and every table that depends on them.",
)

rebuild_weeks = dg.define_asset_job(
    "rebuild_weeks",
    selection=dg.AssetSelection.all() - dg.AssetSelection.assets(*(table.name for table in raw_tables())),
    description="Weeks built again from their raw files, one week or a range in one run. Makes no calls to the Hub.",
)


@dg.schedule(job=weekly_snapshot, cron_schedule="30 6 * * 1", execution_timezone="UTC")
def weekly_snapshot_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Take the snapshot of the new week on Mondays at 06:30 UTC."""
    week = str(week_of(context.scheduled_execution_time))
    return dg.RunRequest(run_key=week, partition_key=week)
