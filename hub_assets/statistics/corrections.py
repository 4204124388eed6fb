"""Corrections of p-values for the number of tests."""

import numpy as np
import numpy.typing as npt

from hub_assets.statistics.samples import Floats, floats


def holm(p_values: npt.ArrayLike) -> Floats:
    """Return p-values adjusted by Holm's step-down method (Holm 1979); NaN is no test and stays NaN.

    The i-th smallest of m is multiplied by m - i + 1; none is less than one before it, or more than 1. R's
    `p.adjust(p, "holm")`.
    """
    given = floats(p_values)
    adjusted = np.full(given.shape, np.nan)
    tests = np.flatnonzero(~np.isnan(given))
    order = tests[np.argsort(given[tests], kind="stable")]
    adjusted[order] = np.minimum(np.maximum.accumulate(given[order] * np.arange(len(order), 0, -1)), 1)
    return adjusted
