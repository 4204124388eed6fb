"""Whether activity is right-skewed: most have little, and some have far more.

That is less than a power law (`tails`), and does not say how much the few hold (`concentration`).
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import stats

from hub_assets.statistics.samples import known

SIGNIFICANT: Final = 0.001
"""Below which a p-value tells; the study's level."""
FEWEST: Final = 8
"""Values below which the test is not defined."""


def skewness(values: npt.ArrayLike) -> dict[str, float | bool | None]:
    """Measure the skewness of values, and test whether a normal distribution would be as skewed to the right.

    Args:
        values: of activity, 0 among them; NaN is not known and left out.

    Returns:
        `skewness`, g1: the third central moment over the cube of the standard deviation (scipy's `skew`); `skewness_p`,
        one-sided, of D'Agostino's test (1970; scipy's `skewtest`), 0 where it is less than a float can hold; and
        `is_right_skewed`, whether g1 is above 0 with p below 0.001. NaN and None where all values are the same, or
        there are fewer than 8.

    Raises:
        ValueError: if a value is infinite.
    """
    given = known(values)
    if len(given) < FEWEST or np.ptp(given) == 0:
        return {"skewness": float("nan"), "skewness_p": float("nan"), "is_right_skewed": None}
    # around the mean, since scipy warns where values are great and nearly the same
    found = float(stats.skew(given - given.mean()))
    p = float(stats.skewtest(given - given.mean(), alternative="greater").pvalue)
    return {"skewness": found, "skewness_p": p, "is_right_skewed": found > 0 and p < SIGNIFICANT}
