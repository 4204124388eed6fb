"""A week's table of answers, from its plan to its manifest: asked, kept, and taken up where it was.

Joins `crawl` (many questions at once) and the lake's `Landing` (what survives a crash). What is asked belongs to
`histories`, `aliases` and `accounts`.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol, TypedDict, TypeVar, Unpack

from hub_assets.errors import UserError
from hub_assets.hub.collect import response_log
from hub_assets.hub.collect.crawl import NO_LIMIT, WORKERS, Budget, Progress, Watch, crawl, rows_of
from hub_assets.hub.collect.response_log import Row
from hub_assets.hub.collect.set_aside import NAMED
from hub_assets.hub.http.client import HubClient
from hub_assets.hub.http.errors import HubBroken
from hub_assets.hub.http.pacing import OUTAGE_BACKOFF
from hub_assets.lake.landing import FLUSH_BYTES, Landing
from hub_assets.lake.parts import Lake, Manifest, Part


class RefreshRefused(UserError):
    """A week cannot be started again; the message is one sentence for the user."""


class CollectOptions(TypedDict, total=False):
    """On which terms a week is collected.

    Args:
        budget: how far to go; no further than the week in any case.
        workers: how many questions are asked at a time at most.
        refresh: whether to begin the week anew.
        flush_bytes: the size of journal from which a part is made.
        outage_backoff: how long to wait, time after time, when the Hub does not work; see `crawl`.
        watch: is told how it goes.
    """

    budget: Budget
    workers: int
    refresh: bool
    flush_bytes: int
    outage_backoff: Sequence[float]
    watch: Watch


class Questions(Sized, Iterable[Any], Protocol):
    """What is left to ask, in its order."""


P = TypeVar("P", bound=Questions)


def land_answers(
    client: HubClient,
    lake: Lake,
    table: str,
    snapshot_date: date,
    plan: Callable[[], P],
    ask: Callable[[Any], Iterator[Row]],
    describe: Callable[[P], dict[str, Any]],
    *,
    is_suspect: Callable[[Row], bool] = response_log.is_suspect,
    rounds: int = 1,
    **terms: Unpack[CollectOptions],
) -> Manifest:
    """Ask what a week's plan leaves to ask, and add the answers to its table.

    What the week holds already is not asked again; what was cut off goes on where it was. It ends when nothing is left
    to ask, when the budget is spent, or with the week; readers then see what there is. Nothing is added to a week that
    a later one builds on, which has planned what was left of it.

    Args:
        client: whom to ask.
        lake: where to write.
        table: a table of answers.
        snapshot_date: the week; that it is the Hub's present one is for the caller to make sure.
        plan: returns what is left to ask, from the lake's files.
        ask: asks one question, see `crawl`.
        describe: what the manifest says of what is left in the end.
        is_suspect: see `crawl`.
        rounds: how often to plan, where answers lead to further questions.
        terms: see `CollectOptions`.

    Returns:
        The manifest. Its `details`: what `describe` says, and of this run `planned` (what `describe` said before it),
        `calls`, `outcomes`, `seconds`, `retries` (causes and their number) and `throttled`; of the week `n_set_aside`
        and `set_aside`, see `crawl.rows_of`.

    Raises:
        RefreshRefused: if a later week builds on the one to be begun anew, or there is no time left for it.
        HubBroken: if the Hub did not answer well for long; the week then holds what was had until then.
        HubError: if the Hub does not take the token; what was had until then is kept for the next run.
        LandingBusy: if another process collects the same.
    """
    refresh = terms.get("refresh", False)
    if refresh:
        require_refreshable(lake, table, snapshot_date)
        client.contact()
    budget = _within_week(terms.get("budget", NO_LIMIT), snapshot_date)
    if refresh and budget.is_spent(0, client.now()):
        raise RefreshRefused(
            f"{table} of {snapshot_date} cannot be begun anew, because the week is over, or the time for it; "
            "leave out the refresh"
        )
    if _later_weeks(lake, table, snapshot_date):
        budget = replace(budget, calls=0)
    for week in lake.weeks_begun(table):
        if week < snapshot_date and lake.is_in_the_making(table, week):
            _keep_what_was_cut_off(lake, table, week)
    retries_before, throttled_before = client.retries.copy(), client.pacer.throttled
    flush_bytes = terms.get("flush_bytes", FLUSH_BYTES)
    outage_backoff = terms.get("outage_backoff", OUTAGE_BACKOFF)
    with Landing(lake, table, snapshot_date, rows_of(table, snapshot_date), flush_bytes, adds=not refresh) as landing:
        landing.flush()
        left = plan()
        planned, progress = describe(left), Progress(table, len(left))
        if len(left):
            client.contact(outage_backoff)  # the budget ends by the Hub's clock
        broken: HubBroken | None = None
        for _ in range(rounds):
            try:
                crawl(
                    client,
                    landing,
                    left,
                    ask,
                    progress,
                    budget=budget,
                    workers=terms.get("workers", WORKERS),
                    is_suspect=is_suspect,
                    outage_backoff=outage_backoff,
                    watch=terms.get("watch", lambda _: None),
                )
            except HubBroken as error:
                broken = error
            landing.flush()
            left = plan()
            if broken or not len(left) or budget.is_spent(progress.calls, client.now()):
                break
            progress.planned = progress.done + len(left)
        described = describe(left)
        details = {
            **described,
            "planned": planned,
            "calls": progress.calls,
            "outcomes": dict(progress.outcomes),
            "seconds": round(progress.seconds, 3),
            "retries": dict(client.retries - retries_before),
            "throttled": client.pacer.throttled - throttled_before,
            **_set_aside(landing.parts),
        }
        valid = lake.manifest(table, snapshot_date)
        is_said = json.loads(json.dumps(described)).items() <= valid.details.items()
        if is_said and landing.files == lake.files(table, snapshot_date) and valid.landing is None:
            manifest = replace(valid, details=details)  # a week that is finished stays as it is
        elif not described["is_complete"] and not set(lake.files(table, snapshot_date)) <= set(landing.files):
            # begun anew: until the new set is complete, what the week held before stands
            manifest = replace(valid, details=details | {"is_refresh_unfinished": True})
        else:
            manifest = landing.finish(lambda _: details)
        if broken:
            raise broken
        return manifest


def _set_aside(parts: Sequence[Part]) -> dict[str, Any]:
    """Return how many answers of a week could not be converted, and which."""
    named = [name for part in parts for name in part.counts.get("set_aside", [])]
    return {"n_set_aside": sum(part.counts.get("n_set_aside", 0) for part in parts), "set_aside": named[:NAMED]}


def _keep_what_was_cut_off(lake: Lake, table: str, week: date) -> None:
    """Make what a week held when it was cut off its valid set: later weeks build on it, and readers see it.

    Not so where a week was being begun anew: what it held before stands.
    """
    manifest = lake.manifest(table, week)
    if manifest.landing is None or all(part in manifest.landing for part in manifest.parts):
        with Landing(lake, table, week, rows_of(table, week), adds=True) as landing:
            landing.finish(lambda _: manifest.details | {"is_complete": False})


def require_refreshable(lake: Lake, table: str, snapshot_date: date) -> None:
    """Refuse to begin a week anew that a later one builds on.

    Raises:
        RefreshRefused: that says so.
    """
    later = _later_weeks(lake, table, snapshot_date)
    if later:
        raise RefreshRefused(
            f"{table} of {snapshot_date} cannot be begun anew, because {later[0]} builds on it; leave out the refresh"
        )


def _later_weeks(lake: Lake, table: str, snapshot_date: date) -> list[date]:
    return [week for week in lake.weeks_begun(table) if week > snapshot_date]


def _within_week(budget: Budget, snapshot_date: date) -> Budget:
    end = datetime.combine(snapshot_date + timedelta(weeks=1), datetime.min.time(), UTC)
    return Budget(budget.calls, min(end, budget.until or end))
