"""Tags that the project adds to a Dagster run: its process, what started it, and the cause of any failure.

Executing runs does not belong here.
"""

import getpass
from collections.abc import Mapping
from typing import Final

import dagster as dg

PROCESS_TAG: Final = "hub_assets/process"
"""Mark of the process that executes the run."""
STARTED_BY_TAG: Final = "hub_assets/started_by"
CAUSE_TAG: Final = "hub_assets/cause"
REPOSITORY_TAG: Final = ".dagster/repository"
"""Dagster's own tag. Job pages and the timeline in the UI show only runs that carry it."""
LONGEST_CAUSE: Final = 500

_LAUNCHERS: Final = {
    "dagster/backfill": "backfill",
    "dagster/schedule_name": "schedule",
    "dagster/sensor_name": "sensor",
    "dagster/parent_run_id": "re-execution of",
}


def started_by(tags: Mapping[str, str]) -> str:
    """Return what started a run (a backfill, schedule, sensor or user), based on Dagster's own tags."""
    for tag, launcher in _LAUNCHERS.items():
        if tag in tags:
            return f"{launcher} {tags[tag]}"
    return f"Dagster, by {user_name()}"


def user_name() -> str:
    """Return the name of the user that runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # for example, in a container whose user has no name
        return "unknown user"


def cause_of(instance: dg.DagsterInstance, run_id: str) -> str | None:
    """Return the step that failed first in a run and the message of its innermost error; None if no step failed."""
    for entry in instance.all_logs(run_id, dg.DagsterEventType.STEP_FAILURE):
        event = entry.dagster_event
        error = event.step_failure_data.error if event else None
        while error is not None and error.cause is not None:
            error = error.cause
        if error is not None:
            # the message begins with the error's class
            message = error.message.removeprefix(f"{error.cls_name}: ").removeprefix(f"dagster.{error.cls_name}: ")
            return " ".join(f"{entry.step_key}: {message}".split())[:LONGEST_CAUSE]
    return None
