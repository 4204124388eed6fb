"""The weekly job and when it runs."""

import dagster as dg

weekly_snapshot = dg.define_asset_job(
    "weekly_snapshot",
    selection=dg.AssetSelection.all(),
    description="One week of the Hub: listings, marts, statistics, and the published warehouse.",
)

weekly_schedule = dg.build_schedule_from_partitioned_job(
    weekly_snapshot,
    name="weekly_snapshot_schedule",
    hour_of_day=6,
    minute_of_hour=30,
    description="Mondays at 06:30 UTC, for the week that begins.",
)
