"""Gives a home of one week a second, older published week, with the same rows, in a second."""

from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq

from hub_assets.home import Home
from hub_assets.resources import project
from hub_assets.vocabulary import REPO_TYPES
from hub_assets.warehouse.database import connect
from hub_assets.warehouse.publication import publish
from hub_assets_tests.golden import WEEK

OLDER = date(2026, 11, 9)


def aged(home: Home) -> Home:
    """List, build and publish the week before the home's only week."""
    for table in (f"raw_hub__{repo_type}s" for repo_type in REPO_TYPES):
        manifest = home.lake.manifest(table, WEEK)
        for position, (part, path) in enumerate(zip(manifest.parts, home.lake.files(table, WEEK), strict=True)):
            rows = pq.read_table(path, partitioning=None)
            column = rows.column_names.index("snapshot_date")
            days = pa.array([OLDER] * len(rows), rows.schema.field(column).type)
            rows = rows.set_column(column, "snapshot_date", days)
            manifest.parts[position] = home.lake.write_part(table, OLDER, part.file, rows, part.counts)
        home.lake.set_manifest(table, OLDER, manifest)
    with connect(home.build) as connection:
        for table in (table.name for table in project().published):
            connection.execute(
                f"insert into {table} select * replace (date '{OLDER}' as snapshot_date) from {table} "
                f"where snapshot_date = date '{WEEK}'"
            )
    publish(home.build, home.warehouse, OLDER, project())
    return home
