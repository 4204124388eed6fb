"""`hub-assets local-hub`."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import click

from hub_assets.cli.options import HOME, QUOTA, home_of
from hub_assets.cli.population import PopulationChoice, population_options
from hub_assets.cli.printing import console, print_notes
from hub_assets.errors import UserError


@click.command("local-hub")
@HOME
@population_options
@QUOTA
@click.option(
    "--window",
    type=click.Choice(["aligned", "first_call"]),
    default="aligned",
    show_default=True,
    help="Start of a rate-limit window: the same for all callers, or each caller's first call.",
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
    """
    from hub_assets.local_hub.app import build_app
    from hub_assets.local_hub.faults import Faults
    from hub_assets.local_hub.server import serve

    population = choice.load(keep=home_of(home).populations)
    try:
        injected = Faults.parse(list(faults))
    except ValueError as error:
        raise UserError(str(error)) from error

    def announce(url: str) -> None:
        console.print(f"A local Hub ({population.identity}, week {population.week}) listens at {url}")
        print_notes(population)

    limit = replace(quota, window=window, rounding=rounding)
    app = build_app(population, quota=limit, faults=injected, page_cap=page_cap, latency=latency)
    try:
        serve(app, host, port, announce)
    except OSError as error:
        raise UserError(f"cannot listen on {host}:{port} ({error.strerror}); choose another --port") from error
