"""The last step of a run: publish the week to readers once it has passed every blocking check."""

from collections.abc import Iterator, Sequence
from datetime import date

import dagster as dg

from hub_assets.assets.tables import of_weeks
from hub_assets.metadata import count_table
from hub_assets.partitions import MANY_WEEKS, SNAPSHOTS, snapshot_dates_of
from hub_assets.resources import HomeResource, project
from hub_assets.warehouse.publication import older_weeks, publish


def build_publishing(tables: Sequence[dg.AssetsDefinition]) -> dg.AssetsDefinition:
    """Build the asset that publishes the warehouse. It runs after all tables and their blocking checks."""

    @dg.asset(
        deps=_last_of_groups(tables),
        partitions_def=SNAPSHOTS,
        backfill_policy=MANY_WEEKS,
        group_name="report",
        kinds={"duckdb"},
        # in a run that selects only some tables, nothing but the priority keeps this step last
        op_tags={"dagster/priority": "-1000"},
    )
    def warehouse__published(context: dg.AssetExecutionContext, home: HomeResource) -> Iterator[dg.MaterializeResult]:
        """The published database: all public tables with the newest week, and views that add the older weeks' files."""
        where = home.home
        results: dict[date, dg.MaterializeResult] = {}
        for snapshot_date in snapshot_dates_of(context):
            home.require_listed(snapshot_date)
            if context.instance.get_run_stats(context.run.run_id).steps_failed:
                raise dg.Failure("Nothing was published because a step of this run failed.", allow_retries=False)
            with home.building():
                pass  # takes the lock, which the run keeps while the week is copied
            home.release()
            rows = publish(where.build, where.warehouse, snapshot_date, project())
            results[snapshot_date] = dg.MaterializeResult(
                asset_key="warehouse__published",
                metadata={
                    "rows": count_table(rows),
                    "source": where.source,
                    "path": dg.MetadataValue.path(str(where.warehouse)),
                    "megabytes": round(where.warehouse.stat().st_size / 1e6, 1),
                    "older_weeks": dg.MetadataValue.path(str(older_weeks(where.warehouse))),
                },
            )
        yield of_weeks(context, "warehouse__published", results)

    return warehouse__published


def _last_of_groups(tables: Sequence[dg.AssetsDefinition]) -> list[dg.AssetKey]:
    """Return, for each group, one table that no other table reads.

    Depending on every table would clutter the lineage graph with arrows. A run does not need these dependencies:
    publishing has the lowest priority, so every other step ends before it, and nothing is published if a step failed.
    """
    specs = [spec for definition in tables for spec in definition.specs]
    read = {dep.asset_key for spec in specs for dep in spec.deps}
    return list({spec.group_name: spec.key for spec in specs if spec.key not in read}.values())
