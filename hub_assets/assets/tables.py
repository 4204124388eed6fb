"""Warehouse tables as assets: their specs, and how a week of rows is stored, checked and shown.

Computing the rows belongs in the other rooms.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import date
from typing import Any

import dagster as dg
import duckdb
import pyarrow as pa

from hub_assets.assets.metadata import column_schema, preview
from hub_assets.checks import check, check_specs
from hub_assets.partitions import SNAPSHOTS
from hub_assets.resources import project
from hub_assets.warehouse.database import replace_week


def spec_of(name: str, deps: Collection[str], *kinds: str, **options: Any) -> dg.AssetSpec:
    """Return the asset spec of a table: what its yml says, and what it reads."""
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
    """Return the decorator of a step that fills tables in Python and checks them.

    Args:
        name: the step.
        tables: what each table reads.
        kind: the library that does the work.
        checks: checks besides those in the yml.
    """
    return dg.multi_asset(
        name=name,
        specs=[spec_of(table, deps, kind) for table, deps in tables.items()],
        check_specs=[*check_specs(project().tables[table] for table in tables), *checks],
        partitions_def=SNAPSHOTS,
    )


def store(
    connection: duckdb.DuckDBPyConnection, name: str, snapshot_date: date, rows: pa.Table, shown: int = 5
) -> dg.MaterializeResult:
    """Replace a table's week with rows made by Python, and check it.

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
