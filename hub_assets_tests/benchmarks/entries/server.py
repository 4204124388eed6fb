"""How fast the local Hub responds on one core."""

import json
import random
import re
from collections.abc import Iterator
from itertools import cycle
from typing import Final

from hub_assets.hub.sources.listings import LISTINGS
from hub_assets.vocabulary import REPO_TYPES
from hub_assets_tests.benchmarks.load import Load, Walk, burst
from hub_assets_tests.benchmarks.processes import Clock, cores, measure
from hub_assets_tests.benchmarks.records import Aim, Answers, Measurement
from hub_assets_tests.benchmarks.stage import Stage, benchmark

CONNECTIONS: Final = 4
_NEXT: Final = re.compile(rb'\r\nlink: <([^>]+)>; rel="next"', re.IGNORECASE)


@benchmark("server", order=30)
def server(stage: Stage) -> Iterator[Measurement]:
    """Request listing pages and model histories as fast as the local Hub responds on one core."""
    seconds = 5 if stage.scale >= 0.1 else 0.5
    first, *_, last = cores() * 2  # both are the same if there is only one core
    with stage.local_hub(core=first) as hub:
        pages = measure(read_listings, hub.url, seconds, last)
        load, model_ids = pages.result
        yield _measurement("server: listing pages", "pages", load, pages.seconds, hub.peak, 60)
        histories = measure(read_histories, hub.url, model_ids, seconds, last)
        yield _measurement("server: histories", "requests", histories.result, histories.seconds, hub.peak, 3000)


def _measurement(work: str, unit: str, load: Load, seconds: float, peak: int, rate: float) -> Measurement:
    aim = Aim(f"{unit} a second", load.answers / seconds, rate, is_floor=True)
    answers = Answers(load.answers, tuple(f"{n} bad responses with status {status}" for status, n in load.bad.items()))
    return Measurement(work, load.answers, seconds, peak, unit=unit, aims=[aim], answers=answers)


def read_listings(clock: Clock, url: str, seconds: float, core: int) -> tuple[Load, list[str]]:
    """Read the three listings repeatedly and in parallel; return the load and the ids of the open models seen."""
    from hub_assets.hub.collect.listing_pages import first_path, list_pages
    from hub_assets.hub.http.client import HubClient

    bodies: dict[str, list[bytes]] = {repo_type: [] for repo_type in REPO_TYPES}

    def pages(first: str, read: list[bytes]) -> Walk:
        path = first
        while True:
            answer = yield path
            read.append(answer.body)
            following = _NEXT.search(answer.head)
            path = following[1].decode().removeprefix(url) if following else first

    # a simulated Hub does not list every field
    refused = {t: next(list_pages(HubClient(url, False), LISTINGS[t])).refused for t in REPO_TYPES}
    walks = [pages(first_path(LISTINGS[t], without=refused[t]), bodies[t]) for t in REPO_TYPES]
    load = burst(clock, url, walks, seconds, core)
    rows = [row for body in bodies["model"] for row in json.loads(body)]
    return load, sorted({row["id"] for row in rows if not row["gated"] and not row["disabled"]})


def read_histories(clock: Clock, url: str, model_ids: list[str], seconds: float, core: int) -> Load:
    """Request the first page of commits of one model after another, in random order."""
    random.Random(0).shuffle(model_ids)

    def histories() -> Walk:
        for model_id in cycle(model_ids):
            yield f"/api/models/{model_id}/commits/main"

    return burst(clock, url, [histories()] * CONNECTIONS, seconds, core)
