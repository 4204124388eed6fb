"""The week's site as an asset, and links from every table to the page that shows it.

The content of the pages belongs in `hub_assets.report.site`.
"""

from collections.abc import Iterator
from datetime import date
from typing import Final

import dagster as dg

from hub_assets.assets.tables import of_weeks
from hub_assets.home import Home
from hub_assets.partitions import MANY_WEEKS, SNAPSHOTS, snapshot_dates_of
from hub_assets.resources import HomeResource, project

PAGE_OF_GROUP: Final = {
    "activity": "activity.html",
    "statistics": "activity.html",
    "collaboration": "collaboration.html",
    "usage": "adoption.html",
    "report": "index.html",
    "identities": "methods.html#identities",
}
"""The page that each group of assets links to. Groups that are not named here link to the list of tables."""
OTHER_PAGE: Final = "data.html"


def build_report(figures: dg.AssetsDefinition) -> dg.AssetsDefinition:
    """Build the asset that writes the site. It reads the published warehouse, so it comes after publishing."""

    @dg.asset(
        deps=["warehouse__published", *figures.keys],
        partitions_def=SNAPSHOTS,
        backfill_policy=MANY_WEEKS,
        group_name="report",
        kinds={"html"},
    )
    def report__site(context: dg.AssetExecutionContext, home: HomeResource) -> Iterator[dg.MaterializeResult]:
        """The week's report as a static site: findings, tables and figures next to the study, methods and data."""
        from hub_assets.report.site.build import build_site  # imports matplotlib, which takes half a second

        where, results = home.home, dict[date, dg.MaterializeResult]()
        for snapshot_date in snapshot_dates_of(context):
            built = build_site(
                where.warehouse, where.report, snapshot_date, project(), source=where.source, figures=where.figures
            )
            results[snapshot_date] = dg.MaterializeResult(
                asset_key="report__site",
                metadata={
                    "site": dg.MetadataValue.url(built.index.as_uri()),
                    "path": dg.MetadataValue.path(str(built.index)),
                    "pages": built.n_pages,
                    "queries": built.n_queries,
                    "megabytes": round(built.n_bytes / 1e6, 1),
                },
            )
        yield of_weeks(context, "report__site", results)

    return report__site


def with_page(spec: dg.AssetSpec, home: Home) -> dg.AssetSpec:
    """Return a spec with a link to the page of the newest site that shows its group."""
    page = PAGE_OF_GROUP.get(spec.group_name or "", OTHER_PAGE)
    return spec.merge_attributes(
        metadata={"report": dg.MetadataValue.url(f"{(home.report / 'newest').as_uri()}/{page}")}
    )
