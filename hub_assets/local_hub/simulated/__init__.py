"""A simulated Hub with a known answer key, at any scale: repositories, people and histories for any week, from a seed.

All its data is made up, except the ids of a few well-known models. Its distributions are calibrated to the figures that
the study published for October 2023, and `calibration` compares its true values with these figures.
"""

import math
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from hub_assets.local_hub.population import Population, PopulationError
from hub_assets.local_hub.simulated.build import AnswerKey, Simulation, build
from hub_assets.local_hub.simulated.quantiles import SIZES
from hub_assets.local_hub.simulated.store import cached_week
from hub_assets.local_hub.simulated.timeline import GROWTH, REFERENCE

__all__ = ["FIRST_WEEK", "LAST_WEEK", "REFERENCE", "SMALL", "AnswerKey", "Simulation", "simulate", "simulated"]

FIRST_WEEK: Final = date(2023, 10, 2)
LAST_WEEK: Final = REFERENCE + timedelta(weeks=520)
"""The last week that can be simulated: ten years after REFERENCE, when the Hub is 180 times as large."""
MOST: Final = 20_000_000
"""Maximum number of repositories. Building 5.7 million takes 7 GiB of memory, so 20 million would take about 25 GiB."""
SMALL: Final = 0.01
"""The scale for demos and tests: about 3,500 models."""


def simulated(week: date, *, scale: float = SMALL, seed: int = 0, keep: Path | None = None) -> Population:
    """Build the population that the simulated Hub serves in one week; arguments and errors as in `simulate`."""
    return simulate(week, scale=scale, seed=seed, keep=keep).population()


def simulate(week: date, *, scale: float = SMALL, seed: int = 0, keep: Path | None = None) -> Simulation:
    """Build the simulated Hub with its answer key for one week, as of the week's Monday, 00:00 UTC.

    Args:
        week: any date in the week, from 2023-10-02 on.
        scale: size of the Hub in the week of 2026-11-16, relative to the Hub in the study (348,181 models, 65,761
            datasets, 156,642 Spaces); the Hub grows by one percent a week.
        seed: seed of the rng; the same seed always gives the same Hub.
        keep: a folder in which to cache the week as Arrow files.

    Raises:
        PopulationError: if the week is out of range, or the scale leads to too few or too many repositories.
        OSError: if the folder cannot be read or written.
    """
    monday = week - timedelta(days=week.weekday())
    if monday < FIRST_WEEK:
        raise PopulationError(
            f"the simulated Hub starts in the week of {FIRST_WEEK}; the week of {monday} is too early"
        )
    if monday > LAST_WEEK:
        raise PopulationError(f"the simulated Hub ends with the week of {LAST_WEEK}; the week of {monday} is too late")
    size = sum(SIZES.values()) * scale * math.exp(GROWTH * max((monday - REFERENCE).days / 7, 0))
    if not 1 / min(SIZES.values()) <= scale or size > MOST:
        raise PopulationError(
            f"a scale of {scale} gives {size:.3g} repositories in the week of {monday}; the simulated Hub needs at "
            f"least one of each type and can have at most {MOST:,} in total"
        )
    scale = float(scale)
    return build(monday, scale, seed) if keep is None else cached_week(keep, monday, scale, seed)
