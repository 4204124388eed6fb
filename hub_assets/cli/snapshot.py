"""`hub-assets snapshot`, and `hub-assets plan`, which shows what a snapshot would fetch."""

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hub_assets.cli.doctor import SnapshotWouldFail, examined
from hub_assets.cli.jobs import run_present_week
from hub_assets.cli.options import HOME, PAGE_SIZE, DayType, crawl_options, home_of
from hub_assets.cli.printing import console
from hub_assets.errors import UserError

if TYPE_CHECKING:
    from hub_assets.resources import CrawlResource


@click.command("snapshot")
@HOME
@PAGE_SIZE
@click.option(
    "--answer-seconds",
    type=click.FloatRange(0, min_open=True),
    default=300.0,
    show_default=True,
    help="Time limit for a complete response.",
)
@click.option(
    "--answer-megabytes",
    type=click.FloatRange(0, min_open=True),
    default=64.0,
    show_default=True,
    help="Size limit for a response after decompression.",
)
@click.option(
    "--outage-backoff-hours",
    type=click.FloatRange(0),
    default=6.0,
    show_default=True,
    help="How long to keep retrying while the Hub is down.",
)
@click.option("--refresh", is_flag=True, help="Fetch this week's histories again from scratch.")
@crawl_options
def snapshot_command(home: Path | None, crawl: "CrawlResource", **settings: Any) -> None:
    """Take this week's snapshot of the Hub.

    Uses the Hub at HF_ENDPOINT (default: huggingface.co) and the token that huggingface_hub finds (HF_TOKEN or a
    login). The first snapshot into a home runs the doctor. An interrupted snapshot resumes where it stopped. Another
    snapshot in the same week lists the Hub again and fetches the remaining histories.

    \b
    Examples:
      hub-assets snapshot --home /data/observatory
      hub-assets snapshot --repo-type model --sample 0.1 --budget 6h
    """
    from hub_assets.resources import HubResource

    hub, chosen_home = HubResource.of_environment(**settings), home_of(home)
    if chosen_home.source is None:
        client = hub.new_client()
        client.contact()  # a wrong address or token is reported in one sentence instead of many findings
        examination = examined(client, chosen_home.root)
        if examination.failures:
            raise SnapshotWouldFail("The first snapshot of this Hub would fail; see the fixes above.")
    run_present_week(hub, chosen_home, crawl)


@click.command("plan")
@HOME
@click.option("--week", type=DayType(), help="Week to plan, as any date in it. Default: the newest listed week.")
@crawl_options
def plan_command(home: Path | None, week: date | None, crawl: "CrawlResource") -> None:
    """Show the remaining work: repositories, calls and time.

    Counts the histories that are left to fetch. Makes no calls to the Hub.

    \b
    Examples:
      hub-assets plan
      hub-assets plan --repo-type model --top 1000 --budget 6h
    """
    from hub_assets.report.plan import plan_summary

    chosen_home = home_of(home)
    weeks = {day for repo_type in crawl.repo_types for day in chosen_home.lake.weeks(f"raw_hub__{repo_type}s")}
    if not weeks:
        raise UserError(f"{chosen_home.root} has no listing yet; run hub-assets snapshot first")
    chosen_week = week - timedelta(days=week.weekday()) if week else max(weeks)
    budget = (crawl.budget_calls, crawl.budget_hours)
    console.print(plan_summary(chosen_home.lake, chosen_week, crawl.selection, *budget))
