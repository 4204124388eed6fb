"""The `hub-assets` command. It wires and prints; what is done stands in the assets and the rooms.

Exit codes: 0 done, 1 a run or the Hub failed, 2 a mistake in what was asked.
"""

import codecs
import getpass
import logging
import os
import re
import shlex
import shutil
import signal
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import wraps
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, ParamSpec, TypeVar

import click
from rich.text import Text

from hub_assets.processes import has_lived_since, is_alive, process_mark
from hub_assets.report.text import LONGEST_MESSAGE, cut, escaped, safe_console, visible

if TYPE_CHECKING:  # Dagster takes a second to import; `--help` need not wait for it
    from dagster import DagsterInstance, EventLogEntry

    from hub_assets.home import Home
    from hub_assets.local_hub.population import Population
    from hub_assets.resources import CrawlResource, HubResource

P = ParamSpec("P")
R = TypeVar("R")
PROCESS_TAG = "hub_assets/process"
console = safe_console(soft_wrap=True)


class Failed(click.ClickException):
    """Something that did not work though it was asked for rightly: exit code 1."""

    exit_code = 1

    def format_message(self) -> str:
        """Return the sentence; it may quote the Hub or a file."""
        return cut(escaped(self.message), LONGEST_MESSAGE)


class Mistake(Failed):
    """Something the user can put right: one sentence, exit code 2."""

    exit_code = 2


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise Mistake("This machine does not know the name of its user; give one with --by") from error


def plainly(command: Callable[P, R]) -> Callable[P, R]:
    """Turn what can go wrong by mistake into one sentence, without a traceback."""

    @wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        from hub_assets.disk import is_full
        from hub_assets.home import HomeError
        from hub_assets.hub.collect.collection import RefreshRefused
        from hub_assets.hub.collect.listings import ListingRefused
        from hub_assets.hub.collect.plan import PlanError
        from hub_assets.hub.http.errors import HubError, HubRefused, TokenRefused
        from hub_assets.identities.decisions import DecisionsError
        from hub_assets.lake.parts import LakeError
        from hub_assets.local_hub.population import PopulationError
        from hub_assets.lock import HomeBusy
        from hub_assets.report.review import NoPairs
        from hub_assets.warehouse.database import WarehouseError
        from hub_assets.warehouse.sql_project import ModelError

        try:
            return command(*args, **kwargs)
        except TokenRefused as error:
            raise Mistake(f"The Hub refuses the token: {error}. Set HF_TOKEN anew, or unset it.") from error
        except (DecisionsError, HomeError, ModelError, NoPairs, PlanError, PopulationError) as error:
            raise Mistake(str(error)) from error
        except (ListingRefused, RefreshRefused, HubRefused) as error:
            raise Mistake(str(error)) from error
        except (HomeBusy, HubError, LakeError, WarehouseError) as error:
            raise Failed(str(error)) from error
        except Exception as error:
            if is_full(error):
                raise Failed("The disk is full. Make room and run it again; it goes on where it was.") from error
            raise

    return guarded


class Day(click.ParamType[Any]):
    """A day, given as YYYY-MM-DD; any day stands for its week."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Read it."""
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a day like 2026-11-16", param, ctx)


class QuotaType(click.ParamType[Any]):
    """A rate limit, given as CALLS/SECONDS."""

    name = "calls/seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it."""
        from hub_assets.local_hub.limiter import Quota

        try:
            return value if isinstance(value, Quota) else Quota.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class BudgetType(click.ParamType[Any]):
    """How far to go: a number of calls, hours like `24h`, or `none`."""

    name = "calls|hours"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, Any]:
        """Read it."""
        if isinstance(value, dict):
            return value
        found = re.fullmatch(r"(?P<calls>\d+)|(?P<hours>\d+(\.\d+)?)h|none", str(value))
        if found is None:
            self.fail(f"{value!r} is neither a number of calls, nor hours like 24h, nor none", param, ctx)
        calls, hours = found["calls"], found["hours"]
        return {"budget_calls": int(calls) if calls else None, "budget_hours": float(hours) if hours else None}


