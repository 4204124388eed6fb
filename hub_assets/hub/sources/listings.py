"""The listings of models, datasets and Spaces: which fields to request, and their column types."""

from typing import Final

import pyarrow as pa

from hub_assets.hub.collect.raw_table import TIME, ListingTable
from hub_assets.vocabulary import REPO_TYPES, RepoType

_TAGS = pa.list_(pa.string())

_EVERY: Final[dict[str, pa.DataType]] = {
    "author": pa.string(),
    "createdAt": TIME,
    "lastModified": TIME,
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
_FIELDS: Final[dict[RepoType, dict[str, pa.DataType]]] = {
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
other value is a type mismatch. Fields in `_JSON_FIELDS` are stored as JSON text because their shape may change. `gated`
is `false`, `auto` or `manual` (or whatever else the Hub sends). The Hub returns `baseModels` for a single model and, as
far as we know, rejects it in listings. We request it anyway: it costs a call, but if the Hub ever lists it, we do not
miss a week.
With `config` and `gguf`, a page of 1,000 models from `local_hub` grew from 0.56 to 0.75 MB and took 0.14 s instead of
0.09 s; the real Hub's chat templates may be longer.
"""

_JSON_FIELDS: Final = frozenset({"cardData", "runtime", "baseModels", "config", "gguf"})

LISTINGS: Final[dict[RepoType, ListingTable]] = {
    repo_type: ListingTable(repo_type, _FIELDS[repo_type], _JSON_FIELDS) for repo_type in REPO_TYPES
}
"""The raw table of each listing."""
