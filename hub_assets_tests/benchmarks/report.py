"""The results of a benchmark run, as tables for the terminal and as JSON with a description of the machine."""

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final

from rich.console import RenderableType
from rich.table import Table as Grid
from rich.text import Text

from hub_assets_tests.benchmarks.processes import cores
from hub_assets_tests.benchmarks.records import GIB, Aim, Answers, Growth, Measurement, Peer, Table, growth

MIB: Final = 2**20
SHOWN: Final = 5
"""Number of wrong results printed per work; the JSON contains all of them."""
LIBRARIES: Final = ("duckdb", "pyarrow", "huggingface_hub", "dagster", "pandas")


def environment() -> dict[str, Any]:
    """Return a description of the machine and its libraries; `load_before` is the load average of the last minute."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": len(cores()),
        "load_before": os.getloadavg()[0],
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB, 1),
        "versions": {name: version(name) for name in LIBRARIES},
    }


@dataclass
class Run:
    """The results of a run: measurements and tables with their scales, and failed entries with their errors."""

    environment: dict[str, Any] = field(default_factory=environment)
    measurements: list[tuple[float, Measurement]] = field(default_factory=list)
    tables: list[tuple[float, Table]] = field(default_factory=list)
    broken: list[tuple[float, str, str]] = field(default_factory=list)

    @property
    def growths(self) -> list[Growth]:
        """How the time of each piece of work grows with its size."""
        return growth([each for _, each in self.measurements])

    @property
    def aims(self) -> list[tuple[float | None, str, Aim]]:
        """Targets as (scale, work, aim), in the order measured, followed by growth across scales.

        At scales other than 1, only targets with `is_for_every_scale` are included.
        """
        limits = [
            (scale, each.work, aim)
            for scale, each in self.measurements
            for aim in each.aims
            if scale == 1 or aim.is_for_every_scale
        ]
        return [*limits, *((None, each.work, each.aim) for each in self.growths)]

    @property
    def peers_ahead(self) -> list[str]:
        """One sentence per faster peer: how much faster it was and, if known, why."""
        return [
            f"{each.work} (scale {scale:g}): the peer “{peer.name}” took only {peer.seconds / each.seconds:.0%} as long"
            + (f", but {peer.why}" if peer.why else "")
            for scale, each in self.measurements
            for peer in each.peers
            if peer.seconds < each.seconds
        ]

    @property
    def is_right(self) -> bool:
        """Whether every entry ran and every result was right, however slow."""
        return not self.broken and not any(m.answers and m.answers.differences for _, m in self.measurements)


def as_text(run: Run) -> Iterator[RenderableType]:
    """Yield a run as tables, the most important ones last, because the end of the output remains visible."""
    for scale, table in run.tables:
        yield _table(f"{table.title} (scale {scale:g})", table)
    yield _measurements(run)
    yield from map(Text, run.peers_ahead)
    if run.aims:
        yield _aims(run)
    for scale, each in run.measurements:
        if each.answers and each.answers.differences:
            shown = "\n  ".join(each.answers.differences[:SHOWN])
            yield Text(f"WRONG at scale {scale:g}: {each.work}\n  {shown}", style="red")
    for scale, name, why in run.broken:
        yield Text(f"BROKEN at scale {scale:g}: {name}: {why}", style="red")


def _measurements(run: Run) -> Grid:
    title = "Measurements on {cores} cores, load average {load_before:.1f} before the run".format(**run.environment)
    grid = Grid(title=title, caption="x seconds and x memory: how many times as much the peer needs.")
    for name in ("work", "scale", "size", "seconds", "per second", "peak MiB", "x seconds", "x memory", "answers"):
        is_text = name in ("work", "answers")
        grid.add_column(name, justify="left" if is_text else "right", no_wrap=name == "work")
    for scale, each in run.measurements:
        grid.add_row(
            *(each.work, f"{scale:g}", f"{each.size:,} {each.unit}", f"{each.seconds:,.2f}", f"{each.rate:,.0f}"),
            *(f"{each.peak / MIB:,.0f}", "", "", _in_words(each.answers)),
        )
        for peer in each.peers:
            grid.add_row(
                *(f"  peer: {peer.name}", "", "", f"{peer.seconds:,.2f}", f"{each.size / peer.seconds:,.0f}"),
                *(f"{peer.peak / MIB:,.0f}", f"{_ratios(each, peer)[0]:.2f}", f"{_ratios(each, peer)[1]:.2f}", ""),
            )
    return grid


def _ratios(ours: Measurement, peer: Peer) -> tuple[float, float]:
    return peer.seconds / ours.seconds, peer.peak / ours.peak


def _in_words(answers: Answers | None) -> str:
    if answers is None:
        return ""
    return "WRONG" if answers.differences else f"{answers.compared:,} right"


def _table(title: str, table: Table) -> Grid:
    grid = Grid(title=title)
    for name, value in table.rows[0].items() if table.rows else ():
        grid.add_column(name, justify="right" if isinstance(value, int | float) else "left")
    for row in table.rows:
        grid.add_row(*(_number(value) if isinstance(value, int | float) else str(value) for value in row.values()))
    return grid


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _aims(run: Run) -> Grid:
    grid = Grid("work", "figure", title="Aims")
    for name in ("scale", "reached", "aim", "met"):
        grid.add_column(name, justify="right")
    for scale, work, aim in run.aims:
        limit = f"{'≥' if aim.is_floor else '≤'} {aim.limit:,g} {aim.unit}"
        met = Text("yes", style="green") if aim.is_met else Text("NO", style="red")
        at = "" if scale is None else f"{scale:g}"
        grid.add_row(work, aim.figure, at, f"{aim.reached:,.2f} {aim.unit}", limit, met)
    return grid


def as_json(run: Run) -> dict[str, Any]:
    """Return a run as JSON-serializable values; memory is in bytes."""
    return {
        "environment": run.environment,
        "is_right": run.is_right,
        "measurements": [
            {
                "work": each.work,
                "scale": scale,
                "size": each.size,
                "unit": each.unit,
                "seconds": each.seconds,
                "per_second": each.rate,
                "peak_bytes": each.peak,
                "peers": [
                    {
                        "name": peer.name,
                        "seconds": peer.seconds,
                        "peak_bytes": peer.peak,
                        "ratio_seconds": _ratios(each, peer)[0],
                        "ratio_memory": _ratios(each, peer)[1],
                        "why": peer.why,
                    }
                    for peer in each.peers
                ],
                "answers": each.answers and {"compared": each.answers.compared, "wrong": each.answers.differences},
            }
            for scale, each in run.measurements
        ],
        "tables": [{"title": table.title, "scale": scale, "rows": list(table.rows)} for scale, table in run.tables],
        "growth": [{"work": each.work, "exponent": each.exponent} for each in run.growths],
        "aims": [
            {
                "work": work,
                "scale": scale,
                "figure": aim.figure,
                "reached": aim.reached,
                "limit": aim.limit,
                "unit": aim.unit,
                "is_floor": aim.is_floor,
                "is_met": aim.is_met,
            }
            for scale, work, aim in run.aims
        ],
        "broken": [{"entry": name, "scale": scale, "why": why} for scale, name, why in run.broken],
    }
