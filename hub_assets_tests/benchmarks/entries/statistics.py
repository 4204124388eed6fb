"""The study's statistics of activity on a simulated Hub, compared with pandas, scipy and powerlaw."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hub_assets.vocabulary import REPO_TYPES
from hub_assets_tests.benchmarks.processes import Clock, measure
from hub_assets_tests.benchmarks.records import GIB, Aim, Measurement, compare
from hub_assets_tests.benchmarks.stage import SEED, WEEK, Stage, benchmark

if TYPE_CHECKING:
    import pyarrow as pa

WHY: Final = "it computes no other measures of concentration than Gini's, and no correlations within license groups"

Numbers = dict[str, float | None]

RESAMPLES: Final = 10
FITTED: Final = ("n_likes", "n_commits", "n_downloads")
"""Model variables whose tails powerlaw can fit as well, because their alphas are below its bound of 3."""


@benchmark("statistics", order=57)
def statistics(stage: Stage) -> Iterator[Measurement]:
    """Compute concentration, correlations and license tests, build marts and figures, and fit tails."""
    size = measure(count, stage.scale, stage.populations).result
    ours = measure(compute, stage.scale, stage.populations)
    peer = measure(compute_by_pandas, stage.scale, stage.populations)
    yield ours.measurement(
        "statistics: all but tails",
        size,
        peers=[peer.peer("pandas, scipy", WHY)],
        answers=compare(ours.result, peer.result),
        aims=[Aim("seconds", ours.seconds, 60, "s"), Aim("peak memory", ours.peak / GIB, 2, "GiB")],
    )
    built = measure(build_marts, stage.scale, stage.populations)
    yield built.measurement("statistics: marts", size)
    drawn = measure(draw, stage.scale, stage.populations)
    yield drawn.measurement("statistics: figures", drawn.result)
    whole = sum(each.seconds for each in (ours, built, drawn))
    yield Measurement(
        "statistics: with marts, figures",
        size,
        whole,
        max(each.peak for each in (ours, built, drawn)),
        aims=[Aim("seconds", whole, 60, "s")],
    )
    fits = measure(fit, stage.scale, stage.populations)
    yield fits.measurement("statistics: tails", size, aims=[Aim("seconds", fits.seconds, 180, "s")])
    few = measure(fit_few, stage.scale, stage.populations)
    package = measure(fit_by_powerlaw, stage.scale, stage.populations)
    yield few.measurement(
        "statistics: three tails",
        size,
        peers=[package.peer("powerlaw")],
        # powerlaw stops its search for alpha within a few ten-thousandths of the maximum
        answers=compare(few.result, package.result, 1e-3),
    )
    goodness = measure(bootstrap, stage.scale, stage.populations)
    yield Measurement("statistics: goodness of fit", goodness.result, goodness.seconds, goodness.peak, unit="resamples")


def activity_of(scale: float, populations: Path) -> "dict[str, pa.Table]":
    """Return the true activity of repositories by type, with their first license and its group."""
    import duckdb
    import pyarrow as pa

    import dbt_like_sql
    from hub_assets.local_hub.simulated import simulate
    from hub_assets.local_hub.simulated.calibration import true_activity
    from hub_assets.statistics.activity import VARIABLES

    simulation = simulate(WEEK, scale=scale, seed=SEED, keep=populations)
    tables: dict[str, pa.Table] = {}
    seed = Path(dbt_like_sql.__file__).parent / "seeds" / "license_groups.csv"
    with duckdb.connect() as connection:
        for repo_type in REPO_TYPES:
            tags = simulation.repos[repo_type].select(["tags"])
            connection.register("repos", tags.append_column("place", pa.array(range(len(tags)))))
            licenses = connection.sql(f"""
                with found as (
                    select place, substr(list_filter(tags, lambda tag: starts_with(tag, 'license:'))[1], 9) as license
                    from repos
                )
                select
                    license,
                    case when license is null then 'none' else coalesce(license_group, 'other') end as license_group
                from found left join read_csv('{seed}') using (license)
                order by place
            """).to_arrow_table()
            values = true_activity(simulation, repo_type)
            columns = {name: pa.array(values[name]) for name in VARIABLES[repo_type]}
            tables[repo_type] = pa.table(columns | {name: licenses[name] for name in licenses.column_names})
    return tables


def count(clock: Clock, scale: float, populations: Path) -> int:
    """Return the number of repositories."""
    with clock:
        return sum(map(len, activity_of(scale, populations).values()))


def compute(clock: Clock, scale: float, populations: Path) -> Numbers:
    """Return Gini coefficients, correlation coefficients, and U statistics."""
    from hub_assets.statistics import activity as of

    activity = activity_of(scale, populations)
    with clock:
        concentrations = of.concentration_table(activity)
        of.lorenz_table(activity)
        correlated = of.correlation_table(activity)
        tests = of.license_test_table(activity)
    return {
        **{f"{row['repo_type']} {row['variable']} gini": row["gini"] for row in concentrations.to_pylist()},
        **{
            f"{row['repo_type']} {row['variable_x']} {row['variable_y']} {name}": row[name]
            for row in correlated.to_pylist()
            if row["license_group"] == "all"
            for name in ("pearson", "spearman")
        },
        **{f"{row['variable']} {row['group_a']} {row['group_b']} u": row["u_a"] for row in tests.to_pylist()},
    }


def compute_by_pandas(clock: Clock, scale: float, populations: Path) -> Numbers:
    """Compute the compared statistics with pandas, and with scipy for each pair of groups."""
    from itertools import combinations

    import numpy as np
    from scipy import stats

    from hub_assets.statistics.activity import LEAST_USED, LICENSE_GROUPS, VARIABLES

    activity = {repo_type: table.to_pandas() for repo_type, table in activity_of(scale, populations).items()}
    found: Numbers = {}
    with clock:
        for repo_type, frame in activity.items():
            names = list(VARIABLES[repo_type])
            frame[names].describe()
            for name in names:
                values = np.sort(frame[name].to_numpy(np.float64))
                n, total = len(values), values.sum()
                ranks = np.arange(1, n + 1)
                found[f"{repo_type} {name} gini"] = 2 * (ranks @ values) / (n * total) - (n + 1) / n if total else None
            matrices = {method: frame[names].corr(method=method) for method in ("pearson", "spearman")}
            for x, y in combinations(names, 2):
                for coefficient in (stats.pearsonr, stats.spearmanr, stats.kendalltau):
                    coefficient(frame[x], frame[y])
                for method, matrix in matrices.items():
                    value = matrix.loc[x, y]
                    found[f"{repo_type} {x} {y} {method}"] = None if np.isnan(value) else float(value)
        models = activity["model"]
        often = models["license"].value_counts()
        models = models[models["license"].isna() | models["license"].isin(often.index[often >= LEAST_USED])]
        for name in VARIABLES["model"]:
            for a, b in combinations(LICENSE_GROUPS, 2):
                xs, ys = (models.loc[models["license_group"] == group, name] for group in (a, b))
                has_both = len(xs) > 0 and len(ys) > 0
                found[f"{name} {a} {b} u"] = float(stats.mannwhitneyu(xs, ys).statistic) if has_both else None
    return found


def build_marts(clock: Clock, scale: float, populations: Path) -> int:
    """Build the marts based on activity and its statistics, and return their number of rows."""
    import duckdb

    from hub_assets.resources import project
    from hub_assets.warehouse.database import replace_week
    from hub_assets_tests.warehouse.building import prepare_tables

    names = ("mart__activity_summary", "mart__top_repositories", "stats__license_shares", "mart__published_comparison")
    activity, loaded = activity_of(scale, populations), project()
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        prepare_tables(connection, loaded)
        # without networks, which have their own benchmark
        empty = ("network__model_usage", "network__top_organizations")
        for name in ("mart__repo_activity", *empty):
            columns = ", ".join(f"{column.name} {column.type}" for column in loaded.tables[name].columns)
            connection.execute(f"create table {name} ({columns})")
        for repo_type, repos in activity.items():
            connection.register("repos", repos)
            connection.execute(f"""
                insert into mart__repo_activity by name
                select
                    date '{WEEK}' as snapshot_date, '{repo_type}' as repo_type, cast(row_number() over () as varchar)
                        as repo_key, repo_key as repo_id,
                    case when license is null then [] else [license] end as licenses, *
                from repos
            """)
        models = {model.name: model for model in loaded.models}
        with clock:
            return sum(replace_week(connection, name, WEEK, models[name].render(WEEK)) for name in names)


def draw(clock: Clock, scale: float, populations: Path) -> int:
    """Draw all figures of activity as SVG and PNG, and return their number."""
    from hub_assets.figures.concentration import lorenz_curves
    from hub_assets.figures.correlations import correlation_maps, license_correlation_maps
    from hub_assets.figures.distributions import distributions
    from hub_assets.figures.files import png, svg
    from hub_assets.statistics.activity import correlation_table, lorenz_table, tail_table

    activity = activity_of(scale, populations)
    fits, correlations, lorenz = tail_table(activity), correlation_table(activity), lorenz_table(activity)
    with clock:
        figures = [
            distributions(activity, fits),
            correlation_maps(correlations),
            license_correlation_maps(correlations),
            lorenz_curves(lorenz),
        ]
        return sum(bool(svg(figure) and png(figure)) for figure in figures)


def fit(clock: Clock, scale: float, populations: Path) -> int:
    """Fit all tails, compare them with alternatives, and return their number."""
    from hub_assets.statistics.activity import tail_table

    activity = activity_of(scale, populations)
    with clock:
        return len(tail_table(activity))


def fit_few(clock: Clock, scale: float, populations: Path) -> Numbers:
    """Return x_min and alpha of the tails that the `powerlaw` package can also fit."""
    from hub_assets.statistics.power_laws import scan
    from hub_assets.statistics.samples import Counted

    models = activity_of(scale, populations)["model"]
    with clock:
        tails = {name: scan(Counted.of(models[name].to_numpy()).above(0)) for name in FITTED}
    found: Numbers = {}
    for name, tail in tails.items():
        found |= {f"{name} x_min": tail.x_min, f"{name} alpha": tail.alpha}
    return found


def fit_by_powerlaw(clock: Clock, scale: float, populations: Path) -> Numbers:
    """Compute the same fits with the `powerlaw` package."""
    import warnings

    import powerlaw

    models = activity_of(scale, populations)["model"]
    found: Numbers = {}
    with clock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in FITTED:
            values = models[name].to_numpy()
            values = values[values > 0]
            fit = powerlaw.Fit(values, discrete=True, estimate_discrete=False, verbose=False)
            found |= {f"{name} x_min": float(fit.xmin), f"{name} alpha": float(fit.alpha)}
    return found


def bootstrap(clock: Clock, scale: float, populations: Path) -> int:
    """Run the goodness-of-fit bootstrap on the `FITTED` variables, with a few resamples each."""
    from hub_assets.statistics.tails import fit_tail

    models = activity_of(scale, populations)["model"]
    with clock:
        for name in FITTED:
            fit_tail(models[name].to_numpy(), resamples=RESAMPLES)
    return RESAMPLES * len(FITTED)
