"""`hub-assets demo`."""

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hub_assets.cli.jobs import run_present_week
from hub_assets.cli.options import DEMO_HOME, PAGE_SIZE, QUOTA, crawl_options
from hub_assets.cli.population import PopulationChoice, population_options
from hub_assets.cli.printing import console, print_notes
from hub_assets.errors import UserError

if TYPE_CHECKING:
    from hub_assets.resources import CrawlResource


@click.command("demo")
@DEMO_HOME
@population_options
@click.option(
    "--weeks",
    type=click.IntRange(1, 520),
    default=1,
    show_default=True,
    help="Number of consecutive weeks to run, ending with --week.",
)
@QUOTA
@PAGE_SIZE
@crawl_options
def demo_command(
    home: Path | None, choice: PopulationChoice, weeks: int, quota: Any, page_size: int, crawl: "CrawlResource"
) -> None:
    """Run the whole pipeline once against a local Hub.

    The local Hub is simulated: its repositories and all numbers are invented. With --replay it serves recorded data
    instead.

    \b
    Examples:
      hub-assets demo
      hub-assets demo --population simulated --scale 0.02 --weeks 2
      hub-assets demo --replay recordings/2026-08-24 --quota 1000/300
    """
    from hub_assets.home import Home
    from hub_assets.hub.collect.listing import ListingRefused
    from hub_assets.local_hub.app import build_app
    from hub_assets.local_hub.server import running_apart
    from hub_assets.partitions import is_partition, known_weeks
    from hub_assets.resources import HubResource

    for weeks_before in reversed(range(weeks)):
        population = choice.load(weeks_before=weeks_before)
        name = "demo" if choice.is_default else re.sub(r"[^\w.]+", "-", population.identity)
        demo_home = Home((home or Home.default().root / name).absolute())
        # checked before the Hub starts, because a Date header cannot represent every week
        if not is_partition(population.week):
            raise UserError(f"The week of {population.week} is outside the supported weeks ({known_weeks()}).")
        with running_apart(partial(build_app, population, quota=quota)) as url:
            console.print(f"A local Hub serves the week of {population.week} at {url} ({population.identity}).")
            print_notes(population)
            hub = HubResource(endpoint=url, use_token=False, page_size=page_size, is_local=True)
            try:
                run_present_week(hub, demo_home, crawl)
            except ListingRefused:
                if not weeks_before:
                    raise
                console.print(f"Skipped the week of {population.week}: this home already has a later week.")
    if choice.directory is not None:
        console.print(f"The data comes from the recording in {choice.directory}.")
