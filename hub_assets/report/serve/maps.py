"""The data of the explorers' maps, over all repositories of the week: organizations, their shares, and their largest
repositories.

The pages draw the maps; measures are defined in `report.site.pages.modelverse` and `dataverse`.
"""

from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa

from hub_assets.report.serve.endpoints import Answer, Endpoint
from hub_assets.report.serve.parameters import Parameter
from hub_assets.report.serve.published import Reader
from hub_assets.report.site.pages import dataverse, modelverse

NONE: Final = "(none)"
ANY: Final = "(any)"
LARGEST: Final = 40
"""Number of repositories named per organization; the page draws all others as one rectangle."""
LARGEST_OF_ONE: Final = 400
"""The same number if only one organization is shown."""

_MODEL_FILTERS: Final = {
    "theme": ("themes", "Theme of the tags and task."),
    "task": ("task", "Task."),
    "library": ("library", "Library."),
    "size": ("size_class", "Size class, or `unknown`."),
    "license": ("license_group", "License group."),
    "kind": ("kind", "Kind of organization."),
    "country": ("country", "Country of the organization."),
}
_DATASET_FILTERS: Final = {
    "benchmark": ("benchmark", f"Benchmark; `{ANY}` for datasets of any benchmark."),
    "modality": ("modalities", "Modality."),
    "domain": ("domains", "Domain."),
    "size": ("size_class", "Size class by number of rows, or `unknown`."),
    "language": ("languages", "Language, as a code."),
    "license": ("license_group", "License group."),
    "kind": ("kind", "Kind of organization."),
    "country": ("country", "Country of the organization."),
}
_RESULTS: Final = pa.schema(
    [
        ("organization", pa.string()),
        ("kind", pa.string()),
        ("country", pa.string()),
        ("n_repos", pa.int64()),
        ("n_with_value", pa.int64()),
        ("total", pa.int64()),
        ("share", pa.float64()),
        ("largest", pa.list_(pa.struct([("repo_id", pa.string()), ("value", pa.int64())]))),
    ]
)
_LISTS: Final = frozenset({"themes", "modalities", "domains", "languages"})

_GROUPS: Final = """
with
groups as (
    select organization, sum({measure})::bigint as total
    from {table}
    where {selected} and {measure} > 0
    group by organization
)
select
    organization, total, total / sum(total) over () as share, count(*) over () as n_organizations,
    sum(total) over ()::bigint as total_of_all,
    sum(power(total::double, 2)) over () / power(sum(total::double) over (), 2) as hhi
from groups
order by total desc, organization
limit $top
"""
_VALUES: Final = """
with
counts as (
    select {measure} as value, count(*) as n
    from {table}
    where {selected}
    group by {measure}
),
ranked as (
    select
        coalesce(value, 0)::double as value, n,
        sum(n) over (order by value nulls first rows unbounded preceding) - n as n_below
    from counts
)
-- ties take consecutive ranks, which their order does not change
select
    (select coalesce(sum(n), 0)::bigint from counts) as n_selected,
    (select coalesce(sum(n), 0)::bigint from counts where value is not null) as n_known,
    2 * sum(value * (n * n_below + n * (n + 1) / 2)) / nullif(sum(n) * sum(value * n), 0)
        - (sum(n) + 1) / sum(n) as gini
from ranked
"""
_REPOSITORIES: Final = """
with
of_these as (
    select organization, kind, country, repo_id, {measure} as value
    from {table}
    where {selected} and organization in (select unnest($organizations::varchar[]))
)
select
    organization, min(kind) as kind, min(country) as country, count(*) as n_repos,
    count(*) filter (where value > 0) as n_with_value,
    -- without sorting all of them
    arg_max({{'repo_id': repo_id, 'value': value}}, value, {largest}) filter (where value > 0) as largest
from of_these
group by organization
"""
_SPELLINGS: Final = """
select distinct organization
from mart__organizations
where snapshot_date = $week and repo_type = $repo_type and lower(organization) = lower($org)
"""
_TOTAL: Final = "select sum({measure})::bigint as total from {table} where snapshot_date = $week"