HOME = click.option("--home", type=click.Path(path_type=Path, file_okay=False), help="Where to keep everything.")
QUOTA = click.option("--quota", type=QuotaType(), default="100000/300", show_default=True, help="The Hub's rate limit.")
PAGE_SIZE = click.option(
    "--page-size", type=click.IntRange(1, 1000), default=1000, show_default=True, help="Rows of a listing per call."
)


@dataclass(frozen=True)
class Choice:
    """Which population a local Hub is to serve, as the options of `choosing` say."""

    population: str | None
    directory: Path | None
    scale: float | None
    seed: int | None
    week: date | None
    today: date = field(default_factory=lambda: datetime.now(UTC).date())
    """Read once: the weeks of one command follow each other, even if a new one begins meanwhile."""

    @property
    def is_default(self) -> bool:
        """Whether it is the small simulated Hub that everybody gets."""
        return self.directory is None and self.scale is None and self.seed is None

    def made(self, *, weeks_before: int = 0, keep: Path | None = None) -> "Population":
        """Make it, of an earlier week if it is simulated, or find it in a folder of kept ones."""
        from hub_assets.local_hub.replay import replay
        from hub_assets.local_hub.simulated import SMALL, simulated

        if self.directory is not None:
            if self.population == "simulated" or self.scale is not None or self.seed is not None or weeks_before:
                raise Mistake("--replay serves a recording, which has no --scale, --seed or --weeks; leave them out")
            return replay(self.directory, self.week)
        if self.population == "replay":
            raise Mistake("name the folder of the recording with --replay")
        week = (self.week or self.today) - timedelta(weeks=weeks_before)
        try:
            return simulated(week, scale=self.scale or SMALL, seed=self.seed or 0, keep=keep)
        except OSError as error:
            raise Mistake(f"{keep} cannot be used ({error.strerror}); name another folder with --home") from error


def choosing(command: Callable[..., R]) -> Callable[..., R]:
    """Add the options that choose a population; the command gets a `Choice`."""

    @click.option("--population", type=click.Choice(["simulated", "replay"]), help="What to serve.")
    @click.option(
        "--replay",
        "directory",
        type=click.Path(path_type=Path),
        help="Serve recorded Parquet from this folder in place of the simulated Hub.",
    )
    @click.option(
        "--scale",
        type=click.FloatRange(0, min_open=True),
        help="Size of the simulated Hub: 1 has 570,584 repositories in the week of 2026-11-16; 0.01 if not given.",
    )
    @click.option("--seed", type=click.IntRange(0), help="Which simulated Hub; 0 if not given.")
    @click.option("--week", type=Day(), help="The week to serve; this one, or the newest that was recorded.")
    @wraps(command)
    def with_choice(
        population: str | None,
        directory: Path | None,
        scale: float | None,
        seed: int | None,
        week: date | None,
        **others: Any,
    ) -> R:
        return command(choice=Choice(population, directory, scale, seed, week), **others)

    return with_choice


