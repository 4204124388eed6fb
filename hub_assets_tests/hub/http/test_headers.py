"""Header parsing returns correct values, and no header can make it raise an error."""

from datetime import UTC, datetime

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_assets.hub.http.headers import (
    LONGEST_RETRY_AFTER,
    UNREADABLE,
    date_of,
    next_of,
    rate_limit_of,
    retry_after_of,
    total_of,
)

NOON = "Mon, 16 Nov 2026 12:00:00 GMT"
DIGITS = "9" * 5_000

texts = st.one_of(
    st.text(),
    st.text(st.sampled_from('0123456789 ,;:="<>/-+rtqwGMTMonNov\t\x00é')),
    st.from_regex(
        r"[A-Z][a-z]{2}, [0-9]{1,5} (Nov|Feb|Xyz) [0-9]{1,6} [0-9]{1,3}:[0-9]{1,3}:[0-9]{1,3} [+-]?[0-9A-Z]{1,6}"
    ),
    st.from_regex(r'"api";r=[0-9]{1,30};t=[0-9]{1,30}', fullmatch=True),
    st.sampled_from(
        [DIGITS, f'"api";r={DIGITS};t=1', f"Mon, {DIGITS} Nov {DIGITS} 12:00:00 GMT", f"<{DIGITS}>; rel=next"]
    ),
)
NAMES = ("date", "x-total-count", "retry-after", "ratelimit", "ratelimit-policy", "link")


@settings(deadline=None)
@given(st.sampled_from(NAMES), texts)
def test_parsers_never_raise(name: str, value: str) -> None:
    headers = httpx2.Headers([(name.encode(), value.encode("utf-8", "surrogatepass"))])
    for read in (date_of, total_of, retry_after_of, rate_limit_of, next_of):
        read(headers)


@pytest.mark.parametrize(
    ("value", "date"),
    [
        (NOON, datetime(2026, 11, 16, 12, tzinfo=UTC)),
        ("Mon, 16 Nov 2026 12:00:00 -0000", datetime(2026, 11, 16, 12, tzinfo=UTC)),
        ("Mon, 16 Nov 2026 14:00:00 +0200", datetime(2026, 11, 16, 12, tzinfo=UTC)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", None),
        ("Mon, 30 Feb 2026 12:00:00 GMT", None),
        ("yesterday", None),
        ("", None),
        (DIGITS, None),
        (f"{NOON}, {NOON}", datetime(2026, 11, 16, 12, tzinfo=UTC)),
    ],
)
def test_date_is_parsed_or_none(value: str, date: datetime | None) -> None:
    assert date_of({"date": value}) == date


@pytest.mark.parametrize(
    ("value", "total"),
    [
        ("0", 0),
        (" 120 ", 120),
        ("1" + "0" * 12, 10**12),
        ("1" + "0" * 12 + "1", None),
        (str(2**64), None),
        (DIGITS, None),
        ("0" * 5_000 + "7", 7),
        ("-1", None),
        ("1.5", None),
        ("1_000", None),
        ("²", None),
        ("", None),
    ],
)
def test_total_is_parsed_or_none(value: str, total: int | None) -> None:
    assert total_of({"x-total-count": value}) == total


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2", 2),
        ("55", 55),
        ("3600", LONGEST_RETRY_AFTER),
        (DIGITS, LONGEST_RETRY_AFTER),
        ("Mon, 16 Nov 2026 12:00:30 GMT", 30),
        ("Mon, 16 Nov 2026 11:00:00 GMT", 0),
        ("Tue, 17 Nov 2026 12:00:00 GMT", LONGEST_RETRY_AFTER),
        ("0", 0),
        ("-5", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
    ],
)
def test_retry_after_is_parsed_and_capped_or_none(value: str, seconds: float | None) -> None:
    assert retry_after_of({"date": NOON, "retry-after": value}) == seconds


@pytest.mark.parametrize(
    ("limit", "policy", "is_read"),
    [
        ('"api";r=499;t=295', '"fixed window";"api";q=500;w=300', True),
        ('"api";r=499;t=295', "", True),
        (f'"api";r={DIGITS};t=295', "", False),
        (f'"api";r=1;t={DIGITS}', "", False),
        ('"api";r=0;t=300', f'"fixed window";"api";q={DIGITS};w=300', False),
        ('"api";r=0;t=99999999', '"fixed window";"api";q=500;w=99999999', False),
        ("r=-1", "", False),
    ],
)
def test_rate_limit_is_parsed_or_none(limit: str, policy: str, is_read: bool) -> None:
    assert (rate_limit_of({"ratelimit": limit, "ratelimit-policy": policy}) is not None) is is_read


@pytest.mark.parametrize(
    ("value", "following"),
    [
        ('<https://hub/api/models?cursor=a,b>; rel="next"', "https://hub/api/models?cursor=a,b"),
        ("</api/models?p=1>;rel=next", "/api/models?p=1"),
        ('<a>; rel="prev", <b>; rel="last next"', "b"),
        ('<a>; rel="prev"', None),
        ('<a>; rel="next", <b>; rel="next"', UNREADABLE),
        ('<a>; rel="next", <a>; rel="next"', "a"),
        ("<a>", UNREADABLE),
        ("<a", UNREADABLE),
        ("a; rel=next", UNREADABLE),
        ('<a>; rel="next', UNREADABLE),
        ("", UNREADABLE),
        ('<>; rel="next"', UNREADABLE),
    ],
)
def test_next_link_is_parsed_or_reported_unreadable(value: str, following: str | None) -> None:
    assert next_of({"link": value}) == following


def test_missing_headers_are_none() -> None:
    for read in (date_of, total_of, retry_after_of, rate_limit_of, next_of):
        assert read({}) is None
