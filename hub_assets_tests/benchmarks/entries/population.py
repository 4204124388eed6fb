"""The simulated Hub itself: how long it takes to be made, and how near it comes to what was published."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from hub_assets_tests.benchmarks.processes import Clock, measure
from hub_assets_tests.benchmarks.records import GIB, Aim, Measurement, Table
from hub_assets_tests.benchmarks.stage import SEED, WEEK, Stage, benchmark


@benchmark("population", order=10)
def population(stage: Stage) -> Iterator[Measurement]:
    """Start the local Hub while its population is still to be made, and again when it is kept."""
    shutil.rmtree(stage.hub_home, ignore_errors=True)
    with stage.local_hub() as first:
        first_peak = first.peak
    with stage.local_hub() as next_one:
        next_peak = next_one.peak
    rows = measure(count_repositories, stage.scale, stage.populations).result
    aims = [Aim("seconds", first.seconds, 20, "s"), Aim("peak memory", first_peak / GIB, 2, "GiB")]
    yield Measurement("population: first start", rows, first.seconds, first_peak, aims=aims)
    aims = [Aim("seconds", next_one.seconds, 3, "s")]
    yield Measurement("population: next start", rows, next_one.seconds, next_peak, aims=aims)


@benchmark("calibration", order=20)
def calibration(stage: Stage) -> Iterator[Table]:
    """Set the figures that the study published beside those of the simulated Hub."""
    yield Table("Calibration", measure(calibrate, stage.scale, stage.populations).result)


def count_repositories(clock: Clock, scale: float, populations: Path) -> int:
    """Return how many repositories there are to see."""
    from hub_assets.local_hub.simulated import simulate

    with clock:
        return sum(len(table) for table in simulate(WEEK, scale=scale, seed=SEED, keep=populations).repos.values())


def calibrate(clock: Clock, scale: float, populations: Path) -> list[dict[str, object]]:
    """Return `quantity`, `published` and `reached` of each figure."""
    from hub_assets.local_hub.simulated import simulate
    from hub_assets.local_hub.simulated.calibration import calibration

    with clock:
        table = calibration(simulate(WEEK, scale=scale, seed=SEED, keep=populations))
    rows: list[dict[str, object]] = table.to_pylist()
    return rows
