"""Progress reports of a running crawl (log, asset observations, watchers), and how tables share a budget."""

import io
from collections import Counter

import dagster as dg
import pytest
from rich.console import Console

from hub_assets.assets.responses import LOG_SECONDS, OBSERVATION_SECONDS, Reporter
from hub_assets.hub.collect.crawl import Budget, Progress
from hub_assets.hub.http.client import HubClient
from hub_assets.hub.http.window import WindowEstimate
from hub_assets.hub.sources import response_tables
from hub_assets.partitions import SNAPSHOTS
from hub_assets.progress import tell, watched
from hub_assets.report.progress import crawl_bars
from hub_assets.resources import CrawlResource

PROGRESS = Progress("raw_hub__commits", 4_000, 1_000, 1_010, 100.0, Counter(ok=990, gated=10), 77, 1_000)


def test_progress_is_logged_every_30_seconds_and_observed_every_few_minutes() -> None:
    lines: list[str] = []

    @dg.asset(partitions_def=SNAPSHOTS)
    def raw_hub__commits(context: dg.AssetExecutionContext) -> None:
        now = 0.0
        reporter = Reporter(context, "raw_hub__commits", log=lines.append, clock=lambda: now)
        for second in range(int(2 * OBSERVATION_SECONDS) + 1):
            now = float(second)
            reporter(PROGRESS)

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([raw_hub__commits], partition_key="2026-11-16", instance=instance)
    assert len(lines) == 1 + 2 * OBSERVATION_SECONDS / LOG_SECONDS
    assert lines[0] == "raw_hub__commits: 4,000 planned"
    assert lines[1] == (
        "raw_hub__commits: 1,000 of 4,000 (990 ok, 10 gated), 10 calls/s, 0:05:00 left, "
        "77 of 1,000 calls left in this window"
    )
    observations = [
        event.asset_observation_data.asset_observation
        for event in result.all_events
        if event.event_type == dg.DagsterEventType.ASSET_OBSERVATION
    ]
    assert len(observations) == 2
    assert observations[0].partition == "2026-11-16"
    reported = {name: value.value for name, value in observations[0].metadata.items()}
    assert reported == {
        "done": 1_000,
        "planned": 4_000,
        "calls": 1_010,
        "calls_a_second": 10.1,
        "remaining_in_window": 77,
        "hours_left": 0.08,
        "outcome_ok": 990,
        "outcome_gated": 10,
    }


def test_progress_reaches_watchers_only_while_they_watch() -> None:
    seen: list[Progress] = []
    tell(PROGRESS)
    with watched(seen.append):
        tell(PROGRESS)
    tell(PROGRESS)
    assert seen == [PROGRESS]


def test_terminal_bar_shows_rate_remaining_quota_and_time_left() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=140)
    with crawl_bars(console, "week 2026-11-16") as watch:
        watch(PROGRESS)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    for words in ("week 2026-11-16", "raw_hub__commits", "1000/4000", "10/s", "77 of 1000 calls", "5 min left"):
        assert words in shown


@pytest.mark.parametrize(
    ("settings", "calls"),
    [
        ({"budget_calls": 1_000}, 1_000),
        ({"budget_hours": 2.0}, 24 * 500),
        ({"budget_hours": None}, None),
        ({"budget_calls": 0}, 0),
    ],
)
def test_budget_is_shared_in_table_order(settings: dict[str, float], calls: int | None) -> None:
    client = HubClient("http://127.0.0.1:9", False)
    client.pacer.estimate = WindowEstimate(remaining=1, quota=500, seconds=300.0)
    crawl = CrawlResource(**settings)  # type: ignore[arg-type]
    shares = []
    for table in (each for each in response_tables() if each.bucket == "api"):
        budget = crawl.options_for(table, client, lambda _: None)["budget"]
        shares.append(budget)
        crawl.spend("api", 10 if calls else 0)
    if calls is None:
        assert shares == [Budget()] * 4
    else:
        spent = [10 * place if calls else 0 for place in range(4)]
        # commits, aliases, discussions, accounts
        until = [0.5, 0.55, 0.85, 1.0]
        assert [one.calls for one in shares] == [int(calls * share) - n for share, n in zip(until, spent, strict=True)]
