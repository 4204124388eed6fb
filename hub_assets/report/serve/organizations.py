"""Any organization's days, in the form in which the HeatMap page has them for the largest ones."""

from collections.abc import Mapping
from typing import Any, Final

from hub_assets.report.serve.endpoints import Answer, Endpoint
from hub_assets.report.serve.parameters import Parameter
from hub_assets.report.serve.published import Reader, Unanswered
from hub_assets.report.text import visible

# a namespace leads to its organization, as on the page
_FOUND: Final = """
with
named as (
    select organization, kind
    from mart__organizations
    where snapshot_date = $week and lower(organization) = lower($name)
    union all
    select organization, kind
    from organizations
    where lower(namespace) = lower($name) and coalesce(valid_from, $week) <= $week
)
select
    organization, kind, any_value(country) as country, sum(n_repos)::bigint as n_repos,
    sum(n_repos_known) / sum(n_repos) as share_known
from mart__organizations
where snapshot_date = $week and (organization, kind) in (select (organization, kind) from named)
group by organization, kind
order by n_repos desc, kind
limit 1
"""
_DAYS: Final = """
select activity_date as date, repo_type, n_created, n_commits
from mart__organization_days
where snapshot_date = $week and organization = $organization and kind = $kind
order by activity_date, repo_type
"""
_LIST: Final = """
select
    organization, kind, any_value(country) as country, sum(n_repos)::bigint as n_repos,
    sum(n_downloads)::bigint as n_downloads
from mart__organizations
where snapshot_date = $week and contains(lower(organization), lower($query))
group by organization, kind
order by n_repos desc, organization, kind
limit $k
"""


def _days(reader: Reader, values: Mapping[str, Any]) -> Answer:
    found = reader.rows(_FOUND, name=values["name"])
    if not found:
        raise Unanswered(404, f"No organization or namespace of this week is called {visible(values['name'])}.")
    days = reader.table(_DAYS, organization=found[0]["organization"], kind=found[0]["kind"])
    return Answer(days, found[0])


def _list(reader: Reader, values: Mapping[str, Any]) -> Answer:
    return Answer(reader.table(_LIST, query=values["query"], k=values["k"]))


ENDPOINTS: Final = (
    Endpoint(
        "/organizations",
        "Organizations whose name has a text",
        "The largest come first. A namespace without a known organization is one of its own.",
        (
            Parameter("query", "Text in the name, in any case.", default=""),
            Parameter("k", "Number of results.", "integer", 20, low=1, high=100),
        ),
        _list,
    ),
    Endpoint(
        "/organizations/days",
        "Days of an organization",
        "Repositories created and commits on each day with any; commits as far as histories are known.",
        (Parameter("name", "Organization, or one of its namespaces, in any case.", is_required=True),),
        _days,
    ),
)
