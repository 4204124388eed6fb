"""Whether the tail of an activity is a power law: the fit, its goodness, and what is nearer.

That few have most of it (`concentration`) and that it follows a power law are two claims; this is about the second.
The method is that of Clauset, Shalizi and Newman, "Power-law distributions in empirical data", SIAM Review 51 (2009).
How laws are fitted belongs to `power_laws` and `alternatives`.
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
VERDICTS: Final = ("supported", "contradicted", "undecided", "not_tested", "too_few")
"""What the data say of the claim that a tail is a power law."""


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


def _compare(sample: Counted, tail: Tail) -> dict[str, float]:
    """Return how far the law is from each of ALTERNATIVES, fitted to the same tail."""
    above = sample.above(np.nextafter(tail.x_min, 0))
    log_norm = log_above(np.array([tail.alpha]), np.array([tail.x_min]), tail.is_discrete)
    of_law = -tail.alpha * np.log(above.values) - log_norm
    found: dict[str, float] = {}
    for name, fit in zip(ALTERNATIVES, (lognormal, exponential, truncated_power_law), strict=True):
        gains = of_law - fit(above, tail)
        ratio = gains @ above.counts
        deviation = np.sqrt(above.counts @ (gains - ratio / above.n) ** 2)
        normal_ratio = ratio / deviation if deviation > 0 else np.nan
        # of chi^2, 2 |ratio|, with one degree of freedom, and of the normal distribution
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
