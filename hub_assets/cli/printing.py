"""Output that several commands share, and the console that all commands print on."""

from datetime import date
from typing import TYPE_CHECKING

from hub_assets.report.text import safe_console

if TYPE_CHECKING:
    from hub_assets.home import Home
    from hub_assets.local_hub.population import Population

console = safe_console(soft_wrap=True)


def print_notes(population: "Population") -> None:
    """Print notes about data that was left out of a recording or derived from it."""
    for note in population.notes:
        console.print(note, style="yellow")


def print_week(home: "Home", week: date) -> None:
    """Print the summary of a published week."""
    from hub_assets.report.terminal import WIDTH, week_summary

    console.print()
    safe_console(width=max(console.width, WIDTH)).print(week_summary(home.warehouse, week))
    console.print(f"Source: {home.source}", style="dim")
