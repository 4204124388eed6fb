"""The statistics of change recover the truth of a few simulated Hubs, within limits that so few can confirm."""

from typing import Final

import pytest

from hub_assets_tests.statistics.replicates import MEASURED, SURVIVAL_DAYS, replicate, rules_of_the_seed, summary

N: Final = 12
"""Replicates; 400 take ten minutes."""


@pytest.fixture(scope="module")
def found() -> dict[str, tuple[int, float, float]]:
    rules = rules_of_the_seed()
    return summary([replicate(seed, rules) for seed in range(N)])


@pytest.mark.slow
def test_the_rules_find_what_is_wrong_with_listings_and_nothing_else(
    found: dict[str, tuple[int, float, float]],
) -> None:
    assert found["stalled weeks that the rules find"][1] > 0.95
    assert found["cut listings that the rules find"][1] == 1
    assert found["good weeks that the rules doubt"][1] < 0.01


@pytest.mark.slow
def test_intervals_cover_the_truth(found: dict[str, tuple[int, float, float]]) -> None:
    for name in MEASURED:
        assert found[f"interval of {name} exists"][1] > 0.95
        assert found[f"interval of {name} covers"][1] > 0.85, name
        assert found[f"interval of {name} covers, at rest"][1] > 0.85, name
    assert sum(found[f"interval of survival at {day} days covers"][1] for day in SURVIVAL_DAYS) / 3 > 0.85
    assert found["bounds of downloads since release cover"][1] > 0.97


@pytest.mark.slow
def test_errors_are_small(found: dict[str, tuple[int, float, float]]) -> None:
    for name in MEASURED:
        assert abs(found[f"error of {name}"][1]) < 0.05, name
    for day in SURVIVAL_DAYS:
        assert found[f"error of survival at {day} days"][2] < 0.06
    assert found["error of downloads since release, within a week"][2] < 0.01
    assert found["error of relative adoption, within a week"][2] < 0.05
    assert found["error of relative adoption, across a gap"][2] < 0.15


@pytest.mark.slow
def test_a_hub_at_rest_shows_no_trends(found: dict[str, tuple[int, float, float]]) -> None:
    trends = [share for name, (_, share, _) in found.items() if name.startswith("false trend")]
    assert len(trends) == 3
    assert sum(trends) / len(trends) < 0.1
