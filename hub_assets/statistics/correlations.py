"""Correlation of activity variables: Pearson, Spearman and Kendall coefficients with p-values.

The choice of variables and groups does not belong here.
"""

from collections.abc import Mapping
from itertools import combinations
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import stats

from hub_assets.statistics.corrections import holm
from hub_assets.statistics.samples import Floats, floats

COEFFICIENTS: Final = ("pearson", "spearman", "kendall")


def correlations(columns: Mapping[str, npt.ArrayLike]) -> list[dict[str, str | float]]:
    """Correlate each pair of variables over the units for which both values are known.

    The study publishes Pearson's r. Spearman's rho (r of the mean ranks) and Kendall's tau-b (which allows for ties)
    do not assume a linear relation. All three come from scipy: `pearsonr`, `spearmanr` and `kendalltau`.

    Args:
        columns: arrays of equal length by name, one value per unit; NaN is unknown.

    Returns:
        One record per pair: `variable_x`, `variable_y`, `n`, and for each coefficient its value, its two-sided p-value
        `_p` (0 if too small for a float) and `_p_holm`, the p-value corrected for all pairs in this call. For r and
        rho, p-values use Student's t distribution, which is approximate for rho with few units. For tau, they use the
        exact distribution for up to 33 units without ties and the normal approximation otherwise. Coefficients and
        p-values are NaN if `n` is below 3 or a variable is constant.

    Raises:
        ValueError: if the lengths differ or a value is infinite.
    """
    values = {name: floats(column) for name, column in columns.items()}
    if len({column.shape for column in values.values()}) > 1:
        raise ValueError("columns differ in length")
    found = [_correlate(x, y, values[x], values[y]) for x, y in combinations(values, 2)]
    for name in COEFFICIENTS:
        corrected = holm(np.array([record[f"{name}_p"] for record in found], np.float64))
        for record, p in zip(found, corrected, strict=True):
            record[f"{name}_p_holm"] = float(p)
    return found


def _correlate(x: str, y: str, xs: Floats, ys: Floats) -> dict[str, str | float]:
    both = ~(np.isnan(xs) | np.isnan(ys))
    xs, ys = xs[both], ys[both]
    record: dict[str, str | float] = {"variable_x": x, "variable_y": y, "n": len(xs)}
    if len(xs) < 3 or np.ptp(xs) == 0 or np.ptp(ys) == 0:
        return record | {f"{name}{end}": float("nan") for name in COEFFICIENTS for end in ("", "_p")}
    # center the values, because scipy considers 2e16 and 2e16 + 4 nearly constant and warns
    pearson = stats.pearsonr(xs - xs.mean(), ys - ys.mean())
    for name, result in zip(COEFFICIENTS, (pearson, stats.spearmanr(xs, ys), stats.kendalltau(xs, ys)), strict=True):
        record |= {name: float(result.statistic), f"{name}_p": float(result.pvalue)}
    return record
