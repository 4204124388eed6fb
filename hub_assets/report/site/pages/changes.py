"""What changed since the previous published week, and trends over the published weeks so far."""

from collections.abc import Mapping
from typing import Any, Final

from hub_assets.report.site.claims import sentences
from hub_assets.report.site.page import Page
from hub_assets.report.site.queries import Query
from hub_assets.report.site.week import Week

METRICS: Final = Query(
    "changes",
    "Every compared quantity this week and in the previous published week",
    """
with
weeks as (
    select max(snapshot_date) as before from mart__published_comparison where snapshot_date < $week
),
small as (
    select snapshot_date, network, cast(k as varchar) as cut
    from network__collaboration_cores
    where edge_rule = 'first_author' and not includes_bots and nodes < 10 and not is_max_k
),
shown as (
    select ours.snapshot_date, ours.place, ours.subject,
        case
            when ours.measure = 'n_repos' then 'public repositories'
            when ours.source_table = 'network__model_usage' then 'Spaces that use ' || printed.item
            else printed.source_text
        end as what, ours.ours,
        ours.share_known
    from mart__published_comparison as ours
    inner join published_values as printed using (place)
    left join small
        on ours.source_table = 'network__collaboration_cores'
        and ours.snapshot_date = small.snapshot_date
        and ours.subject = small.network
        and printed.cut = small.cut
    where small.cut is null
        and not (ours.source_table = 'network__summary' and ours.n < 10)
        and not (ours.source_table = 'mart__top_repositories' and printed.item = 'n_committers' and ours.ours < 10)
        and ours.measure not in ('pearson_p', 'p_value', 'u_a', 'min')
)
select now.place, now.what, now.subject, earlier.ours as earlier, now.ours as now,
    now.ours - earlier.ours as change,
    case when now.ours = earlier.ours then 0 else now.ours / nullif(earlier.ours, 0) - 1 end as relative_change,
    now.share_known,
    weeks.before
from weeks
inner join shown as earlier on weeks.before = earlier.snapshot_date
inner join shown as now on earlier.place = now.place
where now.snapshot_date = $week and now.ours is not null and earlier.ours is not null
order by now.place
""",
)
TRENDS: Final = Query(
    "trends",
    "Repositories, coverage and activity by published week",
    """
with
counted as (
    select snapshot_date, repo_type, 'repositories' as measure, cast(count(*) as double) as value
    from mart__repo_activity
    where snapshot_date <= $week
    group by snapshot_date, repo_type
),
summarized as (
    select snapshot_date, repo_type,
        case variable when 'n_likes' then 'mean likes' when 'n_downloads' then 'mean downloads'
            else 'mean commits' end as measure,
        mean as value
    from mart__activity_summary
    where snapshot_date <= $week and variable in ('n_likes', 'n_downloads', 'n_commits')
),
covered as (
    select snapshot_date, repo_type, 'share with known commits' as measure, share_known as value
    from mart__history_coverage
    where snapshot_date <= $week and kind = 'commits'
)
select measure, repo_type, snapshot_date, value
from (select * from counted union all select * from summarized union all select * from covered)
where value is not null
order by measure, repo_type, snapshot_date
""",
)
GAINS: Final = Query(
    "largest-gains",
    "Repositories that gained the most likes since the previous published week",
    """
with
weeks as (
    select max(snapshot_date) as before from mart__repo_activity where snapshot_date < $week
)
select now.repo_type, now.repo_id, now.n_likes - earlier.n_likes as gain, now.n_likes,
    now.n_downloads - earlier.n_downloads as downloads_change
from weeks
inner join mart__repo_activity as earlier on weeks.before = earlier.snapshot_date
inner join mart__repo_activity as now using (repo_type, repo_key)
where now.snapshot_date = $week and now.n_likes > earlier.n_likes
qualify row_number() over (partition by now.repo_type order by gain desc, now.repo_key) <= 10
order by case now.repo_type when 'model' then 1 when 'dataset' then 2 else 3 end, gain desc, now.repo_id
""",
)
_MEASURES: Final = [
    (name, name)
    for name in ("repositories", "mean likes", "mean downloads", "mean commits", "share with known commits")
]


def _content(week: Week) -> Mapping[str, Any]:
    changes = week.run(METRICS)
    return {
        "changes": changes,
        "before": changes.first["before"] if changes.first else None,
        "trends": week.run(TRENDS),
        "gains": week.run(GAINS),
        "measures": _MEASURES,
        "sentences": sentences(week, "changes"),
    }


PAGE: Final = Page(
    slug="changes",
    title="Changes",
    lead="What changed since the previous published week, and how the Hub has developed over the published weeks.",
    group="Report",
    content=_content,
    scripts=("charts.js",),
    uses=("commits", "discussions"),
)
