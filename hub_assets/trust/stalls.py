"""Stalls: listings, daily or weekly, during which download counters stopped moving.

The Hub computes its counters in batches. When a batch fails, all-time counts do not change, and a later listing
carries the backlog. Two signs reveal this: downloads per day fall far below their running median, and busy
repositories, which are downloaded all the time, have the same count in two successive listings.
"""

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from hub_assets.trust.rules import Rules

Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def partly_frozen(frozen_share: Numbers, n_busy: Numbers, rules: Rules) -> Flags:
    """Return which listings have too many busy repositories with an unchanged all-time count.

    Args:
        frozen_share: share of the busy repositories whose count did not move, in [0, 1]; NaN if unknown.
        n_busy: number of busy repositories; NaN if unknown.
        rules: the thresholds.
    """
    return (n_busy >= rules.least_busy) & (frozen_share > rules.frozen_share)


def stalled(ratio: Numbers, frozen_share: Numbers, n_busy: Numbers, rules: Rules) -> Flags:
    """Return which listings lie in a stall; their counters should be left out.

    A stall begins when downloads per day fall below `stall_ratio` of the median. It ends before the first listing that
    reaches `recovered_ratio` and is not partly frozen, because that listing carries the backlog. Stalls at most
    `stalls_apart` listings apart count as one. A stall is cut off after `longest_stall` listings, because a drop that
    lasts longer is a change of level.

    Args:
        ratio: downloads per day since the previous listing, divided by their running median; NaN if unknown.
        frozen_share, n_busy: as in `partly_frozen`.
        rules: the thresholds.

    Returns:
        One flag per listing, in the order of the series (oldest first).
    """
    frozen = partly_frozen(frozen_share, n_busy, rules)
    starts = ratio < rules.stall_ratio
    recovered = (ratio >= rules.recovered_ratio) & ~frozen
    inside = np.zeros(len(ratio), bool)
    length = 0
    for listing in range(len(ratio)):
        goes_on = starts[listing] or (length > 0 and not recovered[listing])
        inside[listing] = goes_on and length < rules.longest_stall
        if inside[listing]:
            length += 1
        elif not starts[listing]:
            length = 0
    return _joined(inside, int(rules.stalls_apart))


def _joined(inside: Flags, apart: int) -> Flags:
    """Fill gaps of up to `apart` listings between two stalls."""
    joined = inside.copy()
    where = np.flatnonzero(inside)
    for before, after in pairwise(where):
        if after - before - 1 <= apart:
            joined[before:after] = True
    return joined


def trailing_ratio(rates: Numbers, rules: Rules) -> Numbers:
    """Return each rate divided by the median known rate of earlier listings.

    Only earlier listings count, so a week can be judged as soon as it is listed. The median covers `baseline_listings`
    listings, so that a stall and its backlog do not move it.

    Args:
        rates: downloads per day, oldest first; NaN if unknown.
        rules: the thresholds.

    Returns:
        An array of the same length; NaN where fewer than `least_baseline` rates are known or their median is 0.
    """
    ratio = np.full(len(rates), np.nan)
    for listing in range(len(rates)):
        known = rates[max(0, listing - int(rules.baseline_listings)) : listing]
        known = known[~np.isnan(known)]
        median = np.median(known) if len(known) >= rules.least_baseline else np.nan
        if median > 0:
            ratio[listing] = rates[listing] / median
    return ratio
