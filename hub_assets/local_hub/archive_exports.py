"""Exports a population's listings as the public archives do, by committing Parquet files in the schema of an era.

The columns, types and dates of the eras follow descriptions published by users of cfahlgren1/hub-stats. Where the
descriptions do not say whether a column was text or a struct, the eras alternate, so that readers encounter both. The
caller decides which populations to export and what they contain.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from hub_assets.local_hub.population import Population
from hub_assets.local_hub.repositories import Commit, Repositories, Repository
from hub_assets.vocabulary import REPO_TYPES, RepoType

HUB_STATS: Final = "cfahlgren1/hub-stats"
WEEKLY_SNAPSHOTS: Final = "hfmlsoc/hub_weekly_snapshots"

_DTYPES: Final = ("F32", "F16", "BF16", "I64", "I8", "U8", "F8_E4M3", "Q4")
_PARAMETERS: Final = ", ".join(f"'{dtype}': safetensors.parameters['{dtype}']" for dtype in _DTYPES)
_SAFETENSORS: Final = (
    f"case when safetensors is not null then {{'parameters': {{{_PARAMETERS}}}, 'total': safetensors.total}} end"
)
_BASE_MODELS: Final = (
    """from_json(baseModels, '{"relation": "VARCHAR", "models": [{"_id": "VARCHAR", "id": "VARCHAR"}]}')"""
)
_SIBLINGS: Final = "[{'rfilename': '.gitattributes'}, {'rfilename': 'README.md'}]"
_GATED: Final = "case gated when 'false' then 'False' when 'true' then 'True' else gated end"

Columns = dict[str, str]
"""SQL expressions over the API's fields, keyed by the name of the column in the file."""


@dataclass(frozen=True)
class Era:
    """The schema of files uploaded since a date: the content of each column, by repository type."""

    name: str
    since: date
    columns: Mapping[RepoType, Columns]


def _same(*names: str) -> dict[str, str]:
    return {name: f'"{name}"' for name in names}


def _times(kind: str) -> dict[str, str]:
    return {name: f"{name}::timestamptz::{kind}" for name in ("createdAt", "lastModified")}


_KEYS: Final = _same("_id", "id", "author")
_FIRST: Final[dict[RepoType, Columns]] = {
    "model": _KEYS
    | _same("createdAt", "lastModified", "likes", "downloads", "tags", "pipeline_tag", "library_name")
    | {"siblings": _SIBLINGS, "config": "config"},
    "dataset": _KEYS | _same("createdAt", "lastModified", "likes", "downloads", "tags", "description") | {"key": "''"},
    "space": _KEYS | _same("createdAt", "lastModified", "likes", "tags", "sdk"),
}
_SECOND: Final[dict[RepoType, Columns]] = {
    "model": _FIRST["model"]
    | _times("timestamp_ns")
    | {"cardData": "cardData", "trendingScore": "trendingScore", "safetensors": f"to_json({_SAFETENSORS})::varchar"},
    "dataset": _FIRST["dataset"] | _times("timestamp_ns") | _same("cardData", "trendingScore"),
    "space": _FIRST["space"] | _times("timestamp_ns") | _same("cardData", "trendingScore"),
}
_THIRD: Final[dict[RepoType, Columns]] = {
    "model": _SECOND["model"]
    | _times("timestamptz")
    | {
        **_same("downloadsAllTime", "gguf", "sha"),
        "safetensors": _SAFETENSORS,
        "trendingScore": "trendingScore::double",
        "gated": _GATED,
    },
    "dataset": _SECOND["dataset"]
    | _times("timestamptz")
    | {
        **_same("downloadsAllTime", "sha"),
        "trendingScore": "trendingScore::double",
        "gated": _GATED,
        "disabled": "disabled",
    },
    "space": _SECOND["space"] | _times("timestamptz") | {"trendingScore": "trendingScore::double"},
}
_FOURTH: Final[dict[RepoType, Columns]] = {
    "model": _THIRD["model"]
    | _times("timestamp")
    | {
        "trendingScore": "trendingScore",
        "baseModels": _BASE_MODELS,
        "gguf": """from_json(gguf, '{"total": "BIGINT", "architecture": "VARCHAR", "context_length": "BIGINT"}')""",
        "config": """from_json(config, '{"architectures": ["VARCHAR"], "model_type": "VARCHAR"}')""",
        "downloads": "downloads::double",
    },
    "dataset": _THIRD["dataset"] | _times("timestamp") | _same("mainSize"),
    "space": _THIRD["space"] | _times("timestamp") | _same("runtime", "sha"),
}
ERAS: Final = (
    Era("first", date(2024, 7, 29), _FIRST),
    Era("card data and trending", date(2024, 10, 1), _SECOND),
    Era("all-time downloads", date(2025, 2, 26), _THIRD),
    Era("base models", date(2026, 1, 1), _FOURTH),
)
"""The eras of hub-stats, oldest first."""


