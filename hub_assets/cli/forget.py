"""`hub-assets forget`."""

from pathlib import Path

import click

from hub_assets.cli.options import HOME, home_of
from hub_assets.cli.printing import console
from hub_assets.errors import HubAssetsError


@click.command("forget")
@HOME
@click.argument("name")
@click.option("--only", is_flag=True, help="Erase this name alone, not the names that were merged with it.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def forget_command(home: Path | None, name: str, only: bool, yes: bool) -> None:
    """Erase a person.

    NAME is an author string or an account. NAME and all names that identity resolution merged with it are replaced with
    random tokens in the lake, both databases, decisions, exports, the report and Dagster's storage. Counts do not
    change. Search indexes and built releases are deleted; they can be built again. A keyed tombstone keeps the next
    crawl from bringing the person back, and the histories of the person's own repositories are no longer fetched. Stop
    `hub-assets dev` first.

    \b
    Examples:
      hub-assets forget jane-doe
      hub-assets forget "Jane Doe" --only --yes
    """
    from hub_assets.resources import project
    from hub_assets.runs import instance_databases
    from hub_assets.upkeep.forget import forget, names_of, require_erasable

    chosen = home_of(home)
    require_erasable(name, project())
    if chosen.source is None:
        raise HubAssetsError(f"{chosen.root} holds no data; there is nothing to erase")
    names = {name: "as given"} if only else names_of(chosen, name)
    for known, how in names.items():
        console.print(f"{known} ({how})")
    if not yes:
        click.confirm(f"Erase these {len(names)} names from {chosen.root}? This cannot be undone", abort=True)
    with chosen.written_by("hub-assets (forget)", console.print):
        erasure = forget(
            chosen, names, project(), instance_databases(chosen), lambda line: console.print(line, style="dim")
        )
    for what, n in erasure.counts.items():
        console.print(f"{what}: {n:,} text values changed")
    for word in sorted(erasure.words):
        console.print(
            f"{word} is also a term in the data (such as a tag or a library): it was erased where it names somebody or "
            "is a namespace, but left in other text.",
            style="yellow",
        )
    changed = ", ".join(erasure.changed_numbers) or "none"
    console.print(f"Published tables with a number that changed: {changed}")
    for backup in erasure.backups:
        console.print(f"Still in a backup: {backup}. Remove it, or erase again after restoring it.", style="yellow")
    for release in erasure.releases:
        console.print(
            f"May still be in a release: {release}. The data set's history keeps it even if you delete the tag; "
            "delete the data set, or squash its history, and release the weeks again.",
            style="yellow",
        )
    console.print("Anything else that you published or copied elsewhere is out of reach.", style="dim")
