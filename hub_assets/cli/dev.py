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
@click.option("--schedule", is_flag=True, help="Switch on the weekly schedule and the `unfinished_week` sensor.")
def dev_command(home: Path | None, port: int, schedule: bool) -> None:
    """Start Dagster's UI and scheduler for a home.

    \b
    Examples:
      hub-assets dev --home ~/.hub_assets/demo
      hub-assets dev --schedule
    """
    from hub_assets.runs import LOCATION, open_instance, switch_on
    from hub_assets.schedules import SCHEDULE_VARIABLE

    chosen_home = home_of(home)
    with open_instance(chosen_home) as instance:
        if schedule:
            switch_on(instance)
    environment = os.environ | {"DAGSTER_HOME": str(chosen_home.dagster), "HUB_ASSETS_HOME": str(chosen_home.root)}
    if schedule:
        environment[SCHEDULE_VARIABLE] = "on"
    command = [sys.executable, "-m", "dagster", "dev", "-m", LOCATION, "-p", str(port)]
    # a script that starts us with `&` makes us ignore SIGINT; Dagster would inherit that, and ignore SIGTERM, too
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execve(sys.executable, command, environment)
