"""What the raw tables hold: for each type of repository the fields asked for and their types, as Arrow schemas.

Columns bear the API's own names. How rows are asked for or turned into these types does not belong here.
"""

from typing import Final, Literal

import pyarrow as pa

RepoType = Literal["model", "dataset", "space"]
REPO_TYPES: Final[tuple[RepoType, ...]] = ("model", "dataset", "space")

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
"""The `expand` names of each listing and the type each is stored as.

`cardData` and `runtime` are kept as JSON text; `gated` is `false`, `auto` or `manual` (or whatever else was said).
"""

JSON_FIELDS: Final = frozenset({"cardData", "runtime"})


def listing_schema(repo_type: RepoType) -> pa.Schema:
    """Return the Arrow schema of a raw listing table: one row per repository and snapshot date.

    `extra` holds, as a JSON object, what a row carried that is not a column, and values that do not fit their
    column's type; it is null where there is nothing of the kind.
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
