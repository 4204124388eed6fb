"""`hub-assets upgrade`."""

from pathlib import Path

import click

from hub_assets.cli.options import HOME, root_of
from hub_assets.cli.printing import console


@click.command("upgrade")
@HOME
def upgrade_command(home: Path | None) -> None:
    """Convert a home written by an earlier version, or one that was moved to another folder.

    Renames tables, columns and manifest keys to their current names, and makes the published database read the older
    weeks from their current location. No data is lost. If the conversion is interrupted, run the command again.

    \b
    Example:
      hub-assets upgrade --home ~/.hub_assets
    """
    from hub_assets.home import Home
    from hub_assets.lock import WAIT_MINUTES, one_writer
    from hub_assets.upgrade import upgrade
    from hub_assets.warehouse.publication import show_weeks

    root = root_of(home)
    writer = ("hub-assets upgrade", console.print, WAIT_MINUTES)
    with one_writer(root, "collecting", *writer), one_writer(root, "building", *writer):
        is_converted = upgrade(root, console.print)
        warehouse = Home(root).warehouse
        is_moved = warehouse.exists() and show_weeks(warehouse)
    if is_moved:
        console.print(f"{warehouse} reads the older weeks in {root} again.")
    console.print(f"{root} is converted." if is_converted else f"{root} is up to date; nothing to convert.")
