"""Maximum-likelihood fits of alternative tail distributions: exponential, lognormal, truncated power law.

The definitions follow the powerlaw 2.0 package, and the values agree with those of the package except where it
underflows. Over integers, the exponential becomes a geometric distribution, the lognormal is rounded to integers, and
the truncated power law is x^-alpha e^(-rate x) divided by its sum. All functions work on distinct values and their
counts. Special functions and minimizers come from scipy (1.17).
"""

from typing import Final

import numpy as np
from scipy.optimize import minimize
from scipy.special import erfc, erfcx

from hub_assets.statistics.power_laws import MAX_ALPHA, Tail
from hub_assets.statistics.samples import Counted, Floats

_SUMMED: Final = 1_000
"""Number of terms of a truncated power law that are summed individually."""
_NODES, _WEIGHTS = (part / 2 for part in np.polynomial.legendre.leggauss(400))
_NODES = _NODES + 0.5
"""Nodes of Gauss-Legendre quadrature over [0, 1]."""
_NARROW: Final = 1e-6
"""Below this squared width, relative to how fast the density changes, the midpoint gives the mass to 12 digits."""
_MIN_BEND: Final = 1e-5
"""Smallest bend of a lognormal on log scales, multiplied by the mean of log(x / x_min). A lognormal with this bend
differs from a power law by about 1e-10."""
_STEP: Final = 1e-5
_AROUND: Final = _STEP * np.array([(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)])
"""Offsets for finite differences."""


def exponential(above: Counted, tail: Tail) -> Floats:
    """Return the log-likelihood of each value under e^(-rate x), or a geometric distribution for integers."""
    beyond = above.values - tail.x_min
    mean = beyond @ above.counts / above.n
    likelihoods: Floats = (
        -np.log1p(mean) - np.log1p(1 / mean) * beyond if tail.is_discrete else -np.log(mean) - beyond / mean
    )
    return likelihoods


def lognormal(above: Counted, tail: Tail) -> Floats:
    """Return the log-likelihood of each value under a lognormal distribution fitted to the values from x_min up.

    An integer x gets the mass between x - 1/2 and x + 1/2, relative to the mass above x_min - 1/2. Let y be
    ln(x / smallest), where smallest is x_min, or x_min - 1/2 for integers. The density of y is proportional to
    e^(-slope y - (bend y)^2 / 2), where bend is 1 / sigma and slope is bend^2 (ln(smallest) - mu). The power law that a
    lognormal approaches as -mu and sigma grow without bound is then at bend 0, an ordinary point of the parameter
    space. If the data have a heavier tail than any lognormal, the result is the likelihood of this power law (for
    integers, also rounded).
    """
    offset = 0.5 * tail.is_discrete
    lows = np.log((above.values - offset) / (tail.x_min - offset))
    widths = np.log1p(2 * offset / (above.values - offset))
    middles = lows + widths / 2
    unit = middles @ above.counts / above.n

    def likelihoods(at: Floats) -> Floats:
        slope, bend = at[:, :1] / unit, np.hypot(at[:, 1:], _MIN_BEND) / unit
        logs: Floats
        of_all = _log_erfcx(slope / bend / np.sqrt(2)) + np.log(np.pi / 2) / 2 - np.log(bend)
        if tail.is_discrete:
            logs = _log_masses(slope, bend, lows, widths) - of_all
        else:
            logs = -slope * lows - (bend * lows) ** 2 / 2 - np.log(above.values) - of_all
        return logs

    def losses(at: Floats) -> Floats:
        found: Floats = -(likelihoods(at) @ above.counts) / above.n
        return found

    def loss(at: Floats) -> tuple[float, Floats]:
        here, *around = losses(at + _AROUND).tolist()
        return here, np.array([around[0] - around[1], around[2] - around[3]]) / (2 * _STEP)

    deviation = np.sqrt((middles - unit) ** 2 @ above.counts / above.n) / unit
    starts = np.array([(1, 0.1), (0, 1), (-1 / deviation**2, 1 / deviation)])
    start = starts[np.argmin(losses(starts))]
    # use BFGS, because L-BFGS-B calls LAPACK, whose threads make it eight times as slow on a busy machine
    found = minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-8})
    likeliest: Floats = likelihoods(found.x[None, :])[0]
    return likeliest


