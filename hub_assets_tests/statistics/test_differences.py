"""The Mann-Whitney test, checked against documented examples of scipy and R, a double loop and mpmath."""

from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hub_assets.statistics.corrections import holm
from hub_assets.statistics.differences import group_tests, mann_whitney

NAN = float("nan")
# R's airquality: ozone in May and August 1973; NA where it was not measured
MAY = [41, 36, 12, 18, NAN, 28, 23, 19, 8, NAN, 7, 16, 11, 14, 18, 14, 34, 6, 30, 11, 1, 11, 4, 32, NAN, NAN, NAN, 23]
MAY += [45, 115, 37]
AUGUST = [39, 9, 16, 78, 35, 66, 122, 89, 110, NAN, NAN, 44, 28, 65, NAN, 22, 59, 23, 31, 44, 21, 9, NAN, 45, 168, 73]
AUGUST += [NAN, 76, 118, 84, 85]

VALUES = st.lists(st.one_of(st.integers(0, 5), st.integers(0, 2 * 10**16), st.floats(-3, 3)), min_size=1, max_size=25)


def test_scipys_documented_example() -> None:
    found = mann_whitney([19, 22, 16, 29, 24], [20, 11, 17, 12])
    assert (found["u_a"], found["u_b"]) == (17, 3)
    assert found["p_value"] == pytest.approx(0.11134688653314041, rel=1e-12)  # with method="asymptotic"
    assert (found["median_a"], found["median_b"]) == (22, 14.5)
    assert (found["mean_a"], found["mean_b"]) == (22, 15)
    assert found["rank_biserial"] == pytest.approx(0.7)  # (17 - 3) / 20


def test_rs_documented_example_with_ties_and_missing_values() -> None:
    # wilcox.test(Ozone ~ Month, data = airquality, subset = Month %in% c(5, 8)): W = 127.5, p-value = 0.0001208
    found = mann_whitney(MAY, AUGUST)
    assert (found["n_a"], found["n_b"], found["u_a"]) == (26, 26, 127.5)
    assert found["p_value"] == pytest.approx(0.0001208, abs=5e-8)


def test_without_continuity_correction_p_would_differ() -> None:
    _, without = stats.mannwhitneyu([19, 22, 16, 29, 24], [20, 11, 17, 12], method="asymptotic", use_continuity=False)
    assert without == pytest.approx(0.0864107329737)  # scipy's documentation: "if we disable it"
    assert mann_whitney([19, 22, 16, 29, 24], [20, 11, 17, 12])["p_value"] > without


@settings(deadline=None)
@given(VALUES, VALUES)
def test_every_pair_is_won_lost_or_tied(a: list[float], b: list[float]) -> None:
    found, turned = mann_whitney(a, b), mann_whitney(b, a)
    won = sum((x > y) + (x == y) / 2 for x in map(float, a) for y in map(float, b))
    assert found["u_a"] == won
    assert found["u_a"] + found["u_b"] == len(a) * len(b)
    assert found["rank_biserial"] == pytest.approx((found["u_a"] - found["u_b"]) / (len(a) * len(b)), abs=1e-12)
    assert -1 <= found["rank_biserial"] <= 1
    assert (turned["u_a"], turned["u_b"]) == (found["u_b"], found["u_a"])
    assert turned["rank_biserial"] == pytest.approx(-found["rank_biserial"], abs=1e-12)
    assert turned["p_value"] == pytest.approx(found["p_value"], rel=1e-9)
    assert 0 <= found["p_value"] <= 1


@settings(deadline=None)
@given(VALUES, VALUES)
def test_p_and_its_logarithm_match_scipy(a: list[float], b: list[float]) -> None:
    found = mann_whitney(a, b)
    if len({*map(float, a), *map(float, b)}) > 1:
        u, p = stats.mannwhitneyu(np.array(a, float), np.array(b, float), method="asymptotic")
        assert (found["u_a"], found["p_value"]) == (u, p)
    assert 10 ** found["log10_p"] == pytest.approx(found["p_value"], rel=1e-9)


