"""The time it takes to write 104 weeks of the simulated Hub's listings and answer key as Parquet."""

from collections.abc import Iterator
from pathlib import Path

from hub_assets_tests.benchmarks.processes import Clock, measure
from hub_assets_tests.benchmarks.records import GIB, Aim, Measurement
from hub_assets_tests.benchmarks.stage import SEED, Stage, benchmark


@benchmark("series", order=25)
def series(stage: Stage) -> Iterator[Measurement]:
    """Write 104 weeks of counters with gaps, stalls and a truncated listing."""
    done = measure(write, stage.scale, stage.folder / "series")
    aims = [Aim("seconds", done.seconds, 300, "s"), Aim("peak memory", done.peak / GIB, 8, "GiB")]
    yield Measurement("series: 104 weeks", done.result, done.seconds, done.peak, unit="rows", aims=aims)


def write(clock: Clock, scale: float, folder: Path) -> int:
    """Return the number of weekly rows."""
    from hub_assets.local_hub.simulated.series import Series, some_faults
    from hub_assets.local_hub.simulated.series_files import write_series

    with clock:
        return write_series(folder, Series(scale, seed=SEED, faults=some_faults(104, SEED))).n_rows