def _log_masses(slopes: Floats, bends: Floats, lows: Floats, widths: Floats) -> Floats:
    """Return the logarithm of the integral of e^(-slope y - (bend y)^2 / 2) over each interval.

    The result has one row per slope and bend, and one column per interval. The integral is a difference of two tails,
    taken on the side away from the mode. Where the interval is too narrow for this difference, the midpoint rule is
    used instead.
    """
    middles = lows + widths / 2
    spans = bends * widths
    falls = (slopes + bends**2 * middles) * widths
    in_middle = np.log(widths) - (slopes + bends**2 * middles / 2) * middles
    sides = np.where(falls < 0, -1, 1)
    nears = middles - sides * widths / 2
    at = sides * (slopes / bends + bends * nears) / np.sqrt(2)
    near = _log_erfcx(at)
    lost = _log_erfcx(at + spans / np.sqrt(2)) - near - np.abs(falls)
    with np.errstate(divide="ignore", invalid="ignore"):  # intervals that are too narrow give log(0)
        by_tails = np.log(-np.expm1(lost)) + near - (slopes + bends**2 * nears / 2) * nears
    by_tails += np.log(np.pi / 2) / 2 - np.log(bends)
    logs: Floats = np.where(falls**2 + spans**2 < _NARROW, in_middle + (falls**2 - spans**2) / 24, by_tails)
    return logs


def _log_erfcx(at: Floats) -> Floats:
    """Return the logarithm of e^(x^2) erfc(x), even where a factor or the product overflows or underflows."""
    below = np.minimum(at, 0)
    logs: Floats = np.where(at < 0, below**2 + np.log(erfc(below)), np.log(erfcx(np.maximum(at, 0))))
    return logs


def truncated_power_law(above: Counted, tail: Tail) -> Floats:
    """Return the log-likelihood of each value under x^-alpha e^(-rate x), fitted to the values from x_min up."""
    logs, beyond = np.log(above.values / tail.x_min), above.values - tail.x_min
    mean_log, mean_beyond = logs @ above.counts / above.n, beyond @ above.counts / above.n

    def loss(at: Floats) -> float:
        alpha, rate = at[0], np.exp(at[1])
        return float(alpha * mean_log + rate * mean_beyond + _log_truncated_norm(alpha, rate, tail))

    starts = [(tail.alpha, -np.log(above.values[-1])), (tail.alpha / 2, -np.log(mean_beyond + 1))]
    bounds = [(0.0, MAX_ALPHA), (-40.0 - np.log(tail.x_min), 5.0)]
    fits = (minimize(loss, start, method="Nelder-Mead", bounds=bounds) for start in starts)
    found = min(fits, key=lambda one: one.fun)
    alpha, rate = found.x[0], np.exp(found.x[1])
    likelihoods: Floats = -alpha * logs - rate * beyond - _log_truncated_norm(alpha, rate, tail)
    return likelihoods


def _log_truncated_norm(alpha: float, rate: float, tail: Tail) -> float:
    """Return the logarithm of the sum (or integral) of (x / x_min)^-alpha e^(-rate (x - x_min)) from x_min up.

    Over integers, the first terms are summed individually. The rest is computed as an integral over log x, up to the
    point where the integrand falls to e^-700.
    """
    terms = np.arange(tail.x_min, tail.x_min + (_SUMMED if tail.is_discrete else 0))
    summed = np.exp(-alpha * np.log(terms / tail.x_min) - rate * (terms - tail.x_min)).sum()
    # the sum from x up equals the integral from x - 1/2 up, with a relative error of about 1 / x^2
    start = tail.x_min + len(terms) - 0.5 * tail.is_discrete
    lasts = np.log(700 / rate + start) - np.log(start), 700 / (alpha - 1) if alpha > 1 else np.inf
    width = min(lasts)
    steps = width * _NODES
    logs = np.log(start / tail.x_min) + steps
    weighed = np.exp((1 - alpha) * logs - rate * tail.x_min * np.expm1(logs))
    return float(np.log(summed + tail.x_min * width * (_WEIGHTS @ weighed)))
