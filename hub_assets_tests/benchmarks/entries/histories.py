"""Crawling histories: speed, CPU time, and how much of the rate limit a crawl uses."""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from hub_assets_tests.benchmarks.entries.listing import listed, listings_only
from hub_assets_tests.benchmarks.processes import Clock, measure
from hub_assets_tests.benchmarks.records import GIB, Aim, Answers, Measurement, compare
from hub_assets_tests.benchmarks.stage import WEEK, Stage, benchmark

REPOS: Final = 20_000
"""Repositories to read when the crawl itself is the bottleneck."""
PEER_REPOS: Final = 2_000
FAR_REPOS: Final = 100
"""Repositories to read at a real Hub's latency; few, because the peer takes 0.3 s per repository."""
ADDED_CPU: Final = 0.2
"""Milliseconds of CPU that the collector may add to a call: pacing, parsing, rows, the journal and the parts."""
WHY_LOOP: Final = "it stores nothing, and this Hub responds in 0.3 ms, so concurrent requests gain little"
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
        few = measure(crawl_both, hub.url, listings_only(home, "few"), PEER_REPOS)
    with stage.local_hub() as hub:
        peer = measure(crawl_as_published, hub.url, few.result[1])
    with stage.local_hub() as hub:
        bare = measure(call_bare, hub.url, few.result[1])
    yield few.measurement(
        "crawl: both kinds",
        len(few.result[1]),
        peers=[peer.peer("HfApi, one thread", WHY_LOOP)],
        aims=[few.ahead_of(peer)],
        answers=compare(few.result[0], peer.result),
    )
    yield bare.measurement("bare calls", len(few.result[1]), unit="calls")
    with stage.local_hub() as hub:
        ours = measure(crawl_commits, hub.url, listings_only(home, "unlimited"), share)
    calls, seconds, cpu = ours.result
    yield Measurement(
        "crawl: no limit",
        calls,
        seconds,
        ours.peak,
        unit="calls",
        aims=[
            Aim("calls a second", calls / seconds, 1_000, is_floor=True),
            Aim("peak memory", ours.peak / GIB, 2, "GiB"),
            Aim("CPU added to a bare call", 1000 * cpu / calls - bare.result, ADDED_CPU, "ms", is_for_every_scale=True),
        ],
    )
    with stage.local_hub(latency=LATENCY) as hub:
        few = measure(crawl_both, hub.url, listings_only(home, "few-far"), FAR_REPOS)
        peer = measure(crawl_as_published, hub.url, few.result[1])
    yield few.measurement(
        "crawl: both kinds, 150 ms latency",
        len(few.result[1]),
        peers=[peer.peer("HfApi, one thread")],
        aims=[few.ahead_of(peer)],
        answers=compare(few.result[0], peer.result),
    )
    with stage.local_hub(quota=f"{LARGEST_PLAN}/1") as hub:
        even = measure(crawl_commits, hub.url, listings_only(home, "even"), share / 4)
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
        far = measure(crawl_commits, hub.url, listings_only(home, "far"), share / 3)
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
        ours = measure(spend_windows, hub.url, listings_only(home, "paced"), calls)
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
    found = duckdb.execute("select id from read_parquet($1) order by md5(_id) limit $2", [models, number]).fetchall()
    ids = [repo_id for (repo_id,) in found]
    selection = Selection(("model",), ids=tuple(ids))
    with clock:
        client = HubClient(url, False)
        for table in (COMMITS, DISCUSSIONS):
            land(client, lake, table, WEEK, selection)
    counts: Counts = {}
    for kind in ("commits", "discussions"):
        files = [str(file) for file in lake.files(f"raw_hub__{kind}", WEEK)]
        rows = duckdb.execute(
            f"select repo_id, len({kind}) from read_parquet($1) where outcome = 'ok'", [files]
        ).fetchall()
        counts |= {f"{kind} repositories": float(len({repo for repo, _ in rows})), kind: float(sum(n for _, n in rows))}
    return counts, ids


def call_bare(clock: Clock, url: str, ids: list[str]) -> float:
    """Request the first page of each model's commits with huggingface_hub's own session; return CPU ms per call.

    Nothing is parsed or kept, so this is the cost of the HTTP session alone.
    """
    from urllib.parse import quote

    from huggingface_hub.utils import get_session

    from hub_assets.hub.sources.commits import SPEC

    urls = [f"{url}/api/models/{quote(repo_id)}/{SPEC.first_path}" for repo_id in ids]
    session = get_session()
    session.get(urls[0])  # connects
    busy = time.process_time()
    with clock:
        for each in urls:
            session.get(each)
    return 1000 * (time.process_time() - busy) / len(urls)


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
