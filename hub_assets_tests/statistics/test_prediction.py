"""Rank correlations: agreement with pandas, coverage of the interval, and unknown pairs."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from hub_assets.statistics.prediction import predictions, rank_correlation_with_interval


def test_value_equals_that_of_pandas_on_known_pairs() -> None:
    rng = np.random.default_rng(7)
    x, y = rng.integers(0, 9, 80).astype(float), rng.integers(0, 9, 80).astype(float)
    x[3], y[7] = np.nan, np.nan
    found = rank_correlation_with_interval(x, y)
    assert found["spearman"] == pytest.approx(pd.Series(x).corr(pd.Series(y), method="spearman"))
    assert found["n"] == 78


@pytest.mark.parametrize("rho", [0.2, 0.8])
def test_interval_covers(rho: float) -> None:
    """For a bivariate normal, Spearman's rho is 6 / pi arcsin(r / 2) (Kruskal 1958)."""
    rng = np.random.default_rng(8)
    truth = 6 / np.pi * np.arcsin(rho / 2)
    pairs = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], (600, 80))
    rows = [rank_correlation_with_interval(*pair.T) for pair in pairs]
    covered = np.mean([row["spearman_low"] <= truth <= row["spearman_high"] for row in rows])
    assert 0.93 <= covered <= 0.975


def test_each_predictor_has_a_row() -> None:
    table = pa.table({"likes": [1, 2, 3, 4, 5], "noise": [1, 1, 1, 1, 1], "later": [10, 20, 30, 40, None]})
    first, second = predictions(table, ["likes", "noise"], "later").to_pylist()
    assert (first["predictor"], first["n"], first["spearman"]) == ("likes", 4, 1)
    assert (second["n"], np.isnan(second["spearman"])) == (4, True)
