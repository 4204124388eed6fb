"""Warehouse tables as assets: their specs, and how one week's rows are stored, checked, recorded and shown.

Computing the rows belongs in the domain packages.
"""

import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg
import duckdb
import pyarrow as pa

from hub_assets.assets.code_versions import code_version
from hub_assets.checks import check, check_specs
from hub_assets.metadata import column_schema, preview
from hub_assets.partitions import MANY_WEEKS, SNAPSHOTS, snapshot_dates_of
from hub_assets.resources import HomeResource, project
from hub_assets.warehouse.builds import record_build
from hub_assets.warehouse.database import replace_week
from hub_assets.warehouse.sql_project import digest


def spec_of(name: str, deps: Collection[str], *kinds: str, **options: Any) -> dg.AssetSpec:
    """Return a table's asset spec, with the description from its yml and the tables it reads."""
    table = project().tables[name]
    return dg.AssetSpec(
        **{
            "key": name,
            "deps": list(deps),
            "group_name": table.group,
            "kinds": {"duckdb", *kinds},
            "description": table.description,
            "metadata": {"dagster/table_name": name, "dagster/column_schema": column_schema(table)},
            **options,
        }
    )


def python_step(
    name: str, tables: Mapping[str, Collection[str]], kind: str, checks: Collection[dg.AssetCheckSpec] = ()
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """Return a decorator that turns a function into a step, which fills tables in Python and checks them.

    The decorated function builds one week. Its first parameter is the snapshot date, and it returns a result or yields
    one per table. The step calls it for each week of its run.

    Args:
        name: the step's name.
        tables: the tables that the step fills, each mapped to the tables that it is computed from.
        kind: the library that does the work.
        checks: checks in addition to those in the yml.
    """

    def decorate(make: Callable[..., Any]) -> dg.AssetsDefinition:
        version = code_version(make)
        step = weekly(make)
        return dg.multi_asset(
            name=name,
            specs=[spec_of(table, deps, kind, code_version=version) for table, deps in tables.items()],
            check_specs=[*check_specs(project().tables[table] for table in tables), *checks],
            partitions_def=SNAPSHOTS,
            backfill_policy=MANY_WEEKS,
        )(step)

    return decorate


def weekly(make: Callable[..., Any]) -> Callable[..., Iterator[dg.MaterializeResult]]:
    """Return a step function that calls `make` for each week of its run and records the code that built the week."""
    parameters = list(inspect.signature(make).parameters.values())[1:]

    def step(context: dg.AssetExecutionContext, **inputs: Any) -> Iterator[dg.MaterializeResult]:
        weeks = snapshot_dates_of(context)
        made: dict[str, dict[date, dg.MaterializeResult]] = {}
        for week in weeks:
            results = make(week, **inputs)
            for result in [results] if isinstance(results, dg.MaterializeResult) else results:
                assert result.asset_key is not None, "a step's results name their tables"
                table = result.asset_key.to_user_string()
                record(context, inputs["home"], table, week)
                made.setdefault(table, {})[week] = result
                if len(made[table]) == len(weeks):
                    yield of_weeks(context, table, made[table])

    first = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=dg.AssetExecutionContext)
    step.__signature__ = inspect.Signature([first, *parameters])  # type: ignore[attr-defined]  # Dagster reads it
    step.__name__ = make.__name__
    step.__doc__ = make.__doc__
    return step


def record(context: dg.AssetExecutionContext, home: HomeResource, table: str, week: date) -> None:
    """Record that one week of a table was built by the current code."""
    version = context.assets_def.get_asset_spec(dg.AssetKey(table)).code_version
    if version:
        with home.building() as connection:
            record_build(connection, table, week, version)


def of_weeks(
    context: dg.AssetExecutionContext, table: str, results: Mapping[date, dg.MaterializeResult]
) -> dg.MaterializeResult:
    """Combine a table's results for the run's weeks into one.

    Each week keeps its own metadata. A check passes if it passes in every week; otherwise, it shows the worst week's
    result.
    """
    if len(results) == 1:
        return next(iter(results.values()))
    checks: dict[str, list[tuple[date | None, dg.AssetCheckResult]]] = {}
    for week, result in results.items():
        context.add_asset_metadata(dict(result.metadata or {}), table, str(week))
        for each in result.check_results:
            checks.setdefault(str(each.check_name), []).append((week, each))
    return dg.MaterializeResult(asset_key=table, check_results=[of_all(each) for each in checks.values()])


def of_all(results: Sequence[tuple[date | None, dg.AssetCheckResult]]) -> dg.AssetCheckResult:
    """Combine one check's results for several weeks: return the worst week's result, naming all weeks that fail."""
    failed = [(week, result) for week, result in results if not result.passed]
    blocking = [result for _, result in failed if result.severity == dg.AssetCheckSeverity.ERROR]
    shown = (blocking or [result for _, result in failed] or [results[-1][1]])[0]
    weeks = ", ".join(str(week) for week, _ in failed)
    found = {**shown.metadata, "failed_weeks": dg.MetadataValue.text(weeks)} if weeks else shown.metadata
    return shown._replace(metadata=found)


def store(
    connection: duckdb.DuckDBPyConnection, name: str, snapshot_date: date, rows: pa.Table, shown: int = 5
) -> dg.MaterializeResult:
    """Replace one week of a table with rows computed in Python, and run the table's checks.

    Args:
        connection: the build database.
        name: the table.
        snapshot_date: the week.
        rows: the table's columns, without the week.
        shown: number of rows in the preview.
    """
    table = project().tables[name]
    columns = ", ".join(column.name for column in table.columns if column.name != "snapshot_date")
    connection.register("made", rows)
    select = f"select date '{snapshot_date}' as snapshot_date, {columns} from made"
    n = replace_week(connection, name, snapshot_date, select)
    connection.unregister("made")
    return dg.MaterializeResult(
        asset_key=name,
        metadata={
            "dagster/partition_row_count": n,
            "dagster/column_schema": column_schema(table),
            "preview": preview(rows.slice(0, shown).to_pylist(), table.personal),
        },
        check_results=list(check(connection, table, snapshot_date)),
    )


def with_metadata(
    result: dg.MaterializeResult, metadata: Mapping[str, Any], *checks: dg.AssetCheckResult
) -> dg.MaterializeResult:
    """Return a result with more metadata and checks."""
    return dg.MaterializeResult(
        asset_key=result.asset_key,
        metadata={**(result.metadata or {}), **metadata},
        check_results=[*result.check_results, *checks],
    )


def with_lineage_versions(definitions: Iterable[dg.AssetsDefinition]) -> list[dg.AssetsDefinition]:
    """Replace each asset's code version with one that also covers all upstream code.

    A code change then immediately marks exactly the assets that depend on it as stale, including in Dagster's UI. Raw
    tables have no version, because a past week cannot be collected from the Hub again.
    """
    steps = list(definitions)
    specs = {spec.key: spec for definition in steps for spec in definition.specs}
    versions: dict[dg.AssetKey, str | None] = {}

    def version_of(key: dg.AssetKey) -> str | None:
        if key not in versions:
            spec = specs[key]
            upstream = [version_of(dep.asset_key) for dep in sorted(spec.deps, key=lambda dep: dep.asset_key)]
            versions[key] = spec.code_version and digest(spec.code_version, *filter(None, upstream))
        return versions[key]

    return [
        definition.map_asset_specs(lambda spec: spec.replace_attributes(code_version=version_of(spec.key)))
        for definition in steps
    ]
