"""The Dagster code location, on one page."""

import dagster as dg

from hub_assets.assets.figures import build_figures
from hub_assets.assets.histories import build_histories
from hub_assets.assets.identities import build_identities
from hub_assets.assets.listings import build_listings
from hub_assets.assets.models import build_models
from hub_assets.assets.networks import build_networks
from hub_assets.assets.publishing import build_publishing
from hub_assets.assets.statistics import build_statistics
from hub_assets.checks import build_all_checks
from hub_assets.home import Home
from hub_assets.resources import CrawlResource, HomeResource, HubResource
from hub_assets.schedules import merge_identities, upkeep, upkeep_schedule, weekly_snapshot, weekly_snapshot_schedule


def build_defs(
    *, hub: HubResource | None = None, home: HomeResource | None = None, crawl: CrawlResource | None = None
) -> dg.Definitions:
    """Assemble the code location.

    Args:
        hub: the Hub to collect from; by default the one that HF_ENDPOINT names, else the real one.
        home: where to keep it; by default HUB_ASSETS_HOME, else `~/.hub_assets`.
        crawl: how far histories are collected; by default as much as 24 hours of the Hub's rate limit allow.
    """
    tables = [
        *build_listings(),
        *build_histories(),
        *build_identities(),
        *build_models(),
        *build_statistics(),
        *build_networks(),
    ]
    return dg.Definitions(
        assets=[*tables, build_figures(), build_publishing(tables)],
        asset_checks=build_all_checks(),
        jobs=[weekly_snapshot, merge_identities, upkeep],
        schedules=[weekly_snapshot_schedule, upkeep_schedule],
        resources={
            "hub": hub or HubResource.of_environment(),
            "crawl": crawl or CrawlResource(),
            "home": home or HomeResource(root=str(Home.default().root)),
        },
        # one process: two cannot write one DuckDB file, and a step process costs two seconds of start
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Load the code location when Dagster asks for it; importing this module does nothing."""
    return build_defs()
