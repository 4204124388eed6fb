"""The family of any model: the model itself, its bases and its derivatives, one generation per request."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa

from hub_assets.report.serve.columns import Positions, largest
from hub_assets.report.serve.endpoints import Answer, Endpoint
from hub_assets.report.serve.graph import Graph, Neighbors
from hub_assets.report.serve.parameters import Parameter
from hub_assets.report.serve.published import Reader, Unanswered
from hub_assets.report.text import visible

# the columns are named because `select *` would read all of them, which takes four times as long
_ROWS: Final = """
with
nodes as (
    select
        rowid as row_id, node, repo_key, repo_id, is_listed, is_root, is_in_cycle, depth, n_roots, n_children,
        n_descendants, n_downloads_descendants
    from network__family_nodes
    where rowid in (select unnest($nodes::bigint[]))
),
models as (
    select repo_key, n_downloads, license, license_group from mart__models
    where rowid in (select unnest($models::bigint[]))
)
select
    nodes.* exclude (row_id, repo_key), models.n_downloads, models.license,
    coalesce(models.license_group, 'unknown') as license_group
from nodes
left join models on nodes.repo_key = models.repo_key
order by list_position($nodes::bigint[], nodes.row_id)
"""
_REPO_ID: Final = Parameter("repo_id", "Id of the model, ignoring case.", is_required=True)
_PAGE: Final = (
    _REPO_ID,
    Parameter("relation", "Only models with this relation, such as `finetune`."),
    Parameter("k", "Number of results.", "integer", 100, low=1, high=100),
    Parameter("offset", "Number of results to skip.", "integer", 0, high=10_000_000),
)


def _graph(reader: Reader) -> Graph:
    return reader.kept("graph", Graph.read)


def _rows(reader: Reader, graph: Graph, nodes: Positions) -> pa.Table:
    """Return a row of facts about the node at each of the given positions, in the given order."""
    return reader.table(_ROWS, nodes=graph.node_rowids[nodes].tolist(), models=graph.model_rowids[nodes].tolist())


def _model(reader: Reader, graph: Graph, repo_id: str) -> tuple[int, dict[str, Any]]:
    """Return the position of a model's node, and the facts about the model."""
    nodes = graph.names.equal(repo_id)
    rows = _rows(reader, graph, nodes).to_pylist()
    if not rows:
        raise Unanswered(404, f"No family of this week has a model called {visible(repo_id)}.")
    # an unlisted model can have the same id as a listed one, except for case
    return min(zip(nodes.tolist(), rows, strict=True), key=lambda found: found[1]["repo_id"] != repo_id)


def _neighbors(reader: Reader, values: Mapping[str, Any], edges: Callable[[Graph], Neighbors]) -> Answer:
    graph = _graph(reader)
    node, model = _model(reader, graph, values["repo_id"])
    others, relations = edges(graph).of_node(node)
    is_wanted = np.array([values["relation"] in (None, name) for name in graph.relations], np.bool_)
    nodes = np.unique(others[is_wanted[relations]]).astype(np.int64)
    nodes = nodes[largest(graph.sizes[nodes], values["offset"] + values["k"])][values["offset"] :]
    named = [sorted({graph.relations[code] for code in np.unique(relations[others == node])}) for node in nodes]
    table = _rows(reader, graph, nodes).append_column("relations", pa.array(named, pa.list_(pa.string())))
    return Answer(table, {"model": model})


def _bases(reader: Reader, values: Mapping[str, Any]) -> Answer:
    return _neighbors(reader, values, lambda graph: graph.bases)


def _derivatives(reader: Reader, values: Mapping[str, Any]) -> Answer:
    return _neighbors(reader, values, lambda graph: graph.derivatives)


def _search(reader: Reader, values: Mapping[str, Any]) -> Answer:
    graph = _graph(reader)
    found = np.append(graph.names.equal(values["query"]), graph.names.containing(values["query"], values["k"]))
    _, first = np.unique(found, return_index=True)
    return Answer(_rows(reader, graph, found[np.sort(first)][: values["k"]]))


ENDPOINTS: Final = (
    Endpoint(
        "/families",
        "Models whose id contains the given text, among those in families",
        "An exact match comes first, then the models with the most descendants. Models without any base or derivative "
        "are in no family.",
        (
            Parameter("query", "Text to find in ids, ignoring case.", default=""),
            Parameter("k", "Number of results.", "integer", 20, low=1, high=100),
        ),
        _search,
    ),
    Endpoint(
        "/families/bases",
        "Base models of a model",
        "The models that the given model names as its bases, with the relations. To go further back, request the bases "
        "of these models.",
        _PAGE,
        _bases,
    ),
    Endpoint(
        "/families/derivatives",
        "Derivatives of a model",
        "The models that name the given model as a base, sorted by their downloads plus those of their descendants.",
        _PAGE,
        _derivatives,
    ),
)
