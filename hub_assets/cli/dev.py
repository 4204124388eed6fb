"""`hub-assets dev`."""

import os
import signal
import sys
from pathlib import Path

import click

from hub_assets.cli.options import HOME, home_of


@click.command("dev")
@HOME
@click.option("--port", type=int, default=3000, show_default=True, help="Port of the UI.")
def dev_command(home: Path | None, port: int) -> None:
    """Start Dagster's UI and scheduler for a home.

    \b
    Example:
      hub-assets dev --home ~/.hub_assets/demo
    """
    from hub_assets.runs import open_instance

    chosen_home = home_of(home)
    with open_instance(chosen_home):
        pass
    environment = os.environ | {"DAGSTER_HOME": str(chosen_home.dagster), "HUB_ASSETS_HOME": str(chosen_home.root)}
    command = [sys.executable, "-m", "dagster", "dev", "-m", "hub_assets.definitions", "-p", str(port)]
    # a script that starts us with `&` makes us ignore SIGINT, and Dagster would inherit that and ignore SIGTERM too
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execve(sys.executable, command, environment)
