"""Concentration, Gini and Lorenz: closed forms, R's documented example, brute force, and coverage of the intervals."""

from fractions import Fraction
from math import ceil, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hub_assets.statistics.concentration import concentration, gini, lorenz

COUNTS = st.lists(st.one_of(st.integers(0, 4), st.integers(0, 10**6)), min_size=1, max_size=30).filter(any)
# from the documentation of R's ineq package, after Cowell, Measuring Inequality
INCOMES = [541, 1463, 2445, 3438, 4437, 5401, 6392, 8304, 11904, 22261]


def quantiles(n: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the midpoints of n equal shares of [0, 1]."""
    return (np.arange(n) + 0.5) / n


def test_gini_of_rs_documented_example() -> None:
    assert gini(INCOMES) == pytest.approx(0.4620911, abs=5e-8)  # ineq::Gini(x)
    assert gini(INCOMES) * 10 / 9 == pytest.approx(0.5134346, abs=5e-8)  # with corr = TRUE: drawn without replacement


@pytest.mark.parametrize("n", [1, 2, 3, 10, 1000])
def test_closed_forms(n: int) -> None:
    one_has_all, all_the_same, first_numbers = [0] * (n - 1) + [7], [3.3] * n, np.arange(1, n + 1)
    assert gini(one_has_all) == pytest.approx((n - 1) / n)
    assert gini(all_the_same) == pytest.approx(0, abs=1e-12)
    assert gini(first_numbers) == pytest.approx((n - 1) / (3 * n))
    assert concentration(one_has_all, resamples=0)["hhi"] == 1
    assert concentration(all_the_same, resamples=0)["hhi"] == pytest.approx(1 / n)
    assert concentration(one_has_all, resamples=0)["share_holding_0.99"] == 1 / n
    assert concentration(all_the_same, resamples=0)["share_holding_0.8"] == ceil(0.8 * n) / n


def test_exponential_values_have_gini_one_half() -> None:
    assert gini(stats.expon.ppf(quantiles(100_000))) == pytest.approx(0.5, abs=1e-4)


def pareto(alpha: float, n: int = 100_000) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the holdings of n equal shares of a population that follows Pareto's law exactly, smallest first."""
    return np.diff(1 - (1 - np.linspace(0, 1, n + 1)) ** (1 - 1 / alpha))


@pytest.mark.parametrize("alpha", [1.5, 2, 5])
def test_a_pareto_distribution_has_its_known_gini_and_lorenz_curve(alpha: float) -> None:
    assert gini(pareto(alpha)) == pytest.approx(1 / (2 * alpha - 1), abs=1e-3)
    at, held = lorenz(pareto(alpha))
    np.testing.assert_allclose(held, 1 - (1 - at) ** (1 - 1 / alpha), atol=1e-9)


def test_one_fifth_holds_four_fifths() -> None:
    # Pareto's 80/20 rule: alpha = log 5 / log 4
    found = concentration(pareto(log(5) / log(4)), (0.8,), (0.2,), resamples=0)
    assert found["share_holding_0.8"] == pytest.approx(0.2, abs=2e-5)
    assert found["top_0.2"] == pytest.approx(0.8)


@settings(deadline=None)
@given(COUNTS)
def test_shares_match_brute_force(values: list[int]) -> None:
    found = concentration(values, (0.5, 0.8, 1), (0.01, 0.1, 0.5, 1), resamples=0)
    n, total, falling = len(values), sum(values), sorted(values, reverse=True)
    assert (found["n"], found["total"]) == (n, total)
    for target in (Fraction(1, 2), Fraction(4, 5), Fraction(1)):
        least = next(k for k in range(n + 1) if sum(falling[:k]) >= target * total)
        assert found[f"share_holding_{float(target):g}"] == pytest.approx(least / n)
    for top in (Fraction(1, 100), Fraction(1, 10), Fraction(1, 2), Fraction(1)):
        assert found[f"top_{float(top):g}"] == pytest.approx(sum(falling[: ceil(top * n)]) / total)
    assert found["hhi"] == pytest.approx(sum((value / total) ** 2 for value in values))


@settings(deadline=None)
@given(COUNTS)
def test_gini_is_half_the_mean_difference_over_the_mean_and_twice_the_area(values: list[int]) -> None:
    n, total = len(values), sum(values)
    difference = sum(abs(x - y) for x in values for y in values) / n**2
    assert gini(values) == pytest.approx(difference / 2 / (total / n), abs=1e-12)
    at, held = lorenz(values, n + 1)
    assert gini(values) == pytest.approx(1 - 2 * np.trapezoid(held, at), abs=1e-12)


@settings(deadline=None)
@given(COUNTS)
def test_lorenz_curve_matches_a_double_loop(values: list[int]) -> None:
    at, held = lorenz(values, len(values) + 1)
    rising, total = sorted(values), sum(values)
    np.testing.assert_allclose(at, [k / len(values) for k in range(len(values) + 1)])
    np.testing.assert_allclose(held, [sum(rising[:k]) / total for k in range(len(values) + 1)], atol=1e-12)


@settings(deadline=None)
@given(COUNTS, st.integers(2, 4), st.randoms(use_true_random=False))
def test_measures_ignore_order_unit_and_copies(values: list[int], times: int, random: object) -> None:
    turned = list(values)
    random.shuffle(turned)  # type: ignore[attr-defined]
    assert concentration(values, resamples=50) == concentration(turned, resamples=50)
    assert gini(np.array(values) * float(times)) == pytest.approx(gini(values), abs=1e-12)
    assert gini(values * times) == pytest.approx(gini(values), abs=1e-12)


@pytest.mark.parametrize("values", [[], [0], [0, 0, 0], [float("nan")]])
def test_a_total_of_zero_is_a_row_without_numbers(values: list[float]) -> None:
    found = concentration(values)
    assert (found.pop("n"), found.pop("total")) == (np.sum(~np.isnan(values)), 0)
    assert len(found) == 21
    assert np.isnan(list(found.values())).all()
    assert np.isnan(gini(values))
    at, held = lorenz(values, 3)
    assert at.tolist() == [0, 0.5, 1]
    assert np.isnan(held).all()


def test_one_repository_holds_everything() -> None:
    found = concentration([4])
    assert {name: value for name, value in found.items() if "_low" not in name and "_high" not in name} == {
        "n": 1,
        "total": 4,
        "share_holding_0.8": 1,
        "share_holding_0.9": 1,
        "share_holding_0.99": 1,
        "top_0.01": 1,
        "top_0.1": 1,
        "gini": 0,
        "hhi": 1,
    }


def test_unknown_values_are_left_out() -> None:
    assert concentration([1, float("nan"), 3]) == concentration([1, 3])


def test_large_values_are_measured() -> None:
    found = concentration([2e16] * 2 + [0] * 198, resamples=0)
    assert found["share_holding_0.8"] == 0.01
    assert found["top_0.01"] == 1
    assert found["gini"] == pytest.approx(0.99)
    assert found["hhi"] == 0.5


@pytest.mark.parametrize("value", [-1, float("inf")])
def test_impossible_values_are_rejected(value: float) -> None:
    with pytest.raises(ValueError, match="a value is"):
        concentration([1, value])
    with pytest.raises(ValueError, match="a value is"):
        lorenz([1, value])


@pytest.mark.parametrize("share", [0, -0.1, 1.1])
def test_invalid_shares_are_rejected(share: float) -> None:
    with pytest.raises(ValueError, match=r"must be in"):
        concentration([1, 2], (share,))
    with pytest.raises(ValueError, match=r"must be in"):
        concentration([1, 2], (), (share,))


@pytest.mark.slow
def test_intervals_match_scipys_bootstrap() -> None:
    values = np.random.default_rng(1).lognormal(0, 1, 300)
    found = concentration(values, (0.8,), (0.1,), resamples=4000, seed=1)
    for name, measure in (
        ("gini", gini),
        ("top_0.1", lambda x: np.sort(x)[-30:].sum() / x.sum()),
        ("hhi", lambda x: ((x / x.sum()) ** 2).sum()),
    ):
        expected = stats.bootstrap(
            (values,), measure, n_resamples=4000, method="percentile", vectorized=False, rng=np.random.default_rng(2)
        ).confidence_interval
        assert found[f"{name}_low"] == pytest.approx(expected.low, rel=0.02)
        assert found[f"{name}_high"] == pytest.approx(expected.high, rel=0.02)


@pytest.mark.slow
def test_intervals_cover_the_known_gini_about_as_often_as_stated() -> None:
    rng = np.random.default_rng(3)
    held = 0
    for seed in range(200):
        found = concentration(rng.exponential(size=300), (), (), resamples=300, seed=seed)
        held += found["gini_low"] <= 0.5 <= found["gini_high"]
    assert 0.88 <= held / 200 <= 0.99


def test_intervals_are_the_same_for_the_same_seed() -> None:
    values = np.random.default_rng(4).zipf(2, 500)
    assert concentration(values, seed=1) == concentration(values, seed=1)
    assert concentration(values, seed=1)["gini_low"] != concentration(values, seed=2)["gini_low"]
    without = concentration(values, resamples=0)
    assert np.isnan(without["gini_low"])
    assert without["gini"] == concentration(values)["gini"]


def test_resamples_with_a_total_of_zero_are_left_out() -> None:
    found = concentration([0, 0, 0, 1], resamples=200)
    assert found["gini_low"] <= found["gini"] <= found["gini_high"] == 0.75
    alone = concentration([0] * 99 + [1], resamples=1, seed=2)
    assert np.isnan(alone["gini_low"]) == np.isnan(alone["gini_high"])
