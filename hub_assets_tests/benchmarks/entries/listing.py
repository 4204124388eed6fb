"""Listing the Hub into raw tables, compared with the study's script."""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hub_assets.hub.sources.listings import LISTINGS
from hub_assets.vocabulary import REPO_TYPES, RepoType
from hub_assets_tests.benchmarks.processes import Clock, Timed, measure
from hub_assets_tests.benchmarks.records import Aim, Measurement, compare
from hub_assets_tests.benchmarks.stage import WEEK, Stage, benchmark

UNLISTED: Final = "baseModels"
"""The one field that we request but the Hub rejects in listings (models only)."""
WHY: Final = "it requests fewer fields, keeps only seven columns, and stores nothing"

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
    """List the Hub as a snapshot does, then with huggingface_hub: the same fields, and as the study's script did."""
    ours = stage.once(listed)
    with stage.local_hub() as hub:
        peer = measure(list_by_library, hub.url, True)
    with stage.local_hub() as hub:
        published = measure(list_by_library, hub.url, False)
    if peer.result != published.result:
        raise ValueError(f"the peers differ: {peer.result} and {published.result}")
    yield ours.measurement(
        "listing crawl",
        ours.result.rows,
        peers=[peer.peer("HfApi, same fields"), published.peer("HfApi, as published", WHY)],
        aims=[
            ours.ahead_of(peer, 1.5),
            Aim("memory relative to the peer", ours.peak / peer.peak, 2, is_for_every_scale=True),
        ],
        answers=compare(ours.result.totals, peer.result),
        grows=True,
    )


def listings_only(home: Path, name: str) -> Path:
    """Return a new home that contains only the listings of the given home."""
    other = home.with_name(f"home-{name}")
    for repo_type in REPO_TYPES:
        table = f"raw_hub__{repo_type}s"
        shutil.copytree(home / "lake" / table, other / "lake" / table)
    return other


def land_listings(clock: Clock, url: str, home: Path) -> Listed:
    """List models, datasets and spaces into the lake of a home."""
    import duckdb
    import pandas  # noqa: F401  # pyarrow would import it when it first converts a list, while the clock runs

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


def list_by_library(clock: Clock, url: str, all_fields: bool) -> Totals:
    """List the way Osborne, Ding and Kirk's scripts do: collect all objects in a list and build a data frame.

    Args:
        clock: times the listings.
        url: the Hub.
        all_fields: whether to request the same fields as our listing, with rows sorted by creation date as ours are. If
            false, request what the scripts do: fewer fields, in the Hub's default order.
    """
    import pandas as pd
    from huggingface_hub import HfApi

    def wanted(repo_type: RepoType) -> dict[str, Any]:
        fields = [name for name in LISTINGS[repo_type].fields if name != UNLISTED]
        return {"expand": fields, "sort": "created_at"} if all_fields else {"full": True}

    frames = {}
    with clock:
        api = HfApi(endpoint=url, token=False)
        listings: dict[str, Iterable[Any]] = {
            "model": api.list_models(**wanted("model")),
            "dataset": api.list_datasets(**wanted("dataset")),
            "space": api.list_spaces(**wanted("space")),
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
