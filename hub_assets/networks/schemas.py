"""Arrow schemas of the network tables. Computing their rows does not belong here."""

from typing import Final

import pyarrow as pa

_WEEK: Final = pa.field("snapshot_date", pa.date32(), nullable=False)
_KEY_TYPES: Final = {"includes_bots": pa.bool_()}


def _schema(keys: tuple[str, ...], counts: tuple[str, ...], numbers: tuple[str, ...] = ()) -> pa.Schema:
    return pa.schema(
        [
            _WEEK,
            *(pa.field(name, _KEY_TYPES.get(name, pa.string()), nullable=False) for name in keys),
            *(pa.field(name, pa.int64()) for name in counts),
            *(pa.field(name, pa.float64()) for name in numbers),
        ]
    )


MODEL_CO_USAGE: Final = _schema(("network", "repo_key", "repo_id"), ("degree", "weighted_degree", "rank"))
"""`network__model_co_usage`: number of other models that Spaces use together with each model."""

USAGE_SUMMARY: Final = _schema(
    ("network", "ranking"),
    ("n", "n_edges", "n_at_least_1000", "n_components", "largest_component"),
    ("mean", "std", "min", "p25", "p50", "p75", "max", "share_zero"),
)
"""`network__usage_summary`: degree distributions of models in the usage and co-usage networks."""

BASE_MODEL_CYCLES: Final = _schema(("cycle", "repo_key", "repo_id"), ("n_models",))
"""`network__base_model_cycles`: models that descend from themselves through other models."""

FAMILY_NODES: Final = pa.schema(
    [
        _WEEK,
        pa.field("node", pa.string(), nullable=False),
        pa.field("repo_key", pa.string()),
        pa.field("repo_id", pa.string(), nullable=False),
        pa.field("root_node", pa.string(), nullable=False),
        *(pa.field(name, pa.bool_(), nullable=False) for name in ("is_listed", "is_root", "is_in_cycle")),
        *(
            pa.field(name, pa.int64(), nullable=False)
            for name in (
                *("depth", "n_roots", "n_bases", "n_children"),
                *("n_descendants", "n_downloads_descendants"),
            )
        ),
    ]
)
"""`network__family_nodes`: models that have a base or are one, with their position in their families."""

FAMILY_MEMBERS: Final = _schema(("root_node", "node"), ("depth",))
"""`network__family_members`: which models descend from which root."""

FAMILY_PAGERANK: Final = pa.schema(
    [
        *_schema(
            ("node", "repo_id"),
            ("n_children", "n_descendants", "n_downloads", "pagerank_rank", "downloads_rank"),
            ("pagerank",),
        ),
        *(pa.field(name, pa.bool_(), nullable=False) for name in ("is_root", "is_listed", "is_hidden_root")),
    ]
)
"""`network__family_pagerank`: the top models by PageRank, compared with their downloads."""

OF_A_NETWORK: Final = ("network", "edge_rule", "includes_bots")
"""Keys of a collaboration network: all models or a sub-field, the edge rule, and whether it includes bots."""
_COUNTS: Final = ("nodes", "edges", "communities", "leiden_communities", "weak_components")
_MEASURES: Final = (
    *("modularity", "leiden_modularity", "density", "reciprocity", "rich_club", "assortativity", "average_degree"),
    *("average_clustering", "average_clustering_unweighted"),
)
_IS_MAX_K: Final = pa.field("is_max_k", pa.bool_(), nullable=False)

COLLABORATION_CORES: Final = _schema(
    OF_A_NETWORK,
    ("k", *_COUNTS, "n_repos", "n_in_largest_repo"),
    ("modularity_spread", *_MEASURES, "average_clustering_fractional", "share_known"),
).append(_IS_MAX_K)
"""`network__collaboration_cores`: the k-cores of the developer network, with their measures."""

NULL_MODELS: Final = _schema(
    (*OF_A_NETWORK, "measure"), ("k", "n_draws"), ("value", "null_mean", "null_std", "z")
).append(_IS_MAX_K)
"""`network__null_models`: measures of the k-cores, compared with rewired copies."""

DEVELOPER_CENTRALITY: Final = _schema(
    (*OF_A_NETWORK, "developer"),
    ("degree", "in_degree", "out_degree", "core_number", "community", "leiden_community", "n_repos"),
    ("strength", "pagerank"),
)
"""`network__developer_centrality`: centrality of each developer who is not an isolate."""

SUMMARY: Final = _schema(
    OF_A_NETWORK,
    ("n_models", "n_models_known", "n_models_implicit", "n_developers", "n_isolates", "nodes", "edges"),
    (
        *("share_known", "share_isolates"),
        *(f"{name}_{of}" for name in ("degree", "pagerank") for of in ("mean", "median", "max", "std")),
    ),
)
"""`network__summary`: the size of each network and the distribution of its developers' centrality."""

COLLABORATION_OVER_TIME: Final = _schema(
    OF_A_NETWORK, ("n_developers", "n_isolates", *_COUNTS, "max_k"), ("share_isolates", *_MEASURES, "share_known")
).append(pa.field("month", pa.date32(), nullable=False))
"""`network__collaboration_over_time`: a network at the end of each month."""
