"""Assets for the study's activity statistics: concentration, correlations, license groups, tails."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import dagster as dg
import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from hub_assets.assets.tables import python_step, store, with_metadata
from hub_assets.metadata import RESULT_ROWS, tracked_metrics
from hub_assets.resources import HomeResource

if TYPE_CHECKING:  # importing scipy takes half a second
    from hub_assets.statistics.activity import Activity


class Goodness(dg.Config):
    """The amount of computation spent on testing whether a power law is plausible."""

    resamples: int = Field(
        default=100,
        ge=0,
        description="Maximum number of resamples of the goodness-of-fit bootstrap; each takes as long as a fit. With "
        "100, a p of 0.1 is accurate to 0.05; with 2,500, to 0.01. The bootstrap stops once p is certain to be above "
        "0.1. Without resamples, no tail is called a power law.",
    )


@dataclass(frozen=True)
class Statistic:
    """A table of statistics.

    Args:
        make: computes the rows from a week's activity.
        tracked_metrics: the columns that Dagster plots over the weeks, keyed by metric name. A name is a template to
            fill with the row's values.
        followed: builds the filter for the rows whose metrics are tracked; None tracks all rows. It is called late,
            because it imports pandas.
    """

    make: Callable[["Activity"], pa.Table]
    tracked_metrics: Mapping[str, str]
    followed: Callable[[], pc.Expression] | None = None


def _late(name: str) -> Callable[..., pa.Table]:
    """Return a function of `hub_assets.statistics.activity` that is imported when it is first called."""

    def make(*values: Any, **options: Any) -> pa.Table:
        return getattr(import_module("hub_assets.statistics.activity"), name)(*values, **options)

    return make


STATISTICS: Final = {
    "stats__concentration": Statistic(
        _late("concentration_table"),
        {
            "gini_of_{repo_type}s_{variable}": "gini",
            "{repo_type}s_holding_{target_share:.0%}_of_{variable}": "share_of_repos",
        },
    ),
    "stats__lorenz": Statistic(
        _late("lorenz_table"),
        {"held_by_the_lower_{share_of_repos:.0%}_of_{repo_type}s_{variable}": "share_of_total"},
        lambda: (pc.field("share_of_repos") > 0.895) & (pc.field("share_of_repos") < 0.905),
    ),
    "stats__correlations": Statistic(
        _late("correlation_table"),
        {"pearson_of_{repo_type}s_{variable_x}_{variable_y}": "pearson"},
        lambda: pc.field("license_group") == "all",
    ),
    "stats__license_tests": Statistic(
        _late("license_test_table"), {"rank_biserial_of_{variable}_{group_a}_{group_b}": "rank_biserial"}
    ),
    "stats__tail_fits": Statistic(
        _late("tail_table"),
        {"alpha_of_{repo_type}s_{variable}": "alpha", "skewness_of_{repo_type}s_{variable}": "skewness"},
    ),
}


TAIL_FITS: Final = "stats__tail_fits"


def build_statistics() -> list[dg.AssetsDefinition]:
    """Build a step for the tail fits, which take most of the time, and one for all other tables."""

    @python_step(TAIL_FITS, {TAIL_FITS: ["mart__repo_activity"]}, "scipy")
    def tail_fits(snapshot_date: date, home: HomeResource, config: Goodness) -> dg.MaterializeResult:
        statistic = replace(STATISTICS[TAIL_FITS], make=partial(_late("tail_table"), resamples=config.resamples))
        with home.building(snapshot_date) as connection:
            return _result(connection, TAIL_FITS, statistic, snapshot_date, activity_of(connection, snapshot_date))

    others = {name: statistic for name, statistic in STATISTICS.items() if name != TAIL_FITS}

    @python_step("stats__activity", dict.fromkeys(others, ("mart__repo_activity",)), "scipy")
    def statistics(snapshot_date: date, home: HomeResource) -> Iterator[dg.MaterializeResult]:
        with home.building(snapshot_date) as connection:
            activity = activity_of(connection, snapshot_date)
            for name, statistic in others.items():
                yield _result(connection, name, statistic, snapshot_date, activity)

    return [statistics, tail_fits]


def _result(
    connection: duckdb.DuckDBPyConnection, name: str, statistic: Statistic, snapshot_date: date, activity: "Activity"
) -> dg.MaterializeResult:
    try:
        made = statistic.make(activity)
    except ValueError as error:
        where = impossible_value(connection, snapshot_date)
        raise dg.Failure(f"{name} could not be computed: {error}. {where}", allow_retries=False) from error
    stored = store(connection, name, snapshot_date, made, RESULT_ROWS)
    followed = made if statistic.followed is None else made.filter(statistic.followed())
    sizes = {f"n_{repo_type}s": len(repos) for repo_type, repos in activity.items()}
    return with_metadata(stored, {**tracked_metrics(followed, statistic.tracked_metrics), **sizes})


def activity_of(connection: duckdb.DuckDBPyConnection, snapshot_date: date) -> dict[str, pa.Table]:
    """Return one week's activity by repository type, leaving out types that were not listed."""
    from hub_assets.statistics.activity import VARIABLES

    tables = {}
    for repo_type, variables in VARIABLES.items():
        rows = connection.sql(
            f"select license, license_group, {', '.join(variables)} from mart__repo_activity "
            f"where snapshot_date = date '{snapshot_date}' and repo_type = '{repo_type}'"
        ).to_arrow_table()
        if len(rows):
            tables[repo_type] = rows
    return tables


def impossible_value(connection: duckdb.DuckDBPyConnection, snapshot_date: date) -> str:
    """Return a sentence that names an impossible value in a week's activity; empty if there is none."""
    from hub_assets.statistics.activity import VARIABLES

    names = list(dict.fromkeys(variable for variables in VARIABLES.values() for variable in variables))
    values = ", ".join(f"cast({name} as double) as {name}" for name in names)
    found = connection.execute(
        f"select variable, value, repo_type, repo_id from (unpivot (select repo_type, repo_id, {values} "
        f"from mart__repo_activity where snapshot_date = date '{snapshot_date}') on {', '.join(names)} "
        "into name variable value value) where value < 0 or not isfinite(value) order by repo_type, repo_id limit 1"
    ).fetchone()
    if found is None:
        return ""
    variable, value, repo_type, repo_id = found
    return f"In mart__repo_activity, {variable} of the {repo_type} {repo_id} is {value:g}."
