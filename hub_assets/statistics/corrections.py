"""Corrections of p-values for multiple testing."""

import numpy as np
import numpy.typing as npt

from hub_assets.statistics.samples import Floats, floats


def holm(p_values: npt.ArrayLike) -> Floats:
    """Adjust p-values by Holm's step-down method (Holm 1979); NaN means no test and is returned unchanged.

    The i-th smallest of m p-values is multiplied by m - i + 1, never drops below the previous one, and is capped at 1,
    as in R's `p.adjust(p, "holm")`.
    """
    given = floats(p_values)
    adjusted = np.full(given.shape, np.nan)
    tests = np.flatnonzero(~np.isnan(given))
    order = tests[np.argsort(given[tests], kind="stable")]
    adjusted[order] = np.minimum(np.maximum.accumulate(given[order] * np.arange(len(order), 0, -1)), 1)
    return adjusted
