"""`hub-assets backup`, `restore` and `verify`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hub_assets.cli.options import HOME, home_of, root_of
from hub_assets.cli.printing import console
from hub_assets.errors import HubAssetsError

if TYPE_CHECKING:
    from hub_assets.home import Home

_BACKUPS = click.argument("folder", type=click.Path(path_type=Path, file_okay=False))


class Damaged(HubAssetsError):
    """Verification found problems."""


@click.command("backup")
@HOME
@_BACKUPS
@click.option("--keep", type=click.IntRange(1), help="Remove all but the newest N backups from the folder.")
def backup_command(home: Path | None, folder: Path, keep: int | None) -> None:
    """Back up a home to FOLDER.

    Copies only what has changed since the last backup in the folder. You can back up during a run. If Dagster keeps its
    runs in PostgreSQL, back them up with pg_dump. The folder holds personal data and the pseudonym key, so protect
    it like the home.

    \b
    Examples:
      hub-assets backup /mnt/backups/observatory
      hub-assets backup --home /data/observatory /mnt/backups/observatory --keep 12
    """
    from hub_assets.upkeep.backup import back_up, drop_old

    chosen, target = home_of(home), folder.absolute()
    backup, added = back_up(chosen, target, lambda line: console.print(line, style="dim"))
    for note in backup.notes:
        console.print(note, style="yellow")
    size = f"{backup.size / 1e6:,.1f} MB, {added / 1e6:,.1f} MB of it new"
    console.print(f"Backup {backup.name}: {len(backup.files):,} files, {size}.")
    if keep is not None and (n := drop_old(chosen, target, keep)):
        console.print(f"Removed {n} older backups.")


@click.command("restore")
@HOME
@_BACKUPS
@click.option("--backup", "name", help="Name of the backup. Default: the latest.")
def restore_command(home: Path | None, folder: Path, name: str | None) -> None:
    """Restore a home from one of the backups in FOLDER and verify it.

    The home must be empty or not exist yet.

    \b
    Examples:
      hub-assets restore /mnt/backups/observatory --home /data/observatory
      hub-assets restore /mnt/backups/observatory --home /tmp/last_week --backup 2026-11-16T08-00-00-000000Z
    """
    from hub_assets.home import Home
    from hub_assets.upkeep.backup import restore

    root = root_of(home)
    backup = restore(folder.absolute(), root, name, lambda line: console.print(line, style="dim"))
    _verify(Home(root))
    console.print(f"{root} is the home as of {backup.name}; nothing is damaged.")


@click.command("verify")
@HOME
@click.option(
    "--backups",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Verify the backups in this folder instead of the home.",
)
def verify_command(home: Path | None, backups: Path | None) -> None:
    """Verify all checksums, counts and references in a home.

    If files are damaged, names each of them and exits with 1. Changes nothing.

    \b
    Examples:
      hub-assets verify
      hub-assets verify --backups /mnt/backups/observatory
    """
    if backups is None:
        chosen = home_of(home)
        _verify(chosen)
        console.print(f"{chosen.root}: nothing is damaged.")
        return
    from hub_assets.upkeep.backup import backups_in, verify_backups

    _report(list(verify_backups(backups)))
    console.print(f"{backups}: {len(backups_in(backups))} backups, nothing is damaged.")


def _verify(home: "Home") -> None:
    from hub_assets.resources import project
    from hub_assets.upkeep.verify import verify

    _report([str(problem) for problem in verify(home, project(), lambda line: console.print(line, style="dim"))])


def _report(problems: list[str]) -> None:
    for problem in problems:
        console.print(f"✗ {problem}")
    if problems:
        raise Damaged(f"{len(problems)} problems; restore damaged files from a backup, or follow the messages above.")
