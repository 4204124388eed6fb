"""Change over weeks as assets: concentration, survival, adoption, families, predictors of use, and trends.

Each partition contains the rows of one week, computed from that week and earlier weeks. Computation belongs in
`hub_assets.statistics` and `hub_assets.networks`.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import dagster as dg
import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from hub_assets.assets.tables import python_step, store, with_metadata
from hub_assets.metadata import RESULT_ROWS, tracked_metrics
from hub_assets.resources import HomeResource

CONCENTRATION: Final = "stats__concentration_over_time"
SURVIVAL: Final = "stats__survival"
RELATIVE_ADOPTION: Final = "stats__relative_adoption"
RELEASE_CURVES: Final = "stats__release_curves"
PAGERANK: Final = "network__family_pagerank"
PREDICTIONS: Final = "stats__predictions_of_use"
TRENDS: Final = "stats__trends"

MEASURES: Final = ("n_downloads", "n_new_downloads", "n_likes", "n_usage_spaces")
SLICES: Final = ("task", "size_class", "organization", "country", "origin")
SURVIVAL_DAYS: Final = 28
"""Days between points on a survival curve."""
RELEASE_DAYS: Final = 400
"""Maximum age in days of a release to follow: a year, plus a month for gaps between listings."""
LEAST_DOWNLOADS: Final = 1_000
"""Releases with fewer all-time downloads have no curve, because their best week would be a matter of chance."""
HORIZON: Final = 84
"""Target number of days between the predictors and the outcome. With a shorter history, the oldest week is used if it
is at least `LEAST_HORIZON` days earlier than the outcome."""
LEAST_HORIZON: Final = 28
RANKED: Final = 1_000
"""Number of models to rank each week."""
HIDDEN: Final = 10
"""A root is hidden if its rank by downloads is at least this many times its rank by PageRank."""
LEAST_HIDDEN: Final = 100
"""Minimum rank by downloads of a hidden root, because the best-known models are not hidden."""


def build_change() -> list[dg.AssetsDefinition]:
    """Build the assets that measure change over weeks."""
    return [
        _build_concentration(),
        _build_survival(),
        _build_adoption(),
        _build_pagerank(),
        _build_predictions(),
        _build_trends(),
    ]


def _build_concentration() -> dg.AssetsDefinition:
    reads = [
        *("int_hub__model_relations", "int_hub__namespaces", "int_hub__repository_flows", "core__week_quality"),
        *("mart__models", "mart__repo_activity"),
    ]

    @python_step(CONCENTRATION, {CONCENTRATION: reads}, "numpy")
    def concentration(snapshot_date: date, home: HomeResource) -> dg.MaterializeResult:
        from hub_assets.statistics.concentration_over_time import concentration_over_time

        with home.building(snapshot_date) as connection:
            quality = quality_until(connection, snapshot_date)
            parts = []
            for unit, slices in (("repository", SLICES), ("organization", ("origin",))):
                made = concentration_over_time(_units(connection, snapshot_date, unit), quality, MEASURES, slices)
                parts.append(made.append_column("unit", pa.repeat(pa.scalar(unit), len(made))))
            rows = pa.concat_tables(parts).sort_by(
                [(name, "ascending") for name in ("repo_type", "unit", "measure", "slice_kind", "slice")]
            )
            result = store(connection, CONCENTRATION, snapshot_date, rows, RESULT_ROWS)
        whole = rows.filter((pc.field("slice_kind") == "all") & (pc.field("unit") == "repository"))
        followed = {"{measure}_of_{repo_type}s_held_by_top_1_percent": "top_1_share"}
        return with_metadata(result, tracked_metrics(whole, followed))

    return concentration


def _build_survival() -> dg.AssetsDefinition:
    reads = [
        *("int_hub__listing_changes", "int_hub__listing_totals", "int_hub__repositories", "int_hub__model_relations"),
        *("mart__repository_changes", "core__week_quality"),
    ]

    @python_step(SURVIVAL, {SURVIVAL: reads}, "numpy")
    def survival_curves(snapshot_date: date, home: HomeResource) -> dg.MaterializeResult:
        from hub_assets.statistics.lifetimes import durations
        from hub_assets.statistics.survival import survival

        with home.building(snapshot_date) as connection:
            lives = durations(connection, snapshot_date)
            last = pc.max(lives["exit"]).as_py() or 0
            days = [float(day) for day in range(0, int(last) + SURVIVAL_DAYS, SURVIVAL_DAYS)]
            parts = []
            for slice_kind in ("all", "relation", "cohort"):
                sliced = lives.append_column("slice_kind", pa.repeat(pa.scalar(slice_kind), len(lives)))
                value = pa.repeat(pa.scalar("all"), len(lives)) if slice_kind == "all" else lives[slice_kind]
                parts.append(survival(sliced.append_column("slice", value), ("event", "slice_kind", "slice"), days))
            rows = pa.concat_tables(parts)
            rows = rows.filter(pc.is_valid(rows["survival"])).sort_by(
                [(name, "ascending") for name in ("event", "slice_kind", "slice", "day")]
            )
            result = store(connection, SURVIVAL, snapshot_date, rows, RESULT_ROWS)
        return with_metadata(result, {"durations": len(lives)})

    return survival_curves


def _build_adoption() -> dg.AssetsDefinition:
    reads = {
        RELATIVE_ADOPTION: ["int_hub__listing_changes", "mart__models", "core__week_quality"],
        RELEASE_CURVES: ["int_hub__listing_changes", "mart__models", "core__week_quality", "core__flow_corrections"],
    }

    @python_step("stats__adoption", reads, "numpy")
    def adoption(snapshot_date: date, home: HomeResource) -> Any:
        from hub_assets.statistics.adoption import relative_adoption, release_curves

        with home.building(snapshot_date) as connection:
            listings = releases(connection, snapshot_date)
            names = pc.field("snapshot_date") == pa.scalar(snapshot_date)
            now = listings.filter(names)
            followed = listings.filter(
                (pc.field("size_class") != "unknown")
                & pc.field("repo_key").isin(pc.unique(now["repo_key"]))
                & (pc.field("age") > 0)
            )
            reached = relative_adoption(followed)
            # keep each row only in the week in which the model reaches that age
            ages = now.select(["repo_key", "repo_id", "organization", "age", "previous_age", "is_suspect"])
            reached = reached.join(ages, "repo_key", join_type="inner")
            reached = reached.filter(
                (pc.field("day") <= pc.field("age"))
                & (pc.field("day") > pc.coalesce(pc.field("previous_age"), pa.scalar(0.0)))
            ).sort_by([("repo_key", "ascending"), ("day", "ascending")])
            yield store(connection, RELATIVE_ADOPTION, snapshot_date, reached)
            used = now.filter(pc.field("n_downloads_all_time") >= LEAST_DOWNLOADS)
            curves = release_curves(listings.filter(pc.field("repo_key").isin(pc.unique(used["repo_key"]))))
            curves = curves.join(now.select(["repo_key", "repo_id", "organization", "size_class"]), "repo_key")
            yield store(connection, RELEASE_CURVES, snapshot_date, curves.sort_by("repo_key"))

    return adoption


def _build_pagerank() -> dg.AssetsDefinition:
    @python_step(PAGERANK, {PAGERANK: ["mart__base_model_edges", "mart__models", "network__family_nodes"]}, "scipy")
    def pagerank(snapshot_date: date, home: HomeResource) -> dg.MaterializeResult:
        with home.building(snapshot_date) as connection:
            ranks = ranked(connection, snapshot_date)
            connection.register("ranks", ranks)
            rows = connection.sql(f"""
                with
                ranked as (
                    select
                        ranks.node, nodes.repo_id, nodes.is_root, nodes.is_listed, ranks.pagerank, ranks.n_children,
                        nodes.n_descendants, models.n_downloads,
                        rank() over (order by ranks.pagerank desc) as pagerank_rank,
                        case when models.n_downloads is not null
                            then rank() over (order by models.n_downloads desc nulls last) end as downloads_rank
                    from ranks
                    inner join network__family_nodes as nodes
                        on ranks.node = nodes.node and nodes.snapshot_date = date '{snapshot_date}'
                    left join mart__models as models
                        on nodes.repo_key = models.repo_key and models.snapshot_date = date '{snapshot_date}'
                )
                select
                    *,
                    is_root and coalesce(downloads_rank >= greatest({HIDDEN} * pagerank_rank, {LEAST_HIDDEN}), false)
                        as is_hidden_root
                from ranked
                where pagerank_rank <= {RANKED} and pagerank > 0
                order by pagerank_rank, node
            """).to_arrow_table()
            connection.unregister("ranks")
            result = store(connection, PAGERANK, snapshot_date, rows, RESULT_ROWS)
        return with_metadata(result, {"hidden_roots": pc.sum(rows["is_hidden_root"]).as_py() or 0})

    return pagerank


def _build_predictions() -> dg.AssetsDefinition:
    reads = ["mart__base_model_edges", "mart__models", "network__family_nodes", "core__week_quality"]

    @python_step(PREDICTIONS, {PREDICTIONS: reads}, "scipy")
    def predictions_of_use(snapshot_date: date, home: HomeResource) -> dg.MaterializeResult:
        from hub_assets.statistics.prediction import predictions
        from hub_assets.statistics.schemas import PREDICTIONS_OF_USE

        columns = pa.schema(list(PREDICTIONS_OF_USE)[1:])
        predictors = ("n_downloads", "n_likes", "n_children", "n_descendants", "pagerank")
        parts = [columns.empty_table()]
        with home.building(snapshot_date) as connection:
            base = base_week(connection, snapshot_date)
            if base is not None:
                models = _before_and_after(connection, base, snapshot_date)
                for outcome in ("later_downloads", "new_downloads", "new_children", "later_usage"):
                    made = predictions(models, predictors, outcome)
                    fixed: Mapping[str, Any] = {
                        "outcome": outcome,
                        "base_date": base,
                        "n_days": (snapshot_date - base).days,
                    }
                    for name, value in fixed.items():
                        made = made.append_column(name, pa.repeat(pa.scalar(value), len(made)))
                    parts.append(made.select(columns.names).cast(columns))
            rows = pa.concat_tables(parts)
            return store(connection, PREDICTIONS, snapshot_date, rows, RESULT_ROWS)

    return predictions_of_use


def _build_trends() -> dg.AssetsDefinition:
    @python_step(TRENDS, {TRENDS: [CONCENTRATION, "mart__relation_shares", "mart__attribution"]}, "scipy")
    def trends_of_series(snapshot_date: date, home: HomeResource) -> dg.MaterializeResult:
        from hub_assets.statistics.trends import trends

        with home.building(snapshot_date) as connection:
            series = connection.sql(f"""
                with
                concentration as (
                    unpivot (
                        select snapshot_date, measure, is_suspect, share_of_top_10, share_of_top_100,
                            share_of_top_1000, top_1_share, gini, hhi, share_zero
                        from {CONCENTRATION}
                        where repo_type = 'model' and unit = 'repository' and slice_kind = 'all'
                    )
                    on share_of_top_10, share_of_top_100, share_of_top_1000, top_1_share, gini, hhi, share_zero
                    into name quantity value value
                ),
                -- the largest countries in this week
                countries as (
                    select attributed_to, item
                    from mart__attribution
                    where snapshot_date = date '{snapshot_date}' and dimension = 'country'
                        and measure = 'n_downloads' and not is_unknown
                    qualify row_number() over (partition by attributed_to order by share desc, item) <= 6
                ),
                series as (
                    select snapshot_date, 'concentration' as series, 'all' as item, measure, quantity, value, is_suspect
                    from concentration
                    union all
                    select snapshot_date, 'relation', relation, 'n_downloads', 'share', share_of_downloads, is_suspect
                    from mart__relation_shares
                    union all
                    select shares.snapshot_date, attributed_to || ' country', item, 'n_downloads', 'share', share,
                        is_suspect
                    from mart__attribution as shares
                    inner join countries using (attributed_to, item)
                    where dimension = 'country' and measure = 'n_downloads'
                )
                from series
                where snapshot_date <= date '{snapshot_date}'
                order by all
            """).to_arrow_table()
            rows = trends(series, ("series", "item", "measure", "quantity"))
            return store(connection, TRENDS, snapshot_date, rows, RESULT_ROWS)

    return trends_of_series


def quality_until(connection: duckdb.DuckDBPyConnection, week: date) -> pa.Table:
    """Return the rows of `core__week_quality` for a week and the 51 weeks before it."""
    return connection.sql(
        f"from core__week_quality where snapshot_date between date '{week}' - interval '363 days' and date '{week}'"
    ).to_arrow_table()


def _units(connection: duckdb.DuckDBPyConnection, week: date, unit: str) -> pa.Table:
    """Return a week's repositories, or the organizations and accounts that own them, with measures and slices.

    Organizations in the seed `organizations` have slices of their own; individuals never do.
    """
    here = f"snapshot_date = date '{week}'"
    repositories = f"""
        select
            activity.snapshot_date, activity.repo_type, activity.namespace,
            activity.n_likes, activity.n_usage_spaces, activity.n_downloads,
            flows.n_downloads_earlier, flows.n_downloads_before_earlier, flows.n_downloads_overlap,
            flows.n_new_downloads, flows.n_new_downloads_earlier,
            models.task, models.size_class,
            case when namespaces.is_mapped and namespaces.kind <> 'individual' then namespaces.organization end
                as organization,
            coalesce(models.country, namespaces.country) as country,
            case when relations.is_derivative then 'derivative' when not relations.is_derivative then 'original' end
                as origin,
            lower(coalesce(namespaces.organization_group, activity.namespace, activity.repo_id)) as owner
        from (from mart__repo_activity where {here}) as activity
        left join (from int_hub__repository_flows where {here}) as flows
            on activity.repo_type = flows.repo_type and activity.repo_key = flows.repo_key
        left join (from mart__models where {here}) as models
            on activity.repo_type = 'model' and activity.repo_key = models.repo_key
        left join (from int_hub__model_relations where {here}) as relations
            on activity.repo_type = 'model' and activity.repo_key = relations.repo_key
        left join (from int_hub__namespaces where {here}) as namespaces
            on lower(activity.namespace) = namespaces.handle
    """
    if unit == "repository":
        return connection.sql(repositories).to_arrow_table()
    # where an earlier count is missing, use the current one, so that new repositories do not add noise
    return connection.sql(f"""
        select
            snapshot_date, repo_type, origin,
            sum(n_likes) as n_likes, sum(n_usage_spaces) as n_usage_spaces,
            sum(n_downloads) as n_downloads,
            case when count(n_downloads_earlier) > 0
                then sum(coalesce(n_downloads_earlier, n_downloads)) end as n_downloads_earlier,
            max(n_downloads_overlap) as n_downloads_overlap,
            sum(n_new_downloads) as n_new_downloads,
            case when count(n_new_downloads_earlier) > 0
                then sum(coalesce(n_new_downloads_earlier, n_new_downloads)) end as n_new_downloads_earlier
        from ({repositories})
        group by snapshot_date, repo_type, origin, owner
    """).to_arrow_table()


def releases(connection: duckdb.DuckDBPyConnection, week: date) -> pa.Table:
    """Return the listings, up to a week, of models created in the preceding 400 days, sorted by model and week.

    Ages and periods are in days. A model's first period begins with its creation. The downloads of this period are null
    if the model was created before the week of the previous listing. `is_suspect` marks weeks that a rule casts doubt
    on.
    """
    return connection.sql(f"""
        with
        models as (
            select repo_key, repo_id, organization, size_class, created_date
            from mart__models
            where snapshot_date = date '{week}' and created_date > date '{week}' - interval '{RELEASE_DAYS} days'
        ),
        suspect_weeks as (
            select snapshot_date
            from core__week_quality
            where repo_type = 'model' and severity in ('warning', 'error')
            group by snapshot_date
        ),
        weeks as (
            select snapshot_date, lag(snapshot_date) over (order by snapshot_date) as before
            from (select distinct snapshot_date from int_hub__listing_changes where repo_type = 'model' and is_listed)
        ),
        corrections as (
            select repo_key, flow_date, cast(sum(amount) as bigint) as n_moved
            from core__flow_corrections
            where repo_type = 'model' and snapshot_date <= date '{week}'
            group by repo_key, flow_date
        )
        select
            changes.snapshot_date, changes.repo_key, models.repo_id, models.organization, models.size_class,
            date_diff('second', changes.created_at, changes.observed_at) / 86400.0 as age,
            date_diff('second', changes.created_at, changes.previous_observed_at) / 86400.0 as previous_age,
            changes.n_downloads_all_time,
            case when changes.previous_date is not null then changes.n_new_downloads
                when cast(changes.created_at as date) >= weeks.before then changes.n_downloads_all_time end
            + coalesce(corrections.n_moved, 0) as n_new_downloads,
            date_diff('second', coalesce(changes.previous_observed_at, changes.created_at), changes.observed_at)
                / 86400.0 as n_days,
            suspect_weeks.snapshot_date is not null as is_suspect
        from int_hub__listing_changes as changes
        inner join models on changes.repo_key = models.repo_key
        inner join weeks on changes.snapshot_date = weeks.snapshot_date
        left join suspect_weeks on changes.snapshot_date = suspect_weeks.snapshot_date
        left join corrections
            on changes.repo_key = corrections.repo_key and changes.snapshot_date = corrections.flow_date
        where changes.repo_type = 'model' and changes.is_listed and changes.snapshot_date <= date '{week}'
            and changes.observed_at > changes.created_at
        order by changes.repo_key, changes.snapshot_date
    """).to_arrow_table()


def ranked(connection: duckdb.DuckDBPyConnection, week: date) -> pa.Table:
    """Return the PageRank of the models in a week's families; see `temporal_pagerank`."""
    from hub_assets.networks.recency import temporal_pagerank

    here = f"snapshot_date = date '{week}'"
    edges = connection.sql(f"""
        select repo_key as node, coalesce(base_repo_key, 'id:' || lower(base_repo_id)) as base_node
        from mart__base_model_edges
        where {here} and not is_self_loop and base_repo_id <> '(no id)'
    """).to_arrow_table()
    released = connection.sql(f"""
        select nodes.node, date_diff('day', models.created_date, date '{week}') as age
        from (from network__family_nodes where {here}) as nodes
        left join (from mart__models where {here}) as models on nodes.repo_key = models.repo_key
        order by nodes.node
    """).to_arrow_table()
    return temporal_pagerank(edges, released)


