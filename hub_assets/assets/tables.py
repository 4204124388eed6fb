"""Tables of the warehouse that Python fills: how their assets are declared, a week's rows stored, figures kept.

What rows and figures hold belongs to the rooms that make them.
"""

from base64 import b64encode
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import duckdb
import pyarrow as pa

from hub_assets.assets.metadata import column_schema, preview
from hub_assets.resources import project
from hub_assets.warehouse.database import replace_week

if TYPE_CHECKING:  # matplotlib takes half a second to import; loading the code location need not wait for it
    from matplotlib.figure import Figure


def spec_of(name: str, group: str, deps: list[str], *kinds: str) -> dg.AssetSpec:
    """Return what Dagster is told of a table that Python fills."""
    source = project().tables[name]
    return dg.AssetSpec(
        name,
        deps=deps,
        group_name=group,
        kinds={"duckdb", *kinds},
        description=source.description,
        metadata={"dagster/table_name": name, "dagster/column_schema": column_schema(source)},
    )


def replace_rows(
    connection: duckdb.DuckDBPyConnection, name: str, snapshot_date: date, rows: pa.Table, shown: int = 5
) -> dict[str, Any]:
    """Make rows those of a table's week, and return what the UI shows of them.

    Args:
        connection: the build database.
        name: the table's.
        snapshot_date: the week.
        rows: with the table's columns, but for the week.
        shown: how many rows are shown.
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
        "preview": preview(rows.slice(0, shown).to_pylist()),
    }


def keep_figures(figures: Mapping[str, "Figure"], folder: Path) -> dict[str, Any]:
    """Write figures as SVG and PNG, and return them as the UI shows them."""
    from hub_assets.figures.files import save

    shown = {}
    for title, figure in figures.items():
        _, png = save(figure, folder / title)
        image = b64encode(png.read_bytes()).decode()
        shown[title] = dg.MetadataValue.md(f"![{title}](data:image/png;base64,{image})")
    return shown
