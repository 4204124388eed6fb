"""The simulated Hub: how long it takes to build, and how close it is to the published figures."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hub_assets_tests.benchmarks.processes import Clock, measure
from hub_assets_tests.benchmarks.records import GIB, Aim, Measurement, Table
from hub_assets_tests.benchmarks.stage import SEED, WEEK, Stage, benchmark


@benchmark("population", order=10)
def population(stage: Stage) -> Iterator[Measurement]:
    """Start the local Hub without a cached population, and again with one."""
    shutil.rmtree(stage.hub_home, ignore_errors=True)
    with stage.local_hub() as first:
        first_peak = first.peak
    with stage.local_hub() as next_one:
        next_peak = next_one.peak
    rows = measure(count_repositories, stage.scale, stage.populations).result
    aims = [Aim("seconds", first.seconds, 20, "s"), Aim("peak memory", first_peak / GIB, 2, "GiB")]
    yield Measurement("population: first start", rows, first.seconds, first_peak, aims=aims, grows=True)
    aims = [Aim("seconds", next_one.seconds, 3, "s")]
    yield Measurement("population: next start", rows, next_one.seconds, next_peak, aims=aims)


@benchmark("calibration", order=20)
def calibration(stage: Stage) -> Iterator[Measurement | Table]:
    """Compare the study's published figures with the simulated Hub's."""
    done = measure(calibrate, stage.scale, stage.populations)
    yield Table("Calibration", done.result)
    judged = [row for row in done.result if row["quantity"].endswith((" mean", " std", " max"))]
    furthest = max(abs(row["reached"] / row["published"] - 1) for row in judged)
    aims = [Aim("largest deviation of a mean, std or maximum", 100 * furthest, 15, "%")]
    yield Measurement("calibration", len(done.result), done.seconds, done.peak, unit="figures", aims=aims)


def count_repositories(clock: Clock, scale: float, populations: Path) -> int:
    """Return the number of visible repositories."""
    from hub_assets.local_hub.simulated import simulate

    with clock:
        return sum(len(table) for table in simulate(WEEK, scale=scale, seed=SEED, keep=populations).repos.values())


def calibrate(clock: Clock, scale: float, populations: Path) -> list[dict[str, Any]]:
    """Return each figure's `quantity`, `published` and `reached`."""
    from hub_assets.local_hub.simulated import simulate
    from hub_assets.local_hub.simulated.calibration import calibration

    with clock:
        table = calibration(simulate(WEEK, scale=scale, seed=SEED, keep=populations))
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows
