"""Crawling histories: speed, CPU time, and how much of the rate limit a crawl uses."""

import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from hub_assets_tests.benchmarks.entries.listing import listed
from hub_assets_tests.benchmarks.processes import Clock, measure
from hub_assets_tests.benchmarks.records import GIB, Aim, Answers, Measurement, compare
from hub_assets_tests.benchmarks.stage import WEEK, Stage, benchmark

REPOS: Final = 20_000
"""Repositories to read when the crawl itself is the bottleneck."""
PEER_REPOS: Final = 2_000
LARGEST_PLAN: Final = 333
"""Calls per second of the Hub's largest plan."""
LATENCY: Final = 0.15
LOOK_SECONDS: Final = 0.5
"""Seconds between progress reports of a crawl."""
WINDOWS: Final = 3
WINDOW_CALLS, WINDOW_SECONDS = 2_000, 20

Counts = dict[str, float | None]


@benchmark("histories", order=52)
def histories(stage: Stage) -> Iterator[Measurement]:
    """Fetch histories without a limit, at the largest plan's limit, with a real Hub's latency, and as the study did."""
    home = stage.once(listed).result.home
    share = min(1.0, REPOS / stage.once(listed).result.rows)
    with stage.local_hub() as hub:
        ours = measure(crawl_commits, hub.url, _beside(home, "unlimited"), share)
    calls, seconds, _ = ours.result
    yield Measurement(
        "crawl: no limit",
        calls,
        seconds,
        ours.peak,
        unit="calls",
        aims=[
            Aim("calls a second", calls / seconds, 1_000, is_floor=True),
            Aim("peak memory", ours.peak / GIB, 2, "GiB"),
        ],
    )
    with stage.local_hub() as hub:
        few = measure(crawl_both, hub.url, _beside(home, "few"), PEER_REPOS)
        peer = measure(crawl_as_published, hub.url, few.result[1])
    yield few.measurement(
        "crawl: both kinds",
        len(few.result[1]),
        peers=[peer.peer("HfApi, one thread")],
        answers=compare(few.result[0], peer.result),
    )
    with stage.local_hub(quota=f"{LARGEST_PLAN}/1") as hub:
        even = measure(crawl_commits, hub.url, _beside(home, "even"), share / 4)
    calls, seconds, cpu = even.result
    yield Measurement(
        "crawl: 333 calls a second",
        calls,
        seconds,
        even.peak,
        unit="calls",
        aims=[Aim("cores", cpu / seconds, 0.5)],
    )
    with stage.local_hub(latency=LATENCY) as hub:
        far = measure(crawl_commits, hub.url, _beside(home, "far"), share / 3)
    calls, seconds, _ = far.result
    yield Measurement(
        "crawl: 150 ms latency",
        calls,
        seconds,
        far.peak,
        unit="calls",
        aims=[Aim("calls a second", calls / seconds, 330, is_floor=True)],
    )


@benchmark("pacing", order=53)
def pacing(stage: Stage) -> Iterator[Measurement]:
    """Use up whole rate-limit windows at 100 ms latency, without a single 429."""
    home = stage.once(listed).result.home
    # one extra call, because only the first call of the next window shows that the last window is used up
    windows = WINDOWS if stage.scale >= 0.1 else 1
    seconds = WINDOW_SECONDS if stage.scale >= 0.1 else 1
    quota = WINDOW_CALLS if stage.scale >= 0.1 else 60
    calls = windows * quota + 1
    with stage.local_hub(quota=f"{quota}/{seconds}", latency=0.1) as hub:
        ours = measure(spend_windows, hub.url, _beside(home, "paced"), calls)
    made, throttled, elapsed = ours.result
    yield Measurement(
        "crawl: windows of 20 s",
        made,
        elapsed,
        ours.peak,
        unit="calls",
        aims=[Aim("share of the limit used", windows * seconds / elapsed, 0.99, is_floor=True)],
        answers=Answers(made, tuple([f"{throttled} responses were 429"] if throttled else [])),
    )


