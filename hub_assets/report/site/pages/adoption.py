"""Research question 3: which models Spaces use (the study's Figure 5 and Section 4.3)."""

from collections.abc import Mapping
from typing import Any, Final

from hub_assets.report.site.claims import sentences
from hub_assets.report.site.comparison import figure_rows
from hub_assets.report.site.page import Page
from hub_assets.report.site.queries import Query
from hub_assets.report.site.week import Week

USAGE: Final = Query(
    "usage-distribution",
    "Models used in at least a given number of Spaces, or together with at least a given number of other models",
    """
with
measured as (
    select 'usage' as ranking, network, n_spaces as value from network__model_usage where snapshot_date = $week
    union all
    select 'co_usage', network, degree from network__model_co_usage where snapshot_date = $week
),
powers as (
    select unnest(generate_series(0, 30)) as power
)
select ranking, network, cast(pow(2, power) as bigint) as at_least, count(*) as n_models,
    count(*) / any_value(n_all) as share, any_value(n_all) as n
from (select *, count(*) over (partition by ranking, network) as n_all from measured)
inner join powers on value >= pow(2, power)
group by ranking, network, power
order by ranking desc, network, at_least
""",
)
SUMMARY: Final = Query(
    "usage-summary",
    "Degrees in the usage and the co-usage network",
    """
select network, ranking, n, n_edges, mean, std, p50, max, n_at_least_1000, n_components, largest_component
from network__usage_summary
where snapshot_date = $week
order by network, ranking desc
""",
)
ORGANIZATIONS: Final = Query(
    "top-organizations",
    "Organizations behind the 100 most used and most co-used models",
    """
select network || ', ' || ranking as list, organization, kind, n_models, share, rank,
    sum(n_models) over (partition by network, ranking) as n, 1 - share_unknown as share_known
from network__top_organizations
where snapshot_date = $week
qualify row_number() over (partition by network, ranking order by n_models desc, rank, organization) <= 15
order by network, ranking desc, n_models desc, rank, organization
""",
)
MODELS: Final = Query(
    "most-used-models",
    "The 25 models that most Spaces use, in each network",
    """
select network, repo_id, n_spaces, rank
from network__model_usage
where snapshot_date = $week
qualify row_number() over (partition by network order by n_spaces desc, repo_id) <= 25
order by network, n_spaces desc, repo_id
""",
)
RESOLUTION: Final = Query(
    "usage-resolution",
    "How the model ids that Spaces name resolve",
    """
select n_spaces, n_edges, n_edges_resolved, n_edges_by_alias, n_models_named, n_models_unresolved, n_ids_moved,
    n_ids_gone, n_ids_not_asked
from mart__usage_resolution
where snapshot_date = $week
""",
)
_LISTS: Final = [
    (f"{network}, {ranking}", f"{name}, {words}")
    for network, name in (
        ("all", "all models"),
        ("nlp", "natural language"),
        ("cv", "computer vision"),
        ("mm", "multimodal"),
    )
    for ranking, words in (("usage", "most used"), ("co_usage", "most used together"))
]


def _content(week: Week) -> Mapping[str, Any]:
    return {
        "sentences": sentences(week, "adoption"),
        "usage": week.run(USAGE),
        "summary": week.run(SUMMARY),
        "organizations": week.run(ORGANIZATIONS),
        "lists": _LISTS,
        "models": week.run(MODELS),
        "resolution": week.run(RESOLUTION),
        "degrees": figure_rows(week, "Section 4.3.1"),
        "developers": figure_rows(week, "Section 4.3.2"),
        "correlations": figure_rows(week, "Section 4.3.3"),
    }


PAGE: Final = Page(
    slug="adoption",
    title="RQ3: Adoption",
    lead="Which models Spaces use, which are used together, and which organizations made them.",
    group="Report",
    content=_content,
    scripts=("charts.js",),
)
