"""Collects a week of a response table, from plan to manifest, and resumes after an interruption.

Combines `crawl` (concurrent requests) with the lake's `Landing` (crash safety). What to request belongs in `sources`.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, Final, TypedDict, Unpack

import pyarrow as pa

from hub_assets.errors import UserError
from hub_assets.hub.collect.crawl import NO_LIMIT, WORKERS, Budget, Progress, Watch, crawl, rows_of
from hub_assets.hub.collect.raw_table import PlanRequest, ResponseTable
from hub_assets.hub.collect.selection import EVERYTHING, Selection
from hub_assets.hub.collect.set_aside import NAMED
from hub_assets.hub.http.client import HubClient
from hub_assets.hub.http.errors import HubBroken
from hub_assets.hub.http.pacing import OUTAGE_BACKOFF
from hub_assets.lake.landing import FLUSH_BYTES, Landing
from hub_assets.lake.parts import Lake, Manifest, Part

NOTHING: Final = pa.nulls(0, pa.string())  # unlike `pa.array`, it does not import pandas


class RefreshRefused(UserError):
    """A week cannot start over; the message is a single sentence for the user."""


class CollectOptions(TypedDict, total=False):
    """Options for collecting a week.

    Args:
        budget: limit on calls and time. Collection ends with the week in any case.
        workers: maximum number of questions in progress at a time.
        refresh: start the week over.
        flush_bytes: journal size at which a part is written.
        outage_backoff: successive waits in seconds while the Hub is down; see `crawl`.
        watch: receives progress updates.
    """

    budget: Budget
    workers: int
    refresh: bool
    flush_bytes: int
    outage_backoff: Sequence[float]
    watch: Watch


def land(
    client: HubClient,
    lake: Lake,
    table: ResponseTable,
    snapshot_date: date,
    selection: Selection = EVERYTHING,
    first: pa.Array | None = None,
    **options: Unpack[CollectOptions],
) -> Manifest:
    """Ask the questions that remain in a week's plan, and add the responses to the table.

    Questions already answered this week are not asked again, and an interrupted collection resumes where it stopped.
    Collection ends when no questions are left, the budget is exhausted or the week is over. Readers then see everything
    collected so far, except that an unfinished refresh leaves the week's previous responses in place. Nothing is added
    to a week once a later week has begun, because the later plan already covers whatever was left.

    Args:
        client: the Hub client.
        lake: where to write.
        table: the response table.
        snapshot_date: the week. The caller makes sure that it is the Hub's current week.
        selection: which repositories to cover, and after how many weeks to ask again.
        first: what to ask about first, in order; see `ResponseTable.first`.
        options: see `CollectOptions`.

    Returns:
        The manifest. Its `details` contain the summary of the remaining questions, and the summary at the start of this
        run as `planned`. They also contain this run's `calls`, `outcomes`, `seconds`, `retries` (counts by cause) and
        `throttled`, and the week's `n_set_aside` and `set_aside` (see `crawl.rows_of`).

    Raises:
        PlanError: if the table's plan needs a listing that the week does not have, or if no selected id is listed.
        RefreshRefused: if the week cannot start over because a later week builds on it or no time is left.
        HubBroken: if the Hub was down for too long; the week keeps everything collected until then.
        HubError: if the Hub rejects the token; everything collected until then is kept for the next run.
        LandingBusy: if another process is collecting the same table and week.
    """
    client = client.within(table.bucket)
    refresh = options.get("refresh", False)
    if refresh:
        require_refreshable(lake, table.name, snapshot_date)
        client.contact()
    budget = _within_week(options.get("budget", NO_LIMIT), snapshot_date)
    if refresh and budget.is_spent(0, client.now()):
        raise RefreshRefused(
            f"{table.name} for {snapshot_date} cannot start over because the week or its time budget is over; "
            "run it without refresh"
        )
    if _later_weeks(lake, table.name, snapshot_date):
        budget = replace(budget, calls=0)
    for week in lake.weeks_begun(table.name):
        if week < snapshot_date and lake.is_in_the_making(table.name, week):
            _finish_interrupted(lake, table, week)
    request = PlanRequest(lake, snapshot_date, selection, NOTHING if first is None else first)
    retries_before, throttled_before = client.retries.copy(), client.pacer.throttled
    flush_bytes = options.get("flush_bytes", FLUSH_BYTES)
    outage_backoff = options.get("outage_backoff", OUTAGE_BACKOFF)
    with Landing(
        lake, table.name, snapshot_date, rows_of(table.schema, snapshot_date), flush_bytes, adds=not refresh
    ) as landing:
        landing.flush()
        left = table.plan(request)
        planned, progress = left.summary(), Progress(table.name, len(left))
        if len(left):
            client.contact(outage_backoff)  # reads the Hub's clock, to which the budget's deadline refers
        broken: HubBroken | None = None
        for _ in range(table.rounds):
            try:
                crawl(
                    client,
                    landing,
                    left,
                    partial(table.ask, client),
                    progress,
                    budget=budget,
                    workers=options.get("workers", WORKERS),
                    is_suspect=table.is_suspect,
                    outage_backoff=outage_backoff,
                    watch=options.get("watch", lambda _: None),
                )
            except HubBroken as error:
                broken = error
            landing.flush()
            left = table.plan(request)
            if broken or not len(left) or budget.is_spent(progress.calls, client.now()):
                break
            progress.planned = progress.done + len(left)
        summary = left.summary()
        details = {
            **summary,
            "planned": planned,
            "calls": progress.calls,
            "outcomes": dict(progress.outcomes),
            "seconds": round(progress.seconds, 3),
            "retries": dict(client.retries - retries_before),
            "throttled": client.pacer.throttled - throttled_before,
            **_set_aside(landing.parts),
        }
        valid = lake.manifest(table.name, snapshot_date)
        is_unchanged = json.loads(json.dumps(summary)).items() <= valid.details.items()
        if is_unchanged and landing.files == lake.files(table.name, snapshot_date) and valid.landing is None:
            manifest = replace(valid, details=details)  # leave a finished week untouched
        elif not summary["is_complete"] and not set(lake.files(table.name, snapshot_date)) <= set(landing.files):
            # a refresh: the old generation remains valid until the new one is complete
            manifest = replace(valid, details=details | {"is_refresh_unfinished": True})
        else:
            manifest = landing.finish(lambda _: details)
        if broken:
            raise broken
        return manifest


def _set_aside(parts: Sequence[Part]) -> dict[str, Any]:
    """Return the number and names of the week's responses that could not be converted."""
    names = [name for part in parts for name in part.counts.get("set_aside", [])]
    return {"n_set_aside": sum(part.counts.get("n_set_aside", 0) for part in parts), "set_aside": names[:NAMED]}


