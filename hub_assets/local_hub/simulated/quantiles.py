"""The distributions of the study's activity variables as quantile functions.

A quantile function maps a share of repositories to the value that this share reaches or exceeds. It is defined by a few
points and is linear between them on log-log axes. The points were chosen so that a Hub of the study's size matches the
mean, standard deviation, quartiles, maximum, share of zeros and (for models) concentration published in Tables 2 to 4.
Ranking the repositories belongs in `repositories`.
"""

from typing import Final, Literal

import numpy as np

from hub_assets.local_hub.simulated.rng import Floats
from hub_assets.vocabulary import RepoType

Variable = Literal["likes", "downloads", "discussions", "starters", "commits", "committers", "usage"]

SIZES: Final[dict[RepoType, int]] = {"model": 348_181, "dataset": 65_761, "space": 156_642}
"""Number of repositories that the study listed in October 2023."""

STEEPEST: Final = 0.8
"""Steepest slope of a quantile function beyond its first point, which may be a single outlier in the study.

Slopes of 1 or more would make means grow with the Hub's size. The first two points for discussions of datasets, for
example, have a slope of 3.6: at ten times the study's size, one dataset would have 314 million discussions.
"""

_RUNGS: Final[dict[tuple[RepoType, Variable], list[tuple[float, float]]]] = {
    ("model", "likes"): [
        *((1.436e-6, 9314.5), (1e-5, 2794.3), (1e-4, 1522.5), (1e-3, 175.89), (1e-2, 12.568), (0.09, 1)),
    ],
    ("dataset", "likes"): [(7.603e-6, 3493.5), (1e-4, 546.84), (1e-3, 108.9), (1e-2, 16.319), (0.12, 1)],
    ("space", "likes"): [
        *((3.192e-6, 9124.5), (1e-5, 4304.8), (1e-4, 1651.9), (1e-3, 164.34), (1e-2, 13.382), (0.05, 2.1326)),
        (0.2, 1),
    ],
    ("model", "downloads"): [
        *((1.436e-6, 65_729_394.5), (1e-5, 20_792_000), (1e-4, 3_049_300), (1e-3, 123_260), (1e-2, 10_117)),
        *((0.1, 2.1489), (0.2901, 1)),
    ],
    ("dataset", "downloads"): [
        *((7.603e-6, 9_651_261.5), (1e-4, 1_121_900), (1e-3, 17_853), (1e-2, 488.07), (0.1, 26.432), (0.255, 2)),
        (0.3, 1),
    ],
    ("model", "discussions"): [
        *((1.436e-6, 3006.5), (3e-6, 594.36), (1e-5, 373.87), (3e-5, 85.241), (1e-4, 44.315), (3e-4, 19.39)),
        *((1e-3, 7.2875), (1e-2, 2.4602), (0.085, 2), (0.16, 1)),
    ],
    ("dataset", "discussions"): [
        *((7.603e-6, 79_256.5), (3e-5, 567.23), (1e-4, 38.975), (1e-3, 9.0782), (1e-2, 3.7868), (0.04, 2), (0.09, 1)),
    ],
    ("space", "discussions"): [
        *((3.192e-6, 18_061.5), (2e-5, 5473.6), (1e-4, 47.645), (1e-3, 5.7482), (0.015, 2), (0.04, 1)),
    ],
    ("model", "starters"): [
        *((1.436e-6, 244.5), (1e-5, 165), (1e-4, 56), (1e-3, 7.6668), (0.0155, 2), (0.055, 1)),
    ],
    ("dataset", "starters"): [(7.603e-6, 64.5), (1e-4, 13.396), (1e-3, 7.9109), (0.018, 2), (0.08, 1)],
    ("space", "starters"): [
        *((3.192e-6, 4684.5), (2e-5, 1859.3), (1e-4, 48.553), (1e-3, 5.7969), (0.011, 2), (0.037, 1)),
    ],
    ("model", "commits"): [
        *((1.436e-6, 75_653.5), (1e-5, 17_822), (1e-4, 3736.9), (1e-3, 356.31), (1e-2, 41.297), (0.1, 13.273)),
        *((0.265, 5), (0.315, 4), (0.52, 3), (0.78, 2), (1, 1)),
    ],
    ("dataset", "commits"): [
        *((7.603e-6, 314_813.5), (1e-4, 13_344), (1e-3, 1671), (1e-2, 287.29), (0.1, 48.009), (0.245, 8), (0.27, 7)),
        *((0.42, 5), (0.51, 4), (0.6, 3), (0.8, 2), (1, 1)),
    ],
    ("space", "commits"): [
        *((3.192e-6, 2150.5), (1e-4, 1465.9), (1e-3, 711.72), (1e-2, 88.843), (0.1, 14.477), (0.265, 5)),
        *((0.35, 4), (0.53, 3), (0.72, 2), (1, 1)),
    ],
    ("model", "committers"): [
        *((1.436e-6, 18.5), (1e-5, 14.061), (1e-4, 10.5), (1e-3, 6.5), (1e-2, 3.4), (0.04, 2), (0.994, 1)),
    ],
    ("dataset", "committers"): [
        *((7.603e-6, 100.5), (1e-4, 14.483), (1e-3, 5.943), (1e-2, 3.591), (0.11, 2), (0.985, 1)),
    ],
    ("space", "committers"): [
        *((3.192e-6, 282.5), (1e-4, 14.056), (1e-3, 6.5846), (1e-2, 3.3208), (0.243, 2), (0.99, 1)),
    ],
    # the study's counts by sub-field suggest that 10,000 models are in use
    ("model", "usage"): [
        *((1.436e-6, 1812), (2.872e-5, 535), (2.872e-4, 91.128), (2.872e-3, 11.343), (1.35e-2, 2), (2.872e-2, 1)),
    ],
}


def value_at_share(kind: RepoType, variable: Variable, share: Floats) -> Floats:
    """Return the value that the given share of all repositories reaches or exceeds.

    The result is not rounded; take its floor to get a whole count. It is 0 for shares beyond the last point. For shares
    before the first point, the line is extrapolated with a slope of at most STEEPEST, so that a Hub larger than the
    study's has larger maxima.
    """
    rungs = _RUNGS[kind, variable]
    shares, values = np.log([share for share, _ in rungs]), np.log([value for _, value in rungs])
    at = np.log(share)
    beyond = np.maximum(shares[0] - at, 0) * min((values[0] - values[1]) / (shares[1] - shares[0]), STEEPEST)
    reached: Floats = np.where(at > shares[-1], 0.0, np.exp(np.interp(at, shares, values) + beyond) + 1e-9)
    return reached
