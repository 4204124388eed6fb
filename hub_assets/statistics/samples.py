"""What all statistics do with a column of values first: leave out what is not known, and count equal values once."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def floats(values: npt.ArrayLike) -> Floats:
    """Return values as floats; NaN, and what a masked array masks (a null of DuckDB's), is not known, and is NaN.

    Raises:
        ValueError: if a value is infinite: no activity is.
    """
    array: Floats = np.ma.filled(np.ma.asarray(values).astype(np.float64), np.nan)
    if np.isinf(array).any():
        raise ValueError("a value is infinite")
    return array


def known(values: npt.ArrayLike) -> Floats:
    """Return the values that are known, as `floats` has them, in their order."""
    array = floats(values)
    return array[~np.isnan(array)]


@dataclass(frozen=True)
class Counted:
    """Distinct values in ascending order, and how often each occurs.

    Activity has few distinct values (likes of 348,181 models: some 300), so that what is computed of these takes a
    thousandth of the time, and a bootstrap is a draw of their counts.
    """

    values: Floats
    counts: Ints

    @classmethod
    def of(cls, values: npt.ArrayLike) -> "Counted":
        """Count the values that are known.

        Raises:
            ValueError: if one is negative or infinite: no activity is.
        """
        distinct, counts = np.unique(known(values), return_counts=True)
        if len(distinct) and distinct[0] < 0:
            raise ValueError(f"a value is negative: {distinct[0]:g}")
        return cls(distinct, counts.astype(np.int64))

    def above(self, least: float) -> "Counted":
        """Return those that are greater than a value."""
        is_above = self.values > least
        return Counted(self.values[is_above], self.counts[is_above])

    @property
    def n(self) -> int:
        """How many values there are."""
        return int(self.counts.sum())

    @property
    def total(self) -> float:
        """Their sum."""
        return float(self.values @ self.counts)
