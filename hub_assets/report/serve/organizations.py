"""Organizations by name, and the daily activity of any of them; the HeatMap page covers only the top ones."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import duckdb
import pyarrow as pa

from hub_assets.report.serve.columns import Names
from hub_assets.report.serve.endpoints import Answer, Endpoint
from hub_assets.report.serve.parameters import Parameter
from hub_assets.report.serve.published import Reader, Unanswered
from hub_assets.report.text import visible

# a namespace selects its organization, as on the HeatMap page; if two organizations share a name, the larger one wins
_NAMED: Final = """
select organization, kind
from mart__organizations
where snapshot_date = $week and {condition}
group by organization, kind
order by sum(n_repos) desc, kind
limit 1
"""
_OF_NAMESPACE: Final = """
select organization, kind
from organizations
where lower(namespace) = lower($name) and coalesce(valid_from, $week) <= $week
order by valid_from desc nulls last
limit 1
"""
_FACTS: Final = """
select
    organization, kind, any_value(country) as country, sum(n_repos)::bigint as n_repos,
    sum(n_repos_known) / sum(n_repos) as share_known
from mart__organizations
where snapshot_date = $week and organization = $organization and kind = $kind
group by organization, kind
"""
_DAYS: Final = """
select activity_date as date, repo_type, n_created, n_commits
from mart__organization_days
where snapshot_date = $week and organization = $organization and kind = $kind
order by activity_date, repo_type
"""
_LIST: Final = """
select organization, kind, country, n_repos, n_downloads
from mart__organizations
where snapshot_date = $week
"""


def _days(reader: Reader, values: Mapping[str, Any]) -> Answer:
    name = values["name"]
    # the last query is the slowest, because it reads every name to ignore case
    for sql in (
        _OF_NAMESPACE,
        _NAMED.format(condition="organization = $name"),
        _NAMED.format(condition="lower(organization) = lower($name)"),
    ):
        for found in reader.rows(sql, name=name):
            for facts in reader.rows(_FACTS, **found):
                return Answer(reader.table(_DAYS, **found), facts)
    raise Unanswered(404, f"No organization or namespace of this week is called {visible(name)}.")


def _ranked(connection: duckdb.DuckDBPyConnection, week: date) -> tuple[pa.Table, Names]:
    # grouped outside DuckDB, which would exceed its memory limit for a million organizations
    rows = connection.sql(_LIST, params={"week": week}).to_arrow_table().group_by(["organization", "kind"])
    facts = {"country": "min", "n_repos": "sum", "n_downloads": "sum"}
    table = rows.aggregate(list(facts.items())).rename_columns({f"{name}_{how}": name for name, how in facts.items()})
    order = [("n_repos", "descending"), ("organization", "ascending"), ("kind", "ascending")]
    # otherwise, each `take` would combine the chunks again
    table = table.sort_by(order).combine_chunks()
    return table, Names(table["organization"])


def _list(reader: Reader, values: Mapping[str, Any]) -> Answer:
    table, names = reader.kept("organizations", _ranked)
    return Answer(table.take(names.containing(values["query"], values["k"])))


ENDPOINTS: Final = (
    Endpoint(
        "/organizations",
        "Organizations whose name contains the given text",
        "The largest organizations come first. Namespaces without a known organization count as organizations.",
        (
            Parameter("query", "Text to find in names, ignoring case.", default=""),
            Parameter("k", "Number of results.", "integer", 20, low=1, high=100),
        ),
        _list,
    ),
    Endpoint(
        "/organizations/days",
        "Daily activity of an organization",
        "Numbers of repositories created and of commits made, for each active day. Commits count only in repositories "
        "whose histories are known.",
        (Parameter("name", "Name of an organization or of one of its namespaces, ignoring case.", is_required=True),),
        _days,
    ),
)
