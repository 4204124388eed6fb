"""How well what is known of models in one week orders them by their use in later weeks."""

from collections.abc import Sequence

import numpy.typing as npt
import pyarrow as pa


def rank_correlation_with_interval(x: npt.ArrayLike, y: npt.ArrayLike, *, confidence: float = 0.95) -> dict[str, float]:
    """Return Spearman's rank correlation of the pairs that are known, with an interval.

    The interval is Fisher's, with the variance (1 + r^2 / 2) / (n - 3) of Bonett and Wright (2000, Psychometrika 65,
    23-28), which holds for large correlations too.

    Returns:
        `n`, `spearman`, `spearman_low`, `spearman_high`; NaN with fewer than 4 pairs or if either side is constant.
    """
    raise NotImplementedError


def predictions(models: pa.Table, predictors: Sequence[str], outcome: str) -> pa.Table:
    """Compare predictors of an outcome in a later period.

    Args:
        models: one row per model, with the predictors and the outcome.
        predictors: columns known before the period of the outcome.
        outcome: the column to predict.

    Returns:
        A row per predictor: `predictor`, `n`, `spearman`, `spearman_low`, `spearman_high`.
    """
    raise NotImplementedError
