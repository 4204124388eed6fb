"""`hub-assets report`."""

import webbrowser
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hub_assets.cli.options import HOME, DayType, home_of
from hub_assets.cli.printing import console
from hub_assets.errors import UserError

if TYPE_CHECKING:
    from hub_assets.home import Home
    from hub_assets.releases.commit import Target


@click.command("report")
@HOME
@click.option("--week", type=DayType(), help="Week to report, as any date in it. Default: the newest published week.")
@click.option(
    "--to-space", metavar="NAMESPACE/NAME", help="Also publish the report as a static Space; created if it is missing."
)
@click.option("--dry-run", is_flag=True, help="With --to-space: show what would be uploaded; send nothing.")
@click.option("--open", "is_opened", is_flag=True, help="Open the report in the browser.")
def report_command(home: Path | None, week: date | None, to_space: str | None, dry_run: bool, is_opened: bool) -> None:
    """Write a published week's report as a static site and print its location.

    The site needs no server: open it from the disk, or copy its folder to any web server. A Space is updated in one
    commit. If publishing is interrupted, run the command again to finish it.

    \b
    Examples:
      hub-assets report --open
      hub-assets report --home ~/.hub_assets/demo --week 2026-11-16
      hub-assets report --to-space my-lab/observatory
    """
    from datetime import timedelta

    from hub_assets.report.site.build import build_site
    from hub_assets.resources import project

    chosen: Home = home_of(home)
    if dry_run and to_space is None:
        raise UserError("--dry-run needs --to-space NAMESPACE/NAME.")
    target = None if to_space is None else _target(chosen, to_space, is_asked=not dry_run)
    monday = week - timedelta(days=week.weekday()) if week else None
    with chosen.locked("building", "hub-assets report", lambda message: console.print(message)):
        built = build_site(
            chosen.warehouse, chosen.report, monday, project(), source=chosen.source, figures=chosen.figures
        )
    console.print(f"{built.n_pages} pages, {built.n_bytes / 1e6:.1f} MB")
    print_report(built.index)
    if target is not None:
        _publish(target, built.index.parent, dry_run)
    if is_opened:
        webbrowser.open(built.index.as_uri())


def _target(home: "Home", to_space: str, *, is_asked: bool) -> "Target":
    """Return the Space to publish to. If `is_asked`, also check that the home's data came from this Hub."""
    from huggingface_hub.utils import HFValidationError, validate_repo_id

    from hub_assets.releases.commit import Target
    from hub_assets.resources import HubResource

    try:
        validate_repo_id(to_space)
    except HFValidationError as error:
        raise UserError(f"{to_space} cannot be a Space's name: {error}") from error
    if "/" not in to_space:
        raise UserError(f"{to_space} has no namespace; use --to-space namespace/{to_space}")
    hub = HubResource.of_environment()
    if is_asked:
        # data from a demo or another Hub must not be published as data from this Hub
        home.require(hub.endpoint.rstrip("/"), hub.new_client().contact().population)
    return Target(hub.endpoint.rstrip("/"), to_space)


def _publish(target: "Target", site: Path, dry_run: bool) -> None:
    from hub_assets.report.space import files_of, publish_space

    if dry_run:
        files = files_of(site)
        size = sum(path.stat().st_size for path in files.values()) / 1e6
        console.print(f"{len(files)} files, {size:,.1f} MB, would go to the Space {target.repo_id}; nothing was sent.")
        return
    published = publish_space(target, site, console.print)
    console.print(f"Published at {target.endpoint}/spaces/{target.repo_id}, commit {published.commit}")


def print_report(index: Path) -> None:
    """Print the location of a report."""
    console.print(f"the report: {index}")
