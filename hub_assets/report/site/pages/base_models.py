"""Base Model Explorer: the ancestors and descendants of models. Modeled on librarian-bots/base_model_explorer."""

from collections.abc import Mapping
from typing import Any, Final

from hub_assets.report.site.explorer_data import column, numbered, texts
from hub_assets.report.site.page import Page
from hub_assets.report.site.queries import Query, Result
from hub_assets.report.site.week import Week

RELATIONS: Final = ("finetune", "adapter", "quantized", "merge", "unspecified")
# A model's ancestors have at least as many downloads (own plus descendants') and descendants as the model itself, so
# both lists contain the ancestors of all their models, except at ties.
NODES: Final = Query(
    "family-nodes",
    "Models on the Base Model Explorer page: the top models by downloads (own plus descendants') and by descendants",
    """
with
nodes as (
    select
        nodes.*, models.organization, models.license, coalesce(models.license_group, 'unknown') as license_group,
        models.n_downloads, coalesce(models.n_downloads, 0) + nodes.n_downloads_descendants as n_downloads_subtree
    from network__family_nodes as nodes
    left join mart__models as models
        on nodes.repo_key = models.repo_key and models.snapshot_date = $week
    where nodes.snapshot_date = $week
),
chosen as (
    select node from (
        select node from nodes order by n_downloads_subtree desc, depth, n_descendants desc, repo_id limit 7000
    )
    union
    select node from (
        select node from nodes order by n_descendants desc, depth, n_downloads_subtree desc, repo_id limit 7000
    )
),
named as (
    select
        repo_key, coalesce(base_repo_key, concat('id:', lower(base_repo_id))) as base,
        list(distinct relation order by relation) as relations
    from mart__base_model_edges
    where snapshot_date = $week and not is_self_loop and base_repo_id <> '(no id)'
        and repo_key in (select node from chosen)
    group by all
),
bases as (
    select repo_key, list(base order by base) as bases, list(relations order by base) as relations
    from named
    group by repo_key
)
select
    nodes.node, nodes.repo_id, nodes.is_listed, nodes.is_root, nodes.is_in_cycle, nodes.depth, nodes.n_roots,
    nodes.n_children, nodes.n_descendants, nodes.n_downloads, nodes.n_downloads_descendants, nodes.license,
    nodes.license_group, bases.bases, bases.relations
from nodes
inner join chosen on nodes.node = chosen.node
left join bases on nodes.node = bases.repo_key
order by nodes.n_downloads_subtree desc, nodes.depth, nodes.n_descendants desc, nodes.repo_id
""",
)
TOTALS: Final = Query(
    "family-totals",
    "Models in families",
    """
select
    (select count(*) from mart__models where snapshot_date = $week) as n_models,
    count(*) filter (where is_listed and n_bases > 0) as n_derived,
    count(*) filter (where is_root) as n_roots,
    count(*) filter (where is_root and not is_listed) as n_roots_unlisted,
    count(*) filter (where n_roots > 1) as n_in_several,
    count(*) filter (where is_in_cycle) as n_in_cycles,
    max(depth) as max_depth,
    count(*) as n_nodes
from network__family_nodes
where snapshot_date = $week
""",
)
ROOTS: Final = Query(
    "family-roots",
    "The 100 largest families",
    """
select
    root_repo_id, organization, license_group, is_listed, n_members, n_members_fractional, n_children, max_depth,
    n_finetunes, n_adapters, n_quantized, n_merges, n_downloads, n_downloads_members
from mart__families
where snapshot_date = $week
order by n_members desc, n_downloads_members desc, root_repo_id
limit 100
""",
)
ORGANIZATIONS: Final = Query(
    "family-organizations",
    "The 50 organizations whose roots have the most descendants",
    """
select
    organization, kind, any_value(country) as country, count(*) as n_roots,
    round(sum(n_members_fractional), 6) as n_members, sum(n_downloads_members)::bigint as n_downloads_members,
    arg_max(root_repo_id, n_members) as largest_root
from mart__families
where snapshot_date = $week
group by organization, kind
order by n_members desc, organization
limit 50
""",
)
DRIFT: Final = Query(
    "license-drift",
    "License groups of models and their bases, by relation",
    """
select relation, base_license_group, license_group, drift, sum(n_edges)::bigint as n_edges
from mart__license_drift
where snapshot_date = $week
group by all
order by all
""",
)
DRIFT_SUMMARY: Final = Query(
    "license-drift-by-relation",
    "License drift from base to derived model, by relation",
    """
select
    relation,
    sum(n_edges)::bigint as n_edges,
    coalesce(sum(n_edges) filter (where drift = 'kept'), 0)::bigint as n_kept,
    coalesce(sum(n_edges) filter (where drift = 'more permissive'), 0)::bigint as n_more_permissive,
    coalesce(sum(n_edges) filter (where drift = 'more restrictive'), 0)::bigint as n_more_restrictive,
    coalesce(sum(n_edges) filter (where drift = 'unknown'), 0)::bigint as n_unknown,
    sum(n_edges) filter (where drift = 'kept') / nullif(sum(n_edges) filter (where drift <> 'unknown'), 0)
        as share_kept_of_known
from mart__license_drift
where snapshot_date = $week
group by relation
order by n_edges desc, relation
""",
)
RULES: Final = Query(
    "license-drift-rules",
    "Rules for license drift",
    """
select base_license_group, license_group, is_same_license, drift, reason
from license_drift_rules
where $week is not null
order by all
""",
)


def _content(week: Week) -> Mapping[str, Any]:
    nodes = week.run(NODES)
    return {
        "data": week.data_file("base-models", {**_columns(nodes), "drift": week.run(DRIFT).records()}),
        "nodes": nodes,
        "total": week.run(TOTALS).first,
        "totals": week.run(TOTALS),
        "roots": week.run(ROOTS),
        "organizations": week.run(ORGANIZATIONS),
        "drift": week.run(DRIFT),
        "drift_summary": week.run(DRIFT_SUMMARY),
        "rules": week.run(RULES),
    }


def _columns(nodes: Result) -> dict[str, Any]:
    places = {row.values["node"]: place for place, row in enumerate(nodes)}
    edges = []
    for row in nodes:
        values: dict[str, Any] = dict(row.values)
        bases = zip(values["bases"] or (), values["relations"] or (), strict=True)
        edges.append([[places[base], *relations] for base, relations in bases if base in places])
    flags = zip(*(column(nodes, name) for name in ("is_listed", "is_root", "is_in_cycle")), strict=True)
    return {
        "ids": texts(nodes, "repo_id"),
        "flags": [4 * is_listed + 2 * is_root + is_in_cycle for is_listed, is_root, is_in_cycle in flags],
        "license": numbered(texts(nodes, "license")),
        "group": numbered(texts(nodes, "license_group")),
        "bases": edges,
        "relations": RELATIONS,
        **{
            name: column(nodes, name)
            for name in ("depth", "n_roots", "n_children", "n_descendants", "n_downloads", "n_downloads_descendants")
        },
    }


PAGE: Final = Page(
    slug="base-models",
    title="Base Model Explorer",
    lead="Where a model comes from, what was built from it, and how licenses change along the way.",
    group="Explore",
    content=_content,
    scripts=("explore.js", "families.js"),
)
