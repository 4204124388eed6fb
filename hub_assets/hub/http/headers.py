"""Parses response headers. No function here raises errors: a header that cannot be parsed counts as absent.

Only `next_of` reports that it cannot parse a header, because an unreadable `Link` must not be mistaken for the end of a
listing. Acting on headers is up to the callers.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from huggingface_hub.utils import RateLimitInfo, parse_ratelimit_headers

LONGEST_RETRY_AFTER: Final = 900.0
"""Maximum wait in seconds. If the server requests a longer wait, we retry after 15 minutes anyway."""
MOST: Final = 10**12
"""Largest count that we accept from the Hub."""
YEARS: Final = range(2000, 2200)
"""A clock outside these years is broken."""
LONGEST_WINDOW: Final = 3600
"""Maximum window length in seconds; the Hub's windows last five minutes."""
_PARAM: Final = r"\s*;\s*[\w!#$&+.^`|~*-]+(?:\s*=\s*(?:\"[^\"]*\"|[^\s\",;<>]+))?"
_LINK: Final = re.compile(rf"\s*<([^<>]*)>((?:{_PARAM})*)\s*(?:,|$)")
_REL: Final = re.compile(r";\s*rel\s*=\s*(\"(?P<quoted>[^\"]*)\"|(?P<bare>[^\s\",;]+))", re.I)
UNREADABLE: Final = ""
"""Returned by `next_of` for a `Link` header that neither names a single next page nor rules one out."""


def date_of(headers: Mapping[str, str]) -> datetime | None:
    """Return the server's time (UTC)."""
    return _date(headers.get("date"))


def total_of(headers: Mapping[str, str]) -> int | None:
    """Return the total number of items, from `X-Total-Count`."""
    total = _number(headers.get("x-total-count"))
    return total if total is not None and total <= MOST else None


def retry_after_of(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait, at most `LONGEST_RETRY_AFTER`, or None if the server requests no wait."""
    value = headers.get("retry-after")
    seconds: float | None = _number(value)
    if seconds is None and (until := _date(value)) is not None:
        seconds = (until - (date_of(headers) or datetime.now(UTC))).total_seconds()
    return None if seconds is None else min(max(seconds, 0.0), LONGEST_RETRY_AFTER)


def rate_limit_of(headers: Mapping[str, str]) -> RateLimitInfo | None:
    """Return the values of `RateLimit` and `RateLimit-Policy`."""
    try:
        limit = parse_ratelimit_headers(headers)
    except ValueError:  # a number with thousands of digits
        return None
    if limit is None or max(limit.remaining, limit.limit or 0) > MOST:
        return None
    return limit if max(limit.reset_in_seconds, limit.window_seconds or 0) <= LONGEST_WINDOW else None


def next_of(headers: Mapping[str, str]) -> str | None:
    """Return the next page's address from `Link`, None if there is no next page, or `UNREADABLE` if that is unclear."""
    header = headers.get("link")
    if header is None:
        return None
    targets, position = set(), 0
    while position < len(header) or not position:
        link = _LINK.match(header, position)
        if link is None:
            return UNREADABLE
        position = link.end()
        rel = _REL.search(link[2])
        if rel is None:
            return UNREADABLE
        if "next" in (rel["quoted"] or rel["bare"] or "").lower().split():
            targets.add(link[1].strip())
    return targets.pop() if len(targets) == 1 else UNREADABLE if targets else None


def _number(value: str | None) -> int | None:
    """Parse an unsigned whole number; only the first 20 digits of a longer number are read."""
    value = (value or "").strip()
    if re.fullmatch(r"[0-9]+", value) is None:
        return None
    return int(value.lstrip("0")[:20] or "0")


def _date(value: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value or "")
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return None
    return moment if moment.year in YEARS else None
