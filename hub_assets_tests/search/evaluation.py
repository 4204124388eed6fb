"""Search quality: ranking measures for queries with known answers, and their bootstrap intervals.

nDCG with binary relevance after Järvelin and Kekäläinen (2002); recall@k is the share of a query's relevant documents
among the first k.
"""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from hub_assets.search.documents import SCHEMA
from hub_assets.vocabulary import RepoType

K = 10
DRAWS = 5_000
Scores = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Query:
    text: str
    repo_type: RepoType
    relevant: frozenset[str]


def ndcg(found: Sequence[str], relevant: frozenset[str], k: int = K) -> float:
    gains = sum(1 / np.log2(place + 2) for place, one in enumerate(found[:k]) if one in relevant)
    return float(gains / sum(1 / np.log2(place + 2) for place in range(min(k, len(relevant)))))


def recall(found: Sequence[str], relevant: frozenset[str], k: int = K) -> float:
    return len(set(found[:k]) & relevant) / len(relevant)


def scores(queries: Sequence[Query], search: Callable[[Query], Sequence[str]]) -> Scores:
    """Return nDCG@10 and recall@10 of each query."""
    found = [search(query) for query in queries]
    pairs = [
        (ndcg(ids, query.relevant), recall(ids, query.relevant)) for ids, query in zip(found, queries, strict=True)
    ]
    return np.array(pairs)


def interval(values: Scores, seed: int = 0) -> tuple[float, float]:
    """Return the 95% percentile bootstrap interval for a mean over queries."""
    drawn = np.random.default_rng(seed).integers(0, len(values), (DRAWS, len(values)))
    low, high = np.quantile(values[drawn].mean(axis=1), (0.025, 0.975))
    return float(low), float(high)


def golden_queries(folder: Path) -> list[Query]:
    with (folder / "golden.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [Query(row["query"], row["repo_type"], frozenset(row["relevant_ids"].split(";"))) for row in rows]  # type: ignore[arg-type]


def golden_documents(folder: Path) -> pa.Table:
    """Return the recorded cards as documents, with the text that the pipeline would store."""
    from hub_assets.hub.sources.cards import paragraphs_of

    cards = pq.read_table(folder / "cards.parquet")
    columns = {
        "repo_type": cards["repo_type"],
        "repo_id": cards["id"],
        "card_text": pa.array([paragraphs_of(text) for text in cards["text"].to_pylist()]),
        "has_card": pa.array([True] * len(cards)),
        "task": pa.array([tasks[0] if tasks else None for tasks in cards["task"].to_pylist()], pa.string()),
        "languages": cards["language"],
        "tags": pa.array([[tag for tag in tags or [] if ":" not in tag] for tags in cards["tags"].to_pylist()]),
    }
    unknown = {field.name: pa.nulls(len(cards), field.type) for field in SCHEMA}
    return pa.table(unknown | columns).cast(SCHEMA)