def crawl_commits(clock: Clock, url: str, home: Path, share: float) -> tuple[int, float, float]:
    """Read the commits of a share of all repositories; return the number of calls, and their seconds and CPU seconds.

    The times include writing journals and parts, but not planning, which at scale 1 takes as long as 3,000 calls.
    """
    from hub_assets.home import Home
    from hub_assets.hub.collect.collection import land
    from hub_assets.hub.collect.crawl import Progress
    from hub_assets.hub.collect.selection import Selection
    from hub_assets.hub.http.client import HubClient
    from hub_assets_tests.hub.tables import COMMITS

    busy: list[float] = []
    client = HubClient(url, False)
    client.contact()

    def watch(progress: Progress) -> None:
        busy.append(time.process_time())

    with clock:
        manifest = land(client, Home(home).lake, COMMITS, WEEK, Selection(sample=share), watch=watch)
    calls, seconds = manifest.details["calls"], manifest.details["seconds"]
    # the first progress report comes after half a second
    return calls, seconds, (busy[-1] - busy[0]) * seconds / max(seconds - LOOK_SECONDS, LOOK_SECONDS)


def crawl_both(clock: Clock, url: str, home: Path, number: int) -> tuple[Counts, list[str]]:
    """Read commits and discussions of `number` models; return counts and the ids of the models."""
    import duckdb

    from hub_assets.home import Home
    from hub_assets.hub.collect.collection import land
    from hub_assets.hub.collect.selection import Selection
    from hub_assets.hub.http.client import HubClient
    from hub_assets_tests.hub.tables import COMMITS, DISCUSSIONS

    lake = Home(home).lake
    models = [str(file) for file in lake.files("raw_hub__models", WEEK)]
    ids = duckdb.execute("select id from read_parquet($1) order by md5(_id) limit $2", [models, number]).fetchall()
    selection = Selection(("model",), ids=tuple(repo_id for (repo_id,) in ids))
    with clock:
        client = HubClient(url, False)
        land(client, lake, COMMITS, WEEK, selection)
        land(client, lake, DISCUSSIONS, WEEK, selection)
    found: Counts = {}
    readable: list[str] = []
    for kind in ("commits", "discussions"):
        files = [str(file) for file in lake.files(f"raw_hub__{kind}", WEEK)]
        rows = duckdb.execute(
            f"select repo_id, len({kind}) from read_parquet($1) where outcome = 'ok'", [files]
        ).fetchall()
        found |= {f"{kind} repositories": float(len({repo for repo, _ in rows})), kind: float(sum(n for _, n in rows))}
        readable = [repo_id for (repo_id,) in ids] if kind == "commits" else readable
    return found, readable


def crawl_as_published(clock: Clock, url: str, ids: list[str]) -> Counts:
    """Read the same histories as the study's scripts do: one by one, skipping failures, but without their sleeps."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    commits: dict[str, int] = {}
    discussions: dict[str, int] = {}
    with clock:
        api = HfApi(endpoint=url, token=False)
        for repo_id in ids:
            with suppress(HfHubHTTPError):
                commits[repo_id] = len(api.list_repo_commits(repo_id))
            with suppress(HfHubHTTPError):
                discussions[repo_id] = len(list(api.get_repo_discussions(repo_id)))
    return {
        "commits repositories": float(len(commits)),
        "commits": float(sum(commits.values())),
        "discussions repositories": float(len(discussions)),
        "discussions": float(sum(discussions.values())),
    }


def spend_windows(clock: Clock, url: str, home: Path, calls: int) -> tuple[int, int, float]:
    """Request commits; return the number of calls, the number of 429 responses, and the seconds until the last call."""
    from hub_assets.home import Home
    from hub_assets.hub.collect.collection import land
    from hub_assets.hub.collect.crawl import Budget, Progress
    from hub_assets.hub.http.client import HubClient
    from hub_assets_tests.hub.tables import COMMITS

    client = HubClient(url, False, attempts=1)
    lake = Home(home).lake
    ended = 0.0

    def watch(progress: Progress) -> None:
        nonlocal ended
        ended = time.monotonic()

    with clock:
        began = time.monotonic()
        client.contact()
        manifest = land(client, lake, COMMITS, WEEK, budget=Budget(calls - 1), watch=watch)
    return manifest.details["calls"] + 1, client.pacer.throttled, ended - began


def _beside(home: Path, name: str) -> Path:
    """Return a new home that contains only the listings of the given home."""
    other = home.with_name(f"home-{name}")
    for table in ("raw_hub__models", "raw_hub__datasets", "raw_hub__spaces"):
        shutil.copytree(home / "lake" / table, other / "lake" / table)
    return other
