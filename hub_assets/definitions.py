"""The Dagster code location: all assets, checks, jobs, schedules, sensors and resources."""

import logging
import os
import warnings
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg

from hub_assets.assets.archives import build_archives
from hub_assets.assets.catalog import with_catalog_entry
from hub_assets.assets.change import build_change
from hub_assets.assets.claims import build_claims
from hub_assets.assets.figures import build_figures
from hub_assets.assets.identities import build_identities
from hub_assets.assets.listings import build_listings
from hub_assets.assets.models import build_models
from hub_assets.assets.networks import build_networks
from hub_assets.assets.publishing import build_publishing
from hub_assets.assets.releases import build_releases
from hub_assets.assets.report import build_report, build_space, with_page
from hub_assets.assets.responses import build_responses
from hub_assets.assets.search import build_search
from hub_assets.assets.staleness import build_code_checks, build_rebuild_stale
from hub_assets.assets.statistics import build_statistics
from hub_assets.assets.tables import with_lineage_versions
from hub_assets.assets.trust import build_trust
from hub_assets.home import Home
from hub_assets.hub.http.endpoint import DEFAULT_ENDPOINT
from hub_assets.partitions import STUDY_WEEK, week_of, weeks_since
from hub_assets.resources import ArchiveResource, CrawlResource, HomeResource, HubResource
from hub_assets.schedules import (
    DEADLINES,
    archived_week,
    merge_identities,
    rebuild_weeks,
    upkeep,
    upkeep_schedule,
    weekly_release,
    weekly_release_schedule,
    weekly_snapshot,
    weekly_snapshot_schedule,
)
from hub_assets.sensors import alert_sensors, unfinished_week_sensor

logger = logging.getLogger(__name__)


def build_defs(
    *,
    hub: HubResource | None = None,
    home: HomeResource | None = None,
    crawl: CrawlResource | None = None,
    week: date | None = None,
    archive: ArchiveResource | None = None,
) -> dg.Definitions:
    """Assemble the code location. The home's first week determines the first partition.

    Args:
        hub: the Hub to collect from; the default is HF_ENDPOINT, or huggingface.co if that is not set.
        home: where to store the data; the default is HUB_ASSETS_HOME, or `~/.hub_assets` if that is not set.
        crawl: which histories to fetch; the default is as many as the Hub's rate limit allows in 24 hours.
        week: a week to include in the partitions even if the home's first week is later.

    Raises:
        HomeError: if another version of hub_assets wrote the home.
    """
    hub = hub or HubResource.of_environment()
    home = home or HomeResource(root=str(Home.default().root))
    weeks = weeks_since(_first_week(home.home, hub, week))
    alerts = alert_sensors(home.home)

    def finished(spec: dg.AssetSpec) -> dg.AssetSpec:
        entry = with_page(with_catalog_entry(spec, home.home), home.home)
        if spec.partitions_def is None:
            return entry
        deadline = DEADLINES.get(spec.key.to_user_string())
        return entry.replace_attributes(partitions_def=weeks, freshness_policy=deadline)

    # a job that includes listings is backfilled one week at a time, because listings require it; ignore the warning
    warnings.filterwarnings("ignore", "Asset job .* materializes assets with varying BackfillPolicies")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # Dagster calls backfill policies beta
        tables = [
            *build_listings(),
            build_archives(),
            *build_responses(),
            *build_identities(),
            *build_models(),
            *build_statistics(),
            *build_networks(),
            *build_trust(),
            *build_change(),
            *build_claims(),
        ]
        figures = build_figures()
        steps = with_lineage_versions(
            [
                *tables,
                figures,
                build_publishing(tables),
                build_report(figures),
                build_space(),
                build_search(),
                *build_releases(),
            ]
        )
        assets = [step.map_asset_specs(finished) for step in steps]
    rebuild_stale = build_rebuild_stale(assets, home, lambda: definitions.resolve_job_def(rebuild_weeks.name))
    definitions = dg.Definitions(
        assets=assets,
        asset_checks=build_code_checks(assets),
        jobs=[weekly_snapshot, merge_identities, rebuild_weeks, rebuild_stale, archived_week, weekly_release, upkeep],
        schedules=[weekly_snapshot_schedule(hub), weekly_release_schedule, upkeep_schedule],
        sensors=[unfinished_week_sensor(hub, home.home), *alerts],
        resources={
            "hub": hub,
            "crawl": crawl or CrawlResource(),
            "home": home,
            "archive": archive or ArchiveResource(),
        },
        # a single process, because DuckDB allows only one writer and starting a process takes two seconds per step
        executor=dg.in_process_executor,
    )
    return definitions


def _first_week(home: Home, hub: HubResource, week: date | None) -> date:
    """Return the week of the first partition: the home's first week, or the current week if the home is empty.

    If the Hub is not huggingface.co, an empty home starts with the study's week, because that Hub's clock may show any
    week.
    """
    empty = week_of(datetime.now(UTC)) if hub.endpoint == DEFAULT_ENDPOINT else STUDY_WEEK
    first = next(iter(home.weeks), week or empty)
    return min(first, week) if week else first


@dg.definitions
def defs() -> dg.Definitions:
    """Load the code location for Dagster. Importing this module has no side effects."""
    home = Home.default()
    if Path(os.environ.get("DAGSTER_HOME") or ".").absolute() != home.dagster:
        logger.warning(
            "Runs of this Dagster instance do not appear in the history of %s; to record them there, start "
            "`hub-assets dev`, or set DAGSTER_HOME=%s.",
            home.root,
            home.dagster,
        )
    return build_defs()
