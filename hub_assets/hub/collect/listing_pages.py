"""Reads a whole listing page by page, starting at any page.

Listings are sorted by `createdAt`, the only sort key that never changes. A listing takes an hour, so if it were sorted
by likes, for example, it could miss or repeat a repository whose likes changed. Processing the pages does not belong
here.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, urlencode, urlsplit

from hub_assets.hub.collect.raw_table import ListingTable
from hub_assets.hub.http.bodies import written
from hub_assets.hub.http.client import HubClient
from hub_assets.hub.http.errors import HubBroken, HubRefused, HubThrottled, HubUnusable
from hub_assets.hub.http.pacing import OUTAGE_BACKOFF
from hub_assets.hub.http.paths import number_in

logger = logging.getLogger(__name__)

PAGE_SIZE = 1_000
"""The Hub's maximum. The Hub silently ignores a larger `limit`."""
SMALLEST_PAGE = 50
MOST_PAGES = 100_000
"""Page limit per listing; today's longest listing has about 3,000 pages."""
_ALLOWED = re.compile(r'"expand" must be one of \[([^\]]*)\]')


@dataclass(frozen=True)
class Page:
    """A page: its rows as JSON, number of rows, path of the next page (None on the last page), and time of arrival.

    `refused` lists the table's fields that the Hub rejects in listings; they were not requested.
    """

    content: bytes
    rows: int
    next_path: str | None
    observed_at: datetime
    refused: tuple[str, ...]


def first_path(table: ListingTable, page_size: int = PAGE_SIZE, without: tuple[str, ...] = ()) -> str:
    """Return the path and query of a listing's first page, requesting all fields except those in `without`."""
    fields = [name for name in table.fields if name not in without]
    query = [("sort", "createdAt"), ("limit", str(page_size)), *(("expand", name) for name in fields)]
    return f"/api/{table.repo_type}s?{urlencode(query)}"


def list_pages(
    client: HubClient,
    table: ListingTable,
    start: str | None = None,
    refused: tuple[str, ...] = (),
    page_size: int = PAGE_SIZE,
    outage_backoff: Sequence[float] = OUTAGE_BACKOFF,
) -> Iterator[Page]:
    """Yield a listing's pages.

    Args:
        client: the Hub client.
        table: the listing's table.
        start: the `next_path` of the last page received; None to start at the first page.
        refused: the `refused` of the last page received.
        page_size: rows per page (1 to 1,000); halved when the Hub times out on a page (504) or a page is too large.
        outage_backoff: successive waits in seconds while the Hub is down; the sequence restarts after every page.

    Raises:
        HubError: see `HubClient.get`.
        HubUnusable: if a response is not a page, or its link is unreadable or does not lead to a new page. The page is
            not yielded, so a resumed listing requests it again.
    """
    path: str | None = start or first_path(table, page_size, refused)
    asked: set[str] = set()
    seen: set[int] = set()  # hashes take half the memory of the keys: 200 MB for three million
    waits = iter(outage_backoff)
    while path is not None:
        try:
            answer = client.get(path)
        except HubRefused as error:
            unknown = _refused_fields(error, table)
            if not unknown or set(unknown) <= set(refused):
                raise
            refused = tuple(sorted({*refused, *unknown}))
            logger.warning(
                "The listing of %ss does not support %s; continuing without it.", table.repo_type, ", ".join(unknown)
            )
            path = _without(path, unknown)
            continue
        except (HubBroken, HubThrottled) as error:
            smaller = _with_half_limit(path) if error.cause in ("504", "too large") else None
            if smaller is None:
                client.outlast(error, waits)
                continue
            logger.warning("A page of %ss is too large or timed out; requesting half as many rows.", table.repo_type)
            path = smaller
            continue
        waits = iter(outage_backoff)
        if not isinstance(answer.body, list):
            raise HubUnusable("the response is not a list of repositories", url=path, status=200)
        asked.add(path)
        keys = {hash(row["_id"]) for row in answer.body if isinstance(row, dict) and isinstance(row.get("_id"), str)}
        dead_end = _dead_end(answer.next_path, asked, brings_new=not keys <= seen)
        if dead_end:
            raise HubUnusable(f"The listing of {table.repo_type}s does not end: {dead_end}", url=path, status=200)
        seen |= keys
        path = start = answer.next_path
        # other readers may not accept the quirks of the original text (a byte-order mark, UTF-16, duplicate keys)
        yield Page(written(answer.body, is_plain=answer.is_plain), len(answer.body), path, answer.observed_at, refused)


def _dead_end(next_path: str | None, asked: set[str], *, brings_new: bool) -> str | None:
    """Return the reason not to request the next page, or None if it is safe to request or does not exist."""
    if next_path is None:
        return None
    if next_path in asked:
        return "a page links back to a page already read"
    if not brings_new:
        return "a page with a link has no new rows"
    return f"there are more than {MOST_PAGES:,} pages" if len(asked) >= MOST_PAGES else None


def _refused_fields(error: HubRefused, table: ListingTable) -> list[str]:
    """Return the table's fields that the error's list of allowed names does not contain; empty if it has no list."""
    allowed = _ALLOWED.search(error.message) if error.status == 400 else None
    names = {name.strip() for name in allowed.group(1).split(",")} if allowed else set(table.fields)
    return [name for name in table.fields if name not in names]


def _without(path: str, fields: list[str]) -> str:
    parts = urlsplit(path)
    query = parse_qsl(parts.query, keep_blank_values=True)
    remaining = [(key, value) for key, value in query if key not in ("expand", "expand[]") or value not in fields]
    return f"{parts.path}?{urlencode(remaining)}"


def _with_half_limit(path: str) -> str | None:
    parts = urlsplit(path)
    query = parse_qsl(parts.query, keep_blank_values=True)
    limit = (number_in(path, "limit") or PAGE_SIZE) // 2
    if limit < SMALLEST_PAGE:
        return None
    halved = [(key, str(limit) if key == "limit" else value) for key, value in query]
    return f"{parts.path}?{urlencode(halved)}"
