"""Turns the data tests in the SQL project's yml into asset checks, which block downstream assets unless they only warn.

Each step runs the checks on the tables it writes. Checks that need data from an asset's own run are defined with
that asset.
"""

from collections.abc import Iterable, Iterator
from datetime import date

import dagster as dg
import duckdb

from hub_assets.metadata import preview
from hub_assets.resources import project
from hub_assets.warehouse.database import failing_rows
from hub_assets.warehouse.sql_project import DataTest, Seed, Table

SENTENCES = {
    "not_null": "Never null: {columns}.",
    "unique": "{columns} is unique.",
    "accepted_values": "{columns} is one of: {values}.",
    "relationships": "Every value of {columns} exists in {to}.{field}.",
}


def check_specs(tables: Iterable[Table]) -> list[dg.AssetCheckSpec]:
    """Return the asset checks for the given tables."""
    return [
        dg.AssetCheckSpec(test.name, asset=table.name, blocking=not test.is_warning, description=_sentence(test))
        for table in tables
        for test in table.data_tests
    ]


def newest_week(connection: duckdb.DuckDBPyConnection, table: Table) -> date | None:
    """Return a table's newest week, or None if the table is empty or is a seed, which has no weeks."""
    if isinstance(table, Seed):
        return None
    ((week,),) = connection.execute(f"select max(snapshot_date) from {table.name}").fetchall()
    return week if isinstance(week, date) else None


def check(
    connection: duckdb.DuckDBPyConnection, table: Table, snapshot_date: date | None
) -> Iterator[dg.AssetCheckResult]:
    """Run a table's checks for a week; pass None for a table without weeks."""
    for test in table.data_tests:
        failing = connection.sql(failing_rows(test, table, snapshot_date, project().tables.get(test.to)))
        ((n_failing,),) = failing.count("*").fetchall()
        examples = failing.limit(5).to_arrow_table().to_pylist() if n_failing else []
        yield dg.AssetCheckResult(
            asset_key=table.name,
            check_name=test.name,
            passed=n_failing == 0,
            severity=dg.AssetCheckSeverity.WARN if test.is_warning else dg.AssetCheckSeverity.ERROR,
            metadata={
                **({"week": str(snapshot_date)} if snapshot_date else {}),
                "failing_rows": n_failing,
                "examples": preview(examples, table.personal),
            },
        )


def _sentence(test: DataTest) -> str:
    return SENTENCES[test.kind].format(
        columns=", ".join(test.columns), values=", ".join(test.values), to=test.to, field=test.field
    )
