"""`hub-assets backfill`."""

import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from hub_assets.cli.options import HOME, DayType, home_of
from hub_assets.cli.printing import console
from hub_assets.errors import UserError

if TYPE_CHECKING:
    from hub_assets.archives.backfill import Backfill
    from hub_assets.home import Home

PUBLISHED_TOGETHER: Final = 13
"""Number of weeks to publish at a time. The larger it is, the less often the published database is written; the smaller
it is, the fewer unpublished weeks must be rebuilt after an interruption."""


@click.command("backfill")
@HOME
@click.option("--from", "first", type=DayType(), required=True, help="First week, as any date in it.")
@click.option("--to", "last", type=DayType(), required=True, help="Last week, as any date in it.")
@click.option(
    "--archive",
    "name",
    type=click.Choice(["hub-stats", "weekly-snapshots"]),
    default="hub-stats",
    show_default=True,
    help="The public archive to import from.",
)
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@click.option("--yes", is_flag=True, help="Start without asking.")
def backfill_command(home: Path | None, first: date, last: date, name: str, dry_run: bool, yes: bool) -> None:
    """Import past weeks from a public archive of the Hub's listings.

    Shows the plan first: the upload chosen for each week, gaps, gigabytes and calls. Weeks that you listed yourself are
    left unchanged. Downloads, converts and deletes one listing at a time. If a backfill is interrupted, run the command
    again to resume where it stopped.

    \b
    Examples:
      hub-assets backfill --from 2024-07-29 --to 2026-10-04 --archive hub-stats --dry-run
      hub-assets backfill --from 2026-09-01 --to 2026-09-30 --yes
    """
    from hub_assets.archives.backfill import plan_backfill
    from hub_assets.archives.choosing import weeks_between
    from hub_assets.definitions import build_defs
    from hub_assets.partitions import is_partition, known_weeks, week_of
    from hub_assets.report.backfill import backfill_summary
    from hub_assets.resources import ARCHIVED, ArchiveResource, HomeResource, HubResource, project
    from hub_assets.runs import execute
    from hub_assets.warehouse.publication import publish

    if last < first:
        raise UserError(f"--from {first} is later than --to {last}; swap them")
    hub, archive, chosen_home = HubResource.of_environment(), ArchiveResource(name=name), home_of(home)
    contact = hub.new_client().contact()
    chosen_home.require(hub.endpoint.rstrip("/"), contact.population)
    weeks = weeks_between(first, min(last, week_of(contact.now) - timedelta(days=1)))
    if not weeks or not (is_partition(weeks[0]) and is_partition(weeks[-1])):
        raise UserError(f"{first} to {last} is not a range of past weeks; the supported weeks are {known_weeks()}")
    uploads = archive.uploads(hub, chosen_home, lambda message: console.print(message, style="dim"))
    plan = plan_backfill(uploads, chosen_home.lake, weeks, ARCHIVED, _built(chosen_home, weeks))
    console.print(backfill_summary(plan))
    _require_space(plan, chosen_home)
    if dry_run or not plan.remaining:
        return
    if not yes:
        click.confirm(f"Import {len(plan.remaining)} weeks?", abort=True)
    first = min(week.week for week in plan.remaining)
    definitions = build_defs(hub=hub, home=HomeResource(root=str(chosen_home.root)), archive=archive, week=first)
    imported: list[date] = []
    for position, week in enumerate(plan.remaining, start=1):
        console.print(f"Week {week.week} ({position} of {len(plan.remaining)})", style="bold")
        execute(definitions.resolve_job_def("archived_week"), chosen_home, week.week, console)
        imported.append(week.week)
        if len(imported) == PUBLISHED_TOGETHER or position == len(plan.remaining):
            with chosen_home.locked("building", "hub-assets backfill", console.print):
                publish(chosen_home.build, chosen_home.warehouse, imported, project())
            imported = []
    console.print(f"{len(plan.remaining)} weeks from {plan.archive.repo_id} are published in {chosen_home.warehouse}")


def _built(home: "Home", weeks: list[date]) -> dict[date, bool]:
    """Return, for each week, whether it was built and published; empty if nothing was ever published."""
    from hub_assets.warehouse.database import connect

    if not home.warehouse.exists():
        return {}
    with connect(home.warehouse, read_only=True) as connection:
        tables = connection.execute("select table_name from duckdb_tables() where table_name = 'mart__week_coverage'")
        if not tables.fetchall():
            return {}
        built = connection.execute("select distinct snapshot_date from mart__week_coverage").fetchall()
    return {week: (week,) in built for week in weeks}


def _require_space(plan: "Backfill", home: "Home") -> None:
    """Check that the disk has room for the largest week twice: once as downloaded and once as converted."""
    needed = 2 * max((week.n_bytes for week in plan.remaining), default=0)
    existing = next(folder for folder in (home.root, *home.root.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if needed > free:
        raise UserError(
            f"a week needs {needed / 1e9:,.1f} GB on the disk of {home.root}, but only {free / 1e9:,.1f} GB are free"
        )
