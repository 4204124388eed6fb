"""The Dagster code location, on one page."""

import dagster as dg

from hub_assets.assets.archives import build_archives
from hub_assets.assets.figures import build_figures
from hub_assets.assets.identities import build_identities
from hub_assets.assets.listings import build_listings
from hub_assets.assets.models import build_models
from hub_assets.assets.networks import build_networks
from hub_assets.assets.publishing import build_publishing
from hub_assets.assets.releases import build_releases
from hub_assets.assets.responses import build_responses
from hub_assets.assets.statistics import build_statistics
from hub_assets.assets.trust import build_trust
from hub_assets.checks import build_all_checks
from hub_assets.home import Home
from hub_assets.resources import ArchiveResource, CrawlResource, HomeResource, HubResource
from hub_assets.schedules import (
    archived_week,
    merge_identities,
    weekly_release,
    weekly_release_schedule,
    weekly_snapshot,
    weekly_snapshot_schedule,
)


def build_defs(
    *,
    hub: HubResource | None = None,
    home: HomeResource | None = None,
    crawl: CrawlResource | None = None,
    archive: ArchiveResource | None = None,
) -> dg.Definitions:
    """Assemble the code location.

    Args:
        hub: the Hub to collect from; by default the one that HF_ENDPOINT names, else the real one.
        home: where to keep it; by default HUB_ASSETS_HOME, else `~/.hub_assets`.
        crawl: how far histories are collected; by default as much as 24 hours of the Hub's rate limit allow.
    """
    tables = [
        *build_listings(),
        build_archives(),
        *build_responses(),
        *build_identities(),
        *build_models(),
        *build_statistics(),
        *build_networks(),
        *build_trust(),
    ]
    return dg.Definitions(
        assets=[*tables, build_figures(), build_publishing(tables), *build_releases()],
        asset_checks=build_all_checks(),
        jobs=[weekly_snapshot, merge_identities, archived_week, weekly_release],
        schedules=[weekly_snapshot_schedule, weekly_release_schedule],
        resources={
            "hub": hub or HubResource.of_environment(),
            "crawl": crawl or CrawlResource(),
            "archive": archive or ArchiveResource(),
            "home": home or HomeResource(root=str(Home.default().root)),
        },
        # one process: two cannot write one DuckDB file, and a step process costs two seconds of start
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Load the code location when Dagster asks for it; importing this module does nothing."""
    return build_defs()
