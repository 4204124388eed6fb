"""The weekly partitions, and nothing more.

A partition key is the Monday of its week, and the current week already has a partition (`end_offset=1`): the schedule
on Monday 2026-11-16 requests `2026-11-16`, not the week that just ended.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Final

import dagster as dg

STUDY_WEEK: Final = date(2023, 10, 2)


def weeks_since(first: date) -> dg.WeeklyPartitionsDefinition:
    """Return the weekly partitions from a Monday to the current week."""
    return dg.WeeklyPartitionsDefinition(start_date=str(first), day_offset=1, end_offset=1)


SNAPSHOTS = weeks_since(STUDY_WEEK)
"""All weeks since the study's own snapshot. `build_defs` narrows them to the weeks since the home's first week."""
MANY_WEEKS = dg.BackfillPolicy.single_run()
"""Backfill policy for assets built from raw files: one run builds a range of weeks, so it opens the database once."""
ONE_WEEK = dg.BackfillPolicy.multi_run(1)
"""Backfill policy for assets collected from the Hub. Only the current week can be collected, so each week gets its own
run, and a past week fails without affecting the others."""


def is_partition(week: date) -> bool:
    """Return whether a week has a partition. Dagster's own lookup raises an exception in the year 9999."""
    return str(week) <= str(SNAPSHOTS.get_last_partition_key()) and week >= SNAPSHOTS.start.date()


def known_weeks() -> str:
    """Return the range of weeks that have a partition, for messages."""
    return f"{SNAPSHOTS.start:%Y-%m-%d} to {SNAPSHOTS.get_last_partition_key()}"


def week_of(moment: datetime) -> date:
    """Return the Monday of the week that contains a moment. Weeks start at midnight UTC, not at local midnight."""
    day = moment.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())


def snapshot_date_of(context: dg.AssetExecutionContext) -> date:
    """Return the Monday of the week that a run builds."""
    return date.fromisoformat(context.partition_key)


def snapshot_dates_of(context: dg.AssetExecutionContext) -> list[date]:
    """Return the Mondays of the weeks that a run builds, oldest first."""
    return [date.fromisoformat(key) for key in sorted(context.partition_keys)]
