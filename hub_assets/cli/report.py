"""`hub-assets report`."""

import webbrowser
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hub_assets.cli.options import HOME, DayType, home_of
from hub_assets.cli.printing import console

if TYPE_CHECKING:
    from hub_assets.home import Home


@click.command("report")
@HOME
@click.option("--week", type=DayType(), help="Any day of the week. Default: the newest published week.")
@click.option("--open", "is_opened", is_flag=True, help="Open the report in the browser.")
def report_command(home: Path | None, week: date | None, is_opened: bool) -> None:
    """Write a published week's report as a static site and print its location.

    The site needs no server: open it from the disk, or copy its folder to any web server.

    \b
    Examples:
      hub-assets report --open
      hub-assets report --home ~/.hub_assets/demo --week 2026-11-16
    """
    from datetime import timedelta

    from hub_assets.report.site.build import build_site
    from hub_assets.resources import project

    chosen: Home = home_of(home)
    monday = week - timedelta(days=week.weekday()) if week else None
    with chosen.locked("building", "hub-assets report", lambda message: console.print(message)):
        built = build_site(
            chosen.warehouse, chosen.report, monday, project(), source=chosen.source, figures=chosen.figures
        )
    console.print(f"{built.n_pages} pages, {built.n_bytes / 1e6:.1f} MB")
    print_report(built.index)
    if is_opened:
        webbrowser.open(built.index.as_uri())


def print_report(index: Path) -> None:
    """Print the location of a report."""
    console.print(f"the report: {index}")