def base_week(connection: duckdb.DuckDBPyConnection, week: date) -> date | None:
    """Return the earlier week whose facts predict a week's use; None if there is no such week.

    It is the newest week at least 12 weeks earlier, or else the oldest week at least 4 weeks earlier. Weeks are skipped
    if a rule casts doubt on the counters of models.
    """
    ((found,),) = connection.execute(f"""
        with
        weeks as (
            select distinct snapshot_date
            from network__family_nodes
            where snapshot_date <= date '{week}' - interval '{LEAST_HORIZON} days'
                and snapshot_date not in (
                    select snapshot_date from core__week_quality
                    where repo_type = 'model' and severity in ('warning', 'error')
                )
        )
        select coalesce(
            max(case when snapshot_date <= date '{week}' - interval '{HORIZON} days' then snapshot_date end),
            min(snapshot_date)
        )
        from weeks
    """).fetchall()
    return found if isinstance(found, date) else None


def _before_and_after(connection: duckdb.DuckDBPyConnection, base: date, week: date) -> pa.Table:
    """Return the models that are in a family in the base week and are listed in both weeks.

    Each row has facts about a model in the base week, and its use since then.
    """
    connection.register("ranks", ranked(connection, base))
    rows = connection.sql(f"""
        select
            before.n_downloads, before.n_likes, nodes.n_children, nodes.n_descendants, ranks.pagerank,
            later.n_downloads as later_downloads,
            greatest(later.n_downloads_all_time - before.n_downloads_all_time, 0) as new_downloads,
            greatest(coalesce(later_nodes.n_children, 0) - nodes.n_children, 0) as new_children,
            later.n_usage_spaces as later_usage
        from (from network__family_nodes where snapshot_date = date '{base}' and is_listed) as nodes
        inner join ranks on nodes.node = ranks.node
        inner join (from mart__models where snapshot_date = date '{base}') as before on nodes.repo_key = before.repo_key
        inner join (from mart__models where snapshot_date = date '{week}') as later on nodes.repo_key = later.repo_key
        left join (from network__family_nodes where snapshot_date = date '{week}') as later_nodes
            on nodes.node = later_nodes.node
        order by nodes.node
    """).to_arrow_table()
    connection.unregister("ranks")
    return rows
