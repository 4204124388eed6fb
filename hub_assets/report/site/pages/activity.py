"""Research question 1: how activity is distributed over repositories (the study's Tables 2 to 5, Figures 1 to 3)."""

from collections.abc import Mapping
from typing import Any, Final

from hub_assets.report.site.claims import sentences
from hub_assets.report.site.comparison import activity_table, figure_rows, license_test_table
from hub_assets.report.site.page import Page
from hub_assets.report.site.queries import Query
from hub_assets.report.site.week import Week

DISTRIBUTIONS: Final = Query(
    "distributions",
    "Repositories with at least a given value, by type and variable; values are powers of two",
    """
with
wide as (
    select repo_type, n_likes, n_discussions, n_disc_starters, n_commits, n_committers, n_community, n_downloads,
        n_usage_spaces
    from mart__repo_activity
    where snapshot_date = $week
),
values_of as (
    unpivot wide on columns(* exclude (repo_type)) into name variable value value
),
powers as (
    select unnest(generate_series(0, 40)) as power
),
known as (
    select repo_type, variable, count(*) as n_known, max(value) as largest
    from values_of
    group by repo_type, variable
),
binned as (
    select repo_type, variable, cast(floor(log2(value)) as bigint) as power, count(*) as n
    from values_of
    where value > 0
    group by all
)
select variable, known.repo_type, cast(pow(2, powers.power) as bigint) as at_least,
    cast(sum(binned.n) as bigint) as n_repos, sum(binned.n) / known.n_known as share, known.n_known as n
from known
inner join powers on pow(2, powers.power) <= known.largest
inner join binned using (repo_type, variable)
where binned.power >= powers.power
group by variable, known.repo_type, powers.power, known.n_known
order by variable, known.repo_type, at_least
""",
)
TAILS: Final = Query(
    "tails",
    "Skewness and power-law fit of each distribution",
    """
select repo_type, variable, n_known as n, share_known, skewness, is_right_skewed, x_min, alpha,
    alpha - 1.96 * alpha_se as alpha_low, alpha + 1.96 * alpha_se as alpha_high, n_tail, goodness_p, resamples, verdict
from stats__tail_fits
where snapshot_date = $week
order by repo_type, variable
""",
)
CONCENTRATION: Final = Query(
    "concentration",
    "Concentration of each activity, with 95% bootstrap intervals",
    """
select repo_type, variable, n, share_known, gini, gini_low, gini_high, top_1_share, top_1_share_low, top_1_share_high,
    max(share_of_repos) filter (where target_share = 0.8) as holding_80,
    max(share_of_repos_low) filter (where target_share = 0.8) as holding_80_low,
    max(share_of_repos_high) filter (where target_share = 0.8) as holding_80_high
from stats__concentration
where snapshot_date = $week
group by all
order by repo_type, variable
""",
)
LORENZ: Final = Query(
    "lorenz",
    "Lorenz curves: share of the total held by the least active repositories",
    """
select variable, repo_type, share_of_repos, share_of_total, n
from stats__lorenz
where snapshot_date = $week and share_of_total is not null
    and (round(share_of_repos * 100) % 10 = 0 or share_of_repos > 0.905)
order by variable, repo_type, share_of_repos
""",
)
CORRELATIONS: Final = Query(
    "correlations",
    "Correlations of activities by repository type",
    """
select repo_type, variable_x, variable_y, pearson, pearson_p_holm, spearman, spearman_p_holm, kendall,
    kendall_p_holm, n, share_known
from stats__correlations
where snapshot_date = $week and license_group = 'all'
order by case repo_type when 'model' then 1 when 'dataset' then 2 else 3 end, variable_x, variable_y
""",
)
LICENSE_CORRELATIONS: Final = Query(
    "license-correlations",
    "Correlations of activities of models by license group",
    """
select license_group, variable_x, variable_y, pearson, pearson_p_holm, spearman, spearman_p_holm, kendall,
    kendall_p_holm, n, share_known
from stats__correlations
where snapshot_date = $week and repo_type = 'model' and license_group <> 'all'
order by case license_group when 'permissive' then 1 when 'restrictive' then 2 else 3 end, variable_x, variable_y
""",
)
LICENSE_TESTS: Final = Query(
    "license-tests",
    "Mann-Whitney tests between license groups of models, with effect sizes",
    """
select variable, group_a || ' vs ' || group_b as pair, n_a, n_b, share_known, mean_a, mean_b, rank_biserial, p_holm
from stats__license_tests
where snapshot_date = $week
order by variable, pair
""",
)
LICENSES: Final = Query(
    "licenses",
    "The most used licenses by repository type; a repository counts for its first license",
    """
select repo_type, license, license_group, n_first, n_first / nullif(n_known, 0) as share, n_known as n, share_known
from stats__license_shares
where snapshot_date = $week
qualify row_number() over (partition by repo_type order by n_first desc, license) <= 12
order by case repo_type when 'model' then 1 when 'dataset' then 2 else 3 end, n_first desc, license
""",
)
TOPS: Final = Query(
    "top-repositories",
    "The repositories with the most likes, downloads, discussions and commits",
    """
select variable, repo_type, rank, repo_id, value, n, share_known
from mart__top_repositories
where snapshot_date = $week and variable in ('n_likes', 'n_downloads', 'n_discussions', 'n_commits') and rank <= 10
order by variable desc, case repo_type when 'model' then 1 when 'dataset' then 2 else 3 end, rank, repo_id
""",
)
_VARIABLES: Final = [
    ("n_likes", "likes"),
    ("n_downloads", "downloads"),
    ("n_commits", "commits"),
    ("n_committers", "committers"),
    ("n_discussions", "discussions"),
    ("n_disc_starters", "discussion starters"),
    ("n_community", "community"),
    ("n_usage_spaces", "spaces that use it"),
]
_TYPES: Final = [("model", "models"), ("dataset", "datasets"), ("space", "spaces")]


def _content(week: Week) -> Mapping[str, Any]:
    return {
        "sentences": sentences(week, "activity"),
        "tables": [
            activity_table(week, "Table 2", "model"),
            activity_table(week, "Table 3", "dataset"),
            activity_table(week, "Table 4", "space"),
        ],
        "in_text": [
            *figure_rows(week, "Section 4.1"),
            *figure_rows(week, "Section 4.1.1"),
            *figure_rows(week, "Section 5.2.3"),
        ],
        "correlations_in_text": figure_rows(week, "Section 4.1.2"),
        "licenses_in_text": [
            *figure_rows(week, "Section 4.1.3"),
            *figure_rows(week, "Section 5.2.2"),
            *figure_rows(week, "Section 3.5"),
        ],
        "distributions": week.run(DISTRIBUTIONS),
        "tails": week.run(TAILS),
        "concentration": week.run(CONCENTRATION),
        "lorenz": week.run(LORENZ),
        "correlations": week.run(CORRELATIONS),
        "license_correlations": week.run(LICENSE_CORRELATIONS),
        "license_tests": week.run(LICENSE_TESTS),
        "licenses": week.run(LICENSES),
        "tops": week.run(TOPS),
        "table_5": license_test_table(week),
        "table_5_p": figure_rows(week, "Table 5", ["p_value"]),
        "variables": _VARIABLES,
        "types": _TYPES,
    }


PAGE: Final = Page(
    slug="activity",
    title="RQ1: Activity",
    lead="How likes, downloads, commits and discussions are distributed over models, datasets and Spaces.",
    group="Report",
    content=_content,
    scripts=("charts.js",),
    uses=("commits", "discussions"),
)
