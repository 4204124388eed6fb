"""One week's listing, from the Hub to the lake: resumable, and complete before it counts.

Joins `listing` (pages), `rows` (what they become) and the lake's `Landing` (what survives a crash).
"""

import time
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from hub_assets.hub.client import SAY_SECONDS, HubClient
from hub_assets.hub.listing import PAGE_SIZE, list_pages
from hub_assets.hub.pacing import PATIENCE
from hub_assets.hub.rows import RowCounts, listing_rows, parsed_page
from hub_assets.hub.schemas import REPO_TYPES, RepoType
from hub_assets.lake.landing import SEAL_BYTES, Landing, Record
from hub_assets.lake.parts import Lake, Manifest, Part


class ListingRefused(ValueError):
    """A week cannot be listed again; the message is for the user."""


def land_listing(
    client: HubClient,
    lake: Lake,
    repo_type: RepoType,
    snapshot_date: date,
    *,
    page_size: int = PAGE_SIZE,
    seal_bytes: int = SEAL_BYTES,
    patience: Sequence[float] = PATIENCE,
    report: Callable[[str], None] = lambda _: None,
) -> Manifest:
    """List all repositories of a type into `raw_hub__<repo_type>s`, in place of what that week held.

    A listing that was cut off goes on at the page where it was; a finished one is listed anew.

    Args:
        client: whom to ask.
        lake: where to write.
        repo_type: what to list.
        snapshot_date: the week to write; that it is the Hub's present one is for the caller to make sure.
        page_size: rows to ask for at a time.
        seal_bytes: the size of JSON from which a part is made.
        patience: how long to wait, time after time, when the Hub does not work.
        report: is told how it goes, every 30 s.

    Returns:
        The manifest. Its `details`: `counts` (`RowCounts.to_json`), `first_observed_at`, `last_observed_at`,
        `refused` (fields the Hub does not list), `resumed_at` (rows that were there already),
        `pages_asked_again` (pages that an earlier version kept and nobody can read) and `retries` (causes and their
        number, of this process).

    Raises:
        ListingRefused: if the week was listed before, and a later one has been.
        HubError: if the Hub does not answer well; what was listed until then is kept.
        LandingBusy: if another process lists the same.
    """

    def convert(records: list[Record], earlier: list[Path]) -> tuple[pa.Table, dict[str, Any]]:
        observed = [record.meta["observed_at"] for record in records]
        pages = pa.table(
            {
                "body": [record.body.decode() for record in records],
                "observed_at": [datetime.fromisoformat(moment) for moment in observed],
            }
        )
        rows, counts = listing_rows(pages, repo_type, snapshot_date, [str(file) for file in earlier])
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

    table = f"raw_hub__{repo_type}s"
    if snapshot_date in lake.weeks_begun(table):
        require_no_later_week(lake, snapshot_date)
    retries_before = client.retries.copy()
    with Landing(lake, table, snapshot_date, convert, seal_bytes) as landing:
        unreadable = landing.cut(_is_page)
        if unreadable:
            report(
                f"asking again for pages of {repo_type}s, since one of those kept before cannot be read: {unreadable}"
            )
        start = landing.last or {"next_path": None, "refused": [], "rows": 0}
        if start["rows"]:
            report(f"going on after {start['rows']:,} {repo_type}s that were listed before")
        if landing.last is None or start["next_path"] is not None:
            rows = start["rows"]
            began = reported = time.monotonic()
            pages = list_pages(client, repo_type, start["next_path"], tuple(start["refused"]), page_size, patience)
            for page in pages:
                rows += page.rows
                observed_at = page.observed_at.replace(tzinfo=None).isoformat()
                where = {"next_path": page.next_path, "refused": page.refused, "rows": rows, "observed_at": observed_at}
                landing.append(Record(where, page.text.encode()))
                if time.monotonic() - reported >= SAY_SECONDS:
                    reported = time.monotonic()
                    limit, rate = client.pacer.estimate, (rows - start["rows"]) / (reported - began)
                    left = f"{limit.remaining} of {limit.quota} calls left in this window"
                    report(f"{rows:,} {repo_type}s listed, {rate:,.0f} a second; {left}")
        return landing.finish(details)


def require_no_later_week(lake: Lake, snapshot_date: date) -> None:
    """Refuse to overwrite an earlier week with today's Hub, whatever the clock says.

    Raises:
        ListingRefused: that says so.
    """
    later = max((week for repo_type in REPO_TYPES for week in lake.weeks_begun(f"raw_hub__{repo_type}s")), default=None)
    if later is not None and later > snapshot_date:
        raise ListingRefused(
            f"The week of {snapshot_date} is not listed, because {later} has been listed already, so that the Hub's "
            f"clock is or was wrong. Wait until it shows {later} or later; if that week is the mistake, remove its "
            f"folders from {lake.root}."
        )


def _is_page(record: Record) -> bool:
    try:
        parsed_page(record.body.decode())
    except ValueError:
        return False
    return True
