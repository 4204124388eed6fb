"""Collects a week's listing into the lake. A listing can be resumed, and becomes valid only when it is complete.

Combines `listing_pages` (reading pages), `listing_rows` (converting them) and the lake's `Landing` (crash safety).
"""

import time
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from hub_assets.errors import UserError
from hub_assets.hub.collect.ahead import ahead
from hub_assets.hub.collect.listing_pages import PAGE_SIZE, list_pages
from hub_assets.hub.collect.listing_rows import RowCounts, listing_rows, parsed_page
from hub_assets.hub.collect.raw_table import ListingTable
from hub_assets.hub.http.client import SAY_SECONDS, HubClient
from hub_assets.hub.http.pacing import OUTAGE_BACKOFF
from hub_assets.lake.landing import FLUSH_BYTES, Landing, Record
from hub_assets.lake.parts import Lake, Manifest, Part
from hub_assets.vocabulary import REPO_TYPES

PAGES_AHEAD = 64
"""Number of pages (0.5 to 0.8 MB each) to request while a part is converted and written."""


class ListingRefused(UserError):
    """A week cannot be listed again; the message is for the user."""


def land_listing(
    client: HubClient,
    lake: Lake,
    table: ListingTable,
    snapshot_date: date,
    *,
    page_size: int = PAGE_SIZE,
    flush_bytes: int = FLUSH_BYTES,
    outage_backoff: Sequence[float] = OUTAGE_BACKOFF,
    report: Callable[[str], None] = lambda _: None,
) -> Manifest:
    """Store a listing of all repositories of a type in the raw table, replacing the week's previous listing.

    An interrupted listing resumes after the last page it stored; a finished listing starts over.

    Args:
        client: the Hub client.
        lake: where to write.
        table: what to list.
        snapshot_date: the week. The caller makes sure that it is the Hub's current week.
        page_size: rows to request per page.
        flush_bytes: journal size at which a part is written.
        outage_backoff: successive waits in seconds while the Hub is down.
        report: receives progress messages: when a listing is resumed, and every 30 s.

    Returns:
        The manifest. Its `details` hold `counts` (`RowCounts.to_json`), `first_observed_at`, `last_observed_at`,
        `refused` (fields that the Hub does not list), `resumed_at` (number of rows listed before this run),
        `pages_asked_again` (number of pages requested again because an earlier version journaled an unreadable
        page) and `retries` (this run's counts by cause).

    Raises:
        ListingRefused: if both this week and a later week have already been listed, even in part.
        HubError: if the Hub fails; everything listed until then is kept.
        LandingBusy: if another process is writing the same listing.
    """

    def convert(records: list[Record], earlier: list[Path]) -> tuple[pa.Table, dict[str, Any]]:
        observed = [record.meta["observed_at"] for record in records]
        pages = pa.table(
            {
                "body": [record.body.decode() for record in records],
                "observed_at": [datetime.fromisoformat(moment) for moment in observed],
            }
        )
        rows, counts = listing_rows(pages, table, snapshot_date, [str(file) for file in earlier])
        return rows, {"rows": counts.to_json(), "first_observed_at": observed[0], "last_observed_at": observed[-1]}

    def details(parts: list[Part]) -> dict[str, Any]:
        return {
            "counts": sum((RowCounts.of_json(part.counts["rows"]) for part in parts), RowCounts()).to_json(),
            "first_observed_at": parts[0].counts["first_observed_at"],
            "last_observed_at": parts[-1].counts["last_observed_at"],
            "refused": landing.last["refused"] if landing.last else [],
            "resumed_at": start["rows"],
            "pages_asked_again": unreadable,
            "retries": dict(client.retries - retries_before),
        }

    repo_type = table.repo_type
    if snapshot_date in lake.weeks_begun(table.name):
        require_no_later_week(lake, snapshot_date)
    retries_before = client.retries.copy()
    with Landing(lake, table.name, snapshot_date, convert, flush_bytes) as landing:
        unreadable = landing.cut(_is_page)
        if unreadable:
            report(f"the journal contains an unreadable page of {repo_type}s; pages to request again: {unreadable}")
        start = landing.last or {"next_path": None, "refused": [], "rows": 0}
        if start["rows"]:
            report(f"resuming after {start['rows']:,} {repo_type}s")
        if landing.last is None or start["next_path"] is not None:
            rows = start["rows"]
            began = reported = time.monotonic()
            pages = list_pages(client, table, start["next_path"], tuple(start["refused"]), page_size, outage_backoff)
            for page in ahead(pages, PAGES_AHEAD):
                rows += page.rows
                observed_at = page.observed_at.replace(tzinfo=None).isoformat()
                meta = {"next_path": page.next_path, "refused": page.refused, "rows": rows, "observed_at": observed_at}
                landing.append(Record(meta, page.content))
                if time.monotonic() - reported >= SAY_SECONDS:
                    reported = time.monotonic()
                    limit, rate = client.pacer.estimate, (rows - start["rows"]) / (reported - began)
                    left = f"{limit.remaining} of {limit.quota} calls left in this window"
                    report(f"{rows:,} {repo_type}s listed, {rate:,.0f} per second; {left}")
        return landing.finish(details)


def require_no_later_week(lake: Lake, snapshot_date: date) -> None:
    """Prevent today's listing from overwriting an earlier week's listing if the clock is wrong.

    Raises:
        ListingRefused: if a later week has been listed.
    """
    later = max((week for repo_type in REPO_TYPES for week in lake.weeks_begun(f"raw_hub__{repo_type}s")), default=None)
    if later is not None and later > snapshot_date:
        raise ListingRefused(
            f"The week of {snapshot_date} cannot be listed because the later week {later} has already been listed, so "
            f"the Hub's clock is or was wrong. Wait until the clock reaches {later}; if that week is the mistake, "
            f"delete its folders from {lake.root}."
        )


def _is_page(record: Record) -> bool:
    try:
        parsed_page(record.body.decode())
    except ValueError:
        return False
    return True
