"""Metadata for the UI: a table's columns, lineage, preview and counts. Only formatting belongs here."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import dagster as dg
import pyarrow as pa

from hub_assets.warehouse.column_lineage import Origins
from hub_assets.warehouse.sql_project import Table

PREVIEW_TEXT = 80
"""Maximum characters per value in a preview, because card metadata can be a page long."""
RESULT_ROWS = 300
"""Maximum rows in the preview of a result table. The longest has about 250, so every result table fits."""


def column_schema(table: Table) -> dg.TableSchemaMetadataValue:
    """Return a table's columns with their types, descriptions and the constraints that the data tests check."""
    never_null = {name for test in table.data_tests if test.kind == "not_null" for name in test.columns}
    unique = {test.columns for test in table.data_tests if test.kind == "unique"}
    return dg.MetadataValue.table_schema(
        dg.TableSchema(
            columns=[
                dg.TableColumn(
                    column.name,
                    column.type,
                    description=column.description,
                    constraints=dg.TableColumnConstraints(
                        nullable=column.name not in never_null,
                        unique=(column.name,) in unique,
                        other=["key"] if column.name in table.grain else [],
                    ),
                )
                for column in table.columns
            ]
        )
    )


def lineage(origins: Origins) -> dict[str, Any]:
    """Return the lineage of a table's columns, both in the form that catalogs read and as a table.

    The table is needed because the open-source UI does not show column lineage.
    """
    lines = [
        f"| {column} | {', '.join(f'{table}.{name}' for table, name in sources) or '-'} |"
        for column, sources in origins.items()
    ]
    return {
        "dagster/column_lineage": dg.TableColumnLineage(
            deps_by_column={
                column: [dg.TableColumnDep(asset_key=dg.AssetKey(table), column_name=name) for table, name in sources]
                for column, sources in origins.items()
            }
        ),
        "columns_come_from": dg.MetadataValue.md("\n".join(["| column | from |", "| --- | --- |", *lines])),
    }


def preview(rows: Iterable[Mapping[str, Any]], personal: Collection[str]) -> dg.MetadataValue[Any]:
    """Return a few rows as a table. Personal columns are hidden, because the event log keeps previews forever."""
    records = [
        dg.TableRecord({name: "…" if name in personal and value else _shown(value) for name, value in row.items()})
        for row in rows
    ]
    return dg.MetadataValue.table(records) if records else dg.MetadataValue.text("no rows")


def count_table(counts: Mapping[str, int]) -> dg.MetadataValue[Any]:
    """Return named counts as a table."""
    return table([{"what": what, "rows": n} for what, n in counts.items()])


def table(rows: Sequence[Mapping[str, Any]]) -> dg.MetadataValue[Any]:
    """Return records as a table."""
    records = [dg.TableRecord(dict(row)) for row in rows]
    return dg.MetadataValue.table(records) if records else dg.MetadataValue.text("none")


def tracked_metrics(rows: pa.Table, columns: Mapping[str, str]) -> dict[str, float]:
    """Return numbers from result rows for the UI to plot over the weeks.

    Args:
        rows: the result rows.
        columns: the column to plot for each metric name. Names are templates filled with the row's values, such as
            `{repo_type}_n`.
    """
    return {
        name.format_map(row): row[column]
        for row in rows.to_pylist()
        for name, column in columns.items()
        if row[column] is not None
    }


def _shown(value: Any) -> str | int | float | bool | None:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = json.dumps(value, default=str) if isinstance(value, list | dict) else str(value)
    return text if len(text) <= PREVIEW_TEXT else text[: PREVIEW_TEXT - 1] + "…"
