"""Tests of whether activity is higher in one group than in another: Mann-Whitney, with its effect size.

Forming groups and interpreting differences do not belong here.
"""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy import stats
from scipy.special import log_ndtr

from hub_assets.statistics.corrections import holm
from hub_assets.statistics.samples import Floats, known


def group_tests(variables: Mapping[str, Mapping[str, npt.ArrayLike]]) -> list[dict[str, str | float]]:
    """Test every pair of groups on each variable.

    Args:
        variables: for each variable, the values of each group by group name; NaN is unknown.

    Returns:
        One record per variable and pair of groups, as returned by `mann_whitney`, with `variable`, `group_a`, `group_b`
        and `p_holm`, the p-value corrected for all tests in this call.

    Raises:
        ValueError: if a value is infinite.
    """
    found = [
        {"variable": variable, "group_a": a, "group_b": b} | mann_whitney(groups[a], groups[b])
        for variable, groups in variables.items()
        for a, b in combinations(groups, 2)
    ]
    corrected = holm(np.array([record["p_value"] for record in found], np.float64))
    return [record | {"p_holm": float(p)} for record, p in zip(found, corrected, strict=True)]


def mann_whitney(a: npt.ArrayLike, b: npt.ArrayLike) -> dict[str, float]:
    """Test whether values in one group tend to be larger than in another (Mann and Whitney 1947), two-sided.

    Uses the normal approximation with corrections for ties and continuity, like `scipy.stats.mannwhitneyu` with
    `method="asymptotic"` and R's `wilcox.test` with `exact = FALSE`.

    Args:
        a, b: values of the two groups; NaN is ignored.

    Returns:
        `n_a`, `n_b`, `mean_a`, `mean_b`, `median_a`, `median_b`; `u_a`, the number of pairs in which the first group's
        value is larger (a tie counts as half), and `u_b`, the number in which the second group's value is larger, so
        that the two add up to n_a n_b; `p_value`, and `log10_p`, which stays finite even if `p_value` underflows to 0;
        `rank_biserial`, (u_a - u_b) / (n_a n_b), in [-1, 1] (Cliff's delta; Kerby 2014). The test results are NaN if a
        group is empty; p is 1 if all values are equal.

    Raises:
        ValueError: if a value is infinite.
    """
    xs, ys = known(a), known(b)
    record: dict[str, float] = {"n_a": len(xs), "n_b": len(ys)}
    for name, values in (("a", xs), ("b", ys)):
        record[f"mean_{name}"] = float(values.mean()) if len(values) else float("nan")
        record[f"median_{name}"] = float(np.median(values)) if len(values) else float("nan")
    if not (len(xs) and len(ys)):
        return record | dict.fromkeys(("u_a", "u_b", "p_value", "log10_p", "rank_biserial"), float("nan"))
    pairs = len(xs) * len(ys)
    if np.ptp(np.concatenate([xs, ys])) == 0:
        return record | {"u_a": pairs / 2, "u_b": pairs / 2, "p_value": 1.0, "log10_p": 0.0, "rank_biserial": 0.0}
    u, p = stats.mannwhitneyu(xs, ys, alternative="two-sided", method="asymptotic", use_continuity=True)
    return record | {
        "u_a": float(u),
        "u_b": float(pairs - u),
        "p_value": float(p),
        "log10_p": _log10_p(xs, ys, float(u)),
        "rank_biserial": float(2 * u / pairs - 1),
    }


def _log10_p(xs: Floats, ys: Floats, u: float) -> float:
    """Return log10 of the p-value of a U statistic, from the same normal approximation as `mannwhitneyu`."""
    n_x, n_y = len(xs), len(ys)
    n = n_x + n_y
    _, counts = np.unique(np.concatenate([xs, ys]), return_counts=True)
    ties = counts.astype(np.float64)
    deviation = np.sqrt(n_x * n_y / 12 * ((n + 1) - (ties**3 - ties).sum() / (n * (n - 1))))
    z = (max(u, n_x * n_y - u) - n_x * n_y / 2 - 0.5) / deviation
    return float(min(np.log(2) + log_ndtr(-z), 0.0) / np.log(10))
