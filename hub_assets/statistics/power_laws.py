"""Power laws of the tail of values: which one, from where on, and how well it fits.

The method is that of Clauset, Shalizi and Newman, "Power-law distributions in empirical data", SIAM Review 51 (2009),
as in the package powerlaw 2.0: x_min is the value from which on the law of greatest likelihood is nearest. It is exact
at any x_min here, and of distinct values, hence quick enough to be repeated. Other distributions of the same tail do
not belong here (`alternatives`), nor does what is concluded (`tails`).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import zeta

from hub_assets.statistics.samples import Counted, Floats, Ints

LEAST_ALPHA: Final = 1.001
GREATEST_ALPHA: Final = 25.0
_STEPS: Final = 60
"""Of Newton's method at most: five are usual, and from the least alpha to the greatest it is fifteen."""
_FLAT: Final = 1e-12
_FAR: Final = 1_000
"""From which on a sum over integers is its integral with three terms of Euler and Maclaurin, to 13 digits."""


@dataclass(frozen=True)
class Tail:
    """A power law p(x) ~ x^-alpha of the values from x_min on: over integers, or (not `is_discrete`) over numbers.

    `alpha_se` is the standard error of alpha, given x_min; `ks` the greatest distance between the distribution of the
    law and that of the `n_tail` values (Kolmogorov and Smirnov).
    """

    is_discrete: bool
    x_min: float
    alpha: float
    alpha_se: float
    ks: float
    n_tail: int


def scan(sample: Counted, *, is_discrete: bool = True, fewest: int = 1) -> Tail:
    """Fit a power law from each value on, and return the one that is nearest to the values from there on.

    alpha is of greatest likelihood, with the exact zeta function where the law is discrete. The distance is the
    greatest over all integers (or numbers) from x_min on, and of equal distances the first counts. The greatest value
    is no x_min, since a single value has no slope; and none is one from which on alpha is not below 25, where the
    search for it ends (no values are so far apart that it would be 1.001, its other end). If no other is left, all of
    the tail is NaN, of no values.

    Args:
        sample: values above 0, at least two of them distinct.
        is_discrete: whether they are counts.
        fewest: values that are to be in the tail at least, where there are that many.
    """
    values, n_tail = sample.values, np.cumsum(sample.counts[::-1])[::-1]
    starts = np.arange(max(int(np.count_nonzero(n_tail[:-1] >= fewest)), 1))
    logs = np.cumsum((sample.counts * np.log(values))[::-1])[::-1]
    alphas = _most_likely(values[starts], logs[starts] / n_tail[starts], is_discrete)
    # the distance at a few of the values is at least a bound, which spares most starts the search over all of them
    few = starts[:, None] + np.rint((len(values) - 1 - starts)[:, None] ** np.linspace(0, 1, 24)).astype(np.int64)
    few[:, 0] = starts
    bounds = _distances(values, n_tail, starts, alphas, few, is_discrete)
    nearest = np.argsort(bounds, kind="stable")
    best = (np.inf, -1)
    for start in nearest[alphas[nearest] < GREATEST_ALPHA]:
        if bounds[start] > best[0]:
            break
        everywhere = np.arange(start, len(values))[None, :]
        at = starts[[start]]
        (distance,) = _distances(values, n_tail, at, alphas[at], everywhere, is_discrete)
        best = min(best, (float(distance), int(start)))
    ks, place = best
    if place < 0:
        return Tail(is_discrete, np.nan, np.nan, np.nan, np.nan, 0)
    x_min, alpha, n = float(values[place]), float(alphas[place]), int(n_tail[place])
    return Tail(is_discrete, x_min, alpha, _standard_error(x_min, alpha, n, is_discrete), ks, n)


def goodness_of_fit(sample: Counted, tail: Tail, *, resamples: int, seed: int = 0, fewest: int = 1) -> float:
    """Return how often data of the fitted law are further from their own fit than the data are: the p of the fit.

    The semi-parametric bootstrap of Clauset, Shalizi and Newman's section 4: each resample draws what is below x_min
    from the data and what is above from the law, and is fitted anew. The error is about 1 / (2 sqrt(resamples)). Their
    own programs are coarser, and their p-values differ: alpha of counts goes in steps of 0.01 there (0.49 for words in
    a novel, here 0.7), and measured values are compared just below each of them only (0.62 for blackouts, here 0.8).

    Args:
        sample: values above 0.
        tail: what `scan` makes of them.
        resamples: how many.
        seed: of the draws.
        fewest: as `scan` was given.
    """
    rng = np.random.default_rng(seed)
    is_below = sample.values < tail.x_min
    below, counts = sample.values[is_below], sample.counts[is_below]
    further = 0
    for _ in range(resamples):
        n_tail = int(rng.binomial(sample.n, tail.n_tail / sample.n))
        n_drawn = rng.multinomial(sample.n - n_tail, counts / counts.sum()) if len(below) else counts
        drawn, n_each = np.unique(drawn_from(tail, n_tail, rng), return_counts=True)
        resample = Counted(np.append(below[n_drawn > 0], drawn), np.append(n_drawn[n_drawn > 0], n_each))
        if len(resample.values) > 1:
            further += scan(resample, is_discrete=tail.is_discrete, fewest=fewest).ks > tail.ks
    return further / resamples


