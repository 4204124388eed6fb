"""Organization HeatMap: what organizations create per day. Modeled on the Space cfahlgren1/model-release-heatmap."""

from collections.abc import Mapping
from typing import Any, Final

from hub_assets.report.site.explorer_data import shown, texts
from hub_assets.report.site.page import Page
from hub_assets.report.site.pages.modelverse import COVERAGE
from hub_assets.report.site.queries import Query
from hub_assets.report.site.week import Week

# the largest organizations have activity on most days, so the number of days determines the page's size
MOST_DAYS: Final = 150_000
ORGANIZATIONS: Final = Query(
    "heatmap-organizations",
    "Organizations on the HeatMap page: the top organizations by repositories, recent repositories and downloads",
    """
with
organizations as (
    select
        organization, kind, any_value(country) as country, any_value(organization_group) as organization_group,
        sum(n_repos)::bigint as n_repos,
        sum(n_repos) filter (where repo_type = 'model')::bigint as n_models,
        sum(n_repos) filter (where repo_type = 'dataset')::bigint as n_datasets,
        sum(n_repos) filter (where repo_type = 'space')::bigint as n_spaces,
        sum(n_repos_known) / sum(n_repos) as share_known,
        sum(n_downloads)::bigint as n_downloads
    from mart__organizations
    where snapshot_date = $week
    group by organization, kind
),
recent as (
    select organization, kind, sum(n_created)::bigint as n_created
    from mart__organization_days
    where snapshot_date = $week and activity_date >= $week - interval 364 days
    group by organization, kind
),
ranked as (
    select
        organizations.*, coalesce(recent.n_created, 0) as n_created_recently,
        rank() over (order by coalesce(recent.n_created, 0) desc) as rank_recently
    from organizations
    left join recent using (organization, kind)
),
chosen as (
    select organization, kind from (select * from ranked order by n_repos desc, organization limit 800)
    union
    select organization, kind from (select * from ranked order by n_created_recently desc, organization limit 800)
    union
    select organization, kind from (select * from ranked order by n_downloads desc nulls last, organization limit 800)
)
select
    organization, kind, country, organization_group, n_repos, coalesce(n_models, 0) as n_models,
    coalesce(n_datasets, 0) as n_datasets, coalesce(n_spaces, 0) as n_spaces, n_created_recently, rank_recently,
    share_known, (select count(*) from organizations) as n_organizations
from ranked
inner join chosen using (organization, kind)
order by n_created_recently desc, n_repos desc, organization, kind
""",
)
DAYS: Final = Query(
    "heatmap-days",
    "Created repositories and commits of the organizations on the HeatMap page, by day; day 0 is 2000-01-01",
    f"""
with
chosen as (
{ORGANIZATIONS.sql}
),
days as (
    select
        organization, kind, repo_type, n_created, n_commits,
        date_diff('day', date '2000-01-01', activity_date) as day
    from mart__organization_days
    inner join chosen using (organization, kind)
    where snapshot_date = $week
),
commits as (
    select organization, kind, day, sum(n_commits)::bigint as n
    from days
    where n_commits > 0
    group by organization, kind, day
)
select
    organization, kind, repo_type, count(*) as n_days,
    string_agg(concat(day, ' ', n_created), ' ' order by day) as days
from days
where n_created > 0
group by organization, kind, repo_type
union all
select organization, kind, 'commit', count(*), string_agg(concat(day, ' ', n), ' ' order by day)
from commits
group by organization, kind
""",
)
NAMESPACES: Final = Query(
    "heatmap-namespaces",
    "Namespaces that belong to an organization with a different name",
    """
select lower(namespace) as namespace, any_value(organization order by valid_from nulls first) as organization
from organizations
where lower(namespace) <> lower(organization) and kind <> 'unknown' and coalesce(valid_from, $week) <= $week
group by lower(namespace)
order by 1
""",
)


def _content(week: Week) -> Mapping[str, Any]:
    organizations, days = week.run(ORGANIZATIONS), week.run(DAYS)
    activity: dict[Any, dict[str, list[int]]] = {}
    n_days: dict[Any, int] = {}
    for row in days:
        key = (row.values["organization"], row.values["kind"])
        activity.setdefault(key, {})[str(row.values["repo_type"])] = _steps(str(row.values["days"]))
        n_days[key] = n_days.get(key, 0) + int(str(row.values["n_days"]))
    kept: list[Any] = []
    left = MOST_DAYS
    for row in organizations:
        key = (row.values["organization"], row.values["kind"])
        left -= n_days.get(key, 0)
        if left < 0:
            break
        kept.append(row)
    names = {row.values["organization"] for row in kept}
    data = {
        "week": week.snapshot_date,
        "n_organizations": organizations.first.values["n_organizations"] if organizations.first else 0,
        "organizations": [
            {
                "name": shown(row.values["organization"]),
                **{name: row.values[name] for name in ("kind", "country", "n_repos", "share_known", "rank_recently")},
                "days": activity.get((row.values["organization"], row.values["kind"]), {}),
            }
            for row in kept
        ],
        "namespaces": {
            namespace: shown(row.values["organization"])
            for namespace, row in zip(texts(week.run(NAMESPACES), "namespace"), week.run(NAMESPACES), strict=True)
            if row.values["organization"] in names
        },
    }
    return {
        "data": week.data_file("heatmap", data),
        "organizations": organizations,
        "n_kept": len(kept),
        "days": days,
        "coverage": week.run(COVERAGE),
    }


def _steps(days: str) -> list[int]:
    """Return days and counts alternately, with each day as the difference from the previous one to save characters."""
    numbers = [int(item) for item in days.split(" ")]
    before = 0
    for place in range(0, len(numbers), 2):
        numbers[place], before = numbers[place] - before, numbers[place]
    return numbers


PAGE: Final = Page(
    slug="heatmap",
    title="Organization HeatMap",
    lead="Models, datasets and Spaces that organizations created, and the commits to them, day by day.",
    group="Explore",
    content=_content,
    scripts=("explore.js", "heatmap.js"),
    uses=("commits",),
)
