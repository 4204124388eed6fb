"""A test of whether activity is right-skewed: most repositories have little, and a few have far more.

Right skew is a weaker claim than a power law (`tails`), and it is not a measure of how much the top few hold
(`concentration`).
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import stats

from hub_assets.statistics.samples import known

SIGNIFICANT: Final = 0.001
"""Significance level, as in the study."""
FEWEST: Final = 8
"""Minimum number of values; the test is undefined for fewer."""


def skewness(values: npt.ArrayLike) -> dict[str, float | bool | None]:
    """Measure skewness and test whether it exceeds what a normal distribution would produce.

    Args:
        values: activity, including zeros; NaN is ignored.

    Returns:
        `skewness`, g1: the third central moment over the cubed standard deviation (scipy's `skew`); `skewness_p`, the
        one-sided p-value of D'Agostino's test (1970; scipy's `skewtest`), which is 0 if too small for a float; and
        `is_right_skewed`, whether g1 is above 0 with p below 0.001. The numbers are NaN and `is_right_skewed` is None
        if all values are equal or there are fewer than 8.

    Raises:
        ValueError: if a value is infinite.
    """
    given = known(values)
    if len(given) < FEWEST or np.ptp(given) == 0:
        return {"skewness": float("nan"), "skewness_p": float("nan"), "is_right_skewed": None}
    # center the values, because scipy warns about large, nearly equal values
    found = float(stats.skew(given - given.mean()))
    p = float(stats.skewtest(given - given.mean(), alternative="greater").pvalue)
    return {"skewness": found, "skewness_p": p, "is_right_skewed": found > 0 and p < SIGNIFICANT}
