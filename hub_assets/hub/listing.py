"""A whole listing, page by page, from any page on.

Sorted by `createdAt`, the one key that never changes, so that a listing that takes an hour neither misses nor repeats
a repository because its likes moved. What becomes of the pages does not belong here.
"""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, urlencode, urlsplit

from hub_assets.hub.client import HubClient
from hub_assets.hub.errors import HubBroken, HubRefused
from hub_assets.hub.schemas import FIELDS, RepoType

logger = logging.getLogger(__name__)

PAGE_SIZE = 1_000
"""The Hub's cap; it silently gives no more."""
SMALLEST_PAGE = 50
_ALLOWED = re.compile(r'"expand" must be one of \[([^\]]*)\]')


@dataclass(frozen=True)
class Page:
    """One page: its JSON as text, its number of rows, where the next begins (None after the last), and when it came.

    `refused` are the fields of `FIELDS` that the Hub does not list; they were left out.
    """

    text: str
    rows: int
    next_path: str | None
    observed_at: datetime
    refused: tuple[str, ...]


def first_path(repo_type: RepoType, page_size: int = PAGE_SIZE, without: tuple[str, ...] = ()) -> str:
    """Return path and query of a listing's first page: every field of `FIELDS` but those in `without`."""
    fields = [name for name in FIELDS[repo_type] if name not in without]
    query = [("sort", "createdAt"), ("limit", str(page_size)), *(("expand", name) for name in fields)]
    return f"/api/{repo_type}s?{urlencode(query)}"


def list_pages(
    client: HubClient,
    repo_type: RepoType,
    start: str | None = None,
    refused: tuple[str, ...] = (),
    page_size: int = PAGE_SIZE,
) -> Iterator[Page]:
    """Yield a listing's pages.

    Args:
        client: whom to ask.
        repo_type: which listing.
        start: the `next_path` of the last page had; None for the first page.
        refused: that page's `refused`.
        page_size: rows asked for at a time (1 to 1,000). It is halved when the Hub times out on a page (504).

    Raises:
        HubError: as `HubClient.get`.
    """
    path: str | None = start or first_path(repo_type, page_size, refused)
    while path is not None:
        try:
            answer = client.get(path)
        except HubRefused as error:
            unknown = _refused_fields(error, repo_type)
            if not unknown or set(unknown) <= set(refused):
                raise
            refused = tuple(sorted({*refused, *unknown}))
            logger.warning("The Hub does not list %s of %ss; continuing without.", ", ".join(unknown), repo_type)
            path = _without(path, unknown)
            continue
        except HubBroken as error:
            smaller = _with_half_limit(path)
            if error.status != 504 or smaller is None:
                raise
            logger.warning("The Hub timed out on a page of %ss; asking for half as many rows.", repo_type)
            path = smaller
            continue
        if not isinstance(answer.body, list):
            raise HubBroken("the answer is not a list of repositories", url=path, status=200)
        path = start = answer.next_path
        yield Page(answer.text, len(answer.body), path, answer.observed_at, refused)


def _refused_fields(error: HubRefused, repo_type: RepoType) -> list[str]:
    """Return those of our fields that the Hub's list of allowed names leaves out; none for any other refusal."""
    allowed = _ALLOWED.search(error.message) if error.status == 400 else None
    names = {name.strip() for name in allowed.group(1).split(",")} if allowed else set(FIELDS[repo_type])
    return [name for name in FIELDS[repo_type] if name not in names]


def _without(path: str, fields: list[str]) -> str:
    parts = urlsplit(path)
    query = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(key, value) for key, value in query if key not in ("expand", "expand[]") or value not in fields]
    return f"{parts.path}?{urlencode(kept)}"


def _with_half_limit(path: str) -> str | None:
    parts = urlsplit(path)
    query = parse_qsl(parts.query, keep_blank_values=True)
    limit = int(dict(query).get("limit", PAGE_SIZE)) // 2
    if limit < SMALLEST_PAGE:
        return None
    halved = [(key, str(limit) if key == "limit" else value) for key, value in query]
    return f"{parts.path}?{urlencode(halved)}"
