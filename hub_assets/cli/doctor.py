"""`hub-assets doctor`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hub_assets.cli.options import HOME, root_of
from hub_assets.cli.printing import console
from hub_assets.errors import HubAssetsError

if TYPE_CHECKING:
    from hub_assets.hub.http.client import HubClient
    from hub_assets.upkeep.findings import Examination, Finding

MARKS = {"ok": ("✓", "green"), "unchecked": ("·", "dim"), "warning": ("!", "yellow"), "failure": ("✗", "red")}


class SnapshotWouldFail(HubAssetsError):
    """The doctor found something that would make a snapshot fail."""


@click.command("doctor")
@HOME
def doctor_command(home: Path | None) -> None:
    """Check the Hub, this machine and a home before a snapshot.

    Makes about 20 calls to the Hub at HF_ENDPOINT and compares its responses with what the collectors assume. Prints
    each difference, what it means and what to do about it. Exits with 1 if a snapshot would fail. The weekly schedule
    logs a warning if the last check found any problem.

    \b
    Examples:
      hub-assets doctor
      HF_ENDPOINT=http://127.0.0.1:8700 hub-assets doctor --home /data/observatory
    """
    from hub_assets.resources import HubResource

    examination = examined(HubResource.of_environment(attempts=3).new_client(), root_of(home))
    console.print(
        f"\n{len(examination.findings)} checks: {len(examination.failures)} failures, "
        f"{len(examination.warnings)} warnings."
    )
    if examination.failures:
        raise SnapshotWouldFail("A snapshot would fail; see the fixes above.")


def examined(client: "HubClient", root: Path) -> "Examination":
    """Examine a Hub and a home, print the findings, and save them in the home."""
    from hub_assets.upkeep.doctor import examine
    from hub_assets.upkeep.findings import save

    examination = examine(client, root, _print)
    try:
        save(root, examination)
    except OSError as error:
        console.print(f"The result could not be saved in {root} ({error.strerror}).", style="yellow")
    return examination


def _print(finding: "Finding") -> None:
    from rich.text import Text

    mark, color = MARKS[finding.status]
    console.print(Text.assemble((mark, color), f" {finding.name}: {finding.found}"))
    for line in (finding.meaning, finding.remedy):
        if line:
            console.print(Text(f"    {line}", "dim"))
