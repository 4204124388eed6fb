"""Adoption curves: given counts, a second implementation, and releases with a known half-life."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_assets.statistics.adoption import DAYS, relative_adoption, release_curves

COUNTS = {"repo_key": pa.string(), "size_class": pa.string(), "age": pa.float64(), "n_downloads_all_time": pa.int64()}


def counts_of(rows: list[tuple[str, str, float, int | None]]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(COUNTS, row, strict=True)) for row in rows], pa.schema(COUNTS))


def test_counts_are_interpolated_and_compared_with_the_median_of_the_top() -> None:
    rows: list[tuple[str, str, float, int | None]] = []
    for place in range(12):
        rows += [(f"m{place}", "1B to 5B", 5.0, 100 * place), (f"m{place}", "1B to 5B", 9.0, 200 * place)]
    rows += [("other", "5B to 12B", 7.0, 50), ("late", "1B to 5B", 60.0, 10_000)]
    found = {(row["repo_key"], row["day"]): row for row in relative_adoption(counts_of(rows), [7, 30]).to_pylist()}
    # no model was listed around day 30
    assert {day for _, day in found} == {7}
    eleven = found["m11", 7]
    assert (eleven["n_downloads_cumulative"], eleven["n_downloads_low"], eleven["n_downloads_high"]) == (
        1650,
        1100,
        2200,
    )
    assert (eleven["gap"], eleven["n_compared"]) == (4, 12)
    # the top ten are m2 to m11, with 300 to 1,650
    assert (eleven["median_of_top"], eleven["relative_adoption"]) == (975, pytest.approx(1650 / 975))
    other = found["other", 7]
    assert (other["gap"], other["median_of_top"], other["relative_adoption"]) == (0, None, None)


def test_a_release_starts_at_0() -> None:
    (row,) = relative_adoption(counts_of([("a", "x", 14.0, 280)]), [7]).to_pylist()
    assert (row["n_downloads_cumulative"], row["gap"], row["n_downloads_low"]) == (140, 14, 0)


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 60), st.one_of(st.none(), st.integers(0, 1000))), max_size=30
    )
)
@settings(max_examples=60)
def test_against_numpy(rows: list[tuple[str, int, int | None]]) -> None:
    unique = {(key, age): n for key, age, n in rows}
    table = counts_of([(key, "x", float(age), n) for (key, age), n in unique.items()])
    found = {
        (r["repo_key"], r["day"]): r["n_downloads_cumulative"]
        for r in relative_adoption(table, [7, 30], top=1, max_gap=99).to_pylist()
    }
    for key in "abc":
        known = sorted((age, n) for (name, age), n in unique.items() if name == key and n is not None)
        for day in (7, 30):
            if known and known[-1][0] >= day:
                ages, values = zip(*([(0, 0), *known]), strict=True)
                assert found.pop((key, day)) == pytest.approx(np.interp(day, ages, values))
    assert not found


def test_counts_interpolated_over_a_gap_stay_between_the_listings() -> None:
    """Downloads fade with a half-life of 30 days; three in four listings are missing."""
    age = np.arange(1, 400, 7.0)
    truth = 1e6 * (1 - 2 ** (-age / 30))
    kept = age[::4]
    table = counts_of([("a", "x", a, int(n)) for a, n in zip(kept, truth[::4], strict=True)])
    for row in relative_adoption(table, DAYS, top=1, max_gap=28).to_pylist():
        exact = 1e6 * (1 - 2 ** (-row["day"] / 30))
        assert row["n_downloads_low"] <= exact <= row["n_downloads_high"] + 1  # counts are whole numbers
        assert row["n_downloads_cumulative"] <= exact
    assert relative_adoption(table, DAYS, top=1, max_gap=27).num_rows < len(DAYS)


def flows_of(rates: dict[str, list[float]], suspect: set[int] = frozenset()) -> pa.Table:  # type: ignore[assignment]
    rows: list[dict[str, Any]] = [
        {
            "repo_key": key,
            "age": 7.0 * (week + 1),
            "n_days": 7.0,
            "n_new_downloads": int(7 * rate),
            "is_suspect": week in suspect,
        }
        for key, series in rates.items()
        for week, rate in enumerate(series)
    ]
    return pa.Table.from_pylist(rows)


def test_best_week_and_half_life() -> None:
    fading = [100.0, 800.0] + [800 * 0.5 ** (week / 3) for week in range(1, 10)]
    rising = [float(week) for week in range(1, 12)]
    # one slow week does not end the curve
    dip = [500.0, 10.0, 500.0, 480.0, 470.0, 460.0, 100.0, 450.0, 440.0, 100.0, 90.0]
    found = {row["repo_key"]: row for row in release_curves(flows_of({"f": fading, "r": rising, "d": dip})).to_pylist()}
    assert (found["f"]["best_age"], found["f"]["best_rate"]) == (14, 800)
    # downloads halve every three weeks
    assert found["f"]["half_life"] == pytest.approx(21, rel=0.001)
    assert (found["r"]["best_age"], found["r"]["half_life"], found["r"]["has_halved"]) == (77, None, False)
    # averages of five weeks peak at (500 + 480 + 470 + 460 + 100) / 5 = 402 in week 5, and the last of three is 210
    assert (found["d"]["best_age"], found["d"]["has_halved"]) == (7, False)


def test_half_life_under_noise_matches_the_truth() -> None:
    rng = np.random.default_rng(7)
    ages = np.arange(40)
    truth = 5_000 * np.minimum(ages / 4, 1) * 0.5 ** (np.maximum(ages - 4, 0) / 8)
    noisy = {f"m{n}": list(truth * np.exp(0.2 * rng.standard_normal(len(ages)))) for n in range(200)}
    half_lives = [row["half_life"] for row in release_curves(flows_of(noisy)).to_pylist()]
    assert np.median(half_lives) == pytest.approx(8 * 7, rel=0.1)


def test_suspect_weeks_and_short_series_are_left_out() -> None:
    stalled = [100.0, 100.0, 100.0, 0.0, 0.0, 300.0, 100.0, 100.0, 100.0, 100.0, 100.0]
    (row,) = release_curves(flows_of({"a": stalled}, {3, 4, 5})).to_pylist()
    assert (row["n_weeks"], row["n_suspect"], row["best_rate"], row["has_halved"]) == (8, 3, 100, False)
    assert release_curves(flows_of({"a": stalled[:7]})).num_rows == 0
    assert release_curves(flows_of({"a": stalled}).slice(0, 0)).num_rows == 0
