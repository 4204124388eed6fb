"""`hub-assets release` and `hub-assets withhold`."""

from datetime import date
from pathlib import Path

import click

from hub_assets.cli.options import HOME, DayType, home_of
from hub_assets.cli.printing import console
from hub_assets.errors import UserError


@click.command("release")
@click.option(
    "--to", required=True, metavar="NAMESPACE/NAME", help="Data set on the Hub; created if it does not exist."
)
@click.option("--week", type=DayType(), help="Week to release, as any date in it. Default: the newest published week.")
@click.option("--dry-run", is_flag=True, help="Build the files and show what would be uploaded; send nothing.")
@HOME
def release_command(to: str, week: date | None, dry_run: bool, home: Path | None) -> None:
    """Publish a week as a Hugging Face data set, with one commit and a tag.

    The week must be published in the warehouse. Secrets, personal data and withheld repositories are left out. If a
    release is interrupted, run the command again to finish it.

    \b
    Examples:
      hub-assets release --to my-lab/hub-weekly --dry-run
      hub-assets release --to my-lab/hub-weekly --week 2026-11-16
    """
    from huggingface_hub.utils import HFValidationError, validate_repo_id

    from hub_assets.assets.releases import titles_of
    from hub_assets.cli.jobs import run_job
    from hub_assets.releases.commit import Target, publish_release
    from hub_assets.releases.documents import WEEKS, weeks_of
    from hub_assets.resources import HubResource

    try:
        validate_repo_id(to)
    except HFValidationError as error:
        raise UserError(f"{to} cannot be a data set's name: {error}") from error
    if "/" not in to:
        raise UserError(f"{to} has no namespace; use --to namespace/{to}")
    where = home_of(home)
    monday = published_week(where.warehouse, week)
    hub = HubResource.of_environment()
    if not dry_run:
        # data from a demo or another Hub must not be published as data from this Hub
        contact = hub.new_client().contact()
        where.require(hub.endpoint.rstrip("/"), contact.population)
    run_job("weekly_release", where, monday, hub=hub, is_summarized=False)
    folder = where.releases / str(monday)
    [built] = weeks_of((folder / WEEKS).read_text(encoding="utf-8"))
    size = sum({file.sha256: file.bytes for file in built.files.values()}.values()) / 1e6
    console.print(f"{len(built.files):,} files of the week of {monday}, {size:,.1f} MB, in {folder}")
    for kind, n in built.removed.items():
        console.print(f"  removed: {kind.replace('_', ' ')} ({n:,})")
    if dry_run:
        console.print("Nothing was sent, because of --dry-run.")
        return
    published = publish_release(Target(hub.endpoint.rstrip("/"), to), folder, built, titles_of(monday), console.print)
    state = "is published" if published.is_new else "was published before, with the same content"
    console.print(f"The week of {monday} {state}: {hub.endpoint}/datasets/{to}, tag {published.tag}")


@click.command("withhold")
@click.argument("repo_id", metavar="ID")
@click.option("--why", required=True, help="The reason, for your own records; it is never published.")
@HOME
def withhold_command(repo_id: str, why: str, home: Path | None) -> None:
    """Keep a repository out of later releases.

    Its rows, and mentions of its id in other repositories' text, are left out, even after a rename. Releases already on
    the Hub do not change.

    \b
    Example:
      hub-assets withhold some-user/some-model --why "The owner asked for removal."
    """
    from datetime import UTC, datetime

    from hub_assets.releases.withheld import Withheld, withhold

    where = home_of(home)
    with where.locked("building", "hub-assets (withhold)", console.print):
        withhold(where.withheld, Withheld(repo_id.strip(), why.strip(), datetime.now(UTC).date()))
    console.print(f"{repo_id} is left out of later releases; the decision is in {where.withheld}.")


def published_week(warehouse: Path, day: date | None) -> date:
    """Return the Monday of the published week that contains a day, or of the newest published week if the day is None.

    Raises:
        UserError: if no week is published, or the day's week is not.
    """
    from datetime import timedelta

    from hub_assets.warehouse.database import connect

    if not warehouse.exists():
        raise UserError(f"{warehouse} does not exist; take a snapshot first: hub-assets snapshot")
    with connect(warehouse, read_only=True) as connection:
        rows = connection.execute("select distinct snapshot_date from mart__repo_activity order by 1").fetchall()
    weeks = [week for (week,) in rows]
    monday = day - timedelta(days=day.weekday()) if day else max(weeks, default=None)
    if monday is None:
        raise UserError(f"No week is published in {warehouse}.")
    if monday not in weeks:
        listed = ", ".join(map(str, weeks[-5:])) or "none"
        raise UserError(f"The week of {monday} is not published in {warehouse}; published weeks: {listed}.")
    return monday