def crawling(command: Callable[..., R]) -> Callable[..., R]:
    """Add the options that say whose histories are collected, and how far; the command gets a `CrawlResource`."""

    @click.option(
        "--budget",
        type=BudgetType(),
        default="24h",
        show_default=True,
        help="How much to ask for histories: calls, hours at the Hub's rate limit, or none for no limit.",
    )
    @click.option(
        "--repo-type",
        "repo_types",
        type=click.Choice(["model", "dataset", "space"]),
        multiple=True,
        help="Histories of this type only; may be repeated.",
    )
    @click.option("--top", type=click.IntRange(1), help="Histories of so many of each type, the most liked ones.")
    @click.option(
        "--sample",
        type=click.FloatRange(0, 1, min_open=True),
        help="Histories of this share of each type, the same repositories every week.",
    )
    @click.option(
        "--ids",
        type=click.File("rb"),
        help="Histories of the ids or addresses of repositories in this file, one a line.",
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

        names = _read_lines(ids) if ids else []
        types = list(repo_types or ("model", "dataset", "space"))
        crawl = CrawlResource(**budget, repo_types=types, top=top, sample=sample, ids=names, refresh=refresh)
        if ids and not names:
            raise Mistake(f"{ids.name} holds no ids; write one a line")
        _ = crawl.selection
        return command(crawl=crawl, **others)

    return with_crawl


def _read_lines(file: BinaryIO) -> list[str]:
    """Return the lines of a text file that hold something, whichever editor wrote it."""
    content = file.read()
    encoding = "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        lines = content.decode(encoding).splitlines()
    except UnicodeDecodeError as error:
        raise Mistake(f"{file.name} is not text in UTF-8; save it in that encoding, one id a line") from error
    return [line.strip() for line in lines if line.strip()]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="hub-assets")
def main() -> None:
    """An observatory of the Hugging Face Hub: weekly snapshots, activity, networks and statistics.

    Exit codes: 0 done, 1 a run or the Hub failed, 2 a mistake in what was asked.
    """


@main.command()
@HOME
@choosing
@click.option(
    "--weeks", type=click.IntRange(1, 520), default=1, show_default=True, help="How many weeks, the last is --week."
)
@QUOTA
@PAGE_SIZE
@plainly
@crawling
def demo(home: Path | None, choice: Choice, weeks: int, quota: Any, page_size: int, crawl: "CrawlResource") -> None:
    """Run everything once against a Hub of our own on this machine.

    The Hub is simulated: its repositories are invented, and so are all numbers. With --replay it serves a recorded
    listing again.

    \b
    Examples:
      hub-assets demo
      hub-assets demo --population simulated --scale 0.02 --weeks 2
      hub-assets demo --replay recordings/2026-08-24 --quota 1000/300
    """
    from hub_assets.home import Home
    from hub_assets.hub.collect.listings import ListingRefused
    from hub_assets.local_hub.app import build_app
    from hub_assets.local_hub.server import running
    from hub_assets.partitions import is_partition, known_weeks
    from hub_assets.resources import HubResource

    for before in reversed(range(weeks)):
        population = choice.made(weeks_before=before)
        name = "demo" if choice.is_default else re.sub(r"[^\w.]+", "-", population.identity)
        where = Home((home or Home.default().root / name).absolute())
        # asked here, because no header can carry some of these dates
        if not is_partition(population.week):
            raise Mistake(f"The week of {population.week} is in none of the weeks there are: those of {known_weeks()}.")
        with running(build_app(population, quota=quota)) as url:
            console.print(f"A local Hub serves the week of {population.week} at {url} ({population.identity}).")
            _tell_notes(population)
            hub = HubResource(endpoint=url, use_token=False, page_size=page_size, is_local=True)
            try:
                _run_week(hub, where, crawl)
            except ListingRefused:
                if not before:
                    raise
                console.print(f"The week of {population.week} was taken before a later one, and stays as it is.")
    if choice.directory is not None:
        console.print(f"The data was recorded and served again from {choice.directory}.")


