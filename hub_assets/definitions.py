"""The Dagster code location, on one page."""

from pathlib import Path

import dagster as dg

from hub_assets.assets.archives import build_archives
from hub_assets.assets.figures import build_figures
from hub_assets.assets.identities import build_identities
from hub_assets.assets.listings import build_listings
from hub_assets.assets.models import build_models
from hub_assets.assets.networks import build_networks
from hub_assets.assets.publishing import build_publishing
from hub_assets.assets.releases import build_releases
from hub_assets.assets.report import build_report, with_pages
from hub_assets.assets.responses import build_responses
from hub_assets.assets.statistics import build_statistics
from hub_assets.assets.trust import build_trust
from hub_assets.home import Home
from hub_assets.resources import ArchiveResource, CrawlResource, HomeResource, HubResource
from hub_assets.schedules import (
    archived_week,
    merge_identities,
    upkeep,
    upkeep_schedule,
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
        hub: the Hub to collect from; the default is HF_ENDPOINT, or huggingface.co if that is not set.
        home: where to store the data; the default is HUB_ASSETS_HOME, or `~/.hub_assets` if that is not set.
        crawl: which histories to fetch; the default is as many as 24 hours of the Hub's rate limit allow.
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
    figures = build_figures()
    home = home or HomeResource(root=str(Home.default().root))
    return dg.Definitions(
        assets=with_pages(
            [*tables, figures, build_publishing(tables), build_report(figures), *build_releases()],
            Home(Path(home.root)),
        ),
        jobs=[weekly_snapshot, merge_identities, archived_week, weekly_release, upkeep],
        schedules=[weekly_snapshot_schedule, weekly_release_schedule, upkeep_schedule],
        resources={
            "hub": hub or HubResource.of_environment(),
            "crawl": crawl or CrawlResource(),
            "home": home,
            "archive": archive or ArchiveResource(),
        },
        # a single process, because DuckDB allows only one writer and starting a process per step takes two seconds
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Load the code location for Dagster. Importing this module has no side effects."""
    return build_defs()
