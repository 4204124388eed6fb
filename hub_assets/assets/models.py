"""The SQL models and seeds as assets. Each group is one step, which builds and checks the selected tables in order."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import starmap
from typing import Any, Final, TypeVar

import dagster as dg
import duckdb

from hub_assets.assets.tables import of_all, of_weeks, record, spec_of
from hub_assets.checks import check, check_specs, newest_week
from hub_assets.metadata import RESULT_ROWS, column_schema, lineage, preview, tracked_metrics
from hub_assets.partitions import MANY_WEEKS, SNAPSHOTS, snapshot_dates_of
from hub_assets.resources import HomeResource, listings_behind, project
from hub_assets.warehouse.column_lineage import column_lineage
from hub_assets.warehouse.spark import SparkError
from hub_assets.warehouse.sql_project import Model, ModelError, Seed

PREVIEW_ROWS: Final = 5

T = TypeVar("T", Model, Seed)
Result = dg.MaterializeResult[Any] | dg.AssetCheckResult


def build_models() -> list[dg.AssetsDefinition]:
    """Build one step per group of seeds and one step per group of SQL models."""
    seeds, models = _by_group(project().seeds), _by_group(project().models)
    return [*starmap(_build_seeds, seeds.items()), *starmap(_build_group, models.items())]


def _by_group(tables: Iterable[T]) -> dict[str, list[T]]:
    groups: dict[str, list[T]] = {}
    for table in tables:
        groups.setdefault(table.group, []).append(table)
    return groups


def _build_group(group: str, models: Sequence[Model]) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=group,
        specs=[
            spec_of(
                model.name,
                model.upstream,
                "sql",
                code_version=model.code_version,
                skippable=True,
            )
            for model in models
        ],
        check_specs=check_specs(models),
        partitions_def=SNAPSHOTS,
        backfill_policy=MANY_WEEKS,
        can_subset=True,
    )
    def tables(context: dg.AssetExecutionContext, home: HomeResource) -> Iterator[Result]:
        selected = {key.to_user_string() for key in context.selected_asset_keys}
        weeks = snapshot_dates_of(context) if context.has_partition_key or context.has_partition_key_range else []
        failed: dict[str, str] = {}
        for model in models:
            if model.name not in selected:
                yield from _check_only(context, home, model, weeks)
                continue
            if unbuilt := [name for name in model.upstream if name in failed]:
                failed[model.name] = f"not built because {unbuilt[0]} failed"
                continue
            try:
                results = {}
                for week in weeks:
                    results[week] = _build_week(model, week, home)
                    record(context, home, model.name, week)
            except (duckdb.Error, SparkError, ModelError, dg.Failure) as error:
                failed[model.name] = str(error)
                continue
            result = of_weeks(context, model.name, results)
            yield result
            if any(not each.passed and each.severity == dg.AssetCheckSeverity.ERROR for each in result.check_results):
                failed[model.name] = "a check failed"
        if failed:
            raise dg.Failure("\n".join(f"{name}: {reason}" for name, reason in failed.items()), allow_retries=False)

    return tables


def _build_week(model: Model, snapshot_date: date, home: HomeResource) -> dg.MaterializeResult:
    with home.building(snapshot_date, listings_behind(model.name)) as connection:
        if not model.is_view:
            home.build(connection, model, snapshot_date)
        week = f"from {model.name} where snapshot_date = date '{snapshot_date}'"
        ((rows,),) = connection.execute(f"select count(*) {week}").fetchall()
        shown = RESULT_ROWS if model.tracked_metrics else PREVIEW_ROWS
        first = connection.sql(f"select * {week} limit {shown}").to_arrow_table().to_pylist()
        numbers: dict[str, float] = {}
        for metric in model.tracked_metrics:
            followed = connection.sql(f"select * {week} and ({metric.where})").to_arrow_table()
            numbers |= tracked_metrics(followed, {metric.name: metric.column})
        checks = list(check(connection, model, snapshot_date))
    return dg.MaterializeResult(
        asset_key=model.name,
        metadata={
            "dagster/partition_row_count": rows,
            "dagster/column_schema": column_schema(model),
            "preview": preview(first, model.personal),
            **lineage(column_lineage(model, project().tables)),
            **numbers,
        },
        check_results=checks,
    )


def _build_seeds(group: str, seeds: Sequence[Seed]) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=group,
        specs=[
            dg.AssetSpec(
                seed.name,
                group_name=seed.group,
                kinds={"duckdb", "csv"},
                code_version=seed.code_version,
                description=seed.description,
                metadata={"dagster/table_name": seed.name, "dagster/column_schema": column_schema(seed)},
                skippable=True,
            )
            for seed in seeds
        ],
        check_specs=check_specs(seeds),
        can_subset=True,
    )
    def tables(context: dg.AssetExecutionContext, home: HomeResource) -> Iterator[Result]:
        selected = {key.to_user_string() for key in context.selected_asset_keys}
        for seed in seeds:
            if seed.name not in selected:
                yield from _check_only(context, home, seed, [])
                continue
            with home.building() as connection:
                rows = connection.sql(f"select * from {seed.name}").to_arrow_table()
                checks = list(check(connection, seed, None))
            yield dg.MaterializeResult(
                asset_key=seed.name,
                metadata={
                    "dagster/row_count": rows.num_rows,
                    "dagster/column_schema": column_schema(seed),
                    "preview": preview(rows.slice(0, PREVIEW_ROWS).to_pylist(), seed.personal),
                },
                data_version=dg.DataVersion(seed.code_version),
                check_results=checks,
            )

    return tables


def _check_only(
    context: dg.AssetExecutionContext, home: HomeResource, table: Model | Seed, weeks: Sequence[date]
) -> Iterator[dg.AssetCheckResult]:
    """Run a table's selected checks in a run that does not build the table."""
    names = {key.name for key in context.selected_asset_check_keys if key.asset_key.to_user_string() == table.name}
    if names:
        results: dict[str, list[tuple[date | None, dg.AssetCheckResult]]] = {}
        with home.building() as connection:
            chosen: Sequence[date | None] = weeks or [newest_week(connection, table)]
            for week in chosen:
                for result in check(connection, table, week):
                    results.setdefault(str(result.check_name), []).append((week, result))
        yield from [of_all(each) for name, each in results.items() if name in names]
