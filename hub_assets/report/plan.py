"""The plan for the remaining history fetches, as text for a terminal."""

from collections.abc import Sequence
from datetime import date, timedelta

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from hub_assets.hub.collect.budget import budget_calls, calls_left
from hub_assets.hub.collect.ids import not_listed_note
from hub_assets.hub.collect.plan import QUOTAS, Plan, seconds_at
from hub_assets.hub.collect.raw_table import PlanRequest
from hub_assets.hub.collect.selection import Selection
from hub_assets.hub.http.window import DOCUMENTED_WINDOW
from hub_assets.hub.sources import response_tables
from hub_assets.lake.parts import Lake
from hub_assets.report.text import LONGEST_MESSAGE, visible


def plan_summary(
    lake: Lake, snapshot_date: date, selection: Selection, calls: int | None, hours: float | None
) -> RenderableType:
    """Return a summary of the histories to fetch, the calls needed, and the time they take under each Hub plan.

    Args:
        lake: the listings and the responses so far.
        snapshot_date: the week.
        selection: the repositories to include.
        calls: number of calls that a run may make; None to use `hours`.
        hours: limits a run to the number of calls that the rate limit allows in this many hours; None for no limit.

    Raises:
        PlanError: if the week was not listed.
    """
    table = Table(title=f"Histories to fetch in the week of {snapshot_date}", title_justify="left", title_style="bold")
    table.add_column("")
    for name in ("listed", "selected", "up to date", "to fetch", "calls"):
        table.add_column(name, justify="right")
    needed: list[int] = []
    notes: list[Text] = []
    request = PlanRequest(lake, snapshot_date, selection)
    for response_table in response_tables():
        plan = response_table.plan(request)
        if not isinstance(plan, Plan):
            if response_table.bucket == "api":
                needed.append(len(plan))
            table.add_row(response_table.label, "", "", "", f"{len(plan):,}", f"{len(plan):,}")
            continue
        needed.append(plan.n_calls)
        if plan.not_listed:
            notes = [Text(visible(not_listed_note(plan.not_listed), LONGEST_MESSAGE), style="yellow")]
        for coverage in plan.coverage:
            to_fetch = coverage.n_selected - coverage.n_up_to_date
            numbers = (coverage.n_listed, coverage.n_selected, coverage.n_up_to_date, to_fetch, coverage.n_calls)
            table.add_row(f"{response_table.label} of {coverage.repo_type}s", *(f"{n:,}" for n in numbers))
    table.add_section()
    table.add_row("total API calls", "", "", "", "", f"{sum(needed):,}", style="bold")
    return Group(table, _times(needed, calls, hours), *notes, _hint(calls, hours))


def _times(needed: Sequence[int], calls: int | None, hours: float | None) -> Table:
    times = Table(title="Time at the Hub's rate limits", title_justify="left", title_style="bold")
    times.add_column("plan")
    times.add_column("calls per 5 min", justify="right")
    times.add_column("total time", justify="right")
    times.add_column("share per run", justify="right")
    tables, total = [table for table in response_tables() if table.bucket == "api"], sum(needed)
    for name, quota in QUOTAS.items():
        budget = budget_calls(calls, hours, quota, DOCUMENTED_WINDOW)
        spent = 0
        for table, n in zip(tables, needed, strict=True):
            left = calls_left(tables, table, budget, spent)
            spent += n if left is None else min(n, left)
        covered = spent / total if total else 1.0
        times.add_row(name, f"{quota:,}", str(timedelta(seconds=seconds_at(total, quota))), f"{covered:.1%}")
    return times


def _hint(calls: int | None, hours: float | None) -> Text:
    no_calls = "no limit" if hours is None else f"{hours:g} hours"
    budget = no_calls if calls is None else f"{calls:,} calls"
    return Text(f"Budget per run: {budget}. A history of unknown length counts as one call.", style="dim")
