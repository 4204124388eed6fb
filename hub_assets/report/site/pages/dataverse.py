"""DataVerse: the week's datasets as a treemap of organizations. Modeled on the Space evijit/DataVerse."""

from collections.abc import Mapping
from typing import Any, Final

from hub_assets.report.site.explorer_data import chosen_by, column, numbered, numbered_lists, texts
from hub_assets.report.site.page import Page
from hub_assets.report.site.pages.modelverse import COVERAGE
from hub_assets.report.site.queries import Query
from hub_assets.report.site.week import Week

MEASURES: Final = {
    "n_downloads": "Downloads in 30 days",
    "n_downloads_all_time": "Downloads of all time",
    "n_likes": "Likes",
}
SIZES: Final = (
    *("n<1k", "1k<n<10k", "10k<n<100k", "100k<n<1m", "1m<n<10m", "10m<n<100m"),
    *("100m<n<1b", "1b<n<10b", "10b<n<100b", "100b<n<1t", "n>1t", "unknown"),
)
_CHOSEN: Final = chosen_by("datasets", {"n_downloads": 5000, "n_downloads_all_time": 3000, "n_likes": 3000})
TOTALS: Final = Query(
    "dataverse-totals",
    "All listed datasets, and the datasets on the DataVerse page",
    f"""
{_CHOSEN}select
    count(*) as n_datasets,
    count(chosen.repo_key) as n_on_page,
    count(benchmark) as n_benchmarks,
    sum(n_downloads)::bigint as n_downloads,
    sum(n_downloads_all_time)::bigint as n_downloads_all_time,
    sum(n_likes)::bigint as n_likes,
    sum(n_downloads) filter (where chosen.repo_key is not null) / nullif(sum(n_downloads), 0) as share_of_downloads,
    sum(n_likes) filter (where chosen.repo_key is not null) / nullif(sum(n_likes), 0) as share_of_likes,
    sum(n_downloads) filter (where benchmark is not null) / nullif(sum(n_downloads), 0) as share_of_benchmarks
from datasets
left join chosen on datasets.repo_key = chosen.repo_key
""",
)
DATASETS: Final = Query(
    "dataverse-datasets",
    "Datasets on the DataVerse page: the top datasets by downloads, all-time downloads and likes",
    f"""
{_CHOSEN}select
    repo_id, organization, kind, country, benchmark, modalities,
    domains, languages[1:20] as languages, size_class,
    license_group, created_date, n_downloads, n_downloads_all_time, n_likes
from datasets
inner join chosen on datasets.repo_key = chosen.repo_key
order by n_downloads desc nulls last, repo_id
""",
)


def _content(week: Week) -> Mapping[str, Any]:
    totals, datasets = week.run(TOTALS), week.run(DATASETS)
    total = totals.first
    data = {
        "noun": "datasets",
        "measures": MEASURES,
        "totals": {name: total.values[name] if total else None for name in MEASURES},
        "values": {name: column(datasets, name) for name in MEASURES},
        "ids": texts(datasets, "repo_id"),
        "organization": numbered(texts(datasets, "organization")),
        "created": column(datasets, "created_date"),
        "filters": {
            "benchmark": {"label": "Benchmark", "any": "Any benchmark", **numbered(texts(datasets, "benchmark"))},
            "modality": {"label": "Modality", **numbered_lists(column(datasets, "modalities"))},
            "domain": {"label": "Domain", **numbered_lists(column(datasets, "domains"))},
            "size": {"label": "Rows", "order": SIZES, **numbered(texts(datasets, "size_class"))},
            "language": {"label": "Language", **numbered_lists(column(datasets, "languages"))},
            "license": {"label": "License group", **numbered(texts(datasets, "license_group"))},
            "kind": {"label": "Kind of organization", **numbered(texts(datasets, "kind"))},
            "country": {"label": "Country", **numbered(texts(datasets, "country"))},
        },
    }
    coverage = week.run(COVERAGE).where(repo_type="dataset")
    path = week.data_file("dataverse", data)
    return {
        "data": path,
        "total": total,
        "totals": totals,
        "datasets": datasets,
        "coverage": coverage,
        "explorer": data,
    }


PAGE: Final = Page(
    slug="dataverse",
    title="DataVerse",
    lead="The week's most used datasets by organization, with benchmarks, modalities, domains, sizes and languages.",
    group="Explore",
    content=_content,
    scripts=("explore.js", "treemap.js"),
)
