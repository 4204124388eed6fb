"""Stalls in time series: recorded days with labels, and the rule's edge cases."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_assets.trust.rules import Rules
from hub_assets.trust.stalls import Numbers, partly_frozen, stalled, trailing_ratio
from hub_assets.warehouse.sql_project import Project
from hub_assets_tests.trust.made import Observatory

LABELED_UNTIL = "2026-02-28"
COLUMNS = {"models": ("m_ratio", "m_fz2000", "m_n"), "datasets": ("d_ratio", "d_fz200", "d_n200")}


@pytest.fixture(scope="module")
def rules(project: Project) -> Rules:
    return Observatory(project).rules


def series(ratio: list[float], frozen: list[float] | None = None) -> tuple[Numbers, Numbers, Numbers]:
    return np.array(ratio), np.array(frozen or [0.0] * len(ratio)), np.full(len(ratio), 1000.0)


@pytest.mark.parametrize(("kind", "precision", "recall"), [("models", 1.0, 1.0), ("datasets", 1.0, 0.79)])
def test_recorded_days_of_hub_stats(rules: Rules, real_data: Path, kind: str, precision: float, recall: float) -> None:
    """The labels also mark some days after a stall whose backlog came in parts; the rule misses those days."""
    folder = real_data / "modelpulse"
    with (folder / "C_daily_table.csv").open() as file:
        days = [row for row in csv.DictReader(file) if row["day"] <= LABELED_UNTIL and row[COLUMNS[kind][0]]]
    ratio, frozen, n_busy = (np.array([float(row[name] or "nan") for row in days]) for name in COLUMNS[kind])
    labeled = set(json.loads((folder / "C_skip_days.json").read_text())[kind])
    found = {row["day"] for row, is_in in zip(days, stalled(ratio, frozen, n_busy, rules), strict=True) if is_in}
    assert len(found & labeled) / len(found) >= precision
    assert len(found & labeled) / len(labeled) >= recall


def test_recorded_days_that_were_partly_frozen(rules: Rules, real_data: Path) -> None:
    folder = real_data / "modelpulse"
    with (folder / "C_daily_table.csv").open() as file:
        days = [row for row in csv.DictReader(file) if row["day"] <= LABELED_UNTIL and row["m_fz2000"]]
    frozen, n_busy = (np.array([float(row[name]) for row in days]) for name in ("m_fz2000", "m_n"))
    found = {row["day"] for row, is_in in zip(days, partly_frozen(frozen, n_busy, rules), strict=True) if is_in}
    with (folder / "agreement.csv").open() as file:
        labeled = {row["day"] for row in csv.DictReader(file) if row["fz"] == "true"}
    assert found <= labeled
    assert len(found) >= 0.9 * len(labeled)


def test_stall_lasts_until_the_backlog_arrives(rules: Rules) -> None:
    assert stalled(*series([1, 0.1, 0.6, 0.9, 2.4, 1]), rules).tolist() == [False, True, True, True, False, False]


def test_backlog_of_a_listing_that_is_still_partly_frozen_does_not_end_a_stall(rules: Rules) -> None:
    found = stalled(*series([1, 0, 2.6, 2.2, 1], [0, 1, 0.45, 0, 0]), rules)
    assert found.tolist() == [False, True, True, False, False]


def test_two_stalls_close_together_are_one(rules: Rules) -> None:
    assert stalled(*series([1, 0, 2, 1, 0, 2]), rules).tolist() == [False, True, True, True, True, False]
    assert stalled(*series([1, 0, 2, 1, 1, 0, 2]), rules).tolist() == [False, True, False, False, False, True, False]


def test_lasting_change_of_level_is_no_endless_stall(rules: Rules) -> None:
    found = stalled(*series([1.0] * 5 + [0.2] * 30 + [0.5] * 5), rules)
    assert found.sum() == rules.longest_stall


def test_few_busy_repositories_decide_nothing(rules: Rules) -> None:
    assert not partly_frozen(np.array([1.0]), np.array([rules.least_busy - 1]), rules).any()
    assert partly_frozen(np.array([1.0]), np.array([rules.least_busy]), rules).all()


def test_unknown_numbers_are_no_stall(rules: Rules) -> None:
    nothing = np.array([np.nan] * 4)
    assert not stalled(nothing, nothing, nothing, rules).any()


@given(st.lists(st.floats(0.5, 2), min_size=4, max_size=60))
def test_ordinary_weeks_are_no_stall(values: list[float]) -> None:
    rules = Rules(**dict.fromkeys(Rules.__dataclass_fields__, 1.0) | {"stall_ratio": 0.3, "frozen_share": 0.35})
    assert not stalled(*series(values), rules).any()


@given(st.lists(st.floats(1, 1e9), min_size=1, max_size=60), st.integers(0, 59))
def test_a_week_is_judged_by_earlier_weeks_only(rates: list[float], cut: int) -> None:
    rules = Rules(**dict.fromkeys(Rules.__dataclass_fields__, 3.0))
    whole, part = trailing_ratio(np.array(rates), rules), trailing_ratio(np.array(rates[: cut + 1]), rules)
    assert np.array_equal(whole[: len(part)], part, equal_nan=True)
