"""The week's site as an asset, its publication as a Space, and links from every table to the page that shows it.

The content of the pages belongs in `hub_assets.report.site`.
"""

from collections.abc import Iterator
from datetime import date
from typing import Final

import dagster as dg
from pydantic import Field

from hub_assets.assets.tables import of_weeks
from hub_assets.home import Home
from hub_assets.partitions import MANY_WEEKS, SNAPSHOTS, snapshot_date_of, snapshot_dates_of
from hub_assets.releases.commit import Target
from hub_assets.report.space import publish_space
from hub_assets.resources import HomeResource, HubResource, project

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


class SpaceConfig(dg.Config):
    """Where a site is published."""

    to: str | None = Field(
        default=None, description="Space on the Hub, such as `my-lab/observatory`; null: publish nothing."
    )


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
        """The week's report as a static site: findings compared with the study's, tables, figures, methods and data."""
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


def build_space() -> dg.AssetsDefinition:
    """Build the asset that publishes the site on the Hub, if a Space is named."""

    @dg.asset(
        deps=["report__site"],
        partitions_def=SNAPSHOTS,
        group_name="report",
        kinds={"html", "huggingface"},
        output_required=False,
    )
    def report__space(
        context: dg.AssetExecutionContext, hub: HubResource, home: HomeResource, config: SpaceConfig
    ) -> Iterator[dg.MaterializeResult]:
        """The week's site as a static Space on the Hub, replaced in one commit."""
        if config.to is None:
            context.log.info("No Space is named in the configuration, so nothing is published.")
            return
        where, snapshot_date = home.home, snapshot_date_of(context)
        # data from a demo or another Hub must not be published as data from this Hub
        where.require(hub.client.endpoint, hub.client.contact(hub.outage_backoff).population)
        target = Target(hub.client.endpoint, config.to)
        published = publish_space(target, where.report / str(snapshot_date), context.log.info)
        yield dg.MaterializeResult(
            metadata={"space": config.to, "commit": published.commit, "files": published.n_files}
        )

    return report__space


def with_page(spec: dg.AssetSpec, home: Home) -> dg.AssetSpec:
    """Return a spec with a link to its group's page in the newest site."""
    page = PAGE_OF_GROUP.get(spec.group_name or "", OTHER_PAGE)
    return spec.merge_attributes(
        metadata={"report": dg.MetadataValue.url(f"{(home.report / 'newest').as_uri()}/{page}")}
    )