def log_above(alphas: Floats, values: Floats, is_discrete: bool) -> Floats:
    """Return the logarithm of the sum of x^-alpha over all integers from a value on, or of its integral."""
    logs: Floats = (1 - alphas) * np.log(values) - np.log(alphas - 1)
    if is_discrete:
        alphas, values = np.broadcast_arrays(alphas, values)
        far = np.maximum(values, _FAR)
        third = 1 - (alphas + 1) * (alphas + 2) / (60 * far**2)
        logs += np.log1p((alphas - 1) / (2 * far) * (1 + alphas / (6 * far) * third))
        is_near = values < _FAR  # only there, since zeta takes fifty times as long
        logs[is_near] = np.log(zeta(alphas[is_near], values[is_near]))
    return logs


def _most_likely(x_mins: Floats, mean_logs: Floats, is_discrete: bool) -> Floats:
    """Return the alpha of greatest likelihood at each x_min, to six digits.

    Over integers by Newton's method, of all at once: the slope of the loss is concave, so that each step ends below
    the root, and the next ones rise to it.
    """
    offset = 0.5 if is_discrete else 0.0  # which is their approximation of the discrete law, equation 3.7
    alphas = 1 + 1 / np.maximum(mean_logs - np.log(x_mins - offset), 1 / (GREATEST_ALPHA - 1))
    alphas = np.clip(alphas, LEAST_ALPHA, GREATEST_ALPHA)
    for _ in range(_STEPS if is_discrete else 0):
        width = 1e-4 * (alphas - 1)
        low, here, high = log_above(alphas + width * np.array([[-1.0], [0], [1]]), x_mins, is_discrete)
        slope, curvature = (high - low) / (2 * width) + mean_logs, (high - 2 * here + low) / width**2
        found = np.clip(alphas - slope / np.maximum(curvature, _FLAT), LEAST_ALPHA, GREATEST_ALPHA)
        is_found = np.abs(found - alphas).max() < 1e-8
        alphas = found
        if is_found:
            break
    return alphas


def _standard_error(x_min: float, alpha: float, n: int, is_discrete: bool) -> float:
    """Return the standard error of an alpha: their equations 3.2 and 3.6, from the curvature of the likelihood."""
    step = 1e-3 * (alpha - 1)
    around = log_above(alpha + step * np.array([-1.0, 0, 1]), np.full(3, x_min), is_discrete)
    return float(step / np.sqrt(n * np.diff(around, 2)[0]))


def _distances(values: Floats, n_tail: Ints, starts: Ints, alphas: Floats, places: Ints, is_discrete: bool) -> Floats:
    """Return the greatest distance of each law (rows) from the values at some places of these (columns).

    Both distributions are compared at the value and just below it. Between two values the law's rises while the
    values' rests, so that all places give the greatest distance there is.
    """
    alphas, at = alphas[:, None], values[places]
    n, n_after = n_tail[starts][:, None], np.append(n_tail, 0)[places + 1]
    norm = log_above(alphas, values[starts][:, None], is_discrete)
    from_here = np.exp(log_above(alphas, at, is_discrete) - norm)
    after = np.exp(log_above(alphas, at + 1, is_discrete) - norm) if is_discrete else from_here
    gaps = np.maximum(np.abs(from_here - n_tail[places] / n), np.abs(after - n_after / n))
    distances: Floats = gaps.max(axis=1)
    return distances


def drawn_from(tail: Tail, n: int, rng: np.random.Generator) -> Floats:
    """Draw from the law by inverting its distribution: from a table, and further out from the integral."""
    alpha, x_min = np.array([tail.alpha]), np.array([tail.x_min])
    log_norm = log_above(alpha, x_min, tail.is_discrete)
    chances = 1 - rng.random(n)
    logs = -(np.log(chances) + log_norm + np.log(alpha - 1)) / (alpha - 1)
    drawn: Floats = np.maximum(np.exp(np.minimum(logs, 700)), x_min)
    if not tail.is_discrete:
        return drawn
    table = x_min + np.arange(1.0, 20 * _FAR)
    above = np.exp(log_above(alpha, table, True) - log_norm)
    n_passed = len(table) - np.searchsorted(above[::-1], chances, side="left")
    # the sum from x on is the integral from x - 1/2 on, but for some 1 / x^2 of it
    return np.where(n_passed < len(table), x_min + n_passed, np.floor(drawn + 0.5))
