"""`hub-assets status`: what a home holds and keeps, one section per topic.

A section is a function that takes a home and returns something to print; add one to `SECTIONS`.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from rich.console import RenderableType
from rich.table import Table

from hub_assets.cli.options import HOME, home_of
from hub_assets.cli.printing import console

if TYPE_CHECKING:
    from hub_assets.home import Home


@click.command("status")
@HOME
@click.option("--clean", is_flag=True, help="Remove what is over the limits now, instead of after the next run.")
def status_command(home: Path | None, clean: bool) -> None:
    """Show what a home holds: sizes, and how long each part is kept.

    The limits are on by default and applied after every run. A file `retention.toml` in the home changes them, such as
    `exports_weeks = 104`; 0 keeps everything. Raw data and published tables are always kept.

    \b
    Examples:
      hub-assets status
      hub-assets status --clean
    """
    chosen = home_of(home)
    if clean:
        from hub_assets.runs import clean_up

        with chosen.written_by("hub-assets (status --clean)", console.print):
            for line in clean_up(chosen):
                console.print(f"Removed {line}")
    for section in SECTIONS:
        console.print(section(chosen))


def sizes(home: "Home") -> RenderableType:
    """Return the sizes of a home's parts with their limits."""
    from hub_assets.runs import instance_databases
    from hub_assets.upkeep.retention import kept

    table = Table("part", "size", "kept for", "over the limit", title="Kept", title_justify="left", box=None)
    for part in kept(home, datetime.now(UTC), instance_databases(home)):
        limit = f"{part.weeks} weeks" if part.weeks else "always"
        over = f"{part.n_over} {part.unit}" if part.n_over else ""
        table.add_row(part.what, f"{part.size / 1e6:,.1f} MB", limit, over)
    for what, path in (("lake", home.lake.root), ("warehouse.duckdb", home.warehouse)):
        size = path.stat().st_size if path.is_file() else sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
        table.add_row(what, f"{size / 1e6:,.1f} MB", "always", "")
    return table


SECTIONS: Final[list[Callable[["Home"], RenderableType]]] = [sizes]
