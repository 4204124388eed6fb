"""The Dagster code location, on one page."""

import warnings
from pathlib import Path

import dagster as dg

from hub_assets.assets.catalog import with_catalog_entry
from hub_assets.assets.figures import build_figures
from hub_assets.assets.identities import build_identities
from hub_assets.assets.listings import build_listings
from hub_assets.assets.models import build_models
from hub_assets.assets.networks import build_networks
from hub_assets.assets.publishing import build_publishing
from hub_assets.assets.responses import build_responses
from hub_assets.assets.staleness import REBUILD_WEEKS, build_code_checks, build_rebuild_stale
from hub_assets.assets.statistics import build_statistics
from hub_assets.assets.tables import with_lineage_versions
from hub_assets.home import Home
from hub_assets.resources import CrawlResource, HomeResource, HubResource
from hub_assets.schedules import merge_identities, rebuild_weeks, weekly_snapshot, weekly_snapshot_schedule


def build_defs(
    *, hub: HubResource | None = None, home: HomeResource | None = None, crawl: CrawlResource | None = None
) -> dg.Definitions:
    """Assemble the code location.

    Args:
        hub: the Hub to collect from; the default is HF_ENDPOINT, or huggingface.co if that is not set.
        home: where to store the data; the default is HUB_ASSETS_HOME, or `~/.hub_assets` if that is not set.
        crawl: which histories to fetch; the default is as many as 24 hours of the Hub's rate limit allow.
    """
    where = home or HomeResource(root=str(Home.default().root))
    # a backfill of the weekly job goes week by week, as it should, because the listings in it do
    warnings.filterwarnings("ignore", "Asset job weekly_snapshot materializes assets with varying BackfillPolicies")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # Dagster calls backfill policies beta
        tables = [
            *build_listings(),
            *build_responses(),
            *build_identities(),
            *build_models(),
            *build_statistics(),
            *build_networks(),
        ]
        steps = with_lineage_versions([*tables, build_figures(), build_publishing(tables)])
        assets = [step.map_asset_specs(lambda spec: with_catalog_entry(spec, Path(where.root))) for step in steps]
    definitions = dg.Definitions(
        assets=assets,
        asset_checks=[build_code_checks(assets)],
        jobs=[
            weekly_snapshot,
            merge_identities,
            rebuild_weeks,
            build_rebuild_stale(assets, where, lambda: definitions.resolve_job_def(REBUILD_WEEKS)),
        ],
        schedules=[weekly_snapshot_schedule],
        resources={
            "hub": hub or HubResource.of_environment(),
            "crawl": crawl or CrawlResource(),
            "home": where,
        },
        # a single process, because DuckDB allows only one writer and starting a process per step takes two seconds
        executor=dg.in_process_executor,
    )
    return definitions


@dg.definitions
def defs() -> dg.Definitions:
    """Load the code location for Dagster. Importing this module has no side effects."""
    return build_defs()
