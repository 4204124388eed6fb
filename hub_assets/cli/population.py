"""Options that choose which population a local Hub serves."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hub_assets.cli.options import DayType
from hub_assets.errors import UserError

if TYPE_CHECKING:
    from hub_assets.local_hub.population import Population

R = TypeVar("R")


@dataclass(frozen=True)
class PopulationChoice:
    """The population that the options of `population_options` describe."""

    population: str | None
    directory: Path | None
    scale: float | None
    seed: int | None
    week: date | None
    today: date = field(default_factory=lambda: datetime.now(UTC).date())
    """Today's date, read only once so that a command's weeks stay consecutive even if a new week begins meanwhile."""

    @property
    def is_default(self) -> bool:
        """Whether the choice is the small simulated Hub, which is the default."""
        return self.directory is None and self.scale is None and self.seed is None

    def load(self, *, weeks_before: int = 0, keep: Path | None = None) -> "Population":
        """Load the recording, or simulate the population of the chosen week or an earlier one.

        Args:
            weeks_before: how many weeks before the chosen week to load.
            keep: folder that caches simulated populations.

        Raises:
            UserError: if the options contradict each other, or `keep` cannot be used.
        """
        from hub_assets.local_hub.replay import replay
        from hub_assets.local_hub.simulated import SMALL, simulated

        if self.directory is not None:
            if self.population == "simulated" or self.scale is not None or self.seed is not None or weeks_before:
                raise UserError("--replay serves a recording; it cannot be combined with --scale, --seed or --weeks")
            return replay(self.directory, self.week)
        if self.population == "replay":
            raise UserError("pass the folder of the recording with --replay")
        week = (self.week or self.today) - timedelta(weeks=weeks_before)
        try:
            return simulated(week, scale=self.scale or SMALL, seed=self.seed or 0, keep=keep)
        except OSError as error:
            raise UserError(f"cannot use {keep} ({error.strerror}); choose another folder with --home") from error


def population_options(command: Callable[..., R]) -> Callable[..., R]:
    """Add the options that choose a population; the command gets a `PopulationChoice`."""

    @click.option("--population", type=click.Choice(["simulated", "replay"]), help="What to serve.")
    @click.option(
        "--replay",
        "directory",
        type=click.Path(path_type=Path),
        help="Serve the recorded Parquet files in this folder instead of a simulated Hub.",
    )
    @click.option(
        "--scale",
        type=click.FloatRange(0, min_open=True),
        help="Size of the simulated Hub; at 1, it has 570,584 repositories in the week of 2026-11-16. Default: 0.01.",
    )
    @click.option("--seed", type=click.IntRange(0), help="Random seed of the simulated Hub. Default: 0.")
    @click.option(
        "--week",
        type=DayType(),
        help="Week to serve, as any date in it. Default: the current week, or the newest one recorded.",
    )
    @wraps(command)
    def with_choice(
        population: str | None,
        directory: Path | None,
        scale: float | None,
        seed: int | None,
        week: date | None,
        **others: Any,
    ) -> R:
        return command(choice=PopulationChoice(population, directory, scale, seed, week), **others)

    return with_choice
