"""Tests of whether the tail of an activity variable follows a power law: fit, goodness of fit and alternatives.

Two claims must be kept apart: that a few repositories hold most of the activity (`concentration`), and that activity
follows a power law. This module tests the second. The method is that of Clauset, Shalizi and Newman, "Power-law
distributions in empirical data", SIAM Review 51 (2009). Fitting belongs in `power_laws` and `alternatives`.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import erfc

from hub_assets.statistics.alternatives import exponential, lognormal, truncated_power_law
from hub_assets.statistics.power_laws import Tail, goodness_of_fit, log_above, scan
from hub_assets.statistics.samples import Counted

ALTERNATIVES: Final = ("lognormal", "exponential", "truncated_power_law")
PLAUSIBLE: Final = 0.1
"""A power law is plausible if its goodness-of-fit p is above this (the paper's section 4)."""
DECIDED: Final = 0.1
"""A likelihood ratio decides between two distributions if its p is below this (the paper's section 5)."""
CHANCE: Final = 1.353
"""Log-likelihood ratios closer to 0 than this (half of the 0.9 quantile of chi^2) decide nothing, whatever their p.

An unnecessary additional parameter improves the log-likelihood by at least this much in a tenth of all samples. Vuong's
p is meaningless if two distributions nearly coincide, as they do on few distinct values, because the standard deviation
by which the ratio is divided is also close to 0.
"""
FEWEST: Final = 50
"""Smallest tail that supports a fit (the paper's rule of thumb)."""


def fit_tail(
    values: npt.ArrayLike, *, is_discrete: bool = True, resamples: int = 0, seed: int = 0
) -> dict[str, float | str | None]:
    """Fit a power law to the tail of the values and compare it with other distributions of the same tail.

    Args:
        values: activity; NaN is unknown, and a power law excludes 0, so both are left out.
        is_discrete: whether the values are counts rather than measurements.
        resamples: maximum size of the goodness-of-fit bootstrap, which stops once the law is certain to be plausible.
            2,500 resamples determine a p of 0.1 to within 0.01; 0 skips the bootstrap.
        seed: seed of the bootstrap.

    Returns:
        `n` (values above 0) and `n_distinct`; `x_min`, `alpha`, `alpha_se`, `ks` and `n_tail`, as in `Tail`; and
        `share_in_tail`. `x_min` always leaves at least 50 values in the tail.

        `resamples`, `goodness_p` (see `goodness_of_fit`) and `is_plausible`, whether that p is above 0.1 (None without
        resamples).

        For each of ALTERNATIVES, `ratio_*`, the log-likelihood ratio (above 0 if the power law fits better);
        `normal_ratio_*`, the ratio over its standard deviation (Vuong 1989); and `p_*`, the probability of a ratio at
        least this far from 0 if both fit equally well (from chi^2 for the truncated power law, which contains the power
        law). `normal_ratio_*` and `p_*` are NaN if the ratio does not vary.

        `preferred`: the most likely of the alternatives that fit better with p below 0.1; otherwise `power_law` if the
        lognormal, the hardest alternative to rule out, fits worse with p below 0.1; otherwise `undecided`. A ratio
        closer to 0 than CHANCE decides nothing.

        `verdict` on the claim that the tail is a power law: `contradicted` if an alternative fits better or the power
        law is not plausible, `undecided` if a lognormal fits equally well, `supported` if the lognormal fits worse and
        the power law is plausible, `not_tested` if the lognormal fits worse but there are no resamples. On few distinct
        values, the lognormal, which has two parameters, fits as well as the power law or better.

        If there are fewer than 50 values or 3 distinct values, or if no x_min has an alpha within the bounds of `scan`,
        then `preferred` and `verdict` are `too_few`, `resamples` is 0, and the other numbers from `x_min` on are NaN.
        (For the values 100, 101 and 102, alpha would be in the hundreds, which reflects the end of the scale rather
        than a tail.)

    Raises:
        ValueError: if a value is negative or infinite, or is not an integer although `is_discrete` is true.
    """
    sample = Counted.of(values).above(0)
    if is_discrete and (sample.values % 1 > 0).any():
        raise ValueError("counts must be whole numbers")
    record: dict[str, float | str | None] = {"n": sample.n, "n_distinct": len(sample.values)}
    is_enough = len(sample.values) >= 3 and sample.n >= FEWEST
    tail = scan(sample, is_discrete=is_discrete, fewest=FEWEST) if is_enough else None
    if tail is None or np.isnan(tail.alpha):
        names = ("x_min", "alpha", "alpha_se", "ks", "n_tail", "share_in_tail", "goodness_p")
        ratios = [f"{kind}_{name}" for name in ALTERNATIVES for kind in ("ratio", "normal_ratio", "p")]
        record |= dict.fromkeys((*names, *ratios), float("nan"))
        return record | {"resamples": 0, "is_plausible": None, "preferred": "too_few", "verdict": "too_few"}
    p = float("nan")
    if resamples:
        p = goodness_of_fit(sample, tail, resamples=resamples, seed=seed, fewest=FEWEST, enough=PLAUSIBLE)
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


def _compare(sample: Counted, tail: Tail) -> dict[str, float]:
    """Compare the power law with each of ALTERNATIVES, fitted to the same tail."""
    above = sample.above(np.nextafter(tail.x_min, 0))
    log_norm = log_above(np.array([tail.alpha]), np.array([tail.x_min]), tail.is_discrete)
    of_law = -tail.alpha * np.log(above.values) - log_norm
    found: dict[str, float] = {}
    for name, fit in zip(ALTERNATIVES, (lognormal, exponential, truncated_power_law), strict=True):
        gains = of_law - fit(above, tail)
        ratio = gains @ above.counts
        deviation = np.sqrt(above.counts @ (gains - ratio / above.n) ** 2)
        normal_ratio = ratio / deviation if deviation > 0 else np.nan
        # chi^2 of 2 |ratio| with one degree of freedom, or the normal distribution
        p = erfc(np.sqrt(abs(ratio)) if name == "truncated_power_law" else abs(normal_ratio) / np.sqrt(2))
        found |= {f"ratio_{name}": float(ratio), f"normal_ratio_{name}": float(normal_ratio), f"p_{name}": float(p)}
    return found


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