@main.command()
@HOME
@PAGE_SIZE
@click.option(
    "--answer-seconds",
    type=click.FloatRange(0, min_open=True),
    default=300.0,
    show_default=True,
    help="How long a whole answer of the Hub may take.",
)
@click.option(
    "--answer-megabytes",
    type=click.FloatRange(0, min_open=True),
    default=64.0,
    show_default=True,
    help="How large an answer of the Hub may be, unpacked.",
)
@click.option(
    "--outage_backoff-hours",
    type=click.FloatRange(0),
    default=6.0,
    show_default=True,
    help="How long to wait for a Hub that stops working.",
)
@click.option("--refresh", is_flag=True, help="Begin the week's histories anew.")
@plainly
@crawling
def snapshot(home: Path | None, crawl: "CrawlResource", **settings: Any) -> None:
    """Take this week's snapshot of the Hub (of HF_ENDPOINT, if that is set).

    The token that huggingface_hub finds (HF_TOKEN, or a login) is used. Run again in the same week it lists anew, and
    asks for the histories that are left; cut off, it goes on where it was.

    \b
    Examples:
      hub-assets snapshot --home /data/observatory
      hub-assets snapshot --repo-type model --sample 0.1 --budget 6h
    """
    from hub_assets.home import Home
    from hub_assets.resources import HubResource

    where = Home(home.absolute()) if home else Home.default()
    _run_week(HubResource.of_environment(**settings), where, crawl)


@main.command()
@HOME
@click.option("--week", type=Day(), help="Which week; the newest that was listed, if not given.")
@plainly
@crawling
def plan(home: Path | None, week: date | None, crawl: "CrawlResource") -> None:
    """Show what is left to ask for histories: repositories, calls, and the time that takes. Nothing is asked.

    \b
    Examples:
      hub-assets plan
      hub-assets plan --repo-type model --top 1000 --budget 6h
    """
    from hub_assets.home import Home
    from hub_assets.report.plan import plan_summary
    from hub_assets.resources import BUDGET_SHARES

    where = Home(home.absolute()) if home else Home.default()
    listed = {day for kind in crawl.repo_types for day in where.lake.weeks(f"raw_hub__{kind}s")}
    if not listed:
        raise Mistake(f"{where.root} holds no listing yet; take one with hub-assets snapshot")
    chosen = week - timedelta(days=week.weekday()) if week else max(listed)
    budget = (crawl.budget_calls, crawl.budget_hours)
    console.print(plan_summary(where.lake, chosen, crawl.selection, *budget, BUDGET_SHARES))


@main.command()
@HOME
@click.option("--port", type=int, default=3000, show_default=True, help="Where the UI listens.")
@plainly
def dev(home: Path | None, port: int) -> None:
    """Open Dagster's UI, with its schedule, on a home.

    \b
    Example:
      hub-assets dev --home ~/.hub_assets/demo
    """
    from hub_assets.home import Home

    where = Home(home.absolute()) if home else Home.default()
    with _instance(where):
        pass
    environment = os.environ | {"DAGSTER_HOME": str(where.dagster), "HUB_ASSETS_HOME": str(where.root)}
    command = [sys.executable, "-m", "dagster", "dev", "-m", "hub_assets.definitions", "-p", str(port)]
    # started with `&` in a script it would inherit an ignored SIGINT, and Dagster then ignores SIGTERM too
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execve(sys.executable, command, environment)


@main.command("local-hub")
@HOME
@choosing
@QUOTA
@click.option(
    "--window",
    type=click.Choice(["aligned", "first_call"]),
    default="aligned",
    show_default=True,
    help="When a window of the rate limit begins: for all callers at once, or with a caller's first call.",
)
@click.option(
    "--rounding",
    type=click.Choice(["up", "down", "nearest"]),
    default="up",
    show_default=True,
    help="How the seconds left in a window are made whole.",
)
@click.option("--latency", type=click.FloatRange(0), default=0.0, help="Seconds that every answer takes longer.")
@click.option(
    "--page-cap", type=click.IntRange(1), default=1000, show_default=True, help="Rows on a page of a listing at most."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=int, default=8700, show_default=True, help="Port to listen on; 0 for a free one.")
