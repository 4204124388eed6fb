"""Lists of repositories that match a search query, are similar to a given repository, or are trending.

Parameters have the names that clients of the semantic-search Spaces already use. Ranking belongs in
`hub_assets.search`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hub_assets.report.serve.columns import Bools, Column, top
from hub_assets.report.serve.endpoints import Answer, Endpoint
from hub_assets.report.serve.parameters import Parameter
from hub_assets.report.serve.published import Reader, Unanswered
from hub_assets.report.text import visible
from hub_assets.search.filters import Filters
from hub_assets.search.index import Hit, UnknownRepository
from hub_assets.vocabulary import REPO_TYPES, RepoType

MOST: Final = 100
"""Maximum number of results, and number of most similar repositories that other sort orders choose from."""
_MEASURES: Final = {"likes": "n_likes", "downloads": "n_downloads", "trending": "trending_score"}
_COLUMNS: Final[Mapping[RepoType, str]] = {
    "model": "organization, task, library, license_group, n_parameters as param_count, created_date, n_likes as likes, "
    "n_downloads as downloads, trending_score",
    "dataset": "organization, benchmark, size_class, languages, license_group, created_date, n_likes as likes, "
    "n_downloads as downloads, trending_score",
    "space": "organization, sdk, license_group, created_date, n_likes as likes, trending_score",
}
_ROWIDS: Final = """
select repo_id, rowid as row_id
from {table}
where snapshot_date = $week and repo_id in (select unnest($ids::varchar[]))
"""

_K: Final = Parameter("k", "Number of results.", "integer", 10, low=1, high=MOST)
_LIKES: Final = Parameter("min_likes", "At least this many likes.", "integer", 0)
_DOWNLOADS: Final = Parameter("min_downloads", "At least this many downloads in 30 days.", "integer", 0)
_PARAMETERS: Final = (
    Parameter("min_param_count", "At least this many parameters.", "integer", 0),
    Parameter("max_param_count", "At most this many parameters.", "integer"),
    Parameter("task", "Task, such as `text-generation`."),
    Parameter("library", "Library, such as `transformers`."),
)
_LICENSE: Final = Parameter("license", "License group.", choices=("permissive", "restrictive", "other", "none"))


def _limits(repo_type: RepoType) -> tuple[Parameter, ...]:
    """Return the parameters for conditions that apply to a repository type."""
    return (
        _LIKES,
        *((_DOWNLOADS,) if repo_type != "space" else ()),
        *(_PARAMETERS if repo_type == "model" else ()),
        _LICENSE,
    )


def _order(repo_type: RepoType, *first: str) -> Parameter:
    names = (*first, *(name for name in _MEASURES if (repo_type, name) != ("space", "downloads")))
    return Parameter(
        "sort_by",
        f"Order of the results, which are chosen from the {MOST} most similar repositories."
        if first
        else "Order of the results.",
        default=first[0] if first else "trending",
        choices=names,
    )


def _filters(values: Mapping[str, Any]) -> Filters:
    # a minimum of 0 excludes nothing, not even repositories whose count is unknown
    return Filters(
        task=values.get("task"),
        library=values.get("library"),
        license_group=values.get("license"),
        language=values.get("language"),
        namespace=values.get("namespace"),
        min_params=values.get("min_param_count") or None,
        max_params=values.get("max_param_count"),
        min_likes=values.get("min_likes") or None,
        min_downloads=values.get("min_downloads") or None,
        has_card={"yes": True, "no": False}.get(values.get("has_card") or ""),
    )


def _with_facts(reader: Reader, repo_type: RepoType, hits: Sequence[Hit], values: Mapping[str, Any]) -> Answer:
    sql = _ROWIDS.format(table=f"mart__{repo_type}s")
    rowids = {row["repo_id"]: row["row_id"] for row in reader.rows(sql, ids=[hit.repo_id for hit in hits])}
    # an id can pass from one repository to another while a listing is read, so two hits can have the same id
    hits = list({hit.repo_id: hit for hit in reversed(hits) if hit.repo_id in rowids}.values())[::-1]
    table = _facts(reader, repo_type, [rowids[hit.repo_id] for hit in hits])
    of_hits = {
        "similarity": pa.array([hit.score for hit in hits], pa.float64()),
        "has_card": pa.array([hit.has_card for hit in hits], pa.bool_()),
        "summary": pa.array([hit.snippet for hit in hits], pa.string()),
    }
    for place, (name, column) in enumerate(of_hits.items(), 1):
        table = table.add_column(place, name, column)
    if values["sort_by"] != "similarity":
        measure = "trending_score" if values["sort_by"] == "trending" else values["sort_by"]
        table = table.take(pc.sort_indices(table, [(measure, "descending")]))  # stable, with nulls last
    return Answer(table.slice(0, values["k"]))


def _facts(reader: Reader, repo_type: RepoType, rowids: Sequence[int]) -> pa.Table:
    return reader.rows_at(f"mart__{repo_type}s", f"repo_id as id, {_COLUMNS[repo_type]}", rowids)


def _n_hits(values: Mapping[str, Any]) -> int:
    return int(values["k"]) if values["sort_by"] == "similarity" else MOST


def _search(repo_type: RepoType) -> Endpoint:
    def answer(reader: Reader, values: Mapping[str, Any]) -> Answer:
        hits = reader.index.search(values["query"], repo_type=repo_type, k=_n_hits(values), filters=_filters(values))
        return _with_facts(reader, repo_type, hits, values)

    return Endpoint(
        f"/search/{repo_type}s",
        f"Find {_name(repo_type)} by what they can do",
        "`summary` is the start of the card. `has_card` is false if the repository has no card, and null if the card "
        "was never requested.",
        (
            Parameter("query", "What to look for, in your own words, or a name.", is_required=True),
            _K,
            _order(repo_type, "similarity"),
            *_limits(repo_type),
            *_OF_DOCUMENTS,
        ),
        answer,
    )


def _similar(repo_type: RepoType) -> Endpoint:
    def answer(reader: Reader, values: Mapping[str, Any]) -> Answer:
        try:
            hits = reader.index.similar(
                values["repo_id"], repo_type=repo_type, k=_n_hits(values), filters=_filters(values)
            )
        except UnknownRepository as error:
            raise Unanswered(
                404, f"The search index has no {repo_type} called {visible(values['repo_id'])}."
            ) from error
        return _with_facts(reader, repo_type, hits, values)

    return Endpoint(
        f"/similarity/{repo_type}s",
        f"{_name(repo_type).capitalize()} similar to a given one",
        "Repositories with similar names, tasks, libraries, tags and cards.",
        (
            Parameter("repo_id", "Id of the repository to compare with.", is_required=True),
            _K,
            _order(repo_type, "similarity"),
            *_limits(repo_type),
            *_OF_DOCUMENTS,
        ),
        answer,
    )


_OF_DOCUMENTS: Final = (
    Parameter("language", "Language code."),
    Parameter("namespace", "User or organization."),
    Parameter("has_card", "Whether the repository has a card.", choices=("yes", "no")),
)
_CONDITIONS: Final[Mapping[str, tuple[str, Callable[[Column, Any], Bools]]]] = {
    "min_likes": ("n_likes", Column.is_at_least),
    "min_downloads": ("n_downloads", Column.is_at_least),
    "min_param_count": ("n_parameters", Column.is_at_least),
    "max_param_count": ("n_parameters", Column.is_at_most),
    "task": ("task", Column.equals),
    "library": ("library", Column.equals),
    "license": ("license_group", Column.equals),
}


def _trending(repo_type: RepoType) -> Endpoint:
    def answer(reader: Reader, values: Mapping[str, Any]) -> Answer:
        columns = reader.columns(f"mart__{repo_type}s")
        selected = np.ones(len(columns), np.bool_)
        for name, (column, is_met) in _CONDITIONS.items():
            # a minimum of 0 excludes nothing, not even repositories whose count is unknown
            if values.get(name) is not None and (is_met, values[name]) != (Column.is_at_least, 0):
                selected &= is_met(columns[column], values[name])
        rows = top(columns[_MEASURES[values["sort_by"]]].codes, selected, values["k"])
        return Answer(_facts(reader, repo_type, columns.rowids[rows].tolist()))

    return Endpoint(
        f"/trending/{repo_type}s",
        f"Trending {_name(repo_type)}",
        "Sorted by the Hub's trending score for the week, or by another measure.",
        (_K, _order(repo_type), *_limits(repo_type)),
        answer,
    )


def _name(repo_type: RepoType) -> str:
    return "Spaces" if repo_type == "space" else f"{repo_type}s"


ENDPOINTS: Final = tuple(make(repo_type) for make in (_search, _similar, _trending) for repo_type in REPO_TYPES)
