"""The entry page: what was collected, how reliable it is, and the main findings."""

from collections.abc import Mapping
from typing import Any, Final

from hub_assets.report.site.claims import sentences
from hub_assets.report.site.notices import COVERAGE
from hub_assets.report.site.page import Page
from hub_assets.report.site.queries import Query
from hub_assets.report.site.week import Week

COLLECTED: Final = Query(
    "collected",
    "Listed repositories by type, with the dates of the oldest and newest",
    """
select activity.repo_type, count(*) as n_repos, any_value(published.published) as published,
    any_value(published.ratio) as ratio, any_value(published.place) as place,
    min(created_at) as oldest_at, max(created_at) as newest_at, max(last_modified_at) as last_modified_at
from mart__repo_activity as activity
left join mart__published_comparison as published
    on published.snapshot_date = $week and published.measure = 'n_repos' and published.subject = activity.repo_type
where activity.snapshot_date = $week
group by activity.repo_type
order by case activity.repo_type when 'model' then 1 when 'dataset' then 2 else 3 end
""",
)
WEEKS: Final = Query(
    "weeks",
    "Published weeks up to this one, with repositories and calls for histories",
    """
with
calls as (
    select snapshot_date, cast(sum(n_calls) as bigint) as n_calls,
        sum(n_known) filter (where kind = 'commits') / sum(n_listed) filter (where kind = 'commits') as commits_known,
        sum(n_known) filter (where kind = 'discussions') / sum(n_listed) filter (where kind = 'discussions')
            as discussions_known
    from mart__history_coverage
    where snapshot_date <= $week
    group by snapshot_date
)
select snapshot_date,
    count(*) filter (where repo_type = 'model') as n_models,
    count(*) filter (where repo_type = 'dataset') as n_datasets,
    count(*) filter (where repo_type = 'space') as n_spaces,
    any_value(calls.n_calls) as n_calls, any_value(calls.commits_known) as commits_known,
    any_value(calls.discussions_known) as discussions_known
from mart__repo_activity
left join calls using (snapshot_date)
where snapshot_date <= $week
group by snapshot_date
order by snapshot_date desc
limit 60
""",
)


def _content(week: Week) -> Mapping[str, Any]:
    return {
        "collected": week.run(COLLECTED),
        "coverage": week.run(COVERAGE),
        "weeks": week.run(WEEKS),
        "main": sentences(week),
        "sentences": [told for told in sentences(week, "index") if not told.claim.is_main],
    }


PAGE: Final = Page(
    slug="index",
    title="Overview",
    lead="What this week's snapshot contains, how reliable it is, and its main findings.",
    group="Report",
    content=_content,
    uses=("commits", "discussions"),
)
