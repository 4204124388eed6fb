"""Unknown values are dropped, impossible ones are rejected, and equal ones are counted."""

import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from hub_assets.statistics.samples import Counted, floats, known

MASKED = np.ma.MaskedArray(np.array([3, 7, 3]), mask=[False, True, False])
"""A DuckDB column that contains a null, as numpy receives it."""


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], []),
        ([2, 1], [2, 1]),
        ([True, False], [1, 0]),
        (np.array([1, 2], np.uint8), [1, 2]),
        (pd.Series([5, 4], index=[9, 8]), [5, 4]),
        ([1.5, float("nan")], [1.5]),
        (MASKED, [3, 3]),
    ],
)
def test_known_values_become_floats_in_order(values: npt.ArrayLike, expected: list[float]) -> None:
    assert known(values).dtype == np.float64
    assert known(values).tolist() == expected


def test_unknown_values_become_nan() -> None:
    np.testing.assert_array_equal(floats(MASKED), [3, np.nan, 3])


@pytest.mark.parametrize("value", [float("inf"), float("-inf")])
def test_infinite_values_are_rejected(value: float) -> None:
    with pytest.raises(ValueError, match="infinite"):
        known([1, value])


def test_equal_values_are_counted() -> None:
    sample = Counted.of([2, 0, 2, np.nan, 5])
    assert (sample.values.tolist(), sample.counts.tolist()) == ([0, 2, 5], [1, 2, 1])
    assert (sample.n, sample.total) == (4, 9)
    above = sample.above(2)
    assert (above.values.tolist(), above.counts.tolist()) == ([5], [1])
    assert (Counted.of([]).n, Counted.of([]).total) == (0, 0)


def test_negative_values_are_rejected() -> None:
    with pytest.raises(ValueError, match="negative: -1"):
        Counted.of([3, -1])


def test_statistics_import_no_engine_and_no_plotting() -> None:
    modules = ", ".join(
        f"hub_assets.statistics.{name}" for name in ("concentration", "correlations", "differences", "tails")
    )
    script = f"import sys, {modules}; print(*{{'dagster', 'duckdb', 'powerlaw', 'matplotlib'}} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60)
    assert answer.stdout.strip() == ""
