"""Survival: a published example, a second implementation from the definition, and the effect of truncation."""

import warnings

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hub_assets.statistics.survival import survival

REMISSION = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
"""Weeks in remission of 21 children with leukemia on 6-MP (Freireich et al. 1963)."""
ENDED = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]


def durations(entry: list[float], leaving: list[float], is_event: list[bool]) -> pa.Table:
    return pa.table(
        {
            "entry": pa.array(entry, pa.float64()),
            "exit": pa.array(leaving, pa.float64()),
            "is_event": pa.array(is_event, pa.bool_()),
        }
    )


def test_freireich_as_published() -> None:
    """Klein and Moeschberger 2003, Table 4.1 (survival and its standard error by Greenwood)."""
    found = survival(durations([0.0] * 21, list(map(float, REMISSION)), list(map(bool, ENDED))))
    assert found["day"].to_pylist() == [6, 7, 10, 13, 16, 22, 23]
    assert found["n_at_risk"].to_pylist() == [21, 17, 15, 12, 11, 7, 6]
    assert np.round(found["survival"].to_numpy(), 3).tolist() == [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    assert found["median_day"][0].as_py() == 23
    # Collett's 95% interval on the log-log scale, from the published standard error at 23 weeks, 0.1346
    s, error = 0.4482, 0.1346
    reach = np.exp(1.96 * error / (s * np.log(s)) * np.array([1, -1]))
    assert [found[f"survival_{end}"][6].as_py() for end in ("high", "low")] == pytest.approx(
        (s**reach).tolist(), abs=1e-3
    )


@given(
    st.lists(
        st.tuples(st.integers(0, 8), st.integers(0, 12), st.booleans()),
        min_size=1,
        max_size=40,
    )
)
@settings(max_examples=80)
def test_against_the_definition(subjects: list[tuple[int, int, bool]]) -> None:
    table = durations(
        *(list(column) for column in zip(*[(float(a), float(b), c) for a, b, c in subjects], strict=True))
    )
    days = [float(day) for day in range(15)]
    usable = [(a, b, c) for a, b, c in subjects if a < b]
    found = survival(table, at=days).to_pylist()
    share = 1.0
    last = max((b for _, b, _ in usable), default=-1)
    sizes = {t: sum(a < t <= b for a, b, _ in usable) for t in sorted({b for _, b, c in usable if c})}
    late, enough = any(a > 0 for a, _, _ in usable), min(10, max(sizes.values(), default=0))
    first = next((t for t, n in sizes.items() if n >= enough or not late), 99)
    for row, day in zip(found, days, strict=True):
        at_risk = [subject for subject in usable if subject[0] < day <= subject[1]]
        events = sum(b == day and c for _, b, c in at_risk) if day >= first else 0
        share *= 1 - events / len(at_risk) if at_risk else 1
        assert (row["n_at_risk"], row["n_subjects"], row["n_left_out"]) == (
            len(at_risk),
            len(usable),
            len(subjects) - len(usable),
        )
        if day <= last:
            assert row["survival"] == pytest.approx(share)
        elif share > 0:
            assert row["survival"] is None


@given(st.lists(st.tuples(st.integers(1, 20), st.booleans()), min_size=3, max_size=40))
@settings(max_examples=40)
def test_against_scipy_without_truncation(subjects: list[tuple[int, bool]]) -> None:
    if not any(is_event for _, is_event in subjects):
        return
    times, is_event = [float(t) for t, _ in subjects], [e for _, e in subjects]
    found = survival(durations([0.0] * len(times), times, is_event))
    sample = stats.CensoredData.right_censored(times, [not e for e in is_event])
    theirs = stats.ecdf(sample).sf
    assert found["survival"].to_numpy() == pytest.approx(theirs.evaluate(found["day"].to_numpy()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # scipy warns where the scale is undefined
        interval = theirs.confidence_interval(method="log-log")
        low, high = (part.evaluate(found["day"].to_numpy()) for part in (interval.low, interval.high))
    ours = found["survival"].to_numpy()
    inside = (ours > 0) & (ours < 1)
    assert found["survival_low"].to_numpy(zero_copy_only=False)[inside] == pytest.approx(low[inside], abs=1e-9)
    assert found["survival_high"].to_numpy(zero_copy_only=False)[inside] == pytest.approx(high[inside], abs=1e-9)


def test_late_entry_does_not_inflate_survival() -> None:
    """Lifetimes are exponential; listings that start late show only the survivors."""
    rng = np.random.default_rng(4)
    covered, naive = [], []
    for _ in range(300):
        lives, late = rng.exponential(100, 600), rng.uniform(0, 80, 600)
        seen = lives > late
        ends = np.minimum(lives, late + 120)
        table = durations(list(late[seen]), list(ends[seen]), list((lives <= late + 120)[seen]))
        (row,) = survival(table, at=[100.0]).to_pylist()
        covered.append(row["survival_low"] <= np.exp(-1) <= row["survival_high"])
        naive.append(float(np.mean(lives[seen] > 100)))
    assert 0.92 <= np.mean(covered) <= 0.98
    assert np.mean(naive) > 0.45 > np.exp(-1)


def test_each_group_has_its_own_curve() -> None:
    table = durations([0, 0, 0, 5], [1, 2, 4, 4], [True, False, True, True])
    table = table.append_column("relation", pa.array(["merge", "merge", "original", "original"]))
    rows = survival(table, ["relation"]).to_pylist()
    found = [(row["relation"], row["day"], row["survival"], row["n_left_out"]) for row in rows]
    assert found == [("merge", 1, 0.5, 0), ("original", 4, 0, 1)]


def test_no_subjects_give_no_rows_with_the_same_columns() -> None:
    some = durations([0], [1], [True]).append_column("relation", pa.array(["merge"]))
    found = survival(some.slice(0, 0), ["relation"], [0.0, 30.0])
    assert len(found) == 0
    assert found.schema == survival(some, ["relation"], [0.0, 30.0]).schema


@pytest.mark.parametrize("value", [None, -1.0, float("nan"), float("inf")])
def test_impossible_days_are_refused(value: float | None) -> None:
    with pytest.raises(ValueError, match="exit"):
        survival(pa.table({"entry": [0.0], "exit": pa.array([value], pa.float64()), "is_event": [True]}))
