"""Trends: slopes are found with valid intervals, and an unchanging Hub has none."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from hub_assets.statistics.samples import Floats
from hub_assets.statistics.trends import trend, trends

DAYS = np.arange(104) * 7.0
MISSING = [20, 21, 22, 60]


def series(rng: np.random.Generator, rho: float, fresh: float) -> Floats:
    noise = np.zeros(300)
    for week in range(1, 300):
        noise[week] = rho * noise[week - 1] + rng.normal()
    values = noise[-104:] + fresh * rng.normal(size=104)
    values[MISSING] = np.nan
    return values


def lines(values: list[Floats]) -> list[dict[str, Any]]:
    """Fit the lines together, which takes little longer than fitting one."""
    weeks = [date(2024, 1, 1) + timedelta(days=day) for day in DAYS.tolist()]
    rows = [
        {"series": number, "snapshot_date": week, "value": value, "is_suspect": False}
        for number, each in enumerate(values)
        for week, value in zip(weeks, each.tolist(), strict=True)
    ]
    found: list[dict[str, Any]] = trends(pa.Table.from_pylist(rows), ["series"]).to_pylist()
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("rho", "fresh"), [(0.0, 0.0), (0.6, 0.0), (0.9, 1.0)])
def test_no_change_is_not_a_trend(rho: float, fresh: float) -> None:
    rng = np.random.default_rng(5)
    found = lines([series(rng, rho, fresh) for _ in range(200)])
    # 5% of 200 are 10; more than 17 would happen by chance once in 100 times
    assert sum(row["p_value"] < 0.05 for row in found) <= 17


@pytest.mark.slow
def test_interval_covers_the_slope() -> None:
    rng = np.random.default_rng(6)
    rows = lines([series(rng, 0.6, 0.5) + 3 * DAYS / 365.25 for _ in range(200)])
    # 95% of 200 are 190; fewer than 182 or more than 198 would happen by chance once in 150 times
    assert 182 <= sum(row["slope_low"] <= 3 <= row["slope_high"] for row in rows) <= 198
    assert np.mean([row["slope"] for row in rows]) == pytest.approx(3, abs=0.3)
    assert sum(row["p_value"] < 0.05 for row in rows) > 133
    assert rows[0]["n"] == 100


def test_suspect_weeks_are_left_out_and_series_are_corrected_together() -> None:
    weeks = [date(2026, 1, 5) + timedelta(weeks=place) for place in range(30)]
    rng = np.random.default_rng(9)
    rising = [place / 10 + rng.normal(scale=0.01) for place in range(30)]
    rows = [
        {"series": name, "snapshot_date": week, "value": 99.0 if place == 5 else value, "is_suspect": place == 5}
        for name, values in (("rising", rising), ("still", list(rng.normal(size=30))), ("short", [0.1, 0.2]))
        for place, (week, value) in enumerate(zip(weeks, values, strict=False))
    ]
    found = {row["series"]: row for row in trends(pa.Table.from_pylist(rows), ["series"]).to_pylist()}
    assert found["rising"]["slope"] == pytest.approx(365.25 / 70, rel=0.02)
    assert (found["rising"]["n"], found["rising"]["n_suspect"], found["rising"]["first_date"]) == (29, 1, weeks[0])
    assert found["rising"]["p_holm"] == pytest.approx(2 * found["rising"]["p_value"])
    assert found["still"]["p_holm"] > 0.05
    assert (found["short"]["n"], found["short"]["slope"], found["short"]["p_holm"]) == (2, None, None)


def test_trend_is_unknown_with_too_few_weeks() -> None:
    assert np.isnan(trend(DAYS[:7], np.arange(7.0))["slope"])
    assert np.isnan(trend(DAYS, np.ones(104))["p_value"])
