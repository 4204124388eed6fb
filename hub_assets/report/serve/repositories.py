"""Lists of repositories: found by what they can do, similar to another one, or trending.

Parameters have the names that clients of the semantic-search Spaces already use. Ranking belongs in
`hub_assets.search`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from hub_assets.report.serve.endpoints import Answer, Endpoint
from hub_assets.report.serve.parameters import Parameter
from hub_assets.report.serve.published import Reader, Unanswered
from hub_assets.report.text import visible
from hub_assets.search.filters import Filters
from hub_assets.search.index import Hit, UnknownRepository
from hub_assets.vocabulary import REPO_TYPES, RepoType

MOST: Final = 100
"""Maximum number of results, and number of most similar ones to choose from when sorting by something else."""
_MEASURES: Final = {"likes": "n_likes", "downloads": "n_downloads", "trending": "trending_score"}
_COLUMNS: Final[Mapping[RepoType, str]] = {
    "model": "organization, task, library, license_group, n_parameters as param_count, created_date, n_likes as likes, "
    "n_downloads as downloads, trending_score",
    "dataset": "organization, benchmark, size_class, languages, license_group, created_date, n_likes as likes, "
    "n_downloads as downloads, trending_score",
    "space": "organization, sdk, license_group, created_date, n_likes as likes, trending_score",
}
_FOUND: Final = """
with
hits as (
    select unnest($ids::varchar[]) as id, unnest($scores::double[]) as similarity,
        unnest($has_cards::boolean[]) as has_card, unnest($summaries::varchar[]) as summary,
        unnest(range(len($ids::varchar[]))) as place
)
select hits.id, hits.similarity, hits.has_card, hits.summary, found.* exclude (repo_id)
from hits
inner join (
    select repo_id, {columns}, {order} as measure from {table}
    where snapshot_date = $week and repo_id in (select unnest($ids::varchar[]))
) as found on hits.id = found.repo_id
order by found.measure desc nulls last, hits.place
limit $k
"""
_TRENDING: Final = """
select repo_id as id, {columns}
from {table}
where {selected}
order by {order} desc nulls last, repo_id
limit $k
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
        f"Order of the results, taken from the {MOST} most similar repositories." if first else "Order of the results.",
        default=first[0] if first else "trending",
        choices=names,
    )


def _filters(values: Mapping[str, Any]) -> Filters:
    # a minimum of 0 is no condition: repositories whose count is unknown also meet it
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
    sql = _FOUND.format(
        columns=_COLUMNS[repo_type],
        table=f"mart__{repo_type}s",
        order=_MEASURES.get(values["sort_by"], "null::double"),
    )
    found = reader.table(
        sql,
        ids=[hit.repo_id for hit in hits],
        scores=[hit.score for hit in hits],
        has_cards=[hit.has_card for hit in hits],
        summaries=[hit.snippet for hit in hits],
        k=values["k"],
    )
    return Answer(found.drop_columns(["measure"]))


def _n_hits(values: Mapping[str, Any]) -> int:
    return int(values["k"]) if values["sort_by"] == "similarity" else MOST


def _search(repo_type: RepoType) -> Endpoint:
    def answer(reader: Reader, values: Mapping[str, Any]) -> Answer:
        hits = reader.index.search(values["query"], repo_type=repo_type, k=_n_hits(values), filters=_filters(values))
        return _with_facts(reader, repo_type, hits, values)

    return Endpoint(
        f"/search/{repo_type}s",
        f"Find {_name(repo_type)} by what they can do",
        "`summary` is the start of the card; `has_card` is false if there is none, and null if it was never requested.",
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
        f"{_name(repo_type).capitalize()} similar to one",
        "Repositories with a similar name, task, library, tags and card.",
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
_CONDITIONS: Final = {
    "min_likes": "n_likes >= $min_likes",
    "min_downloads": "n_downloads >= $min_downloads",
    "min_param_count": "n_parameters >= $min_param_count",
    "max_param_count": "n_parameters <= $max_param_count",
    "task": "task = $task",
    "library": "library = $library",
    "license": "license_group = $license",
}


def _trending(repo_type: RepoType) -> Endpoint:
    def answer(reader: Reader, values: Mapping[str, Any]) -> Answer:
        given = {name: values[name] for name in _CONDITIONS if values.get(name)}
        selected = " and ".join(["snapshot_date = $week", *(_CONDITIONS[name] for name in given)])
        sql = _TRENDING.format(
            columns=_COLUMNS[repo_type],
            table=f"mart__{repo_type}s",
            selected=selected,
            order=_MEASURES[values["sort_by"]],
        )
        return Answer(reader.table(sql, k=values["k"], **given))

    return Endpoint(
        f"/trending/{repo_type}s",
        f"Trending {_name(repo_type)}",
        "Sorted by the Hub's trending score in the week, or by another measure.",
        (_K, _order(repo_type), *_limits(repo_type)),
        answer,
    )


def _name(repo_type: RepoType) -> str:
    return "Spaces" if repo_type == "space" else f"{repo_type}s"


ENDPOINTS: Final = tuple(make(repo_type) for make in (_search, _similar, _trending) for repo_type in REPO_TYPES)
