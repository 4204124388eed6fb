"""Networks of models and their base models: cycles, and the tables for exports.

Base models are found and resolved in SQL.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from hub_assets.networks import schemas


def base_model_cycles_table(edges: pa.Table) -> pa.Table:
    """Find models that descend from themselves: rows of `schemas.BASE_MODEL_CYCLES`, without the week.

    Args:
        edges: rows of `mart__base_model_edges` (`repo_key`, `repo_id`, `base_repo_key`). An unlisted base has no key
            and cannot be part of a cycle. A model that names itself as its base does not count as a cycle.

    Returns:
        One row per model in a strongly connected component of at least two models. `n_models` is the component's size,
        and `cycle` its first id in sort order. Cycles that share a model form one component.
    """
    models = edges.group_by("repo_key").aggregate([("repo_id", "min")])
    keys = models["repo_key"].combine_chunks()
    base = pc.index_in(edges["base_repo_key"].combine_chunks(), keys, skip_nulls=True)
    # a model without a base cannot close a cycle
    leads_on = pc.is_valid(base)
    child = pc.index_in(edges["repo_key"].filter(leads_on).combine_chunks(), keys)
    ends = (child.to_numpy(), base.filter(leads_on).to_numpy())
    graph = sparse.coo_array((np.ones(len(child), np.int8), ends), shape=(len(keys), len(keys)))
    _, component = connected_components(graph, directed=True, connection="strong")
    n_models = np.bincount(component)[component]
    found = models.append_column("component", pa.array(component)).append_column("n_models", pa.array(n_models))
    found = found.filter(pc.greater(found["n_models"], 1))
    first = found.group_by("component").aggregate([("repo_id_min", "min")])
    found = found.join(first, "component").rename_columns({"repo_id_min": "repo_id", "repo_id_min_min": "cycle"})
    columns = pa.schema(list(schemas.BASE_MODEL_CYCLES)[1:])
    return found.select(columns.names).cast(columns).sort_by([("cycle", "ascending"), ("repo_id", "ascending")])


def base_model_network(edges: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return the nodes and the edges of the network of models and their bases.

    Args:
        edges: `repo_key`, `repo_id`, `base_repo_key`, `base_repo_id` and `relation`, as in `mart__base_model_edges`,
            where `base_repo_id` is the listed id if the base has a key. A base without a key is known only by its id,
            whose case the Hub ignores.

    Returns:
        Nodes: `node` (the key, or the lower-case id of an unlisted base), `repo_id` and `is_listed`. Edges from a model
        to its base, one per relation: `repo`, `base`, `relation`.
    """
    base = pc.coalesce(edges["base_repo_key"], pc.utf8_lower(edges["base_repo_id"]))
    columns = ["node", "repo_id", "is_listed"]
    is_model = pa.repeat(pa.scalar(value=True), len(edges))
    ends = pa.concat_tables(
        [
            pa.table([edges["repo_key"], edges["repo_id"], is_model], columns),
            pa.table([base, edges["base_repo_id"], pc.is_valid(edges["base_repo_key"])], columns),
        ]
    )
    nodes = ends.group_by("node", use_threads=False).aggregate([("repo_id", "min"), ("is_listed", "any")])
    links = pa.table([edges["repo_key"], base, edges["relation"]], ["repo", "base", "relation"])
    return nodes.rename_columns(columns), links.group_by(links.column_names, use_threads=False).aggregate([])
