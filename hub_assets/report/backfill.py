"""The plan of a backfill, as text for a terminal."""

from collections import Counter
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from hub_assets.archives.backfill import Backfill, State, WeekPlan
from hub_assets.archives.choosing import Choice
from hub_assets.report.text import LONGEST_MESSAGE, visible

_STATES: Final[dict[State, str]] = {
    "to import": "to import",
    "gap": "without a listing",
    "imported": "imported",
    "listed": "listed by us",
}


def backfill_summary(plan: Backfill) -> RenderableType:
    """Return a summary of the upload chosen for each week and type, the gaps, and what remains to be downloaded."""
    archive = plan.archive
    table = Table(title=f"Weeks in {archive.name} ({archive.repo_id})", title_justify="left", title_style="bold")
    for name in ("week", "models", "datasets", "Spaces"):
        table.add_column(name)
    table.add_column("GB", justify="right")
    table.add_column("")
    notes = []
    for week in plan.weeks:
        state = week.state if week.state != "to import" else _worst(week)
        table.add_row(
            str(week.week),
            *(_chosen(choice) for choice in week.choices),
            f"{week.n_bytes / 1e9:,.2f}",
            state,
            style=None if state in ("complete", "imported", "listed") else "yellow",
        )
        reasons = dict.fromkeys(f"{choice.repo_type}s: {choice.why}" for choice in week.choices if choice.why)
        if week.state != "listed" and reasons:
            notes.append(Text(visible(f"{week.week}: {'; '.join(reasons)}", LONGEST_MESSAGE), style="yellow"))
    gaps = [
        Text(
            f"no {gap.repo_type}s from {gap.after:%Y-%m-%d %H:%M} to {gap.before:%Y-%m-%d %H:%M} ({gap.days:,.1f} days)"
        )
        for gap in plan.gaps
    ]
    title = [Text("Gaps in the archive", style="bold")] if gaps else []
    return Group(table, *notes, *title, *gaps, _totals(plan))


def _totals(plan: Backfill) -> Text:
    n = Counter[str](week.state for week in plan.weeks)
    weeks = ", ".join(f"{n[state]} {name}" for state, name in _STATES.items() if n[state])
    return Text(
        f"{len(plan.weeks)} weeks: {weeks}. To download: {plan.n_bytes / 1e9:,.1f} GB in {plan.n_calls:,} calls "
        f"(this plan took {plan.planning_calls:,}). License of the archive: {plan.archive.license}.",
        style="bold",
    )


def _chosen(choice: Choice) -> str:
    return f"{choice.upload.at:%a %m-%d %H:%M}" if choice.upload else "-"


def _worst(week: WeekPlan) -> str:
    order = ("missing", "partial", "suspect", "complete")
    worst = min((choice.status for choice in week.choices), key=order.index)
    return "partial" if worst == "missing" else worst
