"""Arrow schemas of the raw tables.

Listings have a row per repository and use the API's own names. The other tables have a row per response: the question,
how the request ended (the response log), and the data. Requesting and converting rows does not belong here.
"""

from typing import Final, Literal

import pyarrow as pa

RepoType = Literal["model", "dataset", "space"]
REPO_TYPES: Final[tuple[RepoType, ...]] = ("model", "dataset", "space")

GREATEST_COUNT: Final = 10**15
"""Upper limit for counts: a petabyte, or a thousand times the downloads of the most used model. A float represents
every whole number up to this limit exactly, and a BIGINT holds the sum of nine thousand such counts."""
FIRST_MOMENT: Final = "0001-01-01 00:00:00"
LAST_MOMENT: Final = "9999-12-31 23:59:59.999999"
"""The range of timestamps that Python, Parquet and SQL all support."""

_TIME = pa.timestamp("us")
_TAGS = pa.list_(pa.string())

_EVERY: Final[dict[str, pa.DataType]] = {
    "author": pa.string(),
    "createdAt": _TIME,
    "lastModified": _TIME,
    "sha": pa.string(),
    "private": pa.bool_(),
}
_DOWNLOADED: Final[dict[str, pa.DataType]] = _EVERY | {
    "gated": pa.string(),
    "disabled": pa.bool_(),
    "likes": pa.int64(),
    "downloads": pa.int64(),
    "downloadsAllTime": pa.int64(),
    "trendingScore": pa.float64(),
    "tags": _TAGS,
}
FIELDS: Final[dict[RepoType, dict[str, pa.DataType]]] = {
    "model": _DOWNLOADED
    | {
        "pipeline_tag": pa.string(),
        "library_name": pa.string(),
        "safetensors": pa.struct([("total", pa.int64()), ("parameters", pa.map_(pa.string(), pa.int64()))]),
        "cardData": pa.string(),
        "baseModels": pa.string(),
        "config": pa.string(),
        "gguf": pa.string(),
    },
    "dataset": _DOWNLOADED | {"cardData": pa.string(), "description": pa.string(), "mainSize": pa.int64()},
    "space": _EVERY
    | {
        "disabled": pa.bool_(),
        "likes": pa.int64(),
        "trendingScore": pa.float64(),
        "tags": _TAGS,
        "cardData": pa.string(),
        "sdk": pa.string(),
        "models": pa.list_(pa.string()),
        "datasets": pa.list_(pa.string()),
        "runtime": pa.string(),
        "subdomain": pa.string(),
    },
}
"""The `expand` names of each listing and their column types.

All integers are counts from 0 to `GREATEST_COUNT`, and timestamps lie between `FIRST_MOMENT` and `LAST_MOMENT`; any
other value is a type mismatch. Fields in `JSON_FIELDS` are stored as JSON text because their shape may change. `gated`
is `false`, `auto` or `manual` (or whatever else the Hub sends). The Hub returns `baseModels` for a single model and, as
far as we know, rejects it in listings, which costs a call; we request it because a past week cannot be listed again.
With `config` and `gguf`, a page of 1,000 models from `local_hub` grew from 0.56 to 0.75 MB and took 0.14 s instead of
0.09 s; the real Hub's chat templates may be longer.
"""

JSON_FIELDS: Final = frozenset({"cardData", "runtime", "baseModels", "config", "gguf"})


def listing_schema(repo_type: RepoType) -> pa.Schema:
    """Return the Arrow schema of a raw listing table: one row per snapshot date and repository.

    `extra` is a JSON object with the fields that have no column and the values that do not fit their column's type. It
    is null if there are none.
    """
    return pa.schema(
        [
            pa.field("snapshot_date", pa.date32(), nullable=False),
            pa.field("observed_at", _TIME, nullable=False),
            pa.field("_id", pa.string(), nullable=False),
            pa.field("id", pa.string()),
            *(pa.field(name, kind) for name, kind in FIELDS[repo_type].items()),
            pa.field("extra", pa.string()),
        ]
    )


OUTCOMES: Final = (
    "ok",
    "not_modified",
    "gated",
    "disabled",
    "gone",
    "moved",
    "discussions_off",
    "failed",
    "not_asked",
)
"""Possible outcomes. `not_modified` never occurs in a response: the known history was still valid, so no request was
sent."""

_RESPONSE_LOG: Final[dict[str, pa.DataType]] = {
    "observed_at": _TIME,
    "outcome": pa.string(),
    "status": pa.int64(),
    "error_code": pa.string(),
    "message": pa.string(),
    "attempts": pa.int64(),
    "calls": pa.int64(),
}
_FETCH: Final[dict[str, pa.DataType]] = {
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
_COMMIT: Final = pa.struct(
    [
        ("id", pa.string()),
        ("title", pa.string()),
        ("date", _TIME),
        ("authors", pa.list_(pa.struct([("user", pa.string()), ("has_avatar", pa.bool_())]))),
        ("trailers", pa.list_(pa.struct([("name", pa.string()), ("handle", pa.string())]))),
    ]
)
_DISCUSSION: Final = pa.struct(
    [
        ("num", pa.int64()),
        ("title", pa.string()),
        ("status", pa.string()),
        ("is_pull_request", pa.bool_()),
        ("created_at", _TIME),
        ("author", pa.string()),
        ("author_type", pa.string()),
        ("n_comments", pa.int64()),
    ]
)
ANSWERS: Final[dict[str, dict[str, pa.DataType]]] = {
    "raw_hub__commits": _RESPONSE_LOG | _FETCH | {"commits": pa.list_(_COMMIT)},
    "raw_hub__discussions": _RESPONSE_LOG | _FETCH | {"discussions": pa.list_(_DISCUSSION)},
    "enrich_hub__aliases": _RESPONSE_LOG
    | {"repo_type": pa.string(), "repo_id": pa.string(), "target_id": pa.string(), "repo_key": pa.string()},
    "enrich_hub__accounts": _RESPONSE_LOG
    | {
        "author": pa.string(),
        "account_key": pa.string(),
        "account_type": pa.string(),
        "name": pa.string(),
        "fullname": pa.string(),
        "created_at": _TIME,
        "organizations": pa.list_(pa.struct([("account_key", pa.string()), ("name", pa.string())])),
    },
}
"""The response tables: first the response log columns, then the question, then the data.

A fetch reads a repository's history page by page to its end; it counts only if its last page arrived. A history version
is a fetch of the complete history plus the later fetches that appended to it. Known commits are not requested again; a
rewritten history (a squash, a force-push) opens a new history version.
"""


def answers_schema(table: str) -> pa.Schema:
    """Return the Arrow schema of a response table: one row per response."""
    return pa.schema(
        [
            pa.field("snapshot_date", pa.date32(), nullable=False),
            *(pa.field(name, kind, nullable=name != "observed_at") for name, kind in ANSWERS[table].items()),
        ]
    )
