"""`hub-assets identities`: reviewing pairs of author strings that may belong to one developer."""

import getpass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click

from hub_assets.cli.jobs import run_job
from hub_assets.cli.options import HOME, DayType, home_of
from hub_assets.cli.printing import console
from hub_assets.errors import UserError

APPLY_HINT = "Run hub-assets identities apply to merge."


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise UserError("This machine has no name for the current user; pass a name with --by") from error


BY = click.option("--by", default=_user, help="Name to record with each decision. Default: your user name.")


@click.group("identities")
def identities_group() -> None:
    """Review which author strings belong to the same developer.

    Decisions are stored in decisions.csv in the home and override the rules.
    """


@identities_group.command("review")
@HOME
@BY
def review_command(home: Path | None, by: str) -> None:
    """Review pairs one at a time in the terminal.

    Shows the evidence side by side for pairs that no rule decides, and for decided pairs whose evidence has changed.
    Every decision is saved immediately.

    \b
    Example:
      hub-assets identities review --by "Mona"
    """
    from hub_assets.identities.decisions import read_decisions
    from hub_assets.report.review import pairs_to_review, review

    chosen_home = home_of(home)
    path = chosen_home.decisions
    pairs = pairs_to_review(chosen_home.warehouse, read_decisions(path))
    hub = chosen_home.source if (chosen_home.source or "").startswith("http") else None
    n = review(console, pairs, path, _key, _reason, decided_by=by, now=lambda: datetime.now(UTC), hub=hub)
    remaining = f"{pairs.num_rows - n:,} of {pairs.num_rows:,} pairs are left to review"
    console.print(f"Saved {n:,} decisions in {path}; {remaining}. {APPLY_HINT if n else ''}".rstrip())


@identities_group.command("export")
@HOME
@click.option("--all", "is_all", is_flag=True, help="Export every pair, not only those that need review.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def export_command(home: Path | None, is_all: bool, file: Path) -> None:
    """Export the pairs that need review to FILE, a new CSV file.

    Open it in a spreadsheet, fill in the decision column and import it again.

    \b
    Examples:
      hub-assets identities export pairs.csv
      hub-assets identities export --all pairs.csv
    """
    from hub_assets.identities.decisions import export_pairs, read_decisions
    from hub_assets.report.review import newest_pairs, pairs_to_review

    chosen_home = home_of(home)
    decisions = read_decisions(chosen_home.decisions)
    warehouse = chosen_home.warehouse
    pairs = newest_pairs(warehouse) if is_all else pairs_to_review(warehouse, decisions)
    try:
        # spreadsheets recognize UTF-8 by its byte order mark; mode x protects a sheet that is already filled in
        with file.open("x", encoding="utf-8-sig", newline="") as stream:
            export_pairs(pairs, decisions, stream)
    except OSError as error:
        raise UserError(f"cannot write {file} ({error.strerror}); choose a new file") from error
    console.print(
        f"Exported {pairs.num_rows:,} pairs to {file}. "
        f"Fill in the decision column, then run hub-assets identities import {file}"
    )


@identities_group.command("import")
@HOME
@BY
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
def import_command(home: Path | None, by: str, file: Path) -> None:
    """Import the decisions from FILE, an exported CSV file.

    Skips rows without a decision. If any row is invalid, nothing is imported.

    \b
    Example:
      hub-assets identities import pairs.csv --by "Mona"
    """
    from hub_assets.identities.decisions import import_decisions, locked, read_decisions, write_decisions
    from hub_assets.report.review import newest_pairs

    chosen_home = home_of(home)
    path = chosen_home.decisions
    known_pairs = newest_pairs(chosen_home.warehouse)
    with locked(path):
        before = read_decisions(path)
        decisions, new = import_decisions(file, before, decided_by=by, decided_at=datetime.now(UTC))
        if new.num_rows:
            write_decisions(path, decisions)
    key = ["author_a", "author_b"]
    unknown_pairs = new.join(known_pairs.select(key), keys=key, join_type="left anti")
    if unknown_pairs.num_rows:
        example = " and ".join(repr(unknown_pairs[name][0].as_py()) for name in key)
        console.print(
            f"Pairs that are not in the warehouse: {unknown_pairs.num_rows:,} of {new.num_rows:,}, such as {example}. "
            "A spreadsheet may have changed the names.",
            style="yellow",
        )
    saved = f"Saved {new.num_rows:,} decisions in {path}."
    console.print(f"{saved} {APPLY_HINT}" if new.num_rows else f"{saved} Nothing has changed.")


@identities_group.command("undo")
@HOME
@click.argument("author_a")
@click.argument("author_b")
def undo_command(home: Path | None, author_a: str, author_b: str) -> None:
    """Undo the decision on a pair, so that the rules apply again.

    \b
    Examples:
      hub-assets identities undo mona "Mona L"
      hub-assets identities undo -- mona -mona-
    """
    from hub_assets.identities.decisions import decision_on, locked, read_decisions, undo, write_decisions

    path = home_of(home).decisions
    with locked(path):
        before = read_decisions(path)
        write_decisions(path, undo(before, author_a, author_b))
    undone = decision_on(before, author_a, author_b) or {}
    message = "Undone: {author_a!r} and {author_b!r}, {decision} by {decided_by} at {decided_at}.".format_map(undone)
    console.print(f"{message} {APPLY_HINT}")


@identities_group.command("apply")
@HOME
@click.option("--week", type=DayType(), help="Week to rebuild, as any date in it. Default: the newest published week.")
def apply_command(home: Path | None, week: date | None) -> None:
    """Apply the decisions to a published week.

    Merges developers and rebuilds every table that depends on them. Makes no calls to the Hub. Other weeks do
    not change until you run this command for them.

    \b
    Examples:
      hub-assets identities apply
      hub-assets identities apply --week 2026-11-16
    """
    from hub_assets.identities.decisions import read_decisions
    from hub_assets.report.review import published_weeks

    chosen_home = home_of(home)
    read_decisions(chosen_home.decisions)  # reject a malformed file before a run starts
    weeks = published_weeks(chosen_home.warehouse)
    chosen_week = week - timedelta(days=week.weekday()) if week else weeks[-1]
    if chosen_week not in weeks:
        raise UserError(f"the week of {chosen_week} is not published; choose from: {', '.join(map(str, weeks))}")
    run_job("merge_identities", chosen_home, chosen_week)


def _key() -> str:
    """Return the next key, or `q` if the user presses Ctrl-C or closes the input."""
    try:
        return click.getchar()
    except (KeyboardInterrupt, EOFError):
        return "q"
    except OSError as error:
        raise UserError("No terminal to read keys from; use hub-assets identities export and import") from error


def _reason() -> str:
    return str(click.prompt("Why", default="", show_default=False))
