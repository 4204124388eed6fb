"""Dagster runs started by the command: opening a home's instance, executing jobs, failing dead runs, printing events.

Deciding which job runs for which week does not belong here.
"""

import logging
import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import partial
from importlib.resources import files
from typing import Final

import dagster as dg
from dagster._core.scheduler.instigation import InstigatorStatus
from rich.console import Console
from rich.logging import RichHandler
from rich.text import Text

from hub_assets.errors import HubAssetsError
from hub_assets.event_store import cheap_commits
from hub_assets.home import Home, HomeError
from hub_assets.processes import has_lived_since, is_alive, process_mark
from hub_assets.progress import watched
from hub_assets.report.progress import crawl_bars
from hub_assets.report.text import LONGEST_MESSAGE, cut, visible
from hub_assets.resources import project
from hub_assets.run_tags import PROCESS_TAG, REPOSITORY_TAG, STARTED_BY_TAG, cause_of, user_name
from hub_assets.upkeep.retention import apply

LOCATION: Final = "hub_assets.definitions"
"""Name of the code location, for `hub-assets dev` and for the job pages of the UI."""


class RunFailed(HubAssetsError):
    """A run failed. The events printed before this error say why."""


def execute(
    job: dg.JobDefinition, home: Home, week: date, console: Console, assets: Sequence[dg.AssetKey] | None = None
) -> None:
    """Execute a job for one week in this process and print its events.

    Args:
        job: the job.
        home: the home that the job writes to.
        week: the week.
        console: where to print.
        assets: the assets of the job to materialize; all if None.

    Raises:
        RunFailed: if a step fails or is interrupted.
        HomeError: see `open_instance`.
    """
    cause: str | None = None
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with (
        cheap_commits(),
        open_instance(home) as instance,
        crawl_bars(console, f"week {week}") as watch,
        watched(watch),
        warnings_printed(console),
    ):
        run_id = str(uuid.uuid4())
        instance.add_event_listener(run_id, partial(print_event, console))
        result = job.execute_in_process(
            instance=instance,
            run_id=run_id,
            partition_key=str(week),
            asset_selection=assets,
            tags={
                PROCESS_TAG: process_mark(os.getpid()) or "",
                STARTED_BY_TAG: f"hub-assets, by {user_name()}",
                REPOSITORY_TAG: f"__repository__@{LOCATION}",
            },
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
        if not result.success:
            cause = cause_of(instance, run_id)
        with home.locked("building", "hub-assets (clean-up)", lambda message: console.print(message)):
            for line in clean_up(home):
                console.print(f"Removed {line}", style="dim")
    if not result.success:
        because = f"{cause.rstrip('.')}. " if cause else ""
        raise RunFailed(f"{because}Run {run_id} failed; the published warehouse is unchanged.")


@contextmanager
def open_instance(home: Home) -> Iterator[dg.DagsterInstance]:
    """Open a home's Dagster instance with our settings, and mark runs whose process has died as failed.

    Raises:
        HomeError: if the folder is not writable.
    """
    settings = home.dagster / "dagster.yaml"
    try:
        home.dagster.mkdir(parents=True, exist_ok=True)
        if not settings.exists():
            shutil.copyfile(str(files("hub_assets") / "instance" / "dagster.yaml"), settings)
    except OSError as error:
        raise HomeError(f"{home.root} is not writable ({error.strerror}); choose another folder with --home") from error
    os.environ["DAGSTER_HOME"] = str(home.dagster)
    with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
        _fail_dead_runs(instance)
        yield instance


def switch_on(instance: dg.DagsterInstance) -> None:
    """Reset schedules and sensors that were switched off in the UI to their default status."""
    for state in instance.all_instigator_state():
        if state.status == InstigatorStatus.STOPPED:
            instance.update_instigator_state(state.with_status(InstigatorStatus.DECLARED_IN_CODE))


def instance_databases(home: Home) -> list[str]:
    """Return the addresses of the databases that a home's Dagster instance keeps outside the home."""
    settings = home.dagster / "dagster.yaml"
    if not settings.exists() or "postgres" not in settings.read_text(encoding="utf-8"):
        return []
    with open_instance(home) as instance:
        engine = getattr(instance.event_log_storage, "_engine", None)
        return [engine.url.render_as_string(hide_password=False)] if engine is not None else []


def clean_up(home: Home) -> list[str]:
    """Apply a home's retention limits and return what was removed. The caller must hold the building lock."""
    return list(apply(home, project(), datetime.now(UTC), instance_databases(home)))


def _fail_dead_runs(instance: dg.DagsterInstance) -> None:
    """Mark runs as failed if their process was killed; otherwise they would block the queue forever.

    Dagster's own monitoring misses such runs: a run started by the command has no daemon, and a daemon that was killed
    along with its run does not check old runs when it restarts.
    """
    active = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
    for run in instance.get_runs(dg.RunsFilter(statuses=active)):
        mark = run.tags.get(PROCESS_TAG)
        is_running = _is_daemon_run_alive(instance, run.run_id) if mark is None else is_alive(mark)
        if not is_running:
            message = "The process of this run was killed; the next run resumes where this one stopped."
            instance.report_run_failed(run, message)


def _is_daemon_run_alive(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Return whether a daemon run's process is alive; True if the run has not recorded a process yet."""
    for entry in instance.all_logs(run_id, dg.DagsterEventType.ENGINE_EVENT):
        event = entry.dagster_event
        pid = event.engine_event_data.metadata.get("pid") if event else None
        if pid is not None:
            return has_lived_since(int(str(pid.value)), entry.timestamp)
    return True


@contextmanager
def warnings_printed(console: Console) -> Iterator[None]:
    """Print the package's log warnings on the console, which escapes them because they may quote the Hub."""
    logger = logging.getLogger("hub_assets")
    handler = RichHandler(logging.WARNING, console, show_time=False, show_path=False)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def print_event(console: Console, entry: dg.EventLogEntry) -> None:
    """Print an event of a run if it is a log message, a materialization, a failed check or a failed step."""
    event = entry.dagster_event
    if event is None:
        if entry.level in (logging.INFO, logging.WARNING):
            style = "dim" if entry.level == logging.INFO else "yellow"
            console.print(Text(f"  {_indented(entry.user_message)}", style))
    elif event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION:
        console.print(_materialization(event))
    elif event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        if not event.asset_check_evaluation_data.passed:
            console.print(_failed_check(event))
    elif event.event_type == dg.DagsterEventType.STEP_FAILURE:
        console.print(_failed_step(event))


def _materialization(event: dg.DagsterEvent) -> Text:
    metadata = event.step_materialization_data.materialization.metadata
    rows = metadata.get("dagster/partition_row_count") or metadata.get("dagster/row_count")
    name = event.asset_key.to_user_string() if event.asset_key else ""
    return Text.assemble(("✓", "green"), f" {name:<28}{f'{rows.value:>12,} rows' if rows else ''}")


def _failed_check(event: dg.DagsterEvent) -> Text:
    check = event.asset_check_evaluation_data
    is_warning = check.severity == dg.AssetCheckSeverity.WARN
    facts = ", ".join(
        f"{key} {visible(fact.value)}" for key, fact in check.metadata.items() if isinstance(fact.value, int | str)
    )
    color, label = ("yellow", "warning") if is_warning else ("red", "failed")
    headline = f"! {label}: {check.asset_key.to_user_string()} {check.check_name}"
    return Text.assemble((headline, color), f" ({facts})")


def _failed_step(event: dg.DagsterEvent) -> Text:
    error = event.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    if error is not None and error.cls_name == "DagsterExecutionInterruptedError":
        message = f" {event.step_key} was interrupted; the next run resumes where it stopped."
        return Text.assemble(("!", "yellow"), message)
    message = _indented(error.message) if error else "failed"
    return Text.assemble(("✗", "red"), f" {event.step_key}: {message}")


def _indented(message: str) -> str:
    """Return a message with all lines but the first indented, so that quoted text cannot imitate our own output."""
    return cut(message.strip(), LONGEST_MESSAGE).replace("\n", "\n    ")
