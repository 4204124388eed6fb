"""The asset that builds a published week as a data set, and uploads it to the Hub if configured to do so."""

from datetime import date
from typing import Any, Final

import dagster as dg
import duckdb
from pydantic import Field

from hub_assets.metadata import count_table
from hub_assets.partitions import SNAPSHOTS, snapshot_date_of
from hub_assets.releases.commit import Target, publish_release
from hub_assets.releases.documents import write_documents
from hub_assets.releases.folder import OWN_LICENSE, build_week
from hub_assets.releases.tables import parts_of
from hub_assets.releases.withheld import read_withheld
from hub_assets.resources import HomeResource, HubResource, project

RELEASE_TO: Final = "HUB_ASSETS_RELEASE_TO"
"""The environment variable that names the data set of scheduled releases."""
UNPUBLISHED: Final = "local/hub-weekly"
"""Placeholder for the data set's name in the descriptions of a release that is built but not published."""


class ReleaseConfig(dg.Config):
    """The data set to which a release is uploaded."""

    to: str | None = Field(
        default=None, description="Data set on the Hub, such as `my-lab/hub-weekly`; null: build the files only."
    )


def build_releases() -> list[dg.AssetsDefinition]:
    """Build the release asset. It needs the published warehouse, so it runs only after all blocking checks passed."""

    @dg.asset(
        deps=["warehouse__published"],
        partitions_def=SNAPSHOTS,
        group_name="report",
        kinds={"parquet", "huggingface"},
    )
    def release__dataset(
        context: dg.AssetExecutionContext, hub: HubResource, home: HomeResource, config: ReleaseConfig
    ) -> dg.MaterializeResult:
        """The week as a data set: listings in hub-stats' columns, and tables that do not name people."""
        where, snapshot_date = home.home, snapshot_date_of(context)
        folder = where.releases / str(snapshot_date)
        with home.building(snapshot_date) as connection:
            week = build_week(
                connection,
                project(),
                snapshot_date,
                folder,
                sources=sources_of(connection, snapshot_date, where.source or "unknown"),
                withheld=read_withheld(where.withheld),
            )
        titles = titles_of(snapshot_date)
        metadata: dict[str, Any] = {
            "path": dg.MetadataValue.path(str(folder)),
            "megabytes": round(sum(file.bytes for file in week.files.values()) / 1e6, 1),
            "rows": count_table({path: file.rows for path, file in week.files.items()}),
            "removed": count_table(week.removed),
            "license": week.license,
        }
        write_documents(folder, [week], config.to or UNPUBLISHED, titles)
        if config.to is None:
            return dg.MaterializeResult(metadata=metadata)
        # data from a demo or another Hub must not be published as data from this Hub
        where.require(hub.client.endpoint, hub.client.contact(hub.outage_backoff).population)
        published = publish_release(Target(hub.client.endpoint, config.to), folder, week, titles, context.log.info)
        return dg.MaterializeResult(
            metadata={**metadata, "data_set": config.to, "commit": published.commit, "tag": published.tag}
        )

    return [release__dataset]


def titles_of(snapshot_date: date) -> dict[str, str]:
    """Return the description of each table of a release."""
    return {part.name: part.description for part in parts_of(project(), snapshot_date)}


def sources_of(connection: duckdb.DuckDBPyConnection, snapshot_date: date, hub: str) -> dict[str, dict[str, str]]:
    """Return the source of each of a week's listings: the Hub itself, or an archive with its revision and license."""
    rows = connection.execute(
        "select repo_type, source, archive_repo_id, revision, license from mart__week_coverage "
        "where snapshot_date = ? and source is not null order by repo_type",
        [snapshot_date],
    ).fetchall()
    return {
        f"{repo_type}s": {
            "source": hub if source == "hub" else f"{source}: {archive}",
            "revision": revision or "",
            "license": license_name or OWN_LICENSE,
        }
        for repo_type, source, archive, revision, license_name in rows
    }
