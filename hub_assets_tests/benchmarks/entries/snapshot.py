"""A complete week: `hub-assets snapshot`, from the first request to the published warehouse."""

import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hub_assets_tests.benchmarks.processes import Clock, Server, Timed, measure
from hub_assets_tests.benchmarks.records import GIB, Aim, Measurement, compare
from hub_assets_tests.benchmarks.stage import WEEK, Stage, benchmark

if TYPE_CHECKING:
    from hub_assets.home import Home

SHORT: Final = 1.0
"""The growth of groups that take fewer seconds at the largest scale does not matter."""
SAMPLE_SECONDS: Final = 0.1
CALLS: Final = 3_000
"""The crawl's budget (`--budget`): fetching every history at the study's size would take an hour."""


@dataclass
class GroupTime:
    """A group of assets: its name, the seconds that its steps took, and the process's highest memory in that time.

    Memory is in bytes, and includes what earlier steps left behind.
    """

    name: str
    seconds: float
    peak: int


@dataclass(frozen=True)
class Taken:
    """A home with a complete week, how many rows were listed and published, and the time of each asset group.

    `server_peak` is the local Hub's peak memory in bytes.
    """

    home: Path
    listed: int
    published: int
    groups: list[GroupTime]
    server_peak: int


def snapshot_taken(stage: Stage) -> Timed[Taken]:
    """Take a snapshot into an empty home while the local Hub runs on the same cores."""
    with stage.local_hub() as hub:
        return measure(take_snapshot, hub, stage.folder / "snapshot")


@benchmark("snapshot", order=60)
def snapshot(stage: Stage) -> Iterator[Measurement]:
    """Take a snapshot, from the first request to the published warehouse."""
    ours = stage.once(snapshot_taken)
    together = (ours.peak + ours.result.server_peak) / GIB
    yield ours.measurement(
        "snapshot",
        ours.result.published,
        aims=[Aim("seconds", ours.seconds, 180, "s"), Aim("peak memory, including the server", together, 4, "GiB")],
        answers=compare({"rows published": ours.result.published}, {"rows published": ours.result.listed}),
        grows=True,
    )
    for each in ours.result.groups:
        yield Measurement(
            f"snapshot: {each.name}", ours.result.published, each.seconds, each.peak, grows=each.seconds >= SHORT
        )


def take_snapshot(clock: Clock, hub: Server, home: Path) -> Taken:
    """Run the command, and return what it built."""
    os.environ["HF_ENDPOINT"] = hub.url
    with memory_over_time() as memory, clock:
        from hub_assets.cli import main

        main(["snapshot", "--home", str(home), "--budget", str(CALLS)], standalone_mode=False)

    from hub_assets.home import Home
    from hub_assets.warehouse.database import connect

    lake = Home(home).lake
    listed = sum(lake.manifest(f"raw_hub__{name}", WEEK).rows for name in ("models", "datasets", "spaces"))
    with connect(Home(home).warehouse, read_only=True) as warehouse:
        ((published,),) = warehouse.execute("select count(*) from mart__repo_activity").fetchall()
    return Taken(home, listed, published, groups_of(Home(home), memory), hub.peak)


@contextmanager
def memory_over_time() -> Iterator[list[tuple[float, int]]]:
    """Sample this process's memory while the block runs: Unix time and bytes."""
    samples: list[tuple[float, int]] = []
    is_over = threading.Event()
    page = os.sysconf("SC_PAGE_SIZE")

    def sample() -> None:
        while not is_over.wait(SAMPLE_SECONDS):
            samples.append((time.time(), page * int(Path("/proc/self/statm").read_text().split()[1])))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        is_over.set()
        thread.join()


def groups_of(home: "Home", memory: list[tuple[float, int]]) -> list[GroupTime]:
    """Return the time and memory of each asset group in a home's only run, in the order in which they began.

    Steps run one after another; a step whose assets belong to several groups is reported under its own name.
    """
    from hub_assets.definitions import build_defs
    from hub_assets.runs import open_instance

    graph = build_defs().resolve_job_def("weekly_snapshot").asset_layer.asset_graph
    groups: dict[str, set[str]] = {}
    for key in graph.executable_asset_keys:
        node = graph.get(key)
        groups.setdefault(node.assets_def.node_def.name, set()).add(node.group_name)
    with open_instance(home) as instance:
        (run,) = instance.get_runs()
        steps = [step for step in instance.get_run_step_stats(run.run_id) if step.start_time and step.end_time]
    found: dict[str, GroupTime] = {}
    for step in sorted(steps, key=lambda step: step.start_time or 0):
        began, ended = step.start_time or 0, step.end_time or 0
        # Dagster appends a number to the step of a multi-asset that it has to split
        op = re.sub(r"_\d+$", "", step.step_key)
        (name, *others) = groups.get(op, {"checks without assets"})
        name = op if others else name
        group = found.setdefault(name, GroupTime(name, 0, 0))
        group.seconds += ended - began
        group.peak = max([group.peak, *(size for at, size in memory if began <= at <= ended + SAMPLE_SECONDS)])
    return list(found.values())
