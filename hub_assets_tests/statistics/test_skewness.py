"""Skewness: agreement with scipy's documented examples, and samples for which it is undefined."""

import math

import numpy as np
import pytest
from scipy import stats

from hub_assets.statistics.skewness import skewness


@pytest.mark.parametrize(
    ("values", "p"),
    [
        # from the documentation of scipy.stats.skewtest
        ([1, 2, 3, 4, 5, 6, 7, 8], 0.3121098361421897 / 2),
        ([2, 8, 0, 4, 1, 9, 9, 0], 0.6554066631275459 / 2),
        ([1, 2, 3, 4, 5, 6, 7, 8000], 0.0003545719905823133 / 2),
    ],
)
def test_documented_p_values_of_the_test(values: list[float], p: float) -> None:
    assert skewness(values)["skewness_p"] == pytest.approx(p)


def test_documented_skewness() -> None:
    # from the documentation of scipy.stats.skew
    assert skewness([2, 8, 0, 4, 1, 9, 9, 0])["skewness"] == pytest.approx(0.2650554122698573)


def test_nan_is_left_out() -> None:
    assert skewness([2, 8, np.nan, 0, 4, 1, 9, 9, 0]) == skewness([2, 8, 0, 4, 1, 9, 9, 0])


def test_skewness_is_the_third_moment_over_the_cubed_deviation() -> None:
    values = np.random.default_rng(0).geometric(0.3, 2_000) - 1.0
    away = values - values.mean()
    assert skewness(values)["skewness"] == pytest.approx((away**3).mean() / values.std() ** 3)


def test_right_skewed_left_skewed_and_symmetric_values() -> None:
    values = np.random.default_rng(0).pareto(2, 500)
    assert skewness(values)["is_right_skewed"] is True
    assert skewness(-values)["is_right_skewed"] is False
    assert skewness(stats.norm.ppf(np.linspace(0.01, 0.99, 99)))["is_right_skewed"] is False


@pytest.mark.parametrize("values", [[], [1.0], [np.nan] * 20, [3.0] * 20, [2e16] * 9, list(range(7))])
def test_too_few_or_equal_values_are_undefined(values: list[float]) -> None:
    found = skewness(values)
    assert found["is_right_skewed"] is None
    assert all(math.isnan(found[name] or 0) for name in ("skewness", "skewness_p"))