@click.option("--fault", "faults", multiple=True, help="KIND[:ARG][@EVERY][xTIMES], e.g. 503@5x3; may be repeated.")
@plainly
def local_hub(
    home: Path | None,
    choice: Choice,
    quota: Any,
    window: Literal["aligned", "first_call"],
    rounding: Literal["up", "down", "nearest"],
    latency: float,
    page_cap: int,
    host: str,
    port: int,
    faults: tuple[str, ...],
) -> None:
    """Serve a Hub of our own until it is interrupted.

    Point a client at it with HF_ENDPOINT. A simulated Hub is made once and kept under the home.

    \b
    Examples:
      hub-assets local-hub --port 8700
      hub-assets local-hub --population simulated --scale 1 --week 2026-11-16 --quota 1000/300 --window first_call
      HF_ENDPOINT=http://127.0.0.1:8700 hub-assets snapshot --home /tmp/observatory
    """
    from hub_assets.home import Home
    from hub_assets.local_hub.app import build_app
    from hub_assets.local_hub.faults import Faults
    from hub_assets.local_hub.server import serve

    population = choice.made(keep=(Home(home.absolute()) if home else Home.default()).populations)
    try:
        switches = Faults.parse(list(faults))
    except ValueError as error:
        raise Mistake(str(error)) from error

    def announce(url: str) -> None:
        console.print(f"A Hub ({population.identity}, week {population.week}) listens at {url}")
        _tell_notes(population)

    limit = replace(quota, window=window, rounding=rounding)
    app = build_app(population, quota=limit, faults=switches, page_cap=page_cap, latency=latency)
    try:
        serve(app, host, port, announce)
    except OSError as error:
        raise Mistake(f"cannot listen on {host}:{port} ({error.strerror}); choose another --port") from error


@main.group()
def identities() -> None:
    """Say who is who: review pairs of names that could be one person.

    What is decided is kept in decisions.csv in the home, and beats the rules.
    """


BY = click.option("--by", default=_user, help="Who decides; the name of this machine's user, if not given.")
MERGING_FOLLOWS = "Merging follows with hub-assets identities apply."


@identities.command("review")
@HOME
@BY
@plainly
def identities_review(home: Path | None, by: str) -> None:
    """Decide on pairs one by one, with the evidence side by side, from the keyboard.

    These are pairs that the rules leave open, and pairs that were decided on other evidence than there is now. Each
    decision is kept at once.

    \b
    Example:
      hub-assets identities review --by "Mona"
    """
    from hub_assets.home import Home
    from hub_assets.identities.decisions import read_decisions
    from hub_assets.report.review import pairs_to_review, review

    where = Home(home.absolute()) if home else Home.default()
    pairs = pairs_to_review(where.warehouse, read_decisions(where.decisions))
    hub = where.source if (where.source or "").startswith("http") else None
    n = review(console, pairs, where.decisions, _key, _reason, decided_by=by, now=lambda: datetime.now(UTC), hub=hub)
    left = f"{pairs.num_rows - n:,} of {pairs.num_rows:,} pairs are left to review"
    console.print(f"{n:,} decided in {where.decisions}; {left}. {MERGING_FOLLOWS if n else ''}".rstrip())


