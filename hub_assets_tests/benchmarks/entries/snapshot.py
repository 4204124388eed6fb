"""A complete week: `hub-assets snapshot`, from the first request to the published warehouse."""

import os
from collections.abc import Iterator
from pathlib import Path

from hub_assets_tests.benchmarks.processes import Clock, measure
from hub_assets_tests.benchmarks.records import GIB, Aim, Measurement, compare
from hub_assets_tests.benchmarks.stage import WEEK, Stage, benchmark


@benchmark("snapshot", order=60)
def snapshot(stage: Stage) -> Iterator[Measurement]:
    """Take a snapshot into an empty home while the local Hub runs on the same cores."""
    with stage.local_hub() as hub:
        ours = measure(take_snapshot, hub.url, stage.folder / "snapshot")
        together = (ours.peak + hub.peak) / GIB
    listed, published = ours.result
    yield ours.measurement(
        "listing crawl + marts",
        published,
        aims=[Aim("seconds", ours.seconds, 180, "s"), Aim("peak memory, including the server", together, 4, "GiB")],
        answers=compare({"rows published": published}, {"rows published": listed}),
        grows=True,
    )


def take_snapshot(clock: Clock, url: str, home: Path) -> tuple[int, int]:
    """Run the command and return the number of rows listed and published."""
    os.environ["HF_ENDPOINT"] = url
    with clock:
        from hub_assets.cli import main

        main(["snapshot", "--home", str(home)], standalone_mode=False)

    from hub_assets.home import Home
    from hub_assets.warehouse.database import connect

    lake = Home(home).lake
    listed = sum(lake.manifest(f"raw_hub__{name}", WEEK).rows for name in ("models", "datasets", "spaces"))
    with connect(Home(home).warehouse, read_only=True) as warehouse:
        ((published,),) = warehouse.execute("select count(*) from mart__repo_activity").fetchall()
    return listed, published
