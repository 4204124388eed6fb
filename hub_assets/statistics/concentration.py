"""Measures of how unequally activity is distributed.

All measures describe the given values; the intervals treat these values as a sample from a population. Testing whether
the values follow a particular law (`tails`) and drawing Lorenz curves do not belong here.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from hub_assets.statistics.samples import Counted, Floats, Ints

RESAMPLES: Final = 1_000
_CELLS: Final = 1_000_000
"""Number of counts drawn at a time. They take 8 MB, and intermediate results about ten times as much."""
_ROUNDING: Final = 1e-12
"""Largest rounding error relative to a total. Summing in another order changes a total by less than this, and such a
change must not add a unit to the result."""


def concentration(
    values: npt.ArrayLike,
    targets: Sequence[float] = (0.8, 0.9, 0.99),
    tops: Sequence[float] = (0.01, 0.1),
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, float]:
    """Measure the concentration of nonnegative values, ignoring NaN.

    Args:
        values: one value per unit.
        targets: shares of the total, in (0, 1].
        tops: shares of the units, in (0, 1].
        resamples: number of bootstrap resamples; 0 for no intervals.
        seed: seed of the bootstrap.

    Returns:
        `n`, `total`; `share_holding_T` for each target: the smallest share of units that together hold at least T of
        the total; `top_S` for each top: the share of the total held by the largest S of the units (S n is rounded up to
        whole units); `gini` (see `gini`); `hhi`, the sum of squared shares of the total, in [1/n, 1]
        (Herfindahl-Hirschman). Each measure has a `_low` and a `_high`: its 2.5% and 97.5% quantiles when units are
        resampled with replacement (Efron's percentile interval; too narrow where few units hold nearly everything);
        they are NaN without resamples. All measures are NaN if the total is 0; resamples with a total of 0 are left
        out.

    Raises:
        ValueError: if a value is negative or infinite, or a target or top is not in (0, 1].
    """
    if not all(0 < share <= 1 for share in (*targets, *tops)):
        raise ValueError(f"targets and tops must be in (0, 1], got {(*targets, *tops)}")
    sample = Counted.of(values)
    names = [*(f"share_holding_{t:g}" for t in targets), *(f"top_{s:g}" for s in tops), "gini", "hhi"]
    found, low, high = np.full((3, len(names)), np.nan)
    if sample.total > 0:
        (found,) = _measure(sample.values, sample.counts[None, :], targets, tops)
        if resamples:
            low, high = _intervals(sample, targets, tops, resamples, seed)
    record: dict[str, float] = {"n": sample.n, "total": sample.total}
    for end, measured in (("", found), ("_low", low), ("_high", high)):
        record |= {f"{name}{end}": float(value) for name, value in zip(names, measured, strict=True)}
    return record


def gini(values: npt.ArrayLike) -> float:
    """Return the Gini coefficient of nonnegative values, ignoring NaN.

    It is half the mean absolute difference between two units drawn with replacement, divided by the mean. Equivalently,
    it is twice the area between the Lorenz curve and the diagonal: 0 if all units hold the same amount, (n - 1) / n if
    a single unit holds everything, and NaN if the total is 0. (Drawing without replacement multiplies it by
    n / (n - 1); some call the result unbiased.)

    Raises:
        ValueError: if a value is negative or infinite.
    """
    return gini_of(Counted.of(values))


def gini_of(sample: Counted) -> float:
    """Return the Gini coefficient of counted values; see `gini`."""
    return float(_measure(sample.values, sample.counts[None, :], (), ())[0, 0]) if sample.total > 0 else np.nan


def lorenz(values: npt.ArrayLike, points: int = 101) -> tuple[Floats, Floats]:
    """Return the Lorenz curve: cumulative shares of the units, smallest first, and the shares of the total they hold.

    Both rise from 0 to 1 over `points` points; the shares of units are evenly spaced, and the curve is linear between
    units. The shares of the total are NaN if the total is 0.

    Raises:
        ValueError: if a value is negative or infinite.
    """
    sample = Counted.of(values)
    at = np.linspace(0, 1, points)
    if sample.total == 0:
        return at, np.full(points, np.nan)
    units = np.append(0, np.cumsum(sample.counts)) / sample.n
    amounts = np.append(0, np.cumsum(sample.values * sample.counts))
    return at, np.interp(at, units, amounts / amounts[-1])


def _measure(values: Floats, counts: Ints, targets: Sequence[float], tops: Sequence[float]) -> Floats:
    """Return the measures (columns) of several samples (rows of counts) over the same ascending values."""
    values, counts = values[::-1], counts[:, ::-1]
    amounts = counts * values
    # cumulative number of units from the largest down, and the amount they hold
    units, held = np.cumsum(counts, axis=1), np.cumsum(amounts, axis=1)
    n, total = units[:, -1], held[:, -1]
    columns = [_least_share(values, units, held, target) for target in targets]
    columns += [_top_share(values, units, held, top) for top in tops]
    # equal values share the mean of their ranks; the largest value has rank 1
    ranks = units - (counts - 1) / 2
    columns.append(np.maximum((n + 1) / n - 2 * (ranks * amounts).sum(axis=1) / (n * total), 0))
    columns.append((amounts * values).sum(axis=1) / total**2)
    return np.column_stack(columns)


def _least_share(values: Floats, units: Ints, held: Floats, target: float) -> Floats:
    """Return the smallest share of units that holds the target share of the total; arrays as in `_measure`."""
    wanted = target * held[:, -1] * (1 - _ROUNDING)
    rows, place = np.arange(len(held)), np.argmax(held >= wanted[:, None], axis=1)
    surplus = np.floor((held[rows, place] - wanted) / values[place])
    shares: Floats = (units[rows, place] - surplus) / units[:, -1]
    return shares


def _top_share(values: Floats, units: Ints, held: Floats, top: float) -> Floats:
    """Return the share of the total held by the largest units (the share `top` of all); arrays as in `_measure`."""
    wanted = np.ceil(top * units[:, -1] * (1 - _ROUNDING))
    rows, place = np.arange(len(held)), np.argmax(units >= wanted[:, None], axis=1)
    surplus = units[rows, place] - wanted
    shares: Floats = (held[rows, place] - surplus * values[place]) / held[:, -1]
    return shares


def _intervals(
    sample: Counted, targets: Sequence[float], tops: Sequence[float], resamples: int, seed: int
) -> tuple[Floats, Floats]:
    """Return the 2.5% and 97.5% quantiles of each measure over resamples.

    Resampling units with replacement is a single multinomial draw over the distinct values.
    """
    rng = np.random.default_rng(seed)
    step = max(_CELLS // len(sample.values), 1)
    measured = []
    for start in range(0, resamples, step):
        drawn = rng.multinomial(sample.n, sample.counts / sample.n, size=min(step, resamples - start))
        measured.append(_measure(sample.values, drawn[drawn @ sample.values > 0], targets, tops))
    found = np.concatenate(measured)
    low, high = np.quantile(found, [0.025, 0.975], axis=0) if len(found) else np.full((2, found.shape[1]), np.nan)
    return low, high
