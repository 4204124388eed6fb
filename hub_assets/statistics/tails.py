"""Whether the tail of an activity is a power law, and which one: fits, goodness of fit, comparisons with others.

That few have most of it (`concentration`) and that it follows a power law are two claims; this is about the second.
The method is that of Clauset, Shalizi and Newman, "Power-law distributions in empirical data", SIAM Review 51 (2009).
All fits are our own: exact at any x_min, where packages lose the distributions to underflow, and of distinct values,
hence quick enough to be repeated. The definitions are those of the package powerlaw 2.0, whose values they have where
nothing underflows there: x_min of least distance among all values, a likelihood ratio over its standard deviation, and
of the other distributions over integers the geometric one, x^-alpha e^(-rate x) over its sum, and a lognormal rounded
to integers. Special functions and minima are those of scipy (1.17).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import erfc, erfcx, zeta

from hub_assets.statistics.samples import Counted, Floats, Ints

ALTERNATIVES: Final = ("lognormal", "exponential", "truncated_power_law")
PLAUSIBLE: Final = 0.1
"""Above which goodness-of-fit p a power law is plausible (their section 4)."""
DECIDED: Final = 0.1
"""Below which p a likelihood ratio tells which of two is nearer (their section 5)."""
CHANCE: Final = 1.353
"""Below which a logarithm of a likelihood ratio tells nothing, whatever its p: half of the 0.9-quantile of chi^2.

One parameter more that is not needed gains as much in a tenth of all samples. Vuong's p is of no meaning where two
distributions nearly coincide, as they do on few distinct values: the deviation that he divides by is nearly 0, too.
"""
FEWEST: Final = 50
"""Values in a tail, fewer of which do not bear a fit (their rule of thumb)."""
_LEAST_ALPHA: Final = 1.001
_GREATEST_ALPHA: Final = 25.0
_STEPS: Final = 60
"""Of Newton's method at most: five are usual, and from the least alpha to the greatest it is fifteen."""
_FLAT: Final = 1e-12
_FAR: Final = 1_000
"""From which on a sum over integers is its integral with three terms of Euler and Maclaurin, to 13 digits."""
_SUMMED: Final = 1_000
"""Terms of a truncated power law that are summed one by one."""
_NODES, _WEIGHTS = (part / 2 for part in np.polynomial.legendre.leggauss(400))
_NODES = _NODES + 0.5
"""Gauss and Legendre's quadrature over [0, 1]."""
_NARROW: Final = 1e-6
"""Square of a width, in units of the change of a density, below which its middle tells the mass, to 12 digits."""
_LEAST_BEND: Final = 1e-5
"""Of a lognormal on logarithmic scales, in units of the mean: a power law, but for 1e-10 of it."""
_STEP: Final = 1e-5
_AROUND: Final = _STEP * np.array([(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)])
"""Where a slope is taken by differences."""
VERDICTS: Final = ("supported", "contradicted", "undecided", "not_tested", "too_few")
"""What the data say of the claim that a tail is a power law."""


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


