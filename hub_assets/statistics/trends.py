"""Whether a weekly series moves: a slope with an interval that holds for stationary and for wandering noise."""

import numpy.typing as npt


def trend(days: npt.ArrayLike, values: npt.ArrayLike) -> dict[str, float]:
    """Fit a line to a series with autocorrelated noise.

    Weeks resemble the weeks before, so that ordinary least squares finds trends in a Hub that stands still. The noise is
    taken as autoregressive of order 1, with a unit root if the coefficient is within n^(-1/2) of 1: then the slope's t
    is standard normal either way (Perron and Yabu 2009, Journal of Econometrics 151, 56-69).

    Args:
        days: time in days, ascending; weeks may be missing.
        values: NaN where unknown or suspect.

    Returns:
        `n`; `slope` per year with `slope_low` and `slope_high` (95 %), `p_value`, `autocorrelation` (of a week); all
        NaN with fewer than 8 known values.
    """
    raise NotImplementedError
