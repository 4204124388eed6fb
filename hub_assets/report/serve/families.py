"""The family of any model: the model itself, its bases and its derivatives, one generation per request."""

from collections.abc import Mapping
from typing import Any, Final

from hub_assets.report.serve.endpoints import Answer, Endpoint
from hub_assets.report.serve.parameters import Parameter
from hub_assets.report.serve.published import Reader, Unanswered
from hub_assets.report.text import visible

_NODE: Final = """
select
    nodes.node, nodes.repo_id, nodes.is_listed, nodes.is_root, nodes.is_in_cycle, nodes.depth, nodes.n_roots,
    nodes.n_children, nodes.n_descendants, nodes.n_downloads_descendants, models.n_downloads, models.license,
    coalesce(models.license_group, 'unknown') as license_group
"""
_FOUND: Final = f"""
{_NODE}from (
    select * from network__family_nodes
    where snapshot_date = $week and {{condition}}
    order by repo_id
    limit 1
) as nodes
left join mart__models as models on nodes.repo_key = models.repo_key and models.snapshot_date = $week
"""
_SEARCH: Final = f"""
{_NODE}from (
    select * from network__family_nodes
    where snapshot_date = $week and contains(lower(repo_id), lower($query))
    order by lower(repo_id) = lower($query) desc, n_descendants desc, repo_id
    limit $k
) as nodes
left join mart__models as models on nodes.repo_key = models.repo_key and models.snapshot_date = $week
order by lower(nodes.repo_id) = lower($query) desc, nodes.n_descendants desc, nodes.repo_id
"""
_NEIGHBORS: Final = """
with
neighbors as (
    select {neighbor} as node, list(distinct relation order by relation) as relations
    from mart__base_model_edges
    where snapshot_date = $week and not is_self_loop and base_repo_id <> '(no id)' and {of_this}
    group by {neighbor}
)
{node}, neighbors.relations
from network__family_nodes as nodes
inner join neighbors on nodes.node = neighbors.node
left join mart__models as models on nodes.repo_key = models.repo_key and models.snapshot_date = $week
where nodes.snapshot_date = $week and ($relation is null or list_contains(neighbors.relations, $relation))
order by coalesce(models.n_downloads, 0) + nodes.n_downloads_descendants desc, nodes.repo_id
limit $k offset $offset
"""
_BASE: Final = "coalesce(base_repo_key, concat('id:', lower(base_repo_id)))"
_OF_LISTED: Final = "base_repo_key = $node"
_OF_UNLISTED: Final = "base_repo_key is null and concat('id:', lower(base_repo_id)) = $node"
_REPO_ID: Final = Parameter("repo_id", "Id of the model, ignoring case.", is_required=True)
_PAGE: Final = (
    _REPO_ID,
    Parameter("relation", "Only neighbors with this relation, such as `finetune`."),
    Parameter("k", "Number of results.", "integer", 100, low=1, high=100),
    Parameter("offset", "Number of results to skip.", "integer", 0, high=10_000_000),
)


def _model(reader: Reader, values: Mapping[str, Any]) -> dict[str, Any]:
    # ignoring case means reading every id, which takes ten times as long
    found = reader.rows(_FOUND.format(condition="repo_id = $repo_id"), repo_id=values["repo_id"])
    found = found or reader.rows(_FOUND.format(condition="lower(repo_id) = lower($repo_id)"), repo_id=values["repo_id"])
    if not found:
        raise Unanswered(404, f"No family of this week has a model called {visible(values['repo_id'])}.")
    return found[0]


def _neighbors(reader: Reader, values: Mapping[str, Any], neighbor: str, of_this: str, node: str) -> Answer:
    sql = _NEIGHBORS.format(neighbor=neighbor, of_this=of_this, node=_NODE.strip())
    others = {name: values[name] for name in ("relation", "k", "offset")}
    return Answer(reader.table(sql, node=node, **others))


def _bases(reader: Reader, values: Mapping[str, Any]) -> Answer:
    model = _model(reader, values)
    answer = _neighbors(reader, values, _BASE, "repo_key = $node", model["node"])
    return Answer(answer.results, {"model": model})


def _derivatives(reader: Reader, values: Mapping[str, Any]) -> Answer:
    model = _model(reader, values)
    of_this = _OF_UNLISTED if model["node"].startswith("id:") else _OF_LISTED
    answer = _neighbors(reader, values, "repo_key", of_this, model["node"])
    return Answer(answer.results, {"model": model})


def _search(reader: Reader, values: Mapping[str, Any]) -> Answer:
    return Answer(reader.table(_SEARCH, query=values["query"], k=values["k"]))


ENDPOINTS: Final = (
    Endpoint(
        "/families",
        "Models in families whose id contains the given text",
        "An exact match comes first, then models with the most descendants. A model must have a base or a derivative.",
        (
            Parameter("query", "Text to find in ids, ignoring case.", default=""),
            Parameter("k", "Number of results.", "integer", 20, low=1, high=100),
        ),
        _search,
    ),
    Endpoint(
        "/families/bases",
        "Base models of a model",
        "The models that it names as its bases, with the relations. To go further back, request their bases.",
        _PAGE,
        _bases,
    ),
    Endpoint(
        "/families/derivatives",
        "Derivatives of a model",
        "The models that name it as a base, sorted by the downloads of each with its descendants.",
        _PAGE,
        _derivatives,
    ),
)
