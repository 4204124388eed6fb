"""`hub-assets upgrade`."""

from pathlib import Path

import click

from hub_assets.cli.options import HOME, root_of
from hub_assets.cli.printing import console


@click.command("upgrade")
@HOME
def upgrade_command(home: Path | None) -> None:
    """Convert a home written by an earlier version.

    Renames tables, columns and manifest keys to their current names. No data is lost. If the conversion is interrupted,
    run the command again.

    \b
    Example:
      hub-assets upgrade --home ~/.hub_assets
    """
    from hub_assets.lock import WAIT_MINUTES, one_writer
    from hub_assets.upgrade import upgrade

    root = root_of(home)
    writer = ("hub-assets upgrade", console.print, WAIT_MINUTES)
    with one_writer(root, "collecting", *writer), one_writer(root, "building", *writer):
        is_converted = upgrade(root, console.print)
    console.print(f"{root} is converted." if is_converted else f"{root} is up to date; nothing to convert.")
