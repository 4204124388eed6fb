"""Runs a job for one week, for commands such as `demo`, `snapshot` and `identities apply`."""

import shlex
from datetime import date
from typing import TYPE_CHECKING

from hub_assets.cli.printing import console, print_week
from hub_assets.errors import UserError

if TYPE_CHECKING:
    from hub_assets.home import Home
    from hub_assets.resources import CrawlResource, HubResource


def run_job(
    name: str,
    home: "Home",
    week: date,
    *,
    hub: "HubResource | None" = None,
    crawl: "CrawlResource | None" = None,
    is_summarized: bool = True,
) -> None:
    """Run a job for a week in this process, and print the week's summary if `is_summarized`."""
    from hub_assets.definitions import build_defs
    from hub_assets.resources import HomeResource
    from hub_assets.runs import execute

    definitions = build_defs(hub=hub, home=HomeResource(root=str(home.root)), crawl=crawl, week=week)
    execute(definitions.resolve_job_def(name), home, week, console)
    if is_summarized:
        print_week(home, week)


def run_present_week(hub: "HubResource", home: "Home", crawl: "CrawlResource") -> None:
    """Run the weekly job for the Hub's current week and print the results."""
    from hub_assets.hub.collect.collection import require_refreshable
    from hub_assets.hub.collect.listing import require_no_later_week
    from hub_assets.hub.sources import response_tables
    from hub_assets.partitions import is_partition, known_weeks, week_of
    from hub_assets.warehouse.spark import Spark, engine_of_environment

    # a crawl can take a day, so find out first whether Spark can be used; an idle session would be closed meanwhile
    if (address := engine_of_environment()) is not None:
        Spark(address).close()
    contact = hub.new_client().contact()
    home.require(hub.endpoint.rstrip("/"), contact.population)
    week = week_of(contact.now)
    if not is_partition(week):
        raise UserError(
            f"The Hub's clock says {contact.now:%Y-%m-%d}, which is outside the supported weeks ({known_weeks()})."
        )
    require_no_later_week(home.lake, week)
    if crawl.refresh:
        for table in response_tables():
            require_refreshable(home.lake, table.name, week)
    run_job("weekly_snapshot", home, week, hub=hub, crawl=crawl)
    if (contact.population or "").startswith("simulated"):
        console.print("This data is simulated: every number in it is invented.", style="bold yellow")
    console.print(
        f"\nWeek {week} is published in {home.warehouse}\n"
        f"raw files:  {home.lake.root}\n"
        f"the UI:     hub-assets dev --home {shlex.quote(str(home.root))}\n"
        f"the report: {home.report / str(week) / 'index.html'}"
    )
