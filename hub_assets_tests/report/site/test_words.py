"""The wording of numbers and differences."""

from datetime import date, datetime

import pytest

from hub_assets.report.site.comparison import in_words
from hub_assets.report.site.queries import Row
from hub_assets.report.site.rendering import formatted


@pytest.mark.parametrize(
    ("value", "style", "expected"),
    [
        (1234567, "auto", "1,234,567"),
        (0, "auto", "0"),
        (-3, "auto", "\N{MINUS SIGN}3"),
        (0.70991, "percent", "71.0%"),
        (0.0, "percent", "0%"),
        (1.0, "percent", "100%"),
        (0.00001, "percent", "< 0.01%"),
        (0.9999, "percent", "> 99.9%"),
        (0.0004, "percent", "< 0.1%"),
        (1.5, "times", "1.5 times"),
        (0.02, "times", "0.02 times"),
        (431.2, "times", "431 times"),
        (-0.123, "points", "12.3 percentage points"),
        (-0.4, "absolute", "0.40"),
        (1e-30, "p", "< 0.001"),
        (0.04, "p", "0.040"),
        (0.00012, "auto", "0.0001"),
        (3.14159, "auto", "3.14"),
        (1234.5, "auto", "1,234"),
        (float("nan"), "two", "undefined"),
        (None, "two", "unknown"),
        (True, "auto", "yes"),
        (date(2026, 11, 16), "auto", "November 16, 2026"),
        (date(2026, 11, 1), "month", "November 2026"),
        (datetime(2026, 11, 16, 7, 5), "auto", "November 16, 2026, 07:05 UTC"),
    ],
)
def test_values_read_as_people_write_them(value: object, style: str, expected: str) -> None:
    assert formatted(value, style) == expected  # type: ignore[arg-type]


def compared(ours: float | None, published: float, measure: str, relation: str = "equals", **others: object) -> str:
    is_known = ours is not None and measure not in ("u_a", "rich_club")
    values = {
        "ours": ours,
        "published": published,
        "measure": measure,
        "relation": relation,
        "is_too_small": False,
        "difference": ours - published if is_known and ours is not None else None,
        "ratio": ours / published if is_known and ours is not None and published else None,
    }
    return in_words(Row("q", 0, {**values, **others})).striptags()  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (compared(2.28, 1.14, "mean"), "2.0 times the value of 2023"),
        (compared(0.57, 1.14, "mean"), "50.0% of the value of 2023"),
        (compared(1.15, 1.14, "mean"), "about the same"),
        (compared(3, 3, "p50"), "the same"),
        (compared(2, 0, "p75"), "was 0"),
        (compared(0.81, 0.91, "share_zero"), "10.0 percentage points lower"),
        (compared(0.912, 0.91, "share_zero"), "about the same"),
        (compared(0.85, 0.75, "pearson"), "0.10 higher"),
        (compared(0.753, 0.75, "pearson"), "the same when rounded"),
        (compared(0.0, 0.001, "p_value", "below"), "below the limit, as in 2023"),
        (compared(0.2, 0.001, "p_value", "below"), "no longer below the limit"),
        (compared(12.0, 7.0, "u_a"), "not comparable across weeks"),
        (compared(None, 7.0, "mean"), "no value this week"),
        (compared(None, 7.0, "nodes", is_too_small=True), "not shown: fewer than 10 developers"),
    ],
)
def test_differences_in_plain_words(words: str, expected: str) -> None:
    assert words == expected
