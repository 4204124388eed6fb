"""The data tests in the SQL project's yml as asset checks; a failure blocks downstream assets unless it only warns.

Checks that need data from an asset's own run are defined with that asset.
"""

from collections.abc import Iterator
from datetime import date

import dagster as dg

from hub_assets.assets.metadata import preview
from hub_assets.resources import HomeResource, project
from hub_assets.warehouse.database import failing_rows
from hub_assets.warehouse.sql_project import DataTest, Model, Seed, Source

SENTENCES = {
    "not_null": "Never null: {columns}.",
    "unique": "{columns} is unique.",
    "accepted_values": "{columns} is one of: {values}.",
    "relationships": "Every value of {columns} exists in {to}.{field}.",
}


def build_checks(table: Model | Seed | Source) -> dg.AssetChecksDefinition:
    """Build the checks of a table: they cover the run's week, or the newest week when run on their own."""

    @dg.multi_asset_check(
        name=f"{table.name}__data_tests",
        specs=[
            dg.AssetCheckSpec(test.name, asset=table.name, blocking=not test.is_warning, description=_sentence(test))
            for test in table.data_tests
        ],
    )
    def data_tests(context: dg.AssetCheckExecutionContext, home: HomeResource) -> Iterator[dg.AssetCheckResult]:
        with home.building() as connection:
            snapshot_date = date.fromisoformat(context.partition_key) if context.has_partition_key else None
            if snapshot_date is None and not isinstance(table, Seed):
                ((snapshot_date,),) = connection.execute(f"select max(snapshot_date) from {table.name}").fetchall()
            for test in table.data_tests:
                failing = connection.sql(failing_rows(test, table, snapshot_date, project().tables.get(test.to)))
                examples = failing.limit(5).to_arrow_table().to_pylist()
                ((n_failing,),) = failing.count("*").fetchall()
                yield dg.AssetCheckResult(
                    asset_key=table.name,
                    check_name=test.name,
                    passed=n_failing == 0,
                    severity=dg.AssetCheckSeverity.WARN if test.is_warning else dg.AssetCheckSeverity.ERROR,
                    metadata={"failing_rows": n_failing, "examples": preview(examples, table.personal)},
                )

    return data_tests


def _sentence(test: DataTest) -> str:
    return SENTENCES[test.kind].format(
        columns=", ".join(test.columns), values=", ".join(test.values), to=test.to, field=test.field
    )


def build_all_checks() -> list[dg.AssetChecksDefinition]:
    """Build the checks of all models, seeds and stored sources."""
    loaded = project()
    stored = (source for source in loaded.sources if source.is_stored)
    tables: list[Model | Seed | Source] = [*loaded.models, *loaded.seeds, *stored]
    return [build_checks(table) for table in tables if table.data_tests]
