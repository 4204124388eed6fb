"""The command that runs benchmarks: `python -m hub_assets_tests.benchmarks`. It wires and prints."""

import json
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from hub_assets_tests.benchmarks.records import Measurement
from hub_assets_tests.benchmarks.report import Run, as_json, as_text
from hub_assets_tests.benchmarks.stage import Benchmark, Stage, all_benchmarks

NARROWEST: Final = 130
"""Columns of the tables where the output is a file."""
progress = Console(stderr=True, soft_wrap=True, highlight=False)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--only", "names", multiple=True, metavar="NAME", help="Run this one; may be repeated. All by default.")
@click.option(
    "--scale",
    "scales",
    multiple=True,
    type=click.FloatRange(0, min_open=True),
    default=(0.1, 1.0),
    show_default=True,
    help="Size of the simulated Hub, 1 being the study's; may be repeated.",
)
@click.option(
    "--json",
    "path",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    default="benchmarks.json",
    show_default=True,
    help="Where to write all figures.",
)
@click.option("--list", "only_list", is_flag=True, help="Say which benchmarks there are, and do nothing.")
def main(names: tuple[str, ...], scales: tuple[float, ...], path: Path, only_list: bool) -> None:
    """Measure how long things take, how much memory, and how that grows, against a simulated Hub on this machine.

    Exit codes: 0 done, whether fast or slow; 1 an answer was wrong or a benchmark broke; 2 a mistake in what was asked.
    """
    found = all_benchmarks()
    if only_list:
        for each in found:
            click.echo(f"{each.name:<16}{each.summary}")
        return
    unknown = set(names) - {each.name for each in found}
    if unknown:
        known = ", ".join(each.name for each in found)
        raise click.UsageError(f"there is no benchmark {', '.join(sorted(unknown))}; there are {known}")
    path.touch()  # a path that cannot be written is better known now
    run = run_all([each for each in found if not names or each.name in names], sorted(set(scales)))
    path.write_text(json.dumps(as_json(run), indent=2, default=str) + "\n", encoding="utf-8")
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, NARROWEST)
    for part in as_text(run):
        console.print(part)
    click.echo(f"All figures are in {path}.")
    sys.exit(0 if run.is_right else 1)


def run_all(benchmarks: list[Benchmark], scales: list[float]) -> Run:
    """Run benchmarks at each scale, in a folder that is removed at the end; says on stderr how it goes."""
    run = Run()
    with tempfile.TemporaryDirectory(prefix="hub_assets_benchmarks_") as folder:
        keep_to_itself(Path(folder))
        for scale in scales:
            stage = Stage(scale, Path(folder) / f"{scale:g}")
            for each in benchmarks:
                run_one(each, stage, run)
    return run


def run_one(benchmark: Benchmark, stage: Stage, run: Run) -> None:
    """Run one benchmark at one scale; what breaks it is noted, and the others still run."""
    progress.print(f"{time.strftime('%H:%M:%S')} scale {stage.scale:g}: {benchmark.name} ...")
    try:
        for record in benchmark.run(stage):
            if isinstance(record, Measurement):
                progress.print(f"         {record.work}: {record.seconds:,.2f} s")
                run.measurements.append((stage.scale, record))
            else:
                run.tables.append((stage.scale, record))
    except Exception as error:
        progress.print(traceback.format_exc(), style="red", markup=False)
        run.broken.append((stage.scale, benchmark.name, f"{type(error).__name__}: {error}"))


def keep_to_itself(folder: Path) -> None:
    """Keep this process, and those it starts, away from the user's token, caches, home and proxies."""
    for name in ("HF_TOKEN", "HF_ENDPOINT", "DAGSTER_HOME", "HUB_ASSETS_HOME"):
        os.environ.pop(name, None)
    os.environ |= {
        "HF_HOME": str(folder / "huggingface"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "NO_PROXY": "127.0.0.1",
    }


if __name__ == "__main__":
    main()
