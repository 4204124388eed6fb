"""ModelVerse: the week's models as a treemap of organizations. Modeled on the Space evijit/ModelVerse."""

from collections.abc import Mapping
from typing import Any, Final

from hub_assets.report.site.explorer_data import chosen_by, column, numbered, numbered_lists, texts
from hub_assets.report.site.page import Page
from hub_assets.report.site.queries import Query
from hub_assets.report.site.week import Week

MEASURES: Final = {
    "n_downloads": "Downloads in 30 days",
    "n_downloads_all_time": "Downloads of all time",
    "n_likes": "Likes",
    "n_usage_spaces": "Spaces that use it",
    "n_derivatives": "Direct derivatives",
}
_CHOSEN: Final = chosen_by(
    "models",
    {
        "n_downloads": 6000,
        "n_downloads_all_time": 3000,
        "n_likes": 3000,
        "n_usage_spaces": 2000,
        "n_derivatives": 2000,
    },
)
TOTALS: Final = Query(
    "modelverse-totals",
    "All listed models, and the models on the ModelVerse page",
    f"""
{_CHOSEN}select
    count(*) as n_models,
    count(chosen.repo_key) as n_on_page,
    sum(n_downloads)::bigint as n_downloads,
    sum(n_downloads_all_time)::bigint as n_downloads_all_time,
    sum(n_likes)::bigint as n_likes,
    sum(n_usage_spaces)::bigint as n_usage_spaces,
    sum(n_derivatives)::bigint as n_derivatives,
    sum(n_downloads) filter (where chosen.repo_key is not null) / nullif(sum(n_downloads), 0) as share_of_downloads,
    sum(n_likes) filter (where chosen.repo_key is not null) / nullif(sum(n_likes), 0) as share_of_likes
from models
left join chosen on models.repo_key = chosen.repo_key
""",
)
MODELS: Final = Query(
    "modelverse-models",
    "Models on the ModelVerse page: the top models by downloads, all-time downloads, likes, Spaces and derivatives",
    f"""
{_CHOSEN}select
    repo_id, organization, kind, country, task, themes, size_class, license_group,
    created_date, n_downloads, n_downloads_all_time, n_likes, n_usage_spaces, n_derivatives
from models
inner join chosen on models.repo_key = chosen.repo_key
order by n_downloads desc nulls last, repo_id
""",
)
SIZES: Final = Query(
    "size-classes",
    "Classes of model sizes",
    "select size_class from size_classes where $week is not null order by place",
)
COVERAGE: Final = Query(
    "organization-coverage",
    "How much is known about publishers, by type of repository",
    """
select
    repo_type, n_repos, n_namespaces, share_of_repos_with_kind, share_of_repos_with_country,
    share_of_downloads_with_kind, share_of_downloads_with_country, share_of_downloads_international
from mart__organization_coverage
where snapshot_date = $week
order by repo_type
""",
)


def _content(week: Week) -> Mapping[str, Any]:
    totals, models = week.run(TOTALS), week.run(MODELS)
    total = totals.first
    sizes = [row.values["size_class"] for row in week.run(SIZES)]
    data = {
        "noun": "models",
        "measures": MEASURES,
        "totals": {name: total.values[name] if total else None for name in MEASURES},
        "values": {name: column(models, name) for name in MEASURES},
        "ids": texts(models, "repo_id"),
        "organization": numbered(texts(models, "organization")),
        "created": column(models, "created_date"),
        "filters": {
            "theme": {"label": "Theme", **numbered_lists(column(models, "themes"))},
            "task": {"label": "Task", **numbered(texts(models, "task"))},
            "size": {"label": "Parameters", "order": [*sizes, "unknown"], **numbered(texts(models, "size_class"))},
            "license": {"label": "License group", **numbered(texts(models, "license_group"))},
            "kind": {"label": "Kind of organization", **numbered(texts(models, "kind"))},
            "country": {"label": "Country", **numbered(texts(models, "country"))},
        },
    }
    coverage = week.run(COVERAGE).where(repo_type="model")
    path = week.data_file("modelverse", data)
    return {"data": path, "total": total, "totals": totals, "models": models, "coverage": coverage, "explorer": data}


PAGE: Final = Page(
    slug="modelverse",
    title="ModelVerse",
    lead="The week's most used models by organization: choose a measure, filter, and compare shares.",
    group="Explore",
    content=_content,
    scripts=("explore.js", "treemap.js"),
)