def fit_tail(
    values: npt.ArrayLike, *, is_discrete: bool = True, resamples: int = 0, seed: int = 0
) -> dict[str, float | str | None]:
    """Fit a power law to the tail of values, and set other distributions of the same tail beside it.

    Args:
        values: of activity; NaN is not known, and 0 has no place in a power law. Both are left out.
        is_discrete: whether they are counts, or else measured.
        resamples: of the goodness-of-fit bootstrap, of which 2,500 give p to 0.01; 0 for none.
        seed: of its draws.

    Returns:
        `n` (values above 0), `n_distinct`; `x_min`, `alpha`, `alpha_se`, `ks`, `n_tail` as in `Tail`,
        `share_in_tail`; `resamples`, `goodness_p` (see `goodness_of_fit`) and `is_plausible`, whether that is above
        0.1 (None without resamples); for each of ALTERNATIVES `ratio_*`, the logarithm of the likelihood ratio (above 0
        where the power law is nearer), `normal_ratio_*`, that over its standard deviation (Vuong 1989), and `p_*`, how
        likely a ratio as far from 0 is where both are as near (of chi^2 for the truncated power law, which has the
        power law in it); and `preferred`: among the alternatives that are nearer with p below 0.1 the likeliest, else
        `power_law` where the lognormal, the one that is hardest to tell from it, is further off with p below 0.1, else
        `undecided` (a ratio nearer to 0 than CHANCE decides nothing); and the `verdict` on the claim that the tail is a
        power law: `contradicted` where an alternative is nearer or the law is not plausible, `undecided` where a
        lognormal is as near, `not_tested` where that is further off but there are no resamples, `supported` where it is
        further off and the law plausible. On few distinct values a lognormal, of two parameters, is as near or nearer.
        NaN, and `too_few`, where there are fewer than 50 values, or 3 distinct ones, or no x_min whose alpha is within
        the bounds of `scan` (of 100, 101 and 102 it would be some hundreds, which is no estimate but an end of scale);
        x_min is such that 50 are in the tail. `normal_ratio_*` and `p_*` are NaN where the ratio does not vary.

    Raises:
        ValueError: if a value is negative or infinite, or not whole where it is to be discrete.
    """
    sample = Counted.of(values).above(0)
    if is_discrete and (sample.values % 1 > 0).any():
        raise ValueError("not all values are whole, as counts are")
    record: dict[str, float | str | None] = {"n": sample.n, "n_distinct": len(sample.values)}
    is_enough = len(sample.values) >= 3 and sample.n >= FEWEST
    tail = scan(sample, is_discrete=is_discrete, fewest=FEWEST) if is_enough else None
    if tail is None or np.isnan(tail.alpha):
        names = ("x_min", "alpha", "alpha_se", "ks", "n_tail", "share_in_tail", "goodness_p")
        ratios = [f"{kind}_{name}" for name in ALTERNATIVES for kind in ("ratio", "normal_ratio", "p")]
        record |= dict.fromkeys((*names, *ratios), float("nan"))
        return record | {"resamples": 0, "is_plausible": None, "preferred": "too_few", "verdict": "too_few"}
    p = goodness_of_fit(sample, tail, resamples=resamples, seed=seed, fewest=FEWEST) if resamples else float("nan")
    is_plausible = p > PLAUSIBLE if resamples else None
    compared = _compare(sample, tail)
    preferred = _preferred(compared)
    return (
        record
        | {"x_min": tail.x_min, "alpha": tail.alpha, "alpha_se": tail.alpha_se, "ks": tail.ks, "n_tail": tail.n_tail}
        | {"share_in_tail": tail.n_tail / sample.n, "resamples": resamples, "goodness_p": p}
        | compared
        | {"is_plausible": is_plausible, "preferred": preferred, "verdict": _verdict(preferred, is_plausible)}
    )


