"""The content of a release: the listings, with hub-stats' columns, and warehouse tables that do not name people.

Both lists are explicit: a table that is not named here is not released. A table with a column that the yml marks as
personal is refused even if it is named here.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

import pyarrow as pa

from hub_assets.errors import HubAssetsError
from hub_assets.warehouse.sql_project import Project, Table

_TIME: Final = pa.timestamp("us")
_TEXTS: Final = pa.list_(pa.string())


class ReleaseError(HubAssetsError):
    """A release cannot be built or published; the message says why and what to do."""


@dataclass(frozen=True)
class Part:
    """A table of a release: the name of its config, the SELECT that returns a week's rows in order, and its columns.

    If `schema` is None, the columns keep the types that the SELECT returns. `descriptions` maps column names to their
    descriptions.
    """

    name: str
    description: str
    select: str
    key: tuple[str, ...]
    descriptions: dict[str, str]
    schema: pa.Schema | None = None


@dataclass(frozen=True)
class _Field:
    """A column of a listing: type, SQL expression over the staging view (None if not collected), and description."""

    type: pa.DataType
    expression: str | None
    description: str


def _same(kind: pa.DataType, description: str, expression: str) -> _Field:
    return _Field(kind, expression, description)


_BASE_MODELS: Final = pa.struct(
    [("relation", pa.string()), ("models", pa.list_(pa.struct([("_id", pa.string()), ("id", pa.string())])))]
)
_NOT_COLLECTED: Final = "Not collected; always null."
_EVERY: Final = {
    "_id": _same(pa.string(), "The Hub's permanent repository key.", "repo_key"),
    "id": _same(pa.string(), "`namespace/name`, or just a name.", "repo_id"),
    "author": _same(pa.string(), "Namespace.", "author"),
    "createdAt": _same(_TIME, "Creation time; 2022-03-02 at the earliest.", "created_at"),
    "lastModified": _same(_TIME, "Date of the head commit.", "last_modified_at"),
    "sha": _same(pa.string(), "Head commit of the default branch.", "sha"),
    "likes": _same(pa.int64(), "Likes.", "n_likes"),
    "trendingScore": _same(pa.float64(), "The Hub's trending score.", "trending_score"),
    "tags": _same(_TEXTS, "All tags.", "tags"),
    "cardData": _same(pa.string(), "Selected fields of the card's metadata, as JSON text.", "card_json"),
    "private": _Field(pa.bool_(), None, _NOT_COLLECTED),
    "disabled": _same(pa.bool_(), "Whether the Hub has disabled the repository.", "is_disabled"),
}
_DOWNLOADED: Final = {
    "downloads": _same(pa.int64(), "Downloads in the preceding 30 days.", "n_downloads"),
    "downloadsAllTime": _same(
        pa.int64(), "Downloads since the Hub started counting; null if not observed, never 0.", "n_downloads_all_time"
    ),
    "gated": _same(pa.string(), "`false`, `auto` or `manual`.", "gated"),
}
_LISTINGS: Final[dict[str, dict[str, _Field]]] = {
    "models": _EVERY
    | _DOWNLOADED
    | {
        "pipeline_tag": _same(pa.string(), "Task.", "pipeline_tag"),
        "library_name": _same(pa.string(), "Library.", "library_name"),
        "config": _same(pa.string(), "Architectures and model type, as JSON text.", "config_json"),
        "siblings": _Field(pa.list_(pa.struct([("rfilename", pa.string())])), None, _NOT_COLLECTED),
        "baseModels": _same(
            _BASE_MODELS,
            "Base models as resolved by the Hub; null if the listing omits them.",
            """json_transform(base_models_json, '{"relation": "VARCHAR", "models": [{"_id": "VARCHAR", "id": """
            """"VARCHAR"}]}')""",
        ),
        "safetensors": _same(
            pa.struct([("total", pa.int64())]),
            "Number of parameters in the weights.",
            "case when n_parameters is not null then {'total': n_parameters} end",
        ),
        "gguf": _same(pa.string(), "Architecture, context length and parameters, as JSON text.", "gguf_json"),
    },
    "datasets": _EVERY
    | _DOWNLOADED
    | {
        "description": _same(pa.string(), "Opening text of the card.", "description"),
        "mainSize": _same(pa.int64(), "Size of the default branch in bytes.", "n_bytes"),
        "key": _Field(pa.string(), None, _NOT_COLLECTED),
        "citation": _Field(pa.string(), None, _NOT_COLLECTED),
        "paperswithcode_id": _Field(pa.string(), None, _NOT_COLLECTED),
    },
    "spaces": _EVERY
    | {
        "sdk": _same(pa.string(), "SDK that the Space runs on.", "sdk"),
        "models": _same(_TEXTS, "Ids of the models that the Space uses, spelled as in the listing.", "model_ids"),
        "datasets": _same(_TEXTS, "Ids of the datasets that the Space uses, spelled as in the listing.", "dataset_ids"),
        "runtime": _Field(pa.string(), None, _NOT_COLLECTED),
        "subdomain": _same(pa.string(), "Subdomain that serves the Space.", "subdomain"),
    },
}
LISTINGS: Final = tuple(_LISTINGS)
SNAPSHOT_DATE: Final = "Monday of the snapshot week."

