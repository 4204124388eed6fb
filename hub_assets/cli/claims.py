"""`hub-assets claims`: which published claims hold in a week."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hub_assets.cli.options import HOME, DayType, home_of
from hub_assets.cli.printing import console
from hub_assets.report.text import safe_console

if TYPE_CHECKING:
    from hub_assets.home import Home


@click.command("claims")
@HOME
@click.option("--week", type=DayType(), help="Week to show, as any date in it. Default: the newest published week.")
@click.option(
    "--status",
    type=click.Choice(["holds", "differs", "not testable"]),
    help="Show only claims with this status.",
)
def claims_command(home: Path | None, week: date | None, status: str | None) -> None:
    """Show which published claims about the Hub hold in a week, next to that week's values.

    Reads the published tables and makes no calls to the Hub. The report shows the same claims with their definitions,
    tolerances and queries.

    \b
    Examples:
      hub-assets claims
      hub-assets claims --week 2026-11-16 --status differs
    """
    from hub_assets.home import is_simulated
    from hub_assets.report.ledger.printed import claims_of_week
    from hub_assets.report.terminal import WIDTH

    chosen: Home = home_of(home)
    shown = claims_of_week(chosen.warehouse, week, status)
    safe_console(width=max(console.width, WIDTH)).print(shown)
    if is_simulated(chosen.source):
        console.print("This data is simulated, but the claims are about the real Hub.", style="bold yellow")