def scan(sample: Counted, *, is_discrete: bool = True, fewest: int = 1) -> Tail:
    """Fit a power law from each value on, and return the one that is nearest to the values from there on.

    alpha is of greatest likelihood, with the exact zeta function where the law is discrete. The distance is the
    greatest over all integers (or numbers) from x_min on, and of equal distances the first counts. The greatest value
    is no x_min, since a single value has no slope; and none is one from which on alpha is not between 1.001 and 25,
    where the search for it ends. If no other is left, all of the tail is NaN, of no values.

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
    for start in nearest[(alphas[nearest] > _LEAST_ALPHA) & (alphas[nearest] < _GREATEST_ALPHA)]:
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
    dice = np.random.default_rng(seed)
    is_below = sample.values < tail.x_min
    below, counts = sample.values[is_below], sample.counts[is_below]
    further = 0
    for _ in range(resamples):
        n_tail = int(dice.binomial(sample.n, tail.n_tail / sample.n))
        n_drawn = dice.multinomial(sample.n - n_tail, counts / counts.sum()) if len(below) else counts
        drawn, n_each = np.unique(_draw(tail, n_tail, dice), return_counts=True)
        resample = Counted(np.append(below[n_drawn > 0], drawn), np.append(n_drawn[n_drawn > 0], n_each))
        if len(resample.values) > 1:
            further += scan(resample, is_discrete=tail.is_discrete, fewest=fewest).ks > tail.ks
    return further / resamples


def _log_above(alphas: Floats, values: Floats, is_discrete: bool) -> Floats:
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
    alphas = 1 + 1 / np.maximum(mean_logs - np.log(x_mins - offset), 1 / (_GREATEST_ALPHA - 1))
    alphas = np.clip(alphas, _LEAST_ALPHA, _GREATEST_ALPHA)
    for _ in range(_STEPS if is_discrete else 0):
        width = 1e-4 * (alphas - 1)
        low, here, high = _log_above(alphas + width * np.array([[-1.0], [0], [1]]), x_mins, is_discrete)
        slope, curvature = (high - low) / (2 * width) + mean_logs, (high - 2 * here + low) / width**2
        found = np.clip(alphas - slope / np.maximum(curvature, _FLAT), _LEAST_ALPHA, _GREATEST_ALPHA)
        is_found = np.abs(found - alphas).max() < 1e-8
        alphas = found
        if is_found:
            break
    return alphas


def _standard_error(x_min: float, alpha: float, n: int, is_discrete: bool) -> float:
    """Return the standard error of an alpha: their equations 3.2 and 3.6, from the curvature of the likelihood."""
    step = 1e-3 * (alpha - 1)
    around = _log_above(alpha + step * np.array([-1.0, 0, 1]), np.full(3, x_min), is_discrete)
    return float(step / np.sqrt(n * np.diff(around, 2)[0]))


def _distances(values: Floats, n_tail: Ints, starts: Ints, alphas: Floats, places: Ints, is_discrete: bool) -> Floats:
    """Return the greatest distance of each law (rows) from the values at some places of these (columns).

    Both distributions are compared at the value and just below it. Between two values the law's rises while the
    values' rests, so that all places give the greatest distance there is.
    """
    alphas, at = alphas[:, None], values[places]
    n, n_after = n_tail[starts][:, None], np.append(n_tail, 0)[places + 1]
    norm = _log_above(alphas, values[starts][:, None], is_discrete)
    from_here = np.exp(_log_above(alphas, at, is_discrete) - norm)
    after = np.exp(_log_above(alphas, at + 1, is_discrete) - norm) if is_discrete else from_here
    gaps = np.maximum(np.abs(from_here - n_tail[places] / n), np.abs(after - n_after / n))
    distances: Floats = gaps.max(axis=1)
    return distances


def _draw(tail: Tail, n: int, dice: np.random.Generator) -> Floats:
    """Draw from the law by inverting its distribution: from a table, and further out from the integral."""
    alpha, x_min = np.array([tail.alpha]), np.array([tail.x_min])
    log_norm = _log_above(alpha, x_min, tail.is_discrete)
    chances = 1 - dice.random(n)
    logs = -(np.log(chances) + log_norm + np.log(alpha - 1)) / (alpha - 1)
    drawn: Floats = np.maximum(np.exp(np.minimum(logs, 700)), x_min)
    if not tail.is_discrete:
        return drawn
    table = x_min + np.arange(1.0, 20 * _FAR)
    above = np.exp(_log_above(alpha, table, True) - log_norm)
    n_passed = len(table) - np.searchsorted(above[::-1], chances, side="left")
    # the sum from x on is the integral from x - 1/2 on, but for some 1 / x^2 of it
    return np.where(n_passed < len(table), x_min + n_passed, np.floor(drawn + 0.5))


def _compare(sample: Counted, tail: Tail) -> dict[str, float]:
    """Return how far the law is from each of ALTERNATIVES, fitted to the same tail."""
    above = sample.above(np.nextafter(tail.x_min, 0))
    log_norm = _log_above(np.array([tail.alpha]), np.array([tail.x_min]), tail.is_discrete)
    of_law = -tail.alpha * np.log(above.values) - log_norm
    found: dict[str, float] = {}
    for name, fit in zip(ALTERNATIVES, (_lognormal, _exponential, _truncated), strict=True):
        gains = of_law - fit(above, tail)
        ratio = gains @ above.counts
        deviation = np.sqrt(above.counts @ (gains - ratio / above.n) ** 2)
        normal_ratio = ratio / deviation if deviation > 0 else np.nan
        # of chi^2, 2 |ratio|, with one degree of freedom, and of the normal distribution
        p = erfc(np.sqrt(abs(ratio)) if name == "truncated_power_law" else abs(normal_ratio) / np.sqrt(2))
        found |= {f"ratio_{name}": float(ratio), f"normal_ratio_{name}": float(normal_ratio), f"p_{name}": float(p)}
    return found


def _exponential(above: Counted, tail: Tail) -> Floats:
    """Return the log-likelihood of each value under e^(-rate x), over integers a geometric distribution."""
    beyond = above.values - tail.x_min
    mean = beyond @ above.counts / above.n
    likelihoods: Floats = (
        -np.log1p(mean) - np.log1p(1 / mean) * beyond if tail.is_discrete else -np.log(mean) - beyond / mean
    )
    return likelihoods


def _lognormal(above: Counted, tail: Tail) -> Floats:
    """Return the log-likelihood of each value under a lognormal distribution, fitted to those from x_min on.

    An integer has what lies between x - 1/2 and x + 1/2, of all from x_min - 1/2 on. With y for the logarithm of x over
    the least, the density of y is e^(-slope y - (bend y)^2 / 2), where bend is 1 / sigma, and slope bend^2 times
    ln(least) - mu. Thus the power law that it tends to as -mu and sigma grow without end is at bend 0, an ordinary
    place: data with a heavier tail than any lognormal end there, with the likelihood of such a law (rounded, too).
    """
    offset = 0.5 * tail.is_discrete
    lows = np.log((above.values - offset) / (tail.x_min - offset))
    widths = np.log1p(2 * offset / (above.values - offset))
    middles = lows + widths / 2
    unit = middles @ above.counts / above.n

    def likelihoods(at: Floats) -> Floats:
        slope, bend = at[:, :1] / unit, np.hypot(at[:, 1:], _LEAST_BEND) / unit
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
    # L-BFGS-B has LAPACK in it, whose threads take eight times as long on a busy machine
    found = minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-8})
    likeliest: Floats = likelihoods(found.x[None, :])[0]
    return likeliest


def _log_masses(slopes: Floats, bends: Floats, lows: Floats, widths: Floats) -> Floats:
    """Return the logarithm of the integral of e^(-slope y - (bend y)^2 / 2) (rows) over some intervals (columns).

    It is the difference of two tails on the side that is away from the mode, or, where the interval is too narrow for
    that, its middle.
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
    with np.errstate(divide="ignore", invalid="ignore"):  # where it is too narrow
        by_tails = np.log(-np.expm1(lost)) + near - (slopes + bends**2 * nears / 2) * nears
    by_tails += np.log(np.pi / 2) / 2 - np.log(bends)
    logs: Floats = np.where(falls**2 + spans**2 < _NARROW, in_middle + (falls**2 - spans**2) / 24, by_tails)
    return logs


