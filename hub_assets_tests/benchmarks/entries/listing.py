"""Listing the Hub into raw tables, compared with the study's script."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub_assets.hub.sources.listings import LISTINGS
from hub_assets.vocabulary import REPO_TYPES
from hub_assets_tests.benchmarks.processes import Clock, Timed, measure
from hub_assets_tests.benchmarks.records import Measurement, compare
from hub_assets_tests.benchmarks.stage import WEEK, Stage, benchmark

Totals = dict[str, float | None]


@dataclass(frozen=True)
class Listed:
    """A home with the week's raw listings, their number of rows, and totals for comparison."""

    home: Path
    rows: int
    totals: Totals


def listed(stage: Stage) -> Timed[Listed]:
    """List the whole Hub into a home."""
    with stage.local_hub() as hub:
        return measure(land_listings, hub.url, stage.folder / "home")


@benchmark("listing crawl", order=40)
def listing_crawl(stage: Stage) -> Iterator[Measurement]:
    """List the Hub the way a snapshot does, and again the way the study's script does."""
    ours = stage.once(listed)
    with stage.local_hub() as hub:
        peer = measure(list_as_published, hub.url)
    yield ours.measurement(
        "listing crawl",
        ours.result.rows,
        peers=[peer.peer("HfApi into pandas")],
        answers=compare(ours.result.totals, peer.result),
        grows=True,
    )


def land_listings(clock: Clock, url: str, home: Path) -> Listed:
    """List models, datasets and spaces into the lake of a home."""
    import duckdb

    from hub_assets.home import Home
    from hub_assets.hub.collect.listing import land_listing
    from hub_assets.hub.http.client import HubClient

    lake = Home(home).lake
    with clock:
        client = HubClient(url, False)
        rows = sum(land_listing(client, lake, LISTINGS[repo_type], WEEK).rows for repo_type in REPO_TYPES)
    totals: Totals = {}
    for repo_type in REPO_TYPES:
        found = duckdb.execute(
            f"""
            select
                count(*) as rows,
                count(distinct id) as ids,
                epoch(max(lastModified)) as newest,
                sum(likes) as likes,
                sum({"null" if repo_type == "space" else "downloads"}) as downloads,
                count(*) filter (list_bool_or(list_transform(tags, lambda tag: contains(tag, 'license:')))) as licensed
            from read_parquet($files)
            """,
            {"files": [str(file) for file in lake.files(f"raw_hub__{repo_type}s", WEEK)]},
        )
        (values,) = found.fetchall()
        names = [column[0] for column in found.description]
        totals |= {f"{repo_type} {name}": value for name, value in zip(names, values, strict=True)}
    return Listed(home, rows, totals)


def list_as_published(clock: Clock, url: str) -> Totals:
    """List the way Osborne, Ding and Kirk's scripts do: collect all objects in a list and build a data frame."""
    import pandas as pd
    from huggingface_hub import HfApi

    frames = {}
    with clock:
        api = HfApi(endpoint=url, token=False)
        listings: dict[str, Iterable[Any]] = {
            "model": api.list_models(full=True),
            "dataset": api.list_datasets(full=True),
            "space": api.list_spaces(full=True),
        }
        for repo_type, listing in listings.items():
            rows: list[dict[str, Any]] = []
            for repo in list(listing):
                tags = repo.tags or []
                rows.append(
                    {
                        "id": repo.id,
                        "author": repo.author,
                        "lastModified": repo.last_modified,
                        "likes": repo.likes,
                        "downloads": getattr(repo, "downloads", None),  # Spaces have no downloads
                        "tags": ", ".join(tags),
                        "license": next((tag for tag in tags if "license:" in tag), None),
                    }
                )
            frames[repo_type] = pd.DataFrame(rows)
    totals: Totals = {}
    for repo_type, frame in frames.items():
        totals |= {
            f"{repo_type} rows": len(frame),
            f"{repo_type} ids": frame["id"].nunique(),
            f"{repo_type} newest": frame["lastModified"].max().timestamp(),
            f"{repo_type} likes": int(frame["likes"].sum()),
            f"{repo_type} downloads": None if repo_type == "space" else int(frame["downloads"].sum()),
            f"{repo_type} licensed": int(frame["license"].notna().sum()),
        }
    return totals
