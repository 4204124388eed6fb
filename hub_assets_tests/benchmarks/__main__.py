"""The command that runs benchmarks: `python -m hub_assets_tests.benchmarks`. Only options and output belong here."""

import json
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Collection
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from hub_assets_tests.benchmarks.records import Measurement
from hub_assets_tests.benchmarks.report import Run, as_json, as_text
from hub_assets_tests.benchmarks.stage import Benchmark, Stage, all_benchmarks

NARROWEST: Final = 130
"""Minimum table width in columns if the output is a file."""
progress = Console(stderr=True, soft_wrap=True, highlight=False)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--only", "names", multiple=True, metavar="NAME", help="Run only this benchmark; may be repeated.")
@click.option(
    "--scale",
    "scales",
    multiple=True,
    type=click.FloatRange(0, min_open=True),
    default=(0.1, 1.0),
    show_default=True,
    help="Scale of the simulated Hub, where 1 is the study's size; may be repeated.",
)
@click.option(
    "--json",
    "path",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    default="benchmarks.json",
    show_default=True,
    help="Where to write all results.",
)
@click.option("--list", "only_list", is_flag=True, help="List the benchmarks and exit.")
def main(names: tuple[str, ...], scales: tuple[float, ...], path: Path, only_list: bool) -> None:
    """Measure time, memory and growth against a simulated Hub on this machine.

    The exit code is 0 if all results are correct, however slow; 1 if a result is wrong or a benchmark failed; and 2
    after a usage error.
    """
    found = all_benchmarks()
    if only_list:
        for each in found:
            click.echo(f"{each.name:<16}{each.summary}")
        return
    unknown = set(names) - {each.name for each in found}
    if unknown:
        known = ", ".join(each.name for each in found)
        raise click.UsageError(f"there is no benchmark {', '.join(sorted(unknown))}; choose from {known}")
    path.touch()  # fail before the benchmarks run if the path is not writable
    run = run_all(selected(found, names), sorted(set(scales)))
    path.write_text(json.dumps(as_json(run), indent=2, default=str) + "\n", encoding="utf-8")
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, NARROWEST)
    for part in as_text(run):
        console.print(part)
    click.echo(f"Wrote all results to {path}.")
    sys.exit(0 if run.is_right else 1)


def selected(benchmarks: list[Benchmark], names: Collection[str]) -> list[Benchmark]:
    """Return the benchmarks with the given names; without names, all that need nothing beyond the dependencies."""
    return [each for each in benchmarks if (each.name in names if names else not each.needs)]


def run_all(benchmarks: list[Benchmark], scales: list[float]) -> Run:
    """Run benchmarks at each scale in a temporary folder, with progress on stderr."""
    run = Run()
    with tempfile.TemporaryDirectory(prefix="hub_assets_benchmarks_") as folder:
        isolate(Path(folder))
        for scale in scales:
            stage = Stage(scale, Path(folder) / f"{scale:g}")
            for each in benchmarks:
                run_one(each, stage, run)
    return run


def run_one(benchmark: Benchmark, stage: Stage, run: Run) -> None:
    """Run a benchmark at one scale and record its results, or the exception that it raises."""
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


def isolate(folder: Path) -> None:
    """Keep this process and its children away from the user's token, caches, home, engine and proxies."""
    for name in (
        *("HF_TOKEN", "HF_ENDPOINT", "DAGSTER_HOME", "HUB_ASSETS_HOME"),
        *("HUB_ASSETS_LAKE", "HUB_ASSETS_ENGINE", "SPARK_REMOTE"),
    ):
        os.environ.pop(name, None)
    os.environ |= {
        "HF_HOME": str(folder / "huggingface"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "NO_PROXY": "127.0.0.1",
    }


if __name__ == "__main__":
    main()