def era_of(day: date) -> Era:
    """Return the era that a day falls in; days before the archive began fall in the first era."""
    return max((era for era in ERAS if era.since <= day), key=lambda era: era.since, default=ERAS[0])


def export_listing(population: Population, repo_type: RepoType, era: Era) -> pa.Table:
    """Return a listing in an era's schema; fields that the population lacks are null."""
    table = population.repos[repo_type].table
    columns = era.columns[repo_type]
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        connection.execute("set timezone = 'UTC'")
        connection.register("given", table)
        fields = {name: kind for fields in _FIELDS.values() for name, kind in fields.items()}
        missing = [f'null::{kind} as "{name}"' for name, kind in fields.items() if name not in table.column_names]
        select = ", ".join(f'{expression} as "{name}"' for name, expression in columns.items())
        source = f"select {', '.join(['*', *missing])} from given"
        return connection.sql(f"select {select} from ({source}) order by _id").to_arrow_table()


_FIELDS: Final[dict[str, dict[str, str]]] = {
    "text": dict.fromkeys(
        (
            *("author", "createdAt", "lastModified", "pipeline_tag", "library_name", "config", "description", "sdk"),
            *("cardData", "gguf", "sha", "gated", "baseModels", "runtime"),
        ),
        "varchar",
    ),
    "counts": dict.fromkeys(("likes", "downloads", "downloadsAllTime", "trendingScore", "mainSize"), "bigint"),
    "others": {
        "tags": "varchar[]",
        "disabled": "boolean",
        "safetensors": "struct(parameters map(varchar, bigint), total bigint)",
    },
}


def parquet_of(table: pa.Table) -> bytes:
    """Return a table as the bytes of a Parquet file."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def archive_at(store: Repositories, repo_id: str, since: datetime) -> Repository:
    """Return an archive's repository; create it if it does not exist."""
    return store.find("dataset", repo_id) or store.create("dataset", repo_id, date=since)


def upload(store: Repositories, repository: Repository, path: str, table: pa.Table, at: datetime) -> Commit:
    """Commit a listing as the archives do, with one file per commit."""
    return repository.commit(f"Upload {path} with huggingface_hub", {path: store.put(parquet_of(table))}, date=at)


def export_hub_stats(store: Repositories, population: Population, at: datetime, era: Era | None = None) -> None:
    """Upload the three listings of a population to hub-stats, a minute apart.

    Args:
        store: the store that holds the archive.
        population: the population to list.
        at: time of the first upload, which must be later than the archive's last upload.
        era: the schema; by default, the era of the upload's day.
    """
    repository = archive_at(store, HUB_STATS, at)
    for minute, repo_type in enumerate(REPO_TYPES):
        table = export_listing(population, repo_type, era or era_of(at.astimezone(UTC).date()))
        upload(store, repository, f"{repo_type}s.parquet", table, at + timedelta(minutes=minute))
