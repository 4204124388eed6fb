"""The weeks. Nothing else belongs here.

A partition's key is the Monday of its week, and the week that is running has one: the schedule of Monday 2026-11-16
asks for `2026-11-16`, not for the week that has just ended (`end_offset=1` does that).
"""

from datetime import UTC, date, datetime, timedelta

import dagster as dg

SNAPSHOTS = dg.WeeklyPartitionsDefinition(start_date="2023-10-02", day_offset=1, end_offset=1)
"""Since the week of the study's own snapshot."""


def is_partition(week: date) -> bool:
    """Return whether a week has a partition. Dagster's own look-up raises in the year 9999."""
    return str(week) <= str(SNAPSHOTS.get_last_partition_key()) and week >= SNAPSHOTS.start.date()


def known_weeks() -> str:
    """Return the range of weeks that have a partition, for messages."""
    return f"{SNAPSHOTS.start:%Y-%m-%d} to {SNAPSHOTS.get_last_partition_key()}"


def week_of(moment: datetime) -> date:
    """Return the Monday of a moment's week; weeks begin at midnight UTC, whatever zone the moment is in."""
    day = moment.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())


def snapshot_date_of(context: dg.AssetExecutionContext) -> date:
    """Return the Monday that a run is about."""
    return date.fromisoformat(context.partition_key)
