"""What the headers of an answer say. Nothing here raises: a header that cannot be read counts as absent.

A header that is there and cannot be read must not be taken for the end of a listing, so `next_of` says that too. What
follows from a header belongs to those who ask.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from huggingface_hub.utils import RateLimitInfo, parse_ratelimit_headers

LONGEST_RETRY_AFTER: Final = 900.0
"""Seconds: whoever asks for a longer wait is asked again after a quarter of an hour."""
MOST: Final = 10**12
"""No count of the Hub's is larger."""
YEARS: Final = range(2000, 2200)
"""A clock that shows another year is broken."""
LONGEST_WINDOW: Final = 3600
"""Seconds; the Hub's windows are five minutes."""
_PARAM: Final = r"\s*;\s*[\w!#$&+.^`|~*-]+(?:\s*=\s*(?:\"[^\"]*\"|[^\s\",;<>]+))?"
_LINK: Final = re.compile(rf"\s*<([^<>]*)>((?:{_PARAM})*)\s*(?:,|$)")
_REL: Final = re.compile(r";\s*rel\s*=\s*(\"(?P<quoted>[^\"]*)\"|(?P<bare>[^\s\",;]+))", re.I)
UNREADABLE: Final = ""
"""What `next_of` returns for a header that is there and does not say where the next page is, nor that there is none."""


def date_of(headers: Mapping[str, str]) -> datetime | None:
    """Return the server's time (UTC)."""
    return _date(headers.get("date"))


def total_of(headers: Mapping[str, str]) -> int | None:
    """Return how many items there are in all, from `X-Total-Count`."""
    total = _number(headers.get("x-total-count"))
    return total if total is not None and total <= MOST else None


def retry_after_of(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds to wait, at most `LONGEST_RETRY_AFTER`; None if nothing is asked for."""
    value = headers.get("retry-after")
    seconds: float | None = _number(value)
    if seconds is None and (until := _date(value)) is not None:
        seconds = (until - (date_of(headers) or datetime.now(UTC))).total_seconds()
    return None if seconds is None else min(max(seconds, 0.0), LONGEST_RETRY_AFTER)


def rate_limit_of(headers: Mapping[str, str]) -> RateLimitInfo | None:
    """Return what `RateLimit` and `RateLimit-Policy` say."""
    try:
        limit = parse_ratelimit_headers(headers)
    except ValueError:  # a number of thousands of digits
        return None
    if limit is None or max(limit.remaining, limit.limit or 0) > MOST:
        return None
    return limit if max(limit.reset_in_seconds, limit.window_seconds or 0) <= LONGEST_WINDOW else None


def next_of(headers: Mapping[str, str]) -> str | None:
    """Return the next page's address as `Link` gives it; None if there is none; `UNREADABLE` if that cannot be told."""
    header = headers.get("link")
    if header is None:
        return None
    found, place = set(), 0
    while place < len(header) or not place:
        link = _LINK.match(header, place)
        if link is None:
            return UNREADABLE
        place = link.end()
        rel = _REL.search(link[2])
        if rel is None:
            return UNREADABLE
        if "next" in (rel["quoted"] or rel["bare"] or "").lower().split():
            found.add(link[1].strip())
    return found.pop() if len(found) == 1 else UNREADABLE if found else None


def _number(value: str | None) -> int | None:
    """Read a whole number without a sign; one that is longer than any here reads as a very large one."""
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