def _finish_interrupted(lake: Lake, table: ResponseTable, week: date) -> None:
    """Make an interrupted week's parts valid, so that readers see them and later weeks can build on them.

    An interrupted refresh is ignored, so the week's previous parts remain valid.
    """
    manifest = lake.manifest(table.name, week)
    if manifest.landing is None or all(part in manifest.landing for part in manifest.parts):
        with Landing(lake, table.name, week, rows_of(table.schema, week), adds=True) as landing:
            landing.finish(lambda _: manifest.details | {"is_complete": False})


def require_refreshable(lake: Lake, table: str, snapshot_date: date) -> None:
    """Make sure that no later week builds on the week to be refreshed.

    Raises:
        RefreshRefused: if a later week has begun.
    """
    later = _later_weeks(lake, table, snapshot_date)
    if later:
        raise RefreshRefused(
            f"{table} for {snapshot_date} cannot start over because {later[0]} builds on it; run it without refresh"
        )


def _later_weeks(lake: Lake, table: str, snapshot_date: date) -> list[date]:
    return [week for week in lake.weeks_begun(table) if week > snapshot_date]


def _within_week(budget: Budget, snapshot_date: date) -> Budget:
    end = datetime.combine(snapshot_date + timedelta(weeks=1), datetime.min.time(), UTC)
    return Budget(budget.calls, min(end, budget.until or end))
