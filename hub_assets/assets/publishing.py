"""The last step of a run: the week that has passed every blocking check is put before the readers."""

import dagster as dg

from hub_assets.assets.metadata import count_table
from hub_assets.partitions import SNAPSHOTS, snapshot_date_of
from hub_assets.resources import HomeResource, project
from hub_assets.warehouse.database import publish


def build_publishing() -> dg.AssetsDefinition:
    """Make the asset that publishes the warehouse; it comes after every table, and so after all blocking checks."""

    stored = (source for source in project().sources if source.is_stored)

    @dg.asset(
        deps=[table.name for table in (*stored, *project().models, *project().seeds)],
        partitions_def=SNAPSHOTS,
        group_name="report",
        kinds={"duckdb"},
    )
    def warehouse__published(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult:
        """The database that people read: all tables of all published weeks."""
        where, snapshot_date = home.home, snapshot_date_of(context)
        home.require_listed(snapshot_date)
        rows = publish(where.build, where.warehouse, snapshot_date, project())
        return dg.MaterializeResult(
            metadata={
                "rows": count_table(rows),
                "source": where.source,
                "path": dg.MetadataValue.path(str(where.warehouse)),
                "megabytes": round(where.warehouse.stat().st_size / 1e6, 1),
            }
        )

    return warehouse__published
