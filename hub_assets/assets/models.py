"""SQL models and seeds as assets, one per table, with lineage, code versions and columns from the loader."""

from typing import Final

import dagster as dg

from hub_assets.assets.metadata import RESULT_ROWS, column_lineage, column_schema, preview, tracked_metrics
from hub_assets.partitions import SNAPSHOTS, snapshot_date_of
from hub_assets.resources import HomeResource, listings_behind, project
from hub_assets.warehouse.database import replace_week
from hub_assets.warehouse.sql_project import Model, Seed

PREVIEW_ROWS: Final = 5


def build_model(model: Model) -> dg.AssetsDefinition:
    """Build the asset of a model."""

    @dg.asset(
        name=model.name,
        deps=list(model.upstream),
        partitions_def=SNAPSHOTS,
        group_name=model.group,
        kinds={"duckdb", "sql"},
        code_version=model.code_version,
        description=f"{model.description}\n\n```sql\n{model.sql}```",
        metadata={"dagster/table_name": model.name, "dagster/column_schema": column_schema(model)},
    )
    def table(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult:
        snapshot_date = snapshot_date_of(context)
        with home.building(snapshot_date, listings_behind(model.name)) as connection:
            if not model.is_view:
                replace_week(connection, model.name, snapshot_date, model.render(snapshot_date))
            week = f"from {model.name} where snapshot_date = date '{snapshot_date}'"
            ((rows,),) = connection.execute(f"select count(*) {week}").fetchall()
            shown = RESULT_ROWS if model.tracked_metrics else PREVIEW_ROWS
            first = connection.sql(f"select * {week} limit {shown}").to_arrow_table().to_pylist()
            followed = {
                tracked_metric: connection.sql(f"select * {week} and ({tracked_metric.where})").to_arrow_table()
                for tracked_metric in model.tracked_metrics
            }
        return dg.MaterializeResult(
            metadata={
                "dagster/partition_row_count": rows,
                "dagster/column_schema": column_schema(model),
                "preview": preview(first, model.personal),
                **column_lineage(model),
                **{
                    name: number
                    for tracked_metric, table in followed.items()
                    for name, number in tracked_metrics(table, {tracked_metric.name: tracked_metric.column}).items()
                },
            }
        )

    return table


def build_seed(seed: Seed) -> dg.AssetsDefinition:
    """Build the asset of a seed, which is not partitioned by week."""

    @dg.asset(
        name=seed.name,
        group_name=seed.group,
        kinds={"duckdb", "csv"},
        code_version=seed.code_version,
        description=seed.description,
        metadata={"dagster/table_name": seed.name},
    )
    def table(home: HomeResource) -> dg.MaterializeResult:
        with home.building() as connection:
            rows = connection.sql(f"select * from {seed.name}").to_arrow_table()
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": rows.num_rows,
                "dagster/column_schema": column_schema(seed),
                "preview": preview(rows.slice(0, PREVIEW_ROWS).to_pylist(), seed.personal),
            },
            data_version=dg.DataVersion(seed.code_version),
        )

    return table


def build_models() -> list[dg.AssetsDefinition]:
    """Build the assets of all seeds and models."""
    loaded = project()
    return [*(build_seed(seed) for seed in loaded.seeds), *(build_model(model) for model in loaded.models)]
