"""Adoption curves: how fast a release is taken up compared with releases of its size, when it peaks, how it fades.

Time to a number of downloads is a survival time and belongs to `survival`.
"""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

DAYS: Final = (7, 14, 30, 60, 90, 180, 365)
"""Days after release, as in the ATOM report (arXiv 2604.07190)."""


def relative_adoption(counts: pa.Table, days: Sequence[int] = DAYS, *, top: int = 10, max_gap: float = 28) -> pa.Table:
    """Compare the downloads of releases with those of their size class: the Relative Adoption Metric.

    It is the cumulative downloads of a model on a day after release, divided by the median of the `top` models of its
    size class on that day (ATOM report, arXiv 2604.07190). Counts between two listings are interpolated linearly; a
    release has 0 downloads on day 0.

    Args:
        counts: one row per model and listing: `repo_key`, `size_class`, `age` (days since release, > 0) and
            `n_downloads_all_time` (rows without are ignored).
        days: days after release.
        top: number of models of the class to take the median of.
        max_gap: longest time in days between the listings around a day; with more, the count is unknown.

    Returns:
        A row per model and day that it has passed and whose count is known: `repo_key`, `size_class`, `day`,
        `n_downloads_cumulative`, `gap` (days between the listings around the day; 0 if one is on it),
        `n_downloads_low` and `n_downloads_high` (the counts of these listings, between which the truth lies unless a
        count fell), `n_compared` (models of the class with a known count that day), `median_of_top` (null with fewer
        than `top` of them, or if it is 0) and `relative_adoption`.
    """
    raise NotImplementedError


def release_curves(flows: pa.Table, *, least_weeks: int = 8) -> pa.Table:
    """Find the best week and the half-life of releases.

    Args:
        flows: one row per model and listing: `repo_key`, `age` (days since release at the end of the period), `n_days`
            (length of the period) and `n_new_downloads` (null or a suspect week: `is_suspect`, both ignored).
        least_weeks: models with fewer usable listings are left out.

    Returns:
        A row per model: `repo_key`, `n_weeks` (usable listings), `n_suspect`, `best_age` (end of the listing with the
        most downloads per day), `best_rate` (downloads per day then), `last_age`, `half_life` (days from the best
        week until the first of two usable listings in a row below half its rate, or a last one; null if it has not
        come) and `has_halved`.
    """
    raise NotImplementedError
