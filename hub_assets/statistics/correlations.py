"""How two activities go together: Pearson's, Spearman's and Kendall's coefficients with their p-values.

Which variables are set beside each other, and in which groups, does not belong here.
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
    """Correlate each two of some variables over the units of which both are known.

    Pearson's r is what the study publishes. Spearman's rho (r of the mean ranks) and Kendall's tau-b (which allows for
    ties) do not ask for a line. All are scipy's `pearsonr`, `spearmanr` and `kendalltau`.

    Args:
        columns: by name, all of one length, a value per unit; NaN is not known.

    Returns:
        A record for each pair: `variable_x`, `variable_y`, `n`, and of each coefficient its value, its two-sided `_p`
        (0 where it is less than a float can hold), and `_p_holm`, corrected for all pairs of this call. The p-values
        are Student's t of r and of rho (which is rough for rho of a few units), and Kendall's exact one for up to 33
        units without ties, else the normal approximation. Coefficients and p-values are NaN where `n` is below 3 or
        one of the variables is constant.

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
    # around their means, since scipy takes 2e16 and 2e16 + 4 as nearly constant, and warns
    pearson = stats.pearsonr(xs - xs.mean(), ys - ys.mean())
    for name, result in zip(COEFFICIENTS, (pearson, stats.spearmanr(xs, ys), stats.kendalltau(xs, ys)), strict=True):
        record |= {name: float(result.statistic), f"{name}_p": float(result.pvalue)}
    return record