def _log_erfcx(at: Floats) -> Floats:
    """Return the logarithm of e^(x^2) erfc(x), where neither of the two nor their product can be had, too."""
    below = np.minimum(at, 0)
    logs: Floats = np.where(at < 0, below**2 + np.log(erfc(below)), np.log(erfcx(np.maximum(at, 0))))
    return logs


def _truncated(above: Counted, tail: Tail) -> Floats:
    """Return the log-likelihood of each value under x^-alpha e^(-rate x), fitted to those from x_min on."""
    logs, beyond = np.log(above.values / tail.x_min), above.values - tail.x_min
    mean_log, mean_beyond = logs @ above.counts / above.n, beyond @ above.counts / above.n

    def loss(at: Floats) -> float:
        alpha, rate = at[0], np.exp(at[1])
        return float(alpha * mean_log + rate * mean_beyond + _log_truncated_norm(alpha, rate, tail))

    starts = [(tail.alpha, -np.log(above.values[-1])), (tail.alpha / 2, -np.log(mean_beyond + 1))]
    bounds = [(0.0, _GREATEST_ALPHA), (-40.0 - np.log(tail.x_min), 5.0)]
    fits = (minimize(loss, start, method="Nelder-Mead", bounds=bounds) for start in starts)
    found = min(fits, key=lambda one: one.fun)
    alpha, rate = found.x[0], np.exp(found.x[1])
    likelihoods: Floats = -alpha * logs - rate * beyond - _log_truncated_norm(alpha, rate, tail)
    return likelihoods


def _log_truncated_norm(alpha: float, rate: float, tail: Tail) -> float:
    """Return the logarithm of the sum (or integral) of (x / x_min)^-alpha e^(-rate (x - x_min)) from x_min on.

    The first terms are summed; the rest is an integral over the logarithm of x, to where e^-700 is left of it.
    """
    terms = np.arange(tail.x_min, tail.x_min + (_SUMMED if tail.is_discrete else 0))
    summed = np.exp(-alpha * np.log(terms / tail.x_min) - rate * (terms - tail.x_min)).sum()
    # a sum from x on is the integral from x - 1/2 on, but for some 1 / x^2 of it
    start = tail.x_min + len(terms) - 0.5 * tail.is_discrete
    lasts = np.log(700 / rate + start) - np.log(start), 700 / (alpha - 1) if alpha > 1 else np.inf
    width = min(lasts)
    steps = width * _NODES
    logs = np.log(start / tail.x_min) + steps
    weighed = np.exp((1 - alpha) * logs - rate * tail.x_min * np.expm1(logs))
    return float(np.log(summed + tail.x_min * width * (_WEIGHTS @ weighed)))


def _preferred(compared: dict[str, float]) -> str:
    decided = {name: compared[f"ratio_{name}"] for name in ALTERNATIVES if compared[f"p_{name}"] < DECIDED}
    decided = {name: ratio for name, ratio in decided.items() if abs(ratio) > CHANCE}
    nearer = {name: ratio for name, ratio in decided.items() if ratio < 0}
    if nearer:
        return min(nearer, key=lambda name: nearer[name])
    return "power_law" if "lognormal" in decided else "undecided"


def _verdict(preferred: str, is_plausible: bool | None) -> str:
    if preferred in ALTERNATIVES or is_plausible is False:
        return "contradicted"
    if preferred == "undecided":
        return "undecided"
    return "supported" if is_plausible else "not_tested"
