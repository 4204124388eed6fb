"""How use changes from week to week: concentration, cohorts, adoption, attribution and families."""

from collections.abc import Mapping
from typing import Any, Final

from hub_assets.report.site.page import Page
from hub_assets.report.site.queries import Query
from hub_assets.report.site.week import Week

CONCENTRATION: Final = Query(
    "concentration-over-time",
    "Share of the largest models by week",
    """
with
shares as (
    unpivot (
        select snapshot_date, measure, is_suspect, n, share_of_top_10, share_of_top_100, share_of_top_1000, top_1_share,
            gini
        from stats__concentration_over_time
        where snapshot_date <= $week and repo_type = 'model' and unit = 'repository' and slice_kind = 'all'
    )
    on share_of_top_10, share_of_top_100, share_of_top_1000, top_1_share, gini
    into name quantity value share
),
bounds as (
    select snapshot_date, measure, share_of_top_10_low, share_of_top_10_high, share_of_top_100_low,
        share_of_top_100_high, share_of_top_1000_low, share_of_top_1000_high, top_1_share_low, top_1_share_high,
        gini_low, gini_high
    from stats__concentration_over_time
    where snapshot_date <= $week and repo_type = 'model' and unit = 'repository' and slice_kind = 'all'
)
select measure, quantity, snapshot_date, share,
    case quantity when 'share_of_top_10' then share_of_top_10_low when 'share_of_top_100' then share_of_top_100_low
        when 'share_of_top_1000' then share_of_top_1000_low when 'top_1_share' then top_1_share_low
        else gini_low end as low,
    case quantity when 'share_of_top_10' then share_of_top_10_high when 'share_of_top_100' then share_of_top_100_high
        when 'share_of_top_1000' then share_of_top_1000_high when 'top_1_share' then top_1_share_high
        else gini_high end as high,
    is_suspect, n
from shares
inner join bounds using (snapshot_date, measure)
order by measure, quantity, snapshot_date
""",
)
TRENDS: Final = Query(
    "trends-of-shares",
    "Trends of shares, computed from the weeks that no rule flags as suspect",
    """
select series, item, measure, quantity, n, n_suspect, first_date, slope, slope_low, slope_high, p_value, p_holm
from stats__trends
where snapshot_date = $week and slope is not null
order by p_holm, series, item, measure, quantity
""",
)
SLICES: Final = Query(
    "concentration-by-slice",
    "Concentration of downloads in 30 days this week, by slice of the models",
    """
select slice_kind, slice, n, total, top_1_share, gini, hhi, share_zero, share_of_top_10, share_suspect
from stats__concentration_over_time
where snapshot_date = $week and repo_type = 'model' and unit = 'repository' and measure = 'n_downloads' and n >= 10
qualify row_number() over (partition by slice_kind order by total desc, slice) <= 20
order by slice_kind, total desc, slice
""",
)
TRUST: Final = Query(
    "suspect-weeks",
    "Weeks whose counters are in doubt, and weeks after a gap",
    """
select distinct snapshot_date, repo_type, previous_date, is_after_gap, is_suspect, suspicions, n_weeks, share_suspect
from stats__concentration_over_time
where snapshot_date <= $week and unit = 'repository' and slice_kind = 'all' and measure in ('n_downloads', 'n_likes')
    and (is_suspect or is_after_gap)
order by snapshot_date desc, repo_type, suspicions
limit 60
""",
)
SURVIVAL: Final = Query(
    "survival",
    "Share of models without an event so far, by age",
    """
select event, slice as relation, day / 365.25 as years, survival, survival_low, survival_high, n_at_risk
from stats__survival
where snapshot_date = $week and slice_kind = 'relation'
order by event, relation, day
""",
)
COHORTS: Final = Query(
    "cohorts",
    "What became of models, by month of creation",
    """
select created_month, n_listed, n_gone, share_gone, share_downloaded, share_committed, share_gated
from mart__cohorts
where snapshot_date = $week and repo_type = 'model'
order by created_month
""",
)
ADOPTION: Final = Query(
    "relative-adoption",
    "Releases that reached one of the compared ages this week, by their downloads relative to the size class's top",
    """
select repo_id, size_class, day, n_downloads_cumulative, relative_adoption, median_of_top, n_compared, gap, is_suspect
from stats__relative_adoption
where snapshot_date = $week and relative_adoption is not null
order by relative_adoption desc, repo_id, day
limit 50
""",
)
CURVES: Final = Query(
    "release-curves",
    "Best week and half-life of releases",
    """
select size_class, count(*) as n, median(best_age) as best_age, avg(case when best_age > 91 then 1.0 else 0.0 end)
    as share_after_91_days, avg(case when has_halved then 1.0 else 0.0 end) as share_halved,
    median(half_life) as half_life
from stats__release_curves
where snapshot_date = $week
group by size_class
order by n desc, size_class
""",
)
COUNTRIES: Final = Query(
    "attribution-by-country",
    "Countries by share of downloads in 30 days",
    """
select publishers.item, publishers.share as publisher_share, publishers.share_high as publisher_high,
    roots.share as root_share, roots.share_high as root_high, publishers.n_models, publishers.is_unknown
from (from mart__attribution where snapshot_date = $week and attributed_to = 'publisher') as publishers
left join (from mart__attribution where snapshot_date = $week and attributed_to = 'root') as roots
    using (measure, dimension, item)
where publishers.dimension = 'country' and publishers.measure = 'n_downloads'
order by publishers.is_unknown, publishers.share desc, publishers.item
""",
)
COUNTRIES_OVER_TIME: Final = Query(
    "countries-over-time",
    "Countries' share of downloads in 30 days by week",
    """
with
largest as (
    select item
    from mart__attribution
    where snapshot_date = $week and dimension = 'country' and measure = 'n_downloads' and not is_unknown
    group by item
    order by max(share) desc, item
    limit 6
)
select attributed_to, item, snapshot_date, share, share_high, is_suspect
from mart__attribution
where snapshot_date <= $week and dimension = 'country' and measure = 'n_downloads' and share is not null
    and (is_unknown or item in (select item from largest))
order by attributed_to, item, snapshot_date
""",
)
ORGANIZATIONS: Final = Query(
    "attribution-by-organization",
    "Organizations by share of downloads in 30 days",
    """
select publishers.item, publishers.share as publisher_share, roots.share as root_share,
    roots.share - publishers.share as difference, publishers.n_models
from (from mart__attribution where snapshot_date = $week and attributed_to = 'publisher') as publishers
full outer join (from mart__attribution where snapshot_date = $week and attributed_to = 'root') as roots
    using (measure, dimension, item)
where dimension = 'organization' and measure = 'n_downloads' and publishers.item is not null
order by greatest(coalesce(publishers.share, 0), coalesce(roots.share, 0)) desc, publishers.item
limit 25
""",
)
RELATIONS: Final = Query(
    "relations-over-time",
    "Share of models and of their use by relation to a base model",
    """
with
shares as (
    unpivot (
        select snapshot_date, relation, is_suspect, n_models, share_of_models, share_of_downloads, share_of_likes,
            share_of_usage
        from mart__relation_shares
        where snapshot_date <= $week
    )
    on share_of_models, share_of_downloads, share_of_likes, share_of_usage
    into name quantity value share
)
select quantity, relation, snapshot_date, share, is_suspect, n_models
from shares
order by quantity, relation, snapshot_date
""",
)
HIDDEN: Final = Query(
    "hidden-roots",
    "Hidden roots: models that many others build on but few people download",
    """
select repo_id, pagerank_rank, downloads_rank, pagerank, n_children, n_descendants, n_downloads
from network__family_pagerank
where snapshot_date = $week and is_hidden_root
order by pagerank_rank, repo_id
limit 25
""",
)
DRIFT: Final = Query(
    "license-drift-by-depth",
    "Model licenses compared with the family root's license, by generation",
    """
select depth, drift, n_models, share_of_models, n_downloads
from mart__license_drift_by_depth
where snapshot_date = $week
order by depth, drift
""",
)
PREDICTIONS: Final = Query(
    "predictions-of-use",
    "What predicted later use",
    """
select case outcome when 'later_downloads' then 'downloads in 30 days' when 'new_downloads' then 'downloads since'
        when 'new_children' then 'models made from it since' else 'Spaces that use it' end as outcome,
    predictor, base_date, n_days, n, spearman, spearman_low, spearman_high
from stats__predictions_of_use
where snapshot_date = $week
order by outcome, spearman desc nulls last, predictor
""",
)
_MEASURES: Final = [
    ("n_downloads", "downloads in 30 days"),
    ("n_new_downloads", "downloads since the previous listing"),
    ("n_likes", "likes"),
    ("n_usage_spaces", "Spaces that use it"),
]
_EVENTS: Final = [
    ("gone", "still listed"),
    ("no_downloads", "still downloaded"),
    ("no_commits", "still committed to"),
    ("gated", "not gated"),
    ("reached_100", "not yet a hundred downloads"),
    ("reached_1000", "not yet a thousand downloads"),
    ("reached_1000000", "not yet a million downloads"),
]
_SHARES: Final = [
    ("share_of_downloads", "downloads in 30 days"),
    ("share_of_models", "models"),
    ("share_of_likes", "likes"),
    ("share_of_usage", "Spaces that use them"),
]


def _content(week: Week) -> Mapping[str, Any]:
    return {
        "concentration": week.run(CONCENTRATION),
        "trends": week.run(TRENDS),
        "slices": week.run(SLICES),
        "trust": week.run(TRUST),
        "survival": week.run(SURVIVAL),
        "cohorts": week.run(COHORTS),
        "adoption": week.run(ADOPTION),
        "curves": week.run(CURVES),
        "countries": week.run(COUNTRIES),
        "countries_over_time": week.run(COUNTRIES_OVER_TIME),
        "organizations": week.run(ORGANIZATIONS),
        "relations": week.run(RELATIONS),
        "hidden": week.run(HIDDEN),
        "drift": week.run(DRIFT),
        "predictions": week.run(PREDICTIONS),
        "measures": _MEASURES,
        "events": _EVENTS,
        "shares": _SHARES,
    }


PAGE: Final = Page(
    slug="change",
    title="Change and power",
    lead="How concentrated use is, what lasts, whose models are adopted, and where these come from, week by week.",
    group="Report",
    content=_content,
    scripts=("charts.js",),
)
