"""`hub-assets local-hub`."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from hub_assets.cli.options import HOME, QUOTA, home_of
from hub_assets.cli.population import PopulationChoice, population_options
from hub_assets.cli.printing import console, print_notes
from hub_assets.errors import UserError

if TYPE_CHECKING:
    from hub_assets.local_hub.repositories import Repositories


@click.command("local-hub")
@HOME
@population_options
@QUOTA
@click.option(
    "--window",
    type=click.Choice(["aligned", "first_call"]),
    default="aligned",
    show_default=True,
    help="Start of a rate-limit window: at the same time for all callers, or at each caller's first call.",
)
@click.option(
    "--rounding",
    type=click.Choice(["up", "down", "nearest"]),
    default="up",
    show_default=True,
    help="Rounding of the seconds left in a window.",
)
@click.option("--latency", type=click.FloatRange(0), default=0.0, help="Seconds to delay every response.")
@click.option(
    "--page-cap", type=click.IntRange(1), default=1000, show_default=True, help="Maximum rows per listing page."
)
@click.option(
    "--archive-weeks",
    type=click.IntRange(0, 520),
    default=0,
    help="Also serve an archive, in the format of hub-stats, with the listings of this many earlier weeks.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=int, default=8700, show_default=True, help="Port to listen on; 0 picks a free port.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    help="Fault to inject: KIND[:ARG][@EVERY][xTIMES], e.g. 503@5x3. Can be repeated.",
)
def local_hub_command(
    home: Path | None,
    choice: PopulationChoice,
    quota: Any,
    window: Literal["aligned", "first_call"],
    rounding: Literal["up", "down", "nearest"],
    latency: float,
    page_cap: int,
    archive_weeks: int,
    host: str,
    port: int,
    faults: tuple[str, ...],
) -> None:
    """Serve a local Hub until interrupted.

    Set HF_ENDPOINT to its address to use it from any client. A simulated Hub is generated once and cached in the
    home.

    \b
    Examples:
      hub-assets local-hub --port 8700
      hub-assets local-hub --population simulated --scale 1 --week 2026-11-16 --quota 1000/300 --window first_call
      HF_ENDPOINT=http://127.0.0.1:8700 hub-assets snapshot --home /tmp/observatory
      hub-assets local-hub --population simulated --week 2026-11-16 --archive-weeks 8
    """
    from hub_assets.local_hub.app import build_app
    from hub_assets.local_hub.faults import Faults
    from hub_assets.local_hub.server import serve

    populations = home_of(home).populations
    population = choice.load(keep=populations)
    archive = _archive(choice, archive_weeks, populations) if archive_weeks else None
    try:
        injected = Faults.parse(list(faults))
    except ValueError as error:
        raise UserError(str(error)) from error

    def announce(url: str) -> None:
        console.print(f"A local Hub ({population.identity}, week {population.week}) listens at {url}")
        print_notes(population)

    limit = replace(quota, window=window, rounding=rounding)
    app = build_app(population, quota=limit, faults=injected, page_cap=page_cap, latency=latency, repositories=archive)
    try:
        serve(app, host, port, announce)
    except OSError as error:
        raise UserError(f"cannot listen on {host}:{port} ({error.strerror}); choose another --port") from error


def _archive(choice: PopulationChoice, weeks: int, populations: Path) -> "Repositories":
    """Return an archive of the simulated weeks before the served week, built once and cached with the populations."""
    from hub_assets.local_hub.archive_exports import HUB_STATS, export_hub_stats
    from hub_assets.local_hub.repositories import Repositories

    name = f"archive-{choice.scale}-{choice.seed}-{choice.week or choice.today}-{weeks}"
    store = Repositories(populations / name)
    if store.find("dataset", HUB_STATS) is None:
        making = Repositories(populations / f".{name}")
        making.delete("dataset", HUB_STATS)
        for weeks_before in range(weeks, 0, -1):
            population = choice.load(weeks_before=weeks_before)
            sunday = datetime.combine(population.week + timedelta(days=6), time(13, 7), UTC)
            export_hub_stats(making, population, sunday)
            console.print(f"Archived the week of {population.week}.", style="dim")
        shutil.rmtree(store.root)
        making.root.rename(store.root)
    return store
