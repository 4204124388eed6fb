"""Concentration by week and slice, compared with closed forms, with `concentration`, and with recounted weeks."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_assets.statistics import schemas
from hub_assets.statistics.concentration import concentration
from hub_assets.statistics.concentration_over_time import concentration_over_time

WEEK = date(2026, 1, 5)
MEASURES = ("share_of_top_10", "share_of_top_100", "share_of_top_1000", "top_1_share", "gini", "hhi", "share_zero")


def quality(*rows: tuple[date, str, str]) -> pa.Table:
    columns = ("snapshot_date", "rule", "severity")
    schema = pa.schema([(columns[0], pa.date32()), (columns[1], pa.string()), (columns[2], pa.string())])
    table = pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in rows], schema)
    return table.append_column("repo_type", pa.repeat(pa.scalar("model"), len(table)))


GOOD = quality((WEEK, "stall", "ok"))


def week_of(values: npt.ArrayLike, week: date = WEEK, **columns: Any) -> pa.Table:
    counts = np.asarray(values)
    fixed = {"snapshot_date": [week] * len(counts), "repo_type": ["model"] * len(counts)}
    return pa.table({**fixed, "n_new_downloads": counts, **columns})


def measured(table: pa.Table, trust: pa.Table = GOOD, slices: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    rows = concentration_over_time(table, trust, ["n_new_downloads"], slices)
    assert rows.schema.names == [name for name in schemas.CONCENTRATION_OVER_TIME.names if name != "unit"]
    return list(rows.to_pylist())


@pytest.mark.parametrize("n", [2, 11, 150, 2_000])
def test_equal_shares(n: int) -> None:
    (row,) = measured(week_of(np.full(n, 7)))
    assert row["gini"] == pytest.approx(0, abs=1e-12)
    assert row["hhi"] == pytest.approx(1 / n)
    assert row["top_1_share"] == pytest.approx(np.ceil(n / 100) / n)
    for k in (10, 100, 1_000):
        assert row[f"share_of_top_{k}"] == (pytest.approx(k / n) if n > k else None)
    assert row["share_zero"] == 0


def test_a_single_unit_holds_everything() -> None:
    (row,) = measured(week_of([0] * 199 + [5]))
    assert (row["gini"], row["hhi"], row["top_1_share"], row["share_of_top_10"]) == (pytest.approx(199 / 200), 1, 1, 1)
    assert row["share_zero"] == pytest.approx(199 / 200)


def test_ranks() -> None:
    """For 1, ..., n, the Gini coefficient is (n - 1) / 3n, and the Herfindahl index 2 (2n + 1) / 3n(n + 1)."""
    n = 500
    (row,) = measured(week_of(np.random.default_rng(1).permutation(n) + 1))
    assert row["gini"] == pytest.approx((n - 1) / (3 * n))
    assert row["hhi"] == pytest.approx(2 * (2 * n + 1) / (3 * n * (n + 1)))
    assert row["share_of_top_100"] == pytest.approx(np.arange(401, 501).sum() / np.arange(1, 501).sum())


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60), st.integers(0, 3))
@settings(max_examples=60)
def test_slices_agree_with_the_concentration_of_each(values: list[int], n_slices: int) -> None:
    labels = [None if i % (n_slices + 1) == n_slices else f"s{i % (n_slices + 1)}" for i in range(len(values))]
    rows = measured(week_of(values, task=pa.array(labels, pa.string())), slices=("task",))
    found = {(row["slice_kind"], row["slice"]): row for row in rows}
    assert len(found) == len(rows) == 1 + len({*labels} - {None})
    for (kind, name), row in found.items():
        mine = [value for value, label in zip(values, labels, strict=True) if kind == "all" or label == name]
        other = concentration(mine, (), (0.01,), resamples=0)
        assert (row["n"], row["total"]) == (len(mine), sum(mine))
        for ours, theirs in (("gini", "gini"), ("hhi", "hhi"), ("top_1_share", "top_0.01")):
            expected = other[theirs]
            assert row[ours] == (None if np.isnan(expected) else pytest.approx(expected, abs=1e-9))


@pytest.mark.slow
@pytest.mark.parametrize("overlap", [0.0, 23 / 30])
def test_intervals_cover_recounted_weeks(overlap: float) -> None:
    """Units are recounted many times, in separate periods and in overlapping ones, as 30-day downloads are."""
    rng = np.random.default_rng(3)
    n, replicates = 1_000, 400
    rates = (rng.pareto(1.3, n) + 0.02) * 30
    share = np.array([overlap, 1 - overlap, 1 - overlap])[:, None]
    busy = rng.gamma(np.broadcast_to(25 * share, (replicates, 3, n))) / 25
    # the days in common, the days before, the days after
    common, before, after = np.moveaxis(rng.poisson(rates * busy), 1, 0)
    found: dict[str, list[tuple[float, ...]]] = {name: [] for name in MEASURES[:2] + MEASURES[3:]}
    for place in range(replicates):
        now, earlier = common[place] + after[place], common[place] + before[place]
        optional = {"n_new_downloads_earlier": earlier, "n_new_downloads_overlap": np.full(n, overlap)}
        (row,) = measured(week_of(now, **optional))
        for name, values in found.items():
            values.append((row[name], row[f"{name}_low"] or np.nan, row[f"{name}_high"] or np.nan))
    for name, values in found.items():
        value, low, high = np.array(values, float).T
        covered = np.mean((low <= value.mean()) & (value.mean() <= high))
        # whether a count is 0 is not additive over days, so its interval is wide if periods overlap
        assert 0.92 <= covered <= (1 if name == "share_zero" and overlap else 0.985), (name, covered)


@pytest.mark.parametrize("overlap", [0.0, 0.25, 23 / 30])
def test_a_steady_trend_does_not_widen_intervals(overlap: float) -> None:
    """Three counts of the same units cover periods that overlap; each unit grows or shrinks by a fifth per listing."""
    rng = np.random.default_rng(3)
    n, replicates, days = 400, 200, 60
    step = round(days * (1 - overlap))
    size = 1e6 / np.arange(1, n + 1) ** 1.1
    slope = np.where(np.arange(n) % 2, 0.2, -0.2) * size
    noise = rng.normal(0, 0.1 / np.sqrt(days), (replicates, n, days + 2 * step)) * size[:, None]
    counts = [noise[:, :, at : at + days].sum(axis=2) + size + (at / step - 1) * slope for at in (0, step, 2 * step)]
    weeks = pa.array(np.repeat(np.arange(replicates), n).astype(str), pa.string())
    oldest, earlier, now = (count.ravel() for count in counts)
    columns = {"n_new_downloads_earlier": earlier, "which": weeks}
    columns["n_new_downloads_overlap"] = np.full(len(now), 1 - step / days)
    bent = columns | {"n_new_downloads_before_earlier": oldest}
    covered, widths = [], []
    for given_columns in (columns, bent):
        rows = [row for row in measured(week_of(now, **given_columns), slices=("which",)) if row["slice"] != "all"]
        low, high, gini = (np.array([row[name] for row in rows]) for name in ("gini_low", "gini_high", "gini"))
        covered.append(np.mean((low <= gini.mean()) & (gini.mean() <= high)))
        widths.append(np.median(high - low) / gini.std())
    assert covered[0] > 0.98
    assert 0.92 <= covered[1] <= 0.98
    assert widths[1] == pytest.approx(2 * 1.96, rel=0.15)


def test_interval_needs_the_previous_listing() -> None:
    values = np.arange(1, 51)
    (alone,) = measured(week_of(values))
    (paired,) = measured(week_of(values, n_new_downloads_earlier=values[::-1].copy()))
    few = pa.array([*values[:30], *[None] * 20])
    (scarce,) = measured(week_of(values, n_new_downloads_earlier=few))
    assert alone["gini_low"] is None is scarce["gini_low"]
    assert (alone["share_paired"], paired["share_paired"]) == (0, pytest.approx(1))
    assert paired["gini_low"] < paired["gini"] < paired["gini_high"]


def test_unknown_values_are_left_out_and_negative_ones_count_as_0() -> None:
    (row,) = measured(week_of(pa.array([3, None, -2, 1])))
    assert (row["n"], row["n_negative"], row["total"]) == (3, 1, 4)
    assert row["share_zero"] == pytest.approx(1 / 3)
    assert measured(week_of(pa.array([None, None], pa.int64()))) == []


def test_weeks_that_cannot_be_trusted_are_marked() -> None:
    weeks = [WEEK + timedelta(weeks=place) for place in (0, 1, 2, 5)]
    trust = quality(
        (weeks[0], "stall", "ok"),
        (weeks[1], "stall", "error"),
        (weeks[2], "like_purge", "warning"),
        (weeks[3], "partial", "error"),
        (weeks[3], "rollback", "unknown"),
    )
    table = pa.concat_tables([week_of([1, 2], week) for week in weeks])
    table = table.append_column("n_likes", table["n_new_downloads"])
    rows = concentration_over_time(table, trust, ["n_new_downloads", "n_likes"], []).to_pylist()
    found = {
        measure: [
            (r["is_suspect"], r["suspicions"], r["n_weeks"], r["share_suspect"], r["is_after_gap"])
            for r in rows
            if r["measure"] == measure
        ]
        for measure in ("n_new_downloads", "n_likes")
    }
    assert found["n_new_downloads"] == [
        (False, None, 1, 0, False),
        (True, "stall", 2, 0.5, False),
        (False, None, 3, pytest.approx(1 / 3), False),
        (True, "partial", 4, 0.5, True),
    ]
    assert [row[1] for row in found["n_likes"]] == [None, None, "like_purge", "partial"]


def test_interval_of_an_index_that_a_few_units_decide_covers_its_mean() -> None:
    # 2,000 weeks of the same 300 units, as slices; two units hold a third of the total
    rng = np.random.default_rng(3)
    expected = 1e6 / np.arange(1, 301) ** 1.3
    n = 2_000
    counts, earlier = (expected * np.exp(0.2 * rng.standard_normal((n, len(expected)))) for _ in range(2))
    weeks = np.repeat(np.arange(n), len(expected))
    table = week_of(
        counts.ravel(), n_new_downloads_earlier=earlier.ravel(), which=pa.array(weeks.astype(str), pa.string())
    )
    rows = [row for row in measured(table, slices=("which",)) if row["slice_kind"] == "which"]
    truth = np.mean([row["hhi"] for row in rows])
    assert 0.92 < np.mean([row["hhi_low"] <= truth <= row["hhi_high"] for row in rows]) < 0.98
