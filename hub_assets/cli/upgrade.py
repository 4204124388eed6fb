"""`hub-assets upgrade`."""

from pathlib import Path

import click

from hub_assets.cli.options import HOME, root_of
from hub_assets.cli.printing import console


@click.command("upgrade")
@HOME
def upgrade_command(home: Path | None) -> None:
    """Convert a home that an earlier version wrote.

    Tables, columns and manifest keys get their present names. No data is lost, and an interrupted conversion can be
    run again.

    \b
    Example:
      hub-assets upgrade --home ~/.hub_assets
    """
    from hub_assets.lock import WAIT_MINUTES, one_writer
    from hub_assets.upgrade import upgrade

    root = root_of(home)
    with one_writer(root, "hub-assets (upgrade)", console.print, float(WAIT_MINUTES)):
        is_converted = upgrade(root, console.print)
    console.print(f"{root} is converted." if is_converted else f"{root} is up to date; nothing to convert.")