def _endpoint(plural: str, measures: Mapping[str, str], filters: Mapping[str, tuple[str, str]]) -> Endpoint:
    table = f"mart__{plural}"
    parameters = (
        Parameter("measure", "Measure to compute shares of.", default="n_downloads", choices=tuple(measures)),
        Parameter("top", "Number of organizations.", "integer", 20, low=1, high=50),
        *(Parameter(name, f"{text} `{NONE}` for repositories without one.") for name, (_, text) in filters.items()),
        Parameter("from", "First day of creation.", "date"),
        Parameter("to", "Last day of creation.", "date"),
        Parameter("org", "Only this organization, ignoring case."),
        Parameter("skip", "Organizations to leave out, separated by commas, ignoring case."),
    )

    def answer(reader: Reader, values: Mapping[str, Any]) -> Answer:
        conditions, bound = ["snapshot_date = $week"], {}
        for name, (column, _) in filters.items():
            if values[name] is not None:
                conditions.append(_condition(column, name, values[name]))
                bound[name] = values[name]
        for name, condition in (
            ("from", "created_date >= $from_day"),
            ("to", "created_date <= $to_day"),
        ):
            if values[name] is not None:
                conditions.append(condition)
                bound[f"{name}_day"] = values[name]
        if values["org"] is not None:
            # ignore case only once, instead of in each of the queries below
            conditions.append("organization in (select unnest($spellings::varchar[]))")
            spellings = reader.rows(_SPELLINGS, org=values["org"], repo_type=plural.removesuffix("s"))
            bound["spellings"] = [row["organization"] for row in spellings] or [values["org"]]
        if skipped := [name.strip().lower() for name in (values["skip"] or "").split(",") if name.strip()]:
            conditions.append("lower(organization) not in (select unnest($skipped::varchar[]))")
            bound["skipped"] = skipped
        filled = {"table": table, "measure": values["measure"], "selected": " and ".join(conditions)}
        groups = reader.rows(_GROUPS.format(**filled), top=values["top"], **bound)
        [facts] = reader.rows(_VALUES.format(**filled), **bound)
        [total] = reader.rows(_TOTAL.format(**filled))
        of = {
            row["organization"]: row
            for row in reader.rows(
                _REPOSITORIES.format(largest=LARGEST if values["org"] is None else LARGEST_OF_ONE, **filled),
                organizations=[group["organization"] for group in groups],
                **bound,
            )
        }
        shown = [{**of[group["organization"]], **group} for group in groups]
        overall = groups[0] if groups else {"n_organizations": 0, "total_of_all": 0, "hhi": None}
        return Answer(
            pa.Table.from_pylist(shown, _RESULTS),
            {
                "measure": values["measure"],
                **facts,
                "n_shown": sum(row["n_repos"] for row in shown),
                "n_organizations": overall["n_organizations"],
                "total": overall["total_of_all"],
                "total_of_all_listed": total["total"],
                "hhi": overall["hhi"],
            },
        )

    return Endpoint(
        f"/map/{plural}",
        f"Organizations by their {plural}",
        f"Organizations with the largest sums of a measure over selected {plural}, and the largest {plural} of each. "
        "Shares, Gini coefficient and HHI are computed over the selection.",
        parameters,
        answer,
    )


def _condition(column: str, name: str, value: str) -> str:
    if value == NONE:
        return f"len({column}) = 0" if column in _LISTS else f"{column} is null"
    if value == ANY:
        return f"{column} is not null"
    return f"list_contains({column}, ${name})" if column in _LISTS else f"{column} = ${name}"


ENDPOINTS: Final = (
    _endpoint("models", modelverse.MEASURES, _MODEL_FILTERS),
    _endpoint("datasets", dataverse.MEASURES, _DATASET_FILTERS),
)
