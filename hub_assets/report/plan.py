"""The plan of the remaining history fetches, as text for a terminal."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from hub_assets.hub.collect.plan import HISTORY_KINDS, QUOTAS, Selection, plan_histories, seconds_at
from hub_assets.hub.http.window import DOCUMENTED_WINDOW
from hub_assets.hub.sources.accounts import plan_accounts
from hub_assets.hub.sources.aliases import plan_aliases
from hub_assets.hub.sources.ids import not_listed_note
from hub_assets.lake.parts import Lake
from hub_assets.report.text import LONGEST_MESSAGE, visible


def plan_summary(
    lake: Lake,
    snapshot_date: date,
    selection: Selection,
    budget_calls: int | None,
    budget_hours: float | None,
    shares: Mapping[str, float],
) -> RenderableType:
    """Return the repositories to fetch by history and type, the calls, and the time at the limits of each Hub plan.

    Args:
        lake: the listings and the histories fetched so far.
        snapshot_date: the week.
        selection: the repositories to include.
        budget_calls: calls that a run may make; None for no limit on calls.
        budget_hours: or the hours of calls at the rate limit; None for no limit.
        shares: cumulative share of the budget that may be spent once a table is done, in the order of collection.

    Raises:
        PlanError: if the week was not listed.
    """
    table = Table(title=f"Histories to fetch in the week of {snapshot_date}", title_justify="left", title_style="bold")
    table.add_column("")
    for name in ("listed", "selected", "up to date", "to fetch", "calls"):
        table.add_column(name, justify="right")
    calls: dict[str, int] = {}
    notes: list[Text] = []
    for kind in HISTORY_KINDS:
        plan = plan_histories(lake, kind, snapshot_date, selection)
        calls[f"raw_hub__{kind}"] = plan.n_calls
        if plan.not_listed:
            notes = [Text(visible(not_listed_note(plan.not_listed), LONGEST_MESSAGE), style="yellow")]
        for coverage in plan.coverage:
            to_fetch = coverage.n_selected - coverage.n_up_to_date
            numbers = (coverage.n_listed, coverage.n_selected, coverage.n_up_to_date, to_fetch, coverage.n_calls)
            table.add_row(f"{kind} of {coverage.repo_type}s", *(f"{n:,}" for n in numbers))
    for name, asset, n in (
        (
            "model ids that Spaces use",
            "enrich_hub__aliases",
            len(plan_aliases(lake, snapshot_date, recheck_weeks=selection.recheck_weeks)),
        ),
        (
            "author strings found so far",
            "enrich_hub__accounts",
            len(plan_accounts(lake, snapshot_date, recheck_weeks=selection.recheck_weeks)),
        ),
    ):
        calls[asset] = n
        table.add_row(name, "", "", "", f"{n:,}", f"{n:,}")
    table.add_section()
    table.add_row("total", "", "", "", "", f"{sum(calls.values()):,}", style="bold")
    times = _times([calls[asset] for asset in shares], list(shares.values()), budget_calls, budget_hours)
    return Group(table, times, *notes, _hint(budget_calls, budget_hours))


def _times(
    calls: Sequence[int], shares: Sequence[float], budget_calls: int | None, budget_hours: float | None
) -> Table:
    times = Table(title="Time at the Hub's rate limits", title_justify="left", title_style="bold")
    times.add_column("plan")
    times.add_column("calls per 5 min", justify="right")
    times.add_column("total time", justify="right")
    times.add_column("share per run", justify="right")
    for name, quota in QUOTAS.items():
        budget = budget_calls
        if budget is None and budget_hours is not None:
            budget = int(budget_hours * 3600 / DOCUMENTED_WINDOW * quota)
        spent, total = 0, sum(calls)
        for needed, share in zip(calls, shares, strict=True):
            spent += needed if budget is None else min(needed, max(int(budget * share) - spent, 0))
        covered = spent / total if total else 1.0
        times.add_row(name, f"{quota:,}", str(timedelta(seconds=seconds_at(total, quota))), f"{covered:.1%}")
    return times


def _hint(budget_calls: int | None, budget_hours: float | None) -> Text:
    if budget_calls is not None:
        budget = f"{budget_calls:,} calls"
    else:
        budget = "no limit" if budget_hours is None else f"{budget_hours:g} hours"
    return Text(f"Budget per run: {budget}. A repository of unknown length counts as one call.", style="dim")
