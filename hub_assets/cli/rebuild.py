"""`hub-assets rebuild`."""

from datetime import date, timedelta
from pathlib import Path

import click

from hub_assets.cli.options import HOME, DayType, home_of
from hub_assets.cli.printing import console
from hub_assets.errors import UserError


@click.command("rebuild")
@HOME
@click.option("--week", "days", type=DayType(), multiple=True, help="Rebuild this week completely. Can be repeated.")
def rebuild_command(home: Path | None, days: tuple[date, ...]) -> None:
    """Rebuild past weeks from their raw files and publish them.

    By default, rebuilds only tables that were built by an older version of the code. Makes no calls to the Hub.

    \b
    Examples:
      hub-assets rebuild
      hub-assets rebuild --week 2026-11-09 --week 2026-11-16
    """
    from hub_assets.assets.staleness import stale_in, steps_of
    from hub_assets.cli.status import assets_of
    from hub_assets.definitions import build_defs
    from hub_assets.resources import LISTED, HomeResource
    from hub_assets.runs import execute
    from hub_assets.schedules import rebuild_weeks

    chosen_home = home_of(home)
    definitions = build_defs(home=HomeResource(root=str(chosen_home.root)))
    assets = list(assets_of(definitions))
    job = definitions.resolve_job_def(rebuild_weeks.name)
    if days:
        listed = set.intersection(*(set(chosen_home.lake.weeks(table)) for table in LISTED))
        weeks = sorted({day - timedelta(days=day.weekday()) for day in days})
        if missing := [str(week) for week in weeks if week not in listed]:
            raise UserError(f"{', '.join(missing)} was not listed; choose from: {', '.join(map(str, sorted(listed)))}")
        for week in weeks:
            execute(job, chosen_home, week, console)
        return
    stale = stale_in(chosen_home, assets)
    if not stale:
        console.print("Nothing is stale.")
    for week, tables in stale.items():
        console.print(f"Week {week}: {len(tables)} stale tables")
        execute(job, chosen_home, week, console, steps_of(assets, tables))
