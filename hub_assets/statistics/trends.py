"""Whether a weekly series moves: a slope with an interval that holds for stationary and for wandering noise."""

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import stats

from hub_assets.statistics.samples import floats

LEAST: Final = 8
"""Fewer weeks do not show how much a week resembles the week before."""
YEAR: Final = 365.25


def trend(days: npt.ArrayLike, values: npt.ArrayLike) -> dict[str, float]:
    """Fit a line to a series with autocorrelated noise.

    Weeks resemble the weeks before, so ordinary least squares finds trends in a Hub that stands still. The noise is
    taken as autoregressive of order 1, with a unit root if the coefficient is within n^(-1/2) of 1; the slope's t is
    then standard normal either way (Perron and Yabu 2009, Journal of Econometrics 151, 56-69).

    Args:
        days: time in days, ascending; weeks may be missing.
        values: NaN where unknown or suspect.

    Returns:
        `n`; `slope` per year with `slope_low` and `slope_high` (95 %), `p_value`, `autocorrelation` (of a week); all
        NaN with fewer than 8 known values.
    """
    known = ~np.isnan(floats(values))
    x, y = floats(days)[known] / YEAR, floats(values)[known]
    n = len(y)
    names = ("slope", "slope_low", "slope_high", "p_value", "autocorrelation")
    if n < LEAST or np.ptp(y) == 0:
        return {"n": n, **dict.fromkeys(names, np.nan)}
    steps = np.diff(x)
    unit = np.median(steps)
    noise = y - np.polyval(np.polyfit(x, y, 1), x)
    is_near = steps < 1.5 * unit
    before, after = noise[:-1][is_near], noise[1:][is_near]
    rho = (before @ after) / (before @ before)
    # least squares on a detrended series falls short by (2 + 4 rho) / n
    rho = max(min(rho + (2 + 4 * rho) / n, 1.0), 0.0)
    if rho >= 1 - n**-0.5:
        rho = 1.0
    carried = rho ** (steps / unit)
    spread = np.sqrt(steps / unit if rho == 1 else (1 - carried**2) / (1 - rho**2))
    design = np.column_stack([np.ones(n), x - x[0]])
    first = 1.0 if rho == 1 else np.sqrt(1 - rho**2)
    rows = np.vstack([first * design[:1], (design[1:] - carried[:, None] * design[:-1]) / spread[:, None]])
    target = np.append(first * y[0], (y[1:] - carried * y[:-1]) / spread)
    found, *_ = np.linalg.lstsq(rows, target, rcond=None)
    residuals = target - rows @ found
    error = np.sqrt(residuals @ residuals / (n - 2) * np.linalg.inv(rows.T @ rows)[1, 1])
    slope, reach = float(found[1]), stats.t.ppf(0.975, n - 2) * error
    p_value = 2 * stats.t.sf(abs(slope) / error, n - 2) if error > 0 else 0.0
    return {"n": n, **dict(zip(names, map(float, (slope, slope - reach, slope + reach, p_value, rho)), strict=True))}