@identities.command("export")
@HOME
@click.option("--all", "is_all", is_flag=True, help="Every pair there is, not only those to review.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@plainly
def identities_export(home: Path | None, is_all: bool, file: Path) -> None:
    """Write pairs to FILE, a new CSV file for a spreadsheet, to fill in accepted or rejected.

    \b
    Examples:
      hub-assets identities export pairs.csv
      hub-assets identities export --all pairs.csv
    """
    from hub_assets.home import Home
    from hub_assets.identities.decisions import export_pairs, read_decisions
    from hub_assets.report.review import newest_pairs, pairs_to_review

    where = Home(home.absolute()) if home else Home.default()
    decisions = read_decisions(where.decisions)
    pairs = newest_pairs(where.warehouse) if is_all else pairs_to_review(where.warehouse, decisions)
    try:
        # spreadsheets know UTF-8 by its mark; what somebody has filled in is not written over
        with file.open("x", encoding="utf-8-sig", newline="") as stream:
            export_pairs(pairs, decisions, stream)
    except OSError as error:
        raise Mistake(f"{file} cannot be written ({error.strerror}); name a new file") from error
    back = f"Fill in the column decision, then: hub-assets identities import {file}"
    console.print(f"{pairs.num_rows:,} pairs are in {file}. {back}")


@identities.command("import")
@HOME
@BY
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@plainly
def identities_import(home: Path | None, by: str, file: Path) -> None:
    """Take the decisions that were filled in in FILE, a CSV file that was exported.

    Rows without a decision are passed over. If anything is wrong, nothing is taken.

    \b
    Example:
      hub-assets identities import pairs.csv --by "Mona"
    """
    from hub_assets.home import Home
    from hub_assets.identities.decisions import import_decisions, locked, read_decisions, write_decisions
    from hub_assets.report.review import newest_pairs

    where = Home(home.absolute()) if home else Home.default()
    known = newest_pairs(where.warehouse)
    with locked(where.decisions):
        before = read_decisions(where.decisions)
        decisions, new = import_decisions(file, before, decided_by=by, decided_at=datetime.now(UTC))
        if new.num_rows:
            write_decisions(where.decisions, decisions)
    pair = ["author_a", "author_b"]
    strange = new.join(known.select(pair), keys=pair, join_type="left anti")
    if strange.num_rows:
        first = " and ".join(repr(strange[name][0].as_py()) for name in pair)
        console.print(
            f"{strange.num_rows:,} of them are on pairs that the warehouse does not have, such as {first}: "
            "a spreadsheet may have changed the names.",
            style="yellow",
        )
    n = f"{new.num_rows:,} decided in {where.decisions}."
    console.print(f"{n} {MERGING_FOLLOWS}" if new.num_rows else f"{n} Nothing has changed.")


@identities.command("undo")
@HOME
@click.argument("author_a")
@click.argument("author_b")
@plainly
def identities_undo(home: Path | None, author_a: str, author_b: str) -> None:
    """Undo the decision on AUTHOR_A and AUTHOR_B, so that the rules decide again.

    \b
    Examples:
      hub-assets identities undo mona "Mona L"
      hub-assets identities undo -- mona -mona-
    """
    from hub_assets.home import Home
    from hub_assets.identities.decisions import decision_on, locked, read_decisions, undo, write_decisions

    where = Home(home.absolute()) if home else Home.default()
    with locked(where.decisions):
        before = read_decisions(where.decisions)
        write_decisions(where.decisions, undo(before, author_a, author_b))
    undone = decision_on(before, author_a, author_b) or {}
    told = "Undone: {author_a!r} and {author_b!r}, {decision} by {decided_by} at {decided_at}.".format_map(undone)
    console.print(f"{told} {MERGING_FOLLOWS}")


@identities.command("apply")
@HOME
@click.option("--week", type=Day(), help="Which week; the newest that is published, if not given.")
@plainly
def identities_apply(home: Path | None, week: date | None) -> None:
    """Merge developers as decided, and build anew all that counts them.

    Nothing is asked of the Hub. Other weeks stay as they are until this is done for them.

    \b
    Examples:
      hub-assets identities apply
      hub-assets identities apply --week 2026-11-16
    """
    from hub_assets.home import Home
    from hub_assets.identities.decisions import read_decisions
    from hub_assets.report.review import published_weeks

    where = Home(home.absolute()) if home else Home.default()
    read_decisions(where.decisions)
    weeks = published_weeks(where.warehouse)
    chosen = week - timedelta(days=week.weekday()) if week else weeks[-1]
    if chosen not in weeks:
        raise Mistake(f"the week of {chosen} is not published; these are: {', '.join(map(str, weeks))}")
    _execute("merge_identities", where, chosen)
    _tell_of(where, chosen)


def _tell_notes(population: "Population") -> None:
    for note in population.notes:
        console.print(note, style="yellow")


def _key() -> str:
    """Return the next key; `q` where the user interrupts."""
    try:
        return click.getchar()
    except (KeyboardInterrupt, EOFError):
        return "q"
    except OSError as error:
        raise Mistake("There is no terminal to read keys from; use hub-assets identities export and import") from error


def _reason() -> str:
    return str(click.prompt("Why", default="", show_default=False))


def _prepare_instance(home: "Home") -> None:
    from hub_assets.home import HomeError

    settings = home.dagster / "dagster.yaml"
    try:
        home.dagster.mkdir(parents=True, exist_ok=True)
        if not settings.exists():
            shutil.copyfile(str(files("hub_assets") / "instance" / "dagster.yaml"), settings)
    except OSError as error:
        raise HomeError(f"{home.root} cannot be written ({error.strerror}); name another with --home") from error


@contextmanager
def _instance(home: "Home") -> Iterator["DagsterInstance"]:
    from dagster import DagsterInstance

    _prepare_instance(home)
    os.environ["DAGSTER_HOME"] = str(home.dagster)
    with DagsterInstance.from_config(str(home.dagster)) as instance:
        _end_dead_runs(instance)
        yield instance


def _end_dead_runs(instance: "DagsterInstance") -> None:
    """Report runs whose process was killed as failed; as running ones they would hold the queue for ever.

    Dagster's own monitoring does not see them: a run of this command has no daemon, and a daemon that was killed with
    its run does not look back.
    """
    from dagster import DagsterRunStatus, RunsFilter

    alive = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED]
    for run in instance.get_runs(RunsFilter(statuses=alive)):
        mark = run.tags.get(PROCESS_TAG)
        if not (_has_living_process(instance, run.run_id) if mark is None else is_alive(mark)):
            instance.report_run_failed(run, "The process of this run was killed; the next run goes on where it was.")