RELEASED: Final = (
    "core__repo_anomalies",
    "core__week_quality",
    "mart__activity_summary",
    "mart__base_model_edges",
    "mart__history_coverage",
    "mart__repo_activity",
    "mart__top_repositories",
    "mart__usage_edges",
    "mart__usage_resolution",
    "mart__week_coverage",
    "mart__weekly_flows",
    "network__base_model_cycles",
    "network__collaboration_cores",
    "network__collaboration_over_time",
    "network__model_co_usage",
    "network__model_usage",
    "network__null_models",
    "network__summary",
    "network__top_organizations",
    "network__usage_summary",
    "stats__claims",
    "stats__concentration",
    "stats__correlations",
    "stats__license_shares",
    "stats__license_tests",
    "stats__lorenz",
    "stats__tail_fits",
)
"""The warehouse tables in a release.

Networks and centralities of individual developers are left out on purpose, because comparing a network with public
commit histories could reveal the people behind its pseudonyms.
"""


def parts_of(project: Project, snapshot_date: date) -> list[Part]:
    """Return the tables of a week's release, listings first.

    Raises:
        ReleaseError: if a table to release has a personal column.
    """
    listings = [_listing(name, fields, snapshot_date) for name, fields in _LISTINGS.items()]
    tables = [project.tables[name] for name in RELEASED if name in project.tables]
    return [*listings, *(_part(table, snapshot_date) for table in tables)]


def _listing(name: str, fields: dict[str, _Field], snapshot_date: date) -> Part:
    columns = ", ".join(f'{field.expression or "null"} as "{column}"' for column, field in fields.items())
    return Part(
        name,
        f"One row per week and listed {name.removesuffix('s')}, with the columns of hub-stats.",
        f"select {columns}, snapshot_date from stg_hub__{name} "
        f"where snapshot_date = date '{snapshot_date}' order by repo_key",
        ("snapshot_date", "_id"),
        {**{column: field.description for column, field in fields.items()}, "snapshot_date": SNAPSHOT_DATE},
        pa.schema([*((column, field.type) for column, field in fields.items()), ("snapshot_date", pa.date32())]),
    )


def _part(table: Table, snapshot_date: date) -> Part:
    if table.personal:
        raise ReleaseError(
            f"{table.name} has personal columns ({', '.join(sorted(table.personal))}); do not release it"
        )
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    return Part(
        table.name,
        table.description,
        f"select {columns} from {table.name} where snapshot_date = date '{snapshot_date}' order by all",
        table.grain,
        {column.name: column.description for column in table.columns},
    )
