"""Raw tables of histories: what the tables of commits and discussions have in common.

Combines `plan` (choosing repositories) and `fetches` (reading their histories).
"""

from functools import partial
from typing import Final

import pyarrow as pa

from hub_assets.hub.collect.fetches import HistorySpec, answers
from hub_assets.hub.collect.plan import plan_histories
from hub_assets.hub.collect.raw_table import ResponseTable
from hub_assets.vocabulary import REPO_TYPES

FETCH_COLUMNS: Final[dict[str, pa.DataType]] = {
    "repo_type": pa.string(),
    "repo_key": pa.string(),
    "repo_id": pa.string(),
    "final_id": pa.string(),
    "listed_sha": pa.string(),
    "listed_gated": pa.string(),
    "listed_likes": pa.int64(),
    "listed_downloads": pa.int64(),
    "sample_share": pa.float64(),
    "fetch_number": pa.int64(),
    "page": pa.int64(),
    "is_last": pa.bool_(),
    "next_path": pa.string(),
    "history_version": pa.int64(),
    "head": pa.string(),
    "n_total": pa.int64(),
    "n_fetched": pa.int64(),
    "n_type_mismatches": pa.int64(),
}
"""The columns of a fetch.

A fetch reads a repository's history page by page to its end; it counts only if its last page arrived. A history version
is a fetch of the complete history plus the later fetches that appended to it. Known commits are not stored again; a
rewritten history (a squash, a force-push) starts a new history version.
"""


def history_table(spec: HistorySpec, item: pa.DataType, *, position: int, budget_share: float) -> ResponseTable:
    """Return the raw table for a type of history; `item` is the Arrow type of a stored commit or discussion."""
    return ResponseTable(
        name=spec.table,
        columns=FETCH_COLUMNS | {spec.items: pa.list_(item)},
        label=spec.items,
        plan=partial(plan_histories, spec=spec),
        ask=partial(answers, kind=spec),
        position=position,
        budget_share=budget_share,
        reads=tuple(f"raw_hub__{repo_type}s" for repo_type in REPO_TYPES),
    )
