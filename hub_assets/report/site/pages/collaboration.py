"""Research question 2: the collaboration network of model developers (the study's Tables 6 to 9 and Figure 4).

Developers appear only as counts of at least 10, except in the maximal cores, which the study prints.
"""

from collections.abc import Mapping
from typing import Any, Final

from hub_assets.report.site.claims import sentences
from hub_assets.report.site.comparison import core_table, figure_rows
from hub_assets.report.site.page import Page
from hub_assets.report.site.queries import Query
from hub_assets.report.site.week import Week

CENTRALITY: Final = Query(
    "centrality",
    "Connected developers with at least a given degree or PageRank; values reached by fewer than 10 are left out",
    """
with
measured as (
    select 'degree' as measure, cast(degree as double) as value
    from network__developer_centrality
    where snapshot_date = $week and network = 'all'
    union all
    select 'pagerank', pagerank
    from network__developer_centrality
    where snapshot_date = $week and network = 'all'
),
powers as (
    select measure, unnest(generate_series(cast(floor(2 * log2(min(value))) as bigint),
        cast(floor(2 * log2(max(value))) as bigint))) as power
    from measured
    where value > 0
    group by measure
)
select measure, pow(2, power / 2) as at_least, count(*) as n_developers,
    count(*) / (select count(*) from network__developer_centrality where snapshot_date = $week and network = 'all')
        as share,
    (select count(*) from network__developer_centrality where snapshot_date = $week and network = 'all') as n
from powers
inner join measured using (measure)
where value >= pow(2, power / 2) and (measure = 'pagerank' or power % 2 = 0)
group by measure, power
having count(*) >= 10
order by measure, at_least
""",
)
OVER_TIME: Final = Query(
    "network-over-time",
    "The network at the end of each quarter, from this week's data; networks of fewer than 10 developers are left out",
    """
select network, month, nodes, edges, max_k, share_isolates, reciprocity, modularity, share_known
from network__collaboration_over_time
where snapshot_date = $week and edge_rule = 'first_author' and not includes_bots and nodes >= 10
    and extract(month from month) % 3 = 0
order by network, month
""",
)
NULLS: Final = Query(
    "null-models",
    "Measures of the network's cores next to rewired networks with the same degrees",
    """
select network, 'k = ' || nulls.k as core, measure, value, null_mean, null_std, z, n_draws, cores.nodes as n,
    cores.share_known
from network__null_models as nulls
inner join network__collaboration_cores as cores using (snapshot_date, network, edge_rule, includes_bots, k)
where snapshot_date = $week and edge_rule = 'first_author' and not includes_bots
    and (cores.nodes >= 10 or cores.is_max_k)
order by network, nulls.k, measure
""",
)
RULES: Final = Query(
    "edge-rules",
    "The network by edge rule and handling of bots",
    """
select network, edge_rule, includes_bots, n_developers, share_isolates, nodes, edges, degree_mean, share_known
from network__summary
where snapshot_date = $week and nodes >= 10
order by network, edge_rule, includes_bots
""",
)


def _content(week: Week) -> Mapping[str, Any]:
    return {
        "sentences": sentences(week, "collaboration"),
        "tables": [
            core_table(week, "Table 6", "all"),
            core_table(week, "Table 7", "cv"),
            core_table(week, "Table 8", "nlp"),
            core_table(week, "Table 9", "mm"),
        ],
        "in_text": [
            *figure_rows(week, "Section 3.4"),
            *figure_rows(week, "Section 4.2.1"),
            *figure_rows(week, "Section 4.2.2"),
        ],
        "figure_4": figure_rows(week, "Figure 4"),
        "centrality": week.run(CENTRALITY),
        "over_time": week.run(OVER_TIME),
        "nulls": week.run(NULLS),
        "rules": week.run(RULES),
    }


PAGE: Final = Page(
    slug="collaboration",
    title="RQ2: Collaboration",
    lead="How many developers of models work together, how tightly, and in how many communities.",
    group="Report",
    content=_content,
    scripts=("charts.js",),
    uses=("model commits", "model discussions"),
)
