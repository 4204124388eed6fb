"""Adoption curves: how a release's downloads compare with those of its size class, when they peak, and how they fade.

The time until a model reaches a number of downloads is a survival time, which belongs in `survival`.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hub_assets.statistics.samples import Floats, Ints, around

DAYS: Final = (7, 14, 30, 60, 90, 180, 365)
"""Days after release, as in the ATOM report (arXiv 2604.07190)."""
SMOOTHED: Final = 2
"""Number of neighboring listings on either side that are averaged to find the half-life. On simulated Hubs, the median
error of half-lives is -60% without neighbors, -13% with 1 on either side, -1% with 2 and +9% with 3."""
LONGEST: Final = 1e6
"""A number of days greater than the age of any release: 2,700 years."""


def relative_adoption(counts: pa.Table, days: Sequence[int] = DAYS, *, top: int = 10, max_gap: float = 28) -> pa.Table:
    """Compare the downloads of releases with the downloads of their size class (the Relative Adoption Metric).

    The metric is a model's cumulative downloads on some day after its release, divided by the median for the `top`
    models of its size class on the same day after their releases (ATOM report, arXiv 2604.07190). Counts are
    interpolated linearly between listings; a release has 0 downloads on day 0.

    Args:
        counts: one row per model and listing: `repo_key`, `size_class`, `age` (days since release, > 0) and
            `n_downloads_all_time` (rows where it is null are ignored).
        days: days after release.
        top: number of most-downloaded models per class over which the median is taken.
        max_gap: maximum number of days between the listings around a day; across longer gaps, the count is unknown.

    Returns:
        One row per model and day that the model has reached, if its count on that day is known: `repo_key`,
        `size_class`, `day`, `n_downloads_cumulative`, `gap` (days between the listings around the day; 0 if there is
        a listing on that day), `n_downloads_low` and `n_downloads_high` (the counts in these listings, which bound the
        true count unless a count fell), `n_compared` (models of the class with a known count on that day),
        `median_of_top` (null if `n_compared` is less than `top`) and `relative_adoption` (null if the median is null or
        0).
    """
    counts = counts.filter(pc.is_valid(counts["n_downloads_all_time"]))
    names, model = _encoded(counts["repo_key"])
    ages, downloads = (_floats(counts, name) for name in ("age", "n_downloads_all_time"))
    _, first = np.unique(model, return_index=True)
    size_class = counts["size_class"].take(pa.array(first)) if len(first) else counts["size_class"]
    classes, class_of = _encoded(size_class)
    # every release starts at 0 downloads
    model, ages, downloads = (
        np.concatenate([np.arange(len(names)), model]),
        np.concatenate([np.zeros(len(names)), ages]),
        np.concatenate([np.zeros(len(names)), downloads]),
    )
    order = np.lexsort((ages, model))
    model, ages, downloads = model[order], ages[order], downloads[order]
    keys = model * LONGEST + ages
    parts = []
    for day in days:
        after = np.searchsorted(keys, np.arange(len(names)) * LONGEST + day)
        is_passed = (after < len(model)) & (model[np.minimum(after, len(model) - 1)] == np.arange(len(names)))
        after = after[is_passed]
        before = np.where(ages[after] == day, after, after - 1)
        gap = ages[after] - ages[before]
        share = np.divide(day - ages[before], gap, out=np.zeros(len(gap)), where=gap > 0)
        counted = downloads[before] + share * (downloads[after] - downloads[before])
        is_known = gap <= max_gap
        here = np.flatnonzero(is_passed)[is_known]
        counted, classes_here = counted[is_known], class_of[here]
        median, n_compared = _median_of_top(counted, classes_here, len(classes), top)
        middle = median[classes_here]
        parts.append(
            pa.table(
                {
                    "repo_key": names.take(pa.array(here)),
                    "size_class": classes.take(pa.array(classes_here)),
                    "day": np.full(len(here), day),
                    "n_downloads_cumulative": counted,
                    "gap": gap[is_known],
                    "n_downloads_low": downloads[before][is_known],
                    "n_downloads_high": downloads[after][is_known],
                    "n_compared": n_compared[classes_here],
                    "median_of_top": pa.array(middle, from_pandas=True),
                    "relative_adoption": pa.array(
                        np.divide(counted, middle, out=np.full(len(here), np.nan), where=middle > 0), from_pandas=True
                    ),
                }
            )
        )
    return pa.concat_tables(parts)


def release_curves(flows: pa.Table, *, least_weeks: int = 8) -> pa.Table:
    """Find the best period and the half-life of each release.

    Args:
        flows: one row per model and listing: `repo_key`, `age` (days since release at the end of the period), `n_days`
            (length of the period), `n_new_downloads` and `is_suspect`. Listings that are suspect or have null downloads
            are ignored.
        least_weeks: minimum number of usable listings; models with fewer are left out.

    Returns:
        One row per model: `repo_key`, `n_weeks` (usable listings), `n_suspect`, `best_age` (age in days at the end
        of the period with the most downloads per day), `best_rate` (downloads per day in that period), `last_age`,
        `half_life` and `has_halved`. For the half-life, downloads per day are averaged over each usable listing and two
        on either side, because the largest of many noisy weeks exceeds the true peak. `half_life` is the number of days
        from the peak of this average until it first falls to half the peak, interpolated linearly; null if it has
        not yet fallen that far.
    """
    flows = flows.filter(pc.is_valid(flows["n_new_downloads"]))
    names, model = _encoded(flows["repo_key"])
    suspect = flows["is_suspect"].to_numpy(zero_copy_only=False).astype(bool)
    n_suspect = np.bincount(model[suspect], minlength=len(names))
    n_weeks = np.bincount(model[~suspect], minlength=len(names))
    is_used = ~suspect & (n_weeks >= least_weeks)[model]
    model = model[is_used]
    ages, n_days, downloads = (_floats(flows, name)[is_used] for name in ("age", "n_days", "n_new_downloads"))
    order = np.lexsort((ages, model))
    model, ages, n_days, downloads = (values[order] for values in (model, ages, n_days, downloads))
    kept, starts = np.unique(model, return_index=True)
    if not len(kept):
        best_rate, best_age, last_age, half_life = np.empty((4, 0))
    else:
        place = np.searchsorted(kept, model)
        rates = downloads / n_days
        best_rate, best = _peaks(rates, place, starts)
        best_age, last_age = ages[best], np.maximum.reduceat(ages, starts)
        days_around = around(n_days, place, SMOOTHED)
        smooth = around(downloads, place, SMOOTHED) / days_around
        center = around((ages - n_days / 2) * n_days, place, SMOOTHED) / days_around
        half_life = _days_to_half(smooth, center, place, starts)
    return pa.table(
        {
            "repo_key": names.take(pa.array(kept)),
            "n_weeks": n_weeks[kept],
            "n_suspect": n_suspect[kept],
            "best_age": best_age,
            "best_rate": best_rate,
            "last_age": last_age,
            "half_life": pa.array(half_life, from_pandas=True),
            "has_halved": ~np.isnan(half_life),
        }
    )


def _peaks(rates: Floats, place: Ints, starts: Ints) -> tuple[Floats, Ints]:
    """Return the largest rate of each group and the row of the first such rate."""
    best_rate = np.maximum.reduceat(rates, starts)
    rows = np.where(rates == best_rate[place], np.arange(len(rates)), len(rates))
    return best_rate, np.minimum.reduceat(rows, starts)


def _days_to_half(rates: Floats, ages: Floats, place: Ints, starts: Ints) -> Floats:
    """Return the days from each group's peak until its rate first falls to half the peak; NaN if it has not."""
    best_rate, best = _peaks(rates, place, starts)
    rows = np.arange(len(rates))
    is_below = (rates < best_rate[place] / 2) & (rows > best[place])
    after = np.minimum.reduceat(np.where(is_below, rows, len(rates)), starts)
    days = np.full(len(starts), np.nan)
    halved = np.flatnonzero(after < len(rates))
    after = after[halved]
    before = after - 1
    share = (rates[before] - best_rate[halved] / 2) / (rates[before] - rates[after])
    days[halved] = ages[before] + share * (ages[after] - ages[before]) - ages[best[halved]]
    return days


def _median_of_top(counted: Floats, class_of: Ints, n_classes: int, top: int) -> tuple[Floats, Ints]:
    """Return the median of each class's `top` largest counts (NaN if it has fewer) and its number of counts."""
    order = np.lexsort((-counted, class_of))
    n_compared = np.bincount(class_of, minlength=n_classes)
    starts = np.cumsum(n_compared) - n_compared
    median = np.full(n_classes, np.nan)
    enough = np.flatnonzero(n_compared >= top)
    if len(enough):
        median[enough] = np.median(counted[order][starts[enough][:, None] + np.arange(top)], axis=1)
    return median, n_compared


def _encoded(column: pa.ChunkedArray) -> tuple[pa.Array, Ints]:
    """Return the distinct values of a column, and each row's index in them."""
    encoded = column.combine_chunks().dictionary_encode()
    return encoded.dictionary, encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)


def _floats(table: pa.Table, name: str) -> Floats:
    values: Floats = table[name].cast(pa.float64()).to_numpy(zero_copy_only=False)
    return values
