"""One week's commits or discussions, from the Hub to the lake: planned, asked, and taken up where they were.

Joins `plan` (what to ask), `visits` (how), `crawl` (many at once) and the lake's `Landing` (what survives a crash).
"""

from datetime import UTC, date, datetime, timedelta
from typing import Final

from hub_assets.hub.client import HubClient
from hub_assets.hub.commits import COMMITS
from hub_assets.hub.crawl import NO_LIMIT, WORKERS, Budget, Progress, Watch, crawl, rows_of
from hub_assets.hub.discussions import DISCUSSIONS
from hub_assets.hub.plan import EVERYTHING, HistoryKind, Selection, plan_histories
from hub_assets.hub.visits import Kind, answers
from hub_assets.lake.landing import SEAL_BYTES, Landing
from hub_assets.lake.parts import Lake, Manifest

_KINDS: Final[dict[HistoryKind, Kind]] = {"commits": COMMITS, "discussions": DISCUSSIONS}


class RefreshRefused(ValueError):
    """A week cannot be started again; the message is one sentence for the user."""


def land_histories(
    client: HubClient,
    lake: Lake,
    kind: HistoryKind,
    snapshot_date: date,
    selection: Selection = EVERYTHING,
    *,
    budget: Budget = NO_LIMIT,
    workers: int = WORKERS,
    refresh: bool = False,
    seal_bytes: int = SEAL_BYTES,
    watch: Watch = lambda _: None,
) -> Manifest:
    """Ask for what is new of a week's repositories, and add it to `raw_hub__commits` or `raw_hub__discussions`.

    What the week holds already is not asked for again; a crawl that was cut off goes on where it was. It ends when
    nothing is left to ask, when the budget is spent, or with the week; readers then see what there is.

    Args:
        client: whom to ask.
        lake: where the listings are, and where to write.
        kind: commits or discussions.
        snapshot_date: the week; that it is the Hub's present one is for the caller to make sure.
        selection: which repositories.
        budget: how far to go.
        workers: how many questions are asked at a time.
        refresh: begin the week anew.
        seal_bytes: the size of journal from which a part is made.
        watch: is told how it goes.

    Returns:
        The manifest. Its `details`: `is_complete`, `coverage` (of each type of repository: `plan.Coverage`),
        `selection`, and of this run `calls`, `outcomes`, `seconds`, `retries` and `throttled`.

    Raises:
        PlanError: if there is no listing of the week.
        RefreshRefused: if a later week builds on the one to be begun anew.
        HubError: if the Hub does not answer well, or does not take the token; what was read until then is kept.
        LandingBusy: if another process asks for the same.
    """
    table = f"raw_hub__{kind}"
    later = [week for week in lake.weeks(table) if week > snapshot_date]
    if refresh and later:
        raise RefreshRefused(
            f"the {kind} of {snapshot_date} cannot be read anew, because those of {later[0]} build on them; "
            "leave out --refresh"
        )
    retries_before, throttled_before = client.retries.copy(), client.pacer.throttled
    with Landing(lake, table, snapshot_date, rows_of(table, snapshot_date), seal_bytes, adds=not refresh) as landing:
        landing.seal()
        plan = plan_histories(lake, kind, snapshot_date, selection)
        progress = Progress(kind, len(plan.visits))
        crawl(
            client,
            landing,
            plan,
            lambda visit: answers(client, visit, _KINDS[kind]),
            progress,
            budget=within_week(budget, snapshot_date),
            workers=workers,
            watch=watch,
        )
        landing.seal()
        coverage = plan_histories(lake, kind, snapshot_date, selection).coverage
        return landing.finish(
            lambda _: {
                "is_complete": all(one.is_complete for one in coverage),
                "coverage": [vars(one) for one in coverage],
                "selection": selection.to_json(),
                "calls": progress.calls,
                "outcomes": dict(progress.outcomes),
                "seconds": round(progress.seconds, 3),
                "retries": dict(client.retries - retries_before),
                "throttled": client.pacer.throttled - throttled_before,
            }
        )


def within_week(budget: Budget, snapshot_date: date) -> Budget:
    """Return a budget that ends with the week at the latest (by the Hub's clock)."""
    end = datetime.combine(snapshot_date + timedelta(weeks=1), datetime.min.time(), UTC)
    return Budget(budget.calls, min(end, budget.until or end))
