"""Warehouse tables filled by Python: how their assets are declared and how a week of rows is stored.

Computing the rows belongs in the other rooms.
"""

from datetime import date
from typing import Any

import dagster as dg
import duckdb
import pyarrow as pa

from hub_assets.assets.metadata import column_schema, preview
from hub_assets.resources import project
from hub_assets.warehouse.database import replace_week


def spec_of(name: str, deps: list[str], *kinds: str) -> dg.AssetSpec:
    """Return the asset spec of a table that Python fills."""
    source = project().tables[name]
    return dg.AssetSpec(
        name,
        deps=deps,
        group_name=source.group,
        kinds={"duckdb", *kinds},
        description=source.description,
        metadata={"dagster/table_name": name, "dagster/column_schema": column_schema(source)},
    )


def replace_rows(
    connection: duckdb.DuckDBPyConnection, name: str, snapshot_date: date, rows: pa.Table, shown: int = 5
) -> dict[str, Any]:
    """Replace a week of a table and return the metadata for the UI.

    Args:
        connection: the build database.
        name: name of the table.
        snapshot_date: the week.
        rows: the new rows, with all columns of the table except `snapshot_date`.
        shown: number of rows in the preview.
    """
    source = project().tables[name]
    columns = ", ".join(column.name for column in source.columns if column.name != "snapshot_date")
    connection.register("made", rows)
    select = f"select date '{snapshot_date}' as snapshot_date, {columns} from made"
    n = replace_week(connection, name, snapshot_date, select)
    connection.unregister("made")
    return {
        "dagster/partition_row_count": n,
        "dagster/column_schema": column_schema(source),
        "preview": preview(rows.slice(0, shown).to_pylist(), source.personal),
    }