def _has_living_process(instance: "DagsterInstance", run_id: str) -> bool:
    """Return whether the process that a run of the daemon named first still lives; so if it has named none yet."""
    from dagster import DagsterEventType

    for entry in instance.all_logs(run_id, DagsterEventType.ENGINE_EVENT):
        event = entry.dagster_event
        pid = event.engine_event_data.metadata.get("pid") if event else None
        if pid is not None:
            return has_lived_since(int(str(pid.value)), entry.timestamp)
    return True


def _run_week(hub: "HubResource", home: "Home", crawl: "CrawlResource") -> None:
    """Run the weekly job for the Hub's present week and print what came of it."""
    from hub_assets.hub.collect.collection import require_refreshable
    from hub_assets.hub.collect.listings import require_no_later_week
    from hub_assets.partitions import is_partition, known_weeks, week_of
    from hub_assets.resources import BUDGET_SHARES

    contact = hub.new_client().contact()
    home.require(hub.endpoint.rstrip("/"), contact.population)
    week = week_of(contact.now)
    if not is_partition(week):
        weeks = f"those of {known_weeks()}"
        raise Mistake(f"The Hub's clock says {contact.now:%Y-%m-%d}, which is in none of the weeks there are: {weeks}.")
    require_no_later_week(home.lake, week)
    if crawl.refresh:
        for table in BUDGET_SHARES:
            require_refreshable(home.lake, table, week)
    _execute("weekly_snapshot", home, week, hub=hub, crawl=crawl)
    _tell_of(home, week)
    if (contact.population or "").startswith("simulated"):
        console.print("The data is simulated: every number in it is invented.", style="bold yellow")
    console.print(
        f"\nWeek {week} is published in {home.warehouse}\n"
        f"raw files:  {home.lake.root}\n"
        f"the UI:     hub-assets dev --home {shlex.quote(str(home.root))}"
    )


