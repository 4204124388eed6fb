"""The search index as an asset: one per week, built from the week's documents and the vectors of the previous index.

Building and searching an index belongs in `hub_assets.search`.
"""

import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final

import dagster as dg
import duckdb
import pyarrow as pa
from pydantic import Field

from hub_assets.assets.tables import of_weeks
from hub_assets.home import Home
from hub_assets.partitions import MANY_WEEKS, SNAPSHOTS, snapshot_dates_of
from hub_assets.resources import HomeResource

DOCUMENTS: Final = "int_hub__search_documents"
MOST_EMBEDDED: Final = 50_000
"""Maximum number of texts to embed per week, which takes 40 minutes on two cores at 20 texts per second. Later weeks
embed the rest."""


class SearchConfig(dg.Config):
    """How many texts a run embeds."""

    most_embedded: int = Field(
        default=MOST_EMBEDDED, ge=0, description="Maximum number of texts to embed per week, most downloaded first."
    )


def build_search() -> dg.AssetsDefinition:
    """Build the asset of the search index."""

    @dg.asset(
        deps=[DOCUMENTS],
        partitions_def=SNAPSHOTS,
        backfill_policy=MANY_WEEKS,
        group_name="search",
        kinds={"tantivy"},
    )
    def search__index(
        context: dg.AssetExecutionContext, home: HomeResource, config: SearchConfig
    ) -> Iterator[dg.MaterializeResult]:
        """The week's search index, for searching by words and, if an embedder is installed, by meaning."""
        from hub_assets.search.embedders import available_embedder
        from hub_assets.search.index import build

        embedder = available_embedder()
        if embedder is None:
            context.log.info("No embedder is available, so search will use words alone; install hub-assets[semantic]")
        results: dict[date, dg.MaterializeResult] = {}
        for snapshot_date in snapshot_dates_of(context):
            began = time.monotonic()
            with home.building(snapshot_date) as connection:
                documents = _documents(connection, snapshot_date)
            home.release()
            summary = build(
                documents,
                home.home.search / str(snapshot_date),
                previous=_previous(home.home, snapshot_date),
                embedder=embedder,
                most_embedded=config.most_embedded,
            )
            metadata: dict[str, Any] = {
                "documents": summary.n_documents,
                "with_card": summary.n_with_card,
                "with_vector": summary.n_with_vector,
                "embedded_in_this_run": summary.n_embedded,
                "embedder": embedder.name if embedder else "none",
                "bytes": summary.n_bytes,
                "seconds": round(time.monotonic() - began, 1),
                "path": dg.MetadataValue.path(str(home.home.search / str(snapshot_date))),
            }
            results[snapshot_date] = dg.MaterializeResult(asset_key="search__index", metadata=metadata)
        yield of_weeks(context, "search__index", results)

    return search__index


def _documents(connection: duckdb.DuckDBPyConnection, snapshot_date: date) -> pa.Table:
    return connection.sql(
        "select repo_type, repo_id, namespace, card_text, has_card, task, library, license_group, languages, tags, "
        f"n_parameters, n_likes as likes, n_downloads as downloads from {DOCUMENTS} where snapshot_date = $week",
        params={"week": snapshot_date},
    ).to_arrow_table()


def _previous(home: Home, snapshot_date: date) -> Path | None:
    """Return the folder of the newest index up to and including this week; None if there is no index.

    If the week is rebuilt, this is the week's own index.
    """
    folders = sorted(folder for folder in home.search.glob("????-??-??") if folder.name <= str(snapshot_date))
    return folders[-1] if folders else None
