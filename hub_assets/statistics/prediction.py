"""How well facts about models in one week predict their ranking by use in later weeks.

Choosing the weeks, predictors and outcomes belongs in `assets.change`.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import stats

from hub_assets.statistics.samples import floats


def rank_correlation_with_interval(x: npt.ArrayLike, y: npt.ArrayLike, *, confidence: float = 0.95) -> dict[str, float]:
    """Return Spearman's rank correlation of the pairs in which both values are known, with an interval.

    The interval uses Fisher's z transformation, with the variance (1 + r^2 / 2) / (n - 3) of Bonett and Wright (2000,
    Psychometrika 65, 23-28), which also holds for large correlations.

    Args:
        x, y: two arrays of the same length; NaN where unknown.
        confidence: confidence level of the interval, in (0, 1).

    Returns:
        `n` (known pairs), `spearman`, `spearman_low` and `spearman_high`. All but `n` are NaN with fewer than 4 pairs,
        or if x or y is constant; for a perfect correlation, both limits equal it.
    """
    known = ~(np.isnan(floats(x)) | np.isnan(floats(y)))
    a, b = floats(x)[known], floats(y)[known]
    n = len(a)
    if n < 4 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return {"n": n, "spearman": np.nan, "spearman_low": np.nan, "spearman_high": np.nan}
    r = float(stats.spearmanr(a, b).statistic)
    if abs(r) >= 1:
        return {"n": n, "spearman": r, "spearman_low": r, "spearman_high": r}
    reach = stats.norm.ppf((1 + confidence) / 2) * np.sqrt((1 + r**2 / 2) / (n - 3))
    low, high = np.tanh(np.arctanh(r) + reach * np.array([-1, 1]))
    return {"n": n, "spearman": r, "spearman_low": float(low), "spearman_high": float(high)}


def predictions(models: pa.Table, predictors: Sequence[str], outcome: str) -> pa.Table:
    """Compare how well several predictors order models by an outcome in a later period.

    Args:
        models: one row per model, with numeric columns for the predictors and the outcome (null if unknown).
        predictors: names of columns that are known before the outcome's period.
        outcome: name of the column to predict.

    Returns:
        One row per predictor: `predictor`, `n`, `spearman`, `spearman_low` and `spearman_high`; see
        `rank_correlation_with_interval`.
    """
    values = {name: models[name].cast(pa.float64()).to_numpy(zero_copy_only=False) for name in (*predictors, outcome)}
    return pa.Table.from_pylist(
        [{"predictor": name, **rank_correlation_with_interval(values[name], values[outcome])} for name in predictors]
    )
