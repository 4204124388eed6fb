"""The assets for the weekly listings of all public models, datasets and Spaces."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq

from hub_assets.hub.collect.listing import ListingRefused, land_listing, require_no_later_week
from hub_assets.hub.collect.listing_rows import RowCounts
from hub_assets.hub.collect.raw_table import ListingTable
from hub_assets.hub.http.client import HubClient
from hub_assets.hub.sources.listings import LISTINGS
from hub_assets.lake.parts import Lake, Manifest
from hub_assets.metadata import column_schema, count_table, preview
from hub_assets.partitions import ONE_WEEK, SNAPSHOTS, snapshot_date_of, week_of
from hub_assets.resources import HomeResource, HubResource, project


def build_listing(listing_table: ListingTable) -> dg.AssetsDefinition:
    """Build the asset that lists all repositories of one type."""
    table = listing_table.name
    source = project().tables[table]

    @dg.asset(
        name=table,
        partitions_def=SNAPSHOTS,
        backfill_policy=ONE_WEEK,
        group_name=source.group,
        kinds={"huggingface", "parquet"},
        description=source.description,
        metadata={"dagster/table_name": table},
        check_specs=[
            dg.AssetCheckSpec(
                "rows_listed_are_rows_written",
                asset=table,
                blocking=True,
                description="Every row was written, or counted as a duplicate, as lacking a key, or as set aside.",
            ),
            dg.AssetCheckSpec(
                "no_collapse",
                asset=table,
                blocking=True,
                description="The listing has at least half the rows of the previous one. An empty first listing only "
                "causes a warning.",
            ),
        ],
    )
    def listing(context: dg.AssetExecutionContext, hub: HubResource, home: HomeResource) -> dg.MaterializeResult:
        snapshot_date = snapshot_date_of(context)
        home.collecting()
        lake = home.home.lake
        hub.client.tell = context.log.info
        contact = hub.client.contact(hub.outage_backoff)
        require_present_week(snapshot_date, contact.now, table)
        home.home.bind(hub.client.endpoint, contact.population)
        try:
            require_no_later_week(lake, snapshot_date)
            manifest = land_listing(
                hub.client,
                lake,
                listing_table,
                snapshot_date,
                page_size=hub.page_size,
                outage_backoff=hub.outage_backoff,
                report=context.log.info,
            )
        except ListingRefused as error:
            raise dg.Failure(str(error), allow_retries=False) from None
        files = lake.files(table, snapshot_date)
        return dg.MaterializeResult(
            metadata={
                "dagster/partition_row_count": manifest.rows,
                "dagster/column_schema": column_schema(source),
                "preview": preview(_first_rows(files), source.personal),
                "path": dg.MetadataValue.path(str(lake.folder(table, snapshot_date))),
                "source": home.home.source,
                **_summary_of(manifest, hub.client),
            },
            check_results=[_nothing_lost(manifest, files), _no_collapse(lake, table, snapshot_date)],
        )

    return listing


def build_listings() -> list[dg.AssetsDefinition]:
    """Build the three listing assets."""
    return [build_listing(table) for table in LISTINGS.values()]


def require_present_week(snapshot_date: date, now: datetime, table: str) -> None:
    """Make sure that the week to collect is the Hub's current week.

    Raises:
        dagster.Failure: if it is not; the message names the alternatives.
    """
    present = week_of(now)
    if snapshot_date != present:
        raise dg.Failure(
            f"{table} cannot be collected for {snapshot_date}: the Hub only shows its current state, and its clock "
            f"says {now:%Y-%m-%d} (week {present}). Materialize partition {present} instead; if {snapshot_date} was "
            "collected in its week, materialize only the assets downstream of the raw_hub tables.",
            allow_retries=False,
        )


def _summary_of(manifest: Manifest, client: HubClient) -> dict[str, Any]:
    """Return the counts and times of a listing run as metadata."""
    details = manifest.details
    counts = RowCounts.of_json(details["counts"])
    return {
        "counts": count_table(
            {
                "rows listed": counts.listed,
                "duplicates": counts.duplicates,
                "rows without a key": counts.without_id,
                "rows or pages that cannot be converted": counts.set_aside,
                "pages with invalid Unicode": counts.mended_pages,
                **{f"{name}: not observed": n for name, n in counts.not_observed.items()},
                **{f"{name}: type mismatches": n for name, n in counts.type_mismatches.items()},
                **{f"{name}: items that are not text": n for name, n in counts.odd_items.items()},
                **{f"{name}: field without a column": n for name, n in counts.unknown_fields.items()},
                **{f"{name}: refused by the Hub": counts.listed for name in details["refused"]},
            }
        ),
        "rejected_rows": dg.MetadataValue.json(counts.rejects),
        "observed": f"{details['first_observed_at']} to {details['last_observed_at']} UTC",
        "rows_before_resuming": details["resumed_at"],
        "retries": dg.MetadataValue.json(details["retries"]),
        "throttled": client.pacer.throttled,
        "quota": client.pacer.estimate.quota or 0,
    }


def _nothing_lost(manifest: Manifest, files: list[Path]) -> dg.AssetCheckResult:
    counts = RowCounts.of_json(manifest.details["counts"])
    written = sum(pq.ParquetFile(file).metadata.num_rows for file in files)
    return dg.AssetCheckResult(
        check_name="rows_listed_are_rows_written",
        passed=counts.listed == written + counts.duplicates + counts.without_id + counts.set_aside,
        metadata={"listed": counts.listed, "written": written},
    )


def _no_collapse(lake: Lake, table: str, snapshot_date: date) -> dg.AssetCheckResult:
    rows = lake.manifest(table, snapshot_date).rows
    earlier = [week for week in lake.weeks(table) if week < snapshot_date]
    before = lake.manifest(table, earlier[-1]).rows if earlier else None
    return dg.AssetCheckResult(
        check_name="no_collapse",
        passed=rows > 0 if before is None else rows * 2 >= before and (rows > 0 or before == 0),
        severity=dg.AssetCheckSeverity.WARN if before is None else dg.AssetCheckSeverity.ERROR,
        metadata={"rows": rows, "rows_before": before if before is not None else "no earlier week"},
    )


def _first_rows(files: list[Path]) -> list[dict[str, Any]]:
    batches = (batch for file in files[:1] for batch in pq.ParquetFile(file).iter_batches(batch_size=5))
    return next((batch.to_pylist() for batch in batches), [])
