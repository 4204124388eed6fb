"""Options that several commands share."""

import codecs
import os
import re
from collections.abc import Callable
from datetime import date
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import click

from hub_assets.errors import UserError

if TYPE_CHECKING:
    from hub_assets.home import Home

R = TypeVar("R")


class DayType(click.ParamType[Any]):
    """A date as YYYY-MM-DD; any day selects its week."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Parse the option."""
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a date like 2026-11-16", param, ctx)


class QuotaType(click.ParamType[Any]):
    """A rate limit as CALLS/SECONDS."""

    name = "calls/seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse the option."""
        from hub_assets.local_hub.limiter import Quota

        try:
            return value if isinstance(value, Quota) else Quota.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class BudgetType(click.ParamType[Any]):
    """A crawl budget: a number of calls, hours like `24h`, or `none`."""

    name = "calls|hours"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, Any]:
        """Parse the option."""
        if isinstance(value, dict):
            return value
        match = re.fullmatch(r"(?P<calls>\d+)|(?P<hours>\d+(\.\d+)?)h|none", str(value))
        if match is None:
            self.fail(f"{value!r} is not a number of calls, a number of hours like 24h, or none", param, ctx)
        calls, hours = match["calls"], match["hours"]
        return {"budget_calls": int(calls) if calls else None, "budget_hours": float(hours) if hours else None}


_FOLDER = click.Path(path_type=Path, file_okay=False)
HOME = click.option("--home", type=_FOLDER, help="Folder for all data. Default: HUB_ASSETS_HOME, or ~/.hub_assets.")
DEMO_HOME = click.option(
    "--home", type=_FOLDER, help="Folder for all data. Default: a subfolder of HUB_ASSETS_HOME, or of ~/.hub_assets."
)
QUOTA = click.option(
    "--quota", type=QuotaType(), default="100000/300", show_default=True, help="Rate limit of the local Hub."
)
PAGE_SIZE = click.option(
    "--page-size", type=click.IntRange(1, 1000), default=1000, show_default=True, help="Listing rows per request."
)


def root_of(folder: Path | None) -> Path:
    """Return the folder that `--home` names, or the default, for commands that must also accept unusable homes."""
    return (folder or Path(os.environ.get("HUB_ASSETS_HOME") or "~/.hub_assets").expanduser()).absolute()


def home_of(folder: Path | None) -> "Home":
    """Return the home that `--home` names, or the default."""
    from hub_assets.home import Home

    return Home(folder.absolute()) if folder else Home.default()


def crawl_options(command: Callable[..., R]) -> Callable[..., R]:
    """Add the options that select histories and limit the crawl; the command gets a `CrawlResource`."""

    @click.option(
        "--budget",
        type=BudgetType(),
        default="24h",
        show_default=True,
        help="Limit on fetching histories: a number of calls, hours at the Hub's rate limit, or none.",
    )
    @click.option(
        "--repo-type",
        "repo_types",
        type=click.Choice(["model", "dataset", "space"]),
        multiple=True,
        help="Fetch histories of this repository type only. Can be repeated.",
    )
    @click.option("--top", type=click.IntRange(1), help="Fetch histories of the N most-liked repositories per type.")
    @click.option(
        "--sample",
        type=click.FloatRange(0, 1, min_open=True),
        help="Fetch histories of this share of each type. The sample is the same every week.",
    )
    @click.option(
        "--ids",
        type=click.File("rb"),
        help="Fetch histories of the repositories in this file: ids or URLs, one per line.",
    )
    @wraps(command)
    def with_crawl(
        budget: dict[str, Any],
        repo_types: tuple[str, ...],
        top: int | None,
        sample: float | None,
        ids: Any,
        refresh: bool = False,
        **others: Any,
    ) -> R:
        from hub_assets.resources import CrawlResource
        from hub_assets.vocabulary import REPO_TYPES

        names = _read_lines(ids) if ids else []
        types = list(repo_types or REPO_TYPES)
        crawl = CrawlResource(**budget, repo_types=types, top=top, sample=sample, ids=names, refresh=refresh)
        if ids and not names:
            raise UserError(f"{ids.name} contains no ids; write one per line")
        _ = crawl.selection  # raises an error for options that exclude each other
        return command(crawl=crawl, **others)

    return with_crawl


def _read_lines(file: BinaryIO) -> list[str]:
    """Return the non-empty lines of a text file, which may be in any encoding that editors commonly write."""
    content = file.read()
    encoding = "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        lines = content.decode(encoding).splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"{file.name} is not UTF-8 text; save it as UTF-8 with one id per line") from error
    return [line.strip() for line in lines if line.strip()]