@pytest.mark.parametrize("step", [1, 3], ids=["no ties", "ties"])
def test_the_logarithm_of_p_does_not_underflow(step: int) -> None:
    n = 1200
    a, b = np.arange(n, 2 * n) // step, np.arange(n) // step
    found = mann_whitney(a, b)
    assert found["p_value"] == 0
    # the first group wins every pair; each value occurs `step` times
    deviation = mpmath.sqrt(
        mpmath.mpf(n * n) / 12 * (2 * n + 1 - (step**3 - step) * (2 * n / step) / (2 * n * (2 * n - 1)))
    )
    z = (mpmath.mpf(n * n) / 2 - 0.5) / deviation
    assert found["log10_p"] == pytest.approx(float(mpmath.log10(mpmath.erfc(z / mpmath.sqrt(2)))), rel=1e-12)
    assert found["log10_p"] < -308
    assert (found["u_a"], found["u_b"], found["rank_biserial"]) == (n * n, 0, 1)


@pytest.mark.parametrize(("a", "b"), [([], [1, 2]), ([1, 2], []), ([], []), ([NAN, NAN], [1])])
def test_an_empty_group_is_a_row_without_a_test(a: list[float], b: list[float]) -> None:
    found = mann_whitney(a, b)
    assert (found["n_a"], found["n_b"]) == (np.sum(~np.isnan(a)), np.sum(~np.isnan(b)))
    assert all(np.isnan(found[name]) for name in ("u_a", "u_b", "p_value", "log10_p", "rank_biserial"))
    assert [np.isnan(found[f"mean_{name}"]) for name in "ab"] == [found[f"n_{name}"] == 0 for name in "ab"]
    assert [np.isnan(found[f"median_{name}"]) for name in "ab"] == [found[f"n_{name}"] == 0 for name in "ab"]


def test_a_constant_variable_shows_no_difference() -> None:
    found = mann_whitney([0] * 7, [0] * 4)
    assert (found["u_a"], found["u_b"]) == (14, 14)
    assert (found["p_value"], found["log10_p"], found["rank_biserial"]) == (1, 0, 0)


def test_groups_of_a_single_repository() -> None:
    found = mann_whitney([3], [2e16])
    assert (found["u_a"], found["u_b"], found["rank_biserial"]) == (0, 1, -1)
    assert found["p_value"] == 1


def test_infinite_values_are_rejected() -> None:
    with pytest.raises(ValueError, match="infinite"):
        mann_whitney([1, np.inf], [2])


def test_groups_of_the_studys_size() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.zipf(2.2, 83_781) - 1, rng.zipf(2.3, 226_243) - 1
    found = mann_whitney(a, b)
    u, p = stats.mannwhitneyu(a, b, method="asymptotic")
    assert (found["u_a"], found["p_value"]) == (u, p)
    assert found["u_a"] + found["u_b"] == 83_781 * 226_243
    assert 10 ** found["log10_p"] == pytest.approx(p, rel=1e-6)


@pytest.fixture(scope="module")
def tests() -> list[dict[str, Any]]:
    """Eight variables in three groups; one variable is constant, another is unknown in one group."""
    rng = np.random.default_rng(5)
    groups = {"permissive": 60, "restrictive": 40, "none": 90}
    variables = {
        f"n_{place}": {name: rng.poisson(2 + place * (name == "none"), n) for name, n in groups.items()}
        for place in range(6)
    }
    variables["n_constant"] = {name: np.zeros(n, np.int64) for name, n in groups.items()}
    unknown = {name: rng.poisson(2, n) for name, n in groups.items()}
    return group_tests(variables | {"n_unknown": unknown | {"restrictive": np.full(40, np.nan)}})


def test_every_pair_of_groups_is_tested_on_each_variable(tests: list[dict[str, Any]]) -> None:
    assert len(tests) == 24
    assert [(test["group_a"], test["group_b"]) for test in tests[:3]] == [
        ("permissive", "restrictive"),
        ("permissive", "none"),
        ("restrictive", "none"),
    ]
    assert all(test["u_a"] + test["u_b"] == test["n_a"] * test["n_b"] for test in tests if test["n_a"] * test["n_b"])


def test_p_values_are_corrected_for_all_tests(tests: list[dict[str, Any]]) -> None:
    raw = [test["p_value"] for test in tests]
    assert np.isnan(raw).sum() == 2
    np.testing.assert_array_equal([test["p_holm"] for test in tests], holm(raw))


def test_no_variables_give_no_tests() -> None:
    assert group_tests({}) == group_tests({"n": {"alone": [1, 2]}}) == []
