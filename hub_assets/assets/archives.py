"""Assets that import past weeks from a public archive: the upload chosen for each week, and the week's listings."""

from collections.abc import Iterator
from datetime import date
from functools import cache, partial
from typing import Any, Final

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq

from hub_assets.archives.choosing import Choice, choose
from hub_assets.archives.conversion import Unreadable
from hub_assets.archives.importing import choice_rows, import_listing, write_choices
from hub_assets.archives.uploads import ArchiveUnreachable, Uploads
from hub_assets.assets.trust import DEPENDENCIES
from hub_assets.hub.collect.listing_rows import RowCounts, listing_rows
from hub_assets.hub.collect.raw_table import ListingTable
from hub_assets.hub.sources.listings import LISTINGS
from hub_assets.lake.parts import Lake, Manifest
from hub_assets.metadata import column_schema, preview
from hub_assets.partitions import SNAPSHOTS, snapshot_date_of
from hub_assets.resources import ARCHIVE_UPLOADS, ARCHIVED, ArchiveResource, HomeResource, HubResource, project
from hub_assets.warehouse.sql_project import Model

LISTING_MARTS: Final = (
    "core__repo_anomalies",
    "mart__base_model_edges",
    "mart__repo_activity",
    "mart__top_repositories",
    "mart__week_coverage",
    "mart__weekly_flows",
    "network__top_organizations",
    "stats__license_shares",
)
"""The marts that can be built from a week's listings alone; their columns about histories are then null."""
CHECK: Final = "rows_archived_are_rows_written"


def build_archives() -> dg.AssetsDefinition:
    """Build the assets for archived weeks. They share a step, because a week's uploads are chosen together."""
    tables = [ARCHIVE_UPLOADS, *ARCHIVED]

    @dg.multi_asset(
        name="raw_archive",
        specs=[_spec(table) for table in tables],
        check_specs=[
            dg.AssetCheckSpec(
                CHECK,
                asset=table,
                blocking=True,
                description="Every row of the archive's file was written, or counted as a duplicate, as lacking a key, "
                "or as set aside.",
            )
            for table in ARCHIVED
        ],
        partitions_def=SNAPSHOTS,
        # this step runs first, because all tables require the week's listings, even those that read only histories,
        # which an archived week lacks
        op_tags={"dagster/priority": "1000"},
    )
    def archived_week(
        context: dg.AssetExecutionContext, hub: HubResource, home: HomeResource, archive: ArchiveResource
    ) -> Iterator[dg.MaterializeResult]:
        home.collecting()
        snapshot_date, lake = snapshot_date_of(context), home.home.lake
        hub.client.tell = context.log.info
        home.home.bind(hub.client.endpoint, hub.client.contact(hub.outage_backoff).population)
        uploads = archive.uploads(hub, home.home, context.log.info)
        try:
            choices = choose(uploads.find(snapshot_date, snapshot_date), [snapshot_date])
            for choice, (name, listing) in zip(choices, ARCHIVED.items(), strict=True):
                assert listing == LISTINGS[choice.repo_type].name
                manifest = import_listing(
                    uploads,
                    lake,
                    name,
                    choice,
                    home.home.archives / "downloads",
                    LISTINGS[choice.repo_type].fields,
                    LISTINGS[choice.repo_type].json_fields,
                    partial(_convert, LISTINGS[choice.repo_type], snapshot_date),
                    context.log.info,
                )
                yield _result(lake, name, choice, manifest)
        except (ArchiveUnreachable, Unreadable) as error:
            raise dg.Failure(str(error), allow_retries=False) from None
        yield _uploads_result(uploads, lake, snapshot_date, choices)

    return archived_week


def archived_week_selection() -> dg.AssetSelection:
    """Select an archived week: its listings and `archived_week_tables`."""
    return dg.AssetSelection.assets(ARCHIVE_UPLOADS, *ARCHIVED, *sorted(archived_week_tables()))


@cache
def archived_week_tables() -> frozenset[str]:
    """Return the tables that an archived week has: `LISTING_MARTS` and everything upstream of them."""
    loaded = project()
    selected: set[str] = set()
    waiting = list(LISTING_MARTS)
    while waiting:
        name = waiting.pop()
        model = loaded.tables[name]
        if name in selected:
            continue
        if isinstance(model, Model) or name in DEPENDENCIES:
            selected.add(name)
            waiting += model.upstream if isinstance(model, Model) else DEPENDENCIES[name]
    return frozenset(selected)


def archives_selection() -> dg.AssetSelection:
    """Select the archived listings and their uploads."""
    return dg.AssetSelection.assets(ARCHIVE_UPLOADS, *ARCHIVED)


def _spec(name: str) -> dg.AssetSpec:
    source = project().tables[name]
    return dg.AssetSpec(
        name,
        group_name=source.group,
        kinds={"huggingface", "parquet"},
        description=source.description,
        metadata={"dagster/table_name": name, "dagster/column_schema": column_schema(source)},
    )


def _convert(
    listing: ListingTable, snapshot_date: date, pages: pa.Table, seen: list[str]
) -> tuple[pa.Table, dict[str, Any]]:
    rows, counts = listing_rows(pages, listing, snapshot_date, seen)
    return rows, {"rows": counts.to_json()}


def _result(lake: Lake, name: str, choice: Choice, manifest: Manifest) -> dg.MaterializeResult:
    counts = sum((RowCounts.of_json(part.counts["rows"]) for part in manifest.parts), RowCounts())
    files = lake.files(name, choice.week)
    written = sum(pq.ParquetFile(file).metadata.num_rows for file in files)
    archived = choice.upload.rows if choice.upload else 0
    kept = written + counts.duplicates + counts.without_id + counts.set_aside
    return dg.MaterializeResult(
        asset_key=name,
        metadata={
            "dagster/partition_row_count": manifest.rows,
            "status": choice.status,
            "reason": choice.why or "none",
            "source": dg.MetadataValue.json(manifest.details["source"]),
            "not_observed": dg.MetadataValue.json(list(manifest.details.get("absent", []))),
            "ignored_columns": dg.MetadataValue.json(list(manifest.details.get("ignored", []))),
            "type_mismatches": dg.MetadataValue.json(dict(counts.type_mismatches)),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name=CHECK,
                asset_key=name,
                passed=counts.listed == kept and archived in (None, counts.listed),
                metadata={"archived": archived or 0, "read": counts.listed, "written": written},
            )
        ],
    )


def _uploads_result(uploads: Uploads, lake: Lake, snapshot_date: date, choices: list[Choice]) -> dg.MaterializeResult:
    rows = choice_rows(uploads.archive, choices)
    write_choices(lake, ARCHIVE_UPLOADS, snapshot_date, rows)
    return dg.MaterializeResult(
        asset_key=ARCHIVE_UPLOADS,
        metadata={"dagster/partition_row_count": rows.num_rows, "preview": preview(rows.to_pylist(), frozenset())},
    )