def _execute(
    name: str,
    home: "Home",
    week: date,
    *,
    hub: "HubResource | None" = None,
    crawl: "CrawlResource | None" = None,
) -> None:
    """Run a job for a week in this process, and tell what it does."""
    from hub_assets.definitions import build_defs
    from hub_assets.progress import watched
    from hub_assets.report.progress import crawl_bars
    from hub_assets.resources import HomeResource

    logging.getLogger("alembic").setLevel(logging.WARNING)
    job = build_defs(hub=hub, home=HomeResource(root=str(home.root)), crawl=crawl).resolve_job_def(name)
    writing = home.written_by(f"hub-assets ({name})", lambda text: console.print(text))
    with (
        writing,
        _instance(home) as instance,
        crawl_bars(console, f"week {week}") as watch,
        watched(watch),
        _warnings_shown(),
    ):
        run_id = str(uuid.uuid4())
        instance.add_event_listener(run_id, _print_event)
        result = job.execute_in_process(
            instance=instance,
            run_id=run_id,
            partition_key=str(week),
            tags={PROCESS_TAG: process_mark(os.getpid()) or ""},
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    if not result.success:
        raise Failed(f"The run {run_id} did not succeed; what was published before is as it was.")


@contextmanager
def _warnings_shown() -> Iterator[None]:
    """Print what the rooms log, which may quote the Hub, where everything else is printed."""
    from rich.logging import RichHandler

    logger = logging.getLogger("hub_assets")
    handler = RichHandler(logging.WARNING, console, show_time=False, show_path=False)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def _tell_of(home: "Home", week: date) -> None:
    from hub_assets.report.terminal import WIDTH, week_summary

    console.print()
    safe_console(width=max(console.width, WIDTH)).print(week_summary(home.warehouse, week))
    console.print(f"Source: {home.source}", style="dim")


def _print_event(entry: "EventLogEntry") -> None:
    from dagster import AssetCheckSeverity, DagsterEventType

    event = entry.dagster_event
    if event is None:
        if entry.level in (logging.INFO, logging.WARNING):
            style = "dim" if entry.level == logging.INFO else "yellow"
            console.print(Text(f"  {_lines(entry.user_message)}", style))
    elif event.event_type == DagsterEventType.ASSET_MATERIALIZATION:
        metadata = event.step_materialization_data.materialization.metadata
        rows = metadata.get("dagster/partition_row_count") or metadata.get("dagster/row_count")
        name = event.asset_key.to_user_string() if event.asset_key else ""
        console.print(Text.assemble(("✓", "green"), f" {name:<28}{f'{rows.value:>12,} rows' if rows else ''}"))
    elif event.event_type == DagsterEventType.ASSET_CHECK_EVALUATION:
        check = event.asset_check_evaluation_data
        if not check.passed:
            warns = check.severity == AssetCheckSeverity.WARN
            facts = ", ".join(
                f"{k} {visible(v.value)}" for k, v in check.metadata.items() if isinstance(v.value, int | str)
            )
            color, word = ("yellow", "warning") if warns else ("red", "failed")
            told = f"! {word}: {check.asset_key.to_user_string()} {check.check_name}"
            console.print(Text.assemble((told, color), f" ({facts})"))
    elif event.event_type == DagsterEventType.STEP_FAILURE:
        error = event.step_failure_data.error
        while error is not None and error.cause is not None:
            error = error.cause
        if error is not None and error.cls_name == "DagsterExecutionInterruptedError":
            told = f" {event.step_key} was interrupted; the next run goes on where it was."
            console.print(Text.assemble(("!", "yellow"), told))
        else:
            told = _lines(error.message) if error else "failed"
            console.print(Text.assemble(("✗", "red"), f" {event.step_key}: {told}"))


def _lines(message: str) -> str:
    """Return a message of several lines, indented, so that none of them looks like one of ours."""
    return cut(message.strip(), LONGEST_MESSAGE).replace("\n", "\n    ")
