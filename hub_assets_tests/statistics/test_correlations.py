"""Coefficients and p-values, compared with documented examples of scipy and R, scipy pair by pair, and pandas."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hub_assets.statistics.corrections import holm
from hub_assets.statistics.correlations import COEFFICIENTS, correlations

# R's ?cor.test: lightness and quality of canned tuna, from Hollander and Wolfe (1973)
LIGHTNESS = [44.4, 45.9, 41.9, 53.3, 44.7, 44.1, 50.7, 45.2, 60.1]
QUALITY = [2.6, 3.1, 2.5, 5.0, 3.6, 4.0, 5.2, 2.8, 3.8]


def of_two(xs: npt.ArrayLike, ys: npt.ArrayLike) -> dict[str, Any]:
    (record,) = correlations({"x": xs, "y": ys})
    return record


@pytest.fixture(scope="module")
def activity() -> pd.DataFrame:
    """Correlated counts with ties, zeros and unknown values."""
    rng = np.random.default_rng(7)
    size = rng.pareto(1.2, 500)
    frame = pd.DataFrame(
        {name: rng.poisson(size * rate).astype(float) for name, rate in (("likes", 0.5), ("commits", 3), ("users", 1))}
    )
    frame.loc[::11, "commits"] = np.nan
    frame.loc[::13, "users"] = np.nan
    return frame


@pytest.mark.parametrize(
    ("coefficient", "xs", "ys", "value", "p"),
    [
        # the examples in scipy's documentation of pearsonr, kendalltau and spearmanr
        ("pearson", range(1, 8), [10, 9, 2.5, 6, 4, 3, 2], -0.828503883588428, 0.021280260007523286),
        ("kendall", [12, 2, 1, 12, 2], [1, 4, 7, 1, 0], -0.47140452079103173, 0.2827454599327748),
        ("spearman", range(1, 6), [5, 6, 7, 8, 7], 0.8207826816681233, 0.08858700531354381),
    ],
)
def test_scipys_documented_examples(
    coefficient: str, xs: npt.ArrayLike, ys: npt.ArrayLike, value: float, p: float
) -> None:
    record = of_two(np.array(xs), ys)
    assert record[coefficient] == pytest.approx(value, rel=1e-12)
    assert record[f"{coefficient}_p"] == pytest.approx(p, rel=1e-9)


def test_rs_documented_example() -> None:
    record = of_two(LIGHTNESS, QUALITY)
    assert record["n"] == 9
    # cor.test(x, y): t = 1.8411, df = 7, p-value = 0.1082, cor 0.5711816
    assert record["pearson"] == pytest.approx(0.5711816, abs=5e-8)
    assert record["pearson_p"] == pytest.approx(0.1082, abs=5e-5)
    # cor.test(x, y, method = "kendall", alternative = "greater"): T = 26, p-value = 0.05972, tau 0.4444444, exact
    assert record["kendall"] == pytest.approx(0.4444444, abs=5e-8)
    assert record["kendall_p"] == pytest.approx(2 * 0.05972, abs=1e-5)
    # cor.test(x, y, method = "spearman"): S = 48, p-value = 0.0968, rho 0.6. R's p is exact; ours uses Student's t
    assert record["spearman"] == pytest.approx(0.6)
    assert record["spearman_p"] == pytest.approx(2 * stats.t.sf(0.6 * np.sqrt(7 / (1 - 0.6**2)), 7))
    assert record["spearman_p"] == pytest.approx(0.0968, abs=0.01)


def test_each_pair_matches_scipy_over_units_with_both_values(activity: pd.DataFrame) -> None:
    records = correlations({name: activity[name] for name in activity})
    assert [(r["variable_x"], r["variable_y"]) for r in records] == [
        ("likes", "commits"),
        ("likes", "users"),
        ("commits", "users"),
    ]
    for record in records:
        both = activity[[record["variable_x"], record["variable_y"]]].dropna()
        assert record["n"] == len(both) < 500
        for name, test in zip(COEFFICIENTS, (stats.pearsonr, stats.spearmanr, stats.kendalltau), strict=True):
            value, p = test(both.iloc[:, 0], both.iloc[:, 1])
            assert record[name] == pytest.approx(value, rel=1e-9)
            assert record[f"{name}_p"] == pytest.approx(p, rel=1e-6)


def test_coefficients_match_pandas(activity: pd.DataFrame) -> None:
    matrices = {name: activity.corr(method=name) for name in COEFFICIENTS}
    for record in correlations({name: activity[name] for name in activity}):
        for name, matrix in matrices.items():
            assert record[name] == pytest.approx(matrix.loc[record["variable_x"], record["variable_y"]], rel=1e-9)


def test_kendall_is_tau_b_rather_than_tau_a() -> None:
    xs, ys = [1, 1, 2, 3, 3, 4], [1, 2, 2, 2, 5, 6]
    signs = [
        np.sign(xs[i] - xs[j]) * np.sign(ys[i] - ys[j]) for i in range(6) for j in range(i)
    ]  # 15 pairs, 2 of them tied in x, 3 in y
    assert of_two(xs, ys)["kendall"] == pytest.approx(sum(signs) / np.sqrt((15 - 2) * (15 - 3)))
    assert of_two(xs, ys)["kendall"] != pytest.approx(sum(signs) / 15)


def test_p_values_are_corrected_for_all_pairs(activity: pd.DataFrame) -> None:
    records = correlations({name: activity[name] for name in activity} | {"constant": np.ones(500)})
    assert len(records) == 6
    for name in COEFFICIENTS:
        raw = [float(record[f"{name}_p"]) for record in records]
        assert np.isnan(raw).sum() == 3
        np.testing.assert_array_equal([record[f"{name}_p_holm"] for record in records], holm(raw))


@pytest.mark.parametrize(
    ("xs", "ys", "n"),
    [
        ([], [], 0),
        ([1], [2], 1),
        ([1, 2], [1, 2], 2),
        ([1, 2, np.nan], [1, 2, 3], 2),
        ([0, 0, 0, 0], [1, 2, 3, 4], 4),
        ([np.nan] * 4, [1, 2, 3, 4], 0),
        ([5, 5, 5, 6], [1, 2, 3, np.nan], 3),
    ],
)
def test_too_few_or_constant_values_are_a_row_without_numbers(xs: list[float], ys: list[float], n: int) -> None:
    record = of_two(xs, ys)
    assert record["n"] == n
    assert all(np.isnan(record[f"{name}{end}"]) for name in COEFFICIENTS for end in ("", "_p", "_p_holm"))


def test_fewer_than_two_variables_have_no_pair() -> None:
    assert correlations({}) == correlations({"alone": [1, 2, 3]}) == []


def test_large_values_that_differ_slightly_are_not_constant() -> None:
    record = of_two([2e16, 2e16 + 4, 2e16 + 8], [1, 2, 3])
    assert [record[name] for name in COEFFICIENTS] == [pytest.approx(1)] * 3


def test_invalid_columns_are_rejected() -> None:
    with pytest.raises(ValueError, match="length"):
        correlations({"x": [1, 2, 3], "y": [1]})
    with pytest.raises(ValueError, match="infinite"):
        correlations({"x": [1, 2, np.inf], "y": [1, 2, 3]})


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 10**16)), min_size=3, max_size=40))
def test_coefficients_stay_in_range_and_ignore_order(pairs: list[tuple[int, int]]) -> None:
    xs, ys = zip(*pairs, strict=True)
    record, other = of_two(xs, ys), of_two(ys, xs)
    for name in COEFFICIENTS:
        assert np.isnan(record[name]) == (len(set(map(float, xs))) == 1 or len(set(map(float, ys))) == 1)
        assert np.isnan(record[name]) or -1 <= record[name] <= 1
        assert record[name] == pytest.approx(other[name], rel=1e-9, abs=1e-12, nan_ok=True)
        assert np.isnan(record[name]) or 0 <= record[f"{name}_p"] <= record[f"{name}_p_holm"] <= 1
