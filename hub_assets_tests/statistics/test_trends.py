"""Trends: a slope is found with its interval, and a Hub that stands still has none."""

import numpy as np
import pytest

from hub_assets.statistics.samples import Floats
from hub_assets.statistics.trends import trend

DAYS = np.arange(104) * 7.0
MISSING = [20, 21, 22, 60]


def series(rng: np.random.Generator, rho: float, fresh: float) -> Floats:
    noise = np.zeros(300)
    for week in range(1, 300):
        noise[week] = rho * noise[week - 1] + rng.normal()
    values = noise[-104:] + fresh * rng.normal(size=104)
    values[MISSING] = np.nan
    return values


@pytest.mark.parametrize(("rho", "fresh"), [(0.0, 0.0), (0.6, 0.0), (0.9, 1.0)])
def test_standing_still_is_no_trend(rho: float, fresh: float) -> None:
    rng = np.random.default_rng(5)
    found = [trend(DAYS, series(rng, rho, fresh))["p_value"] < 0.05 for _ in range(40)]
    # of 40, 5 % are 2; more than 5 would come by chance once in 70 times
    assert sum(found) <= 5


def test_slope_is_covered() -> None:
    rng = np.random.default_rng(6)
    rows = [trend(DAYS, series(rng, 0.6, 0.5) + 3 * DAYS / 365.25) for _ in range(30)]
    covered = [row["slope_low"] <= 3 <= row["slope_high"] for row in rows]
    assert sum(covered) >= 25
    assert np.mean([row["slope"] for row in rows]) == pytest.approx(3, abs=0.3)
    assert sum(row["p_value"] < 0.05 for row in rows) > 20
    assert rows[0]["n"] == 100


def test_unknown_where_there_is_too_little() -> None:
    assert np.isnan(trend(DAYS[:7], np.arange(7.0))["slope"])
    assert np.isnan(trend(DAYS, np.ones(104))["p_value"])
