"""The study's statistics of activity, with their figures: concentration, correlations, license groups, tails."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import dagster as dg
import duckdb
import pyarrow as pa
from pydantic import Field

from hub_assets.assets.metadata import column_schema, preview
from hub_assets.partitions import SNAPSHOTS, snapshot_date_of
from hub_assets.resources import HomeResource, project
from hub_assets.statistics.activity import (
    VARIABLES,
    Activity,
    concentration_table,
    correlation_table,
    license_test_table,
    lorenz_table,
    tail_table,
)
from hub_assets.warehouse.database import replace_week

if TYPE_CHECKING:  # matplotlib takes half a second to import; loading the code location need not wait for it
    from matplotlib.figure import Figure

Figures = dict[str, "Figure"]


class Goodness(dg.Config):
    """How much is spent on whether a power law is plausible."""

    resamples: int = Field(
        default=100,
        ge=0,
        description="Resamples of the goodness-of-fit bootstrap, of which each takes as long as a fit: 100 give p to "
        "0.05, 2,500 to 0.01. Without any no tail is called a power law.",
    )


@dataclass(frozen=True)
class Statistic:
    """A table of statistics.

    Args:
        make: makes its rows of a week's activity, with so many resamples where it draws any.
        headlines: columns whose numbers Dagster plots over the weeks, by their names there, made of the row's keys.
        figures: makes what is drawn of activity and rows, by name.
    """

    make: Callable[[Activity, int], pa.Table]
    headlines: Mapping[str, str] = field(default_factory=dict)
    figures: Callable[[Activity, pa.Table], Figures] = lambda _activity, _rows: {}


def _draw_distributions(activity: Activity, fits: pa.Table) -> Figures:
    from hub_assets.figures.distributions import distributions

    return {"figure_1_distributions": distributions(activity, fits)}


def _draw_correlations(activity: Activity, found: pa.Table) -> Figures:  # noqa: ARG001
    from hub_assets.figures.correlations import correlation_maps, license_correlation_maps

    return {
        "figure_2_correlations": correlation_maps(found),
        "figure_3_correlations_by_license": license_correlation_maps(found),
    }


STATISTICS: Final = {
    "stats__concentration": Statistic(
        lambda activity, _: concentration_table(activity), {"gini_of_{repo_type}_{variable}": "gini"}
    ),
    "stats__lorenz": Statistic(lambda activity, _: lorenz_table(activity)),
    "stats__correlations": Statistic(
        lambda activity, _: correlation_table(activity),
        {"pearson_of_{repo_type}_{variable_x}_{variable_y}": "pearson"},
        _draw_correlations,
    ),
    "stats__license_tests": Statistic(
        lambda activity, _: license_test_table(activity),
        {"rank_biserial_of_{variable}_{group_a}_{group_b}": "rank_biserial"},
    ),
    "stats__tail_fits": Statistic(
        tail_table,
        {"alpha_of_{repo_type}_{variable}": "alpha"},
        _draw_distributions,
    ),
}


def build_statistics() -> list[dg.AssetsDefinition]:
    """Make an asset of each table."""
    return [_build(name, statistic) for name, statistic in STATISTICS.items()]


def _build(name: str, statistic: Statistic) -> dg.AssetsDefinition:
    source = project().tables[name]

    @dg.asset(
        name=name,
        deps=["mart__repo_activity"],
        partitions_def=SNAPSHOTS,
        group_name="statistics",
        kinds={"scipy", "duckdb"},
        description=source.description,
        metadata={"dagster/table_name": name, "dagster/column_schema": column_schema(source)},
    )
    def statistics(context: dg.AssetExecutionContext, home: HomeResource, config: Goodness) -> dg.MaterializeResult:
        snapshot_date = snapshot_date_of(context)
        with home.building() as connection:
            activity = activity_of(connection, snapshot_date)
            made = statistic.make(activity, config.resamples)
            connection.register("made", made)
            columns = ", ".join(column.name for column in source.columns if column.name != "snapshot_date")
            select = f"select date '{snapshot_date}' as snapshot_date, {columns} from made"
            rows = replace_week(connection, name, snapshot_date, select)
        figures = statistic.figures(activity, made)
        return dg.MaterializeResult(
            metadata={
                "dagster/partition_row_count": rows,
                "dagster/column_schema": column_schema(source),
                "preview": preview(made.slice(0, PREVIEW_ROWS).to_pylist()),
                **_kept(figures, home.home.figures / str(snapshot_date)),
                **_headlines(made, statistic.headlines),
                **{f"n_{repo_type}s": len(repos) for repo_type, repos in activity.items()},
            }
        )

    return statistics


PREVIEW_ROWS: Final = 100


def activity_of(connection: duckdb.DuckDBPyConnection, snapshot_date: date) -> dict[str, pa.Table]:
    """Return the activity of a week by type of repository; a type that was not listed is left out."""
    tables = {}
    for repo_type, variables in VARIABLES.items():
        rows = connection.sql(
            f"select license, license_group, {', '.join(variables)} from mart__repo_activity "
            f"where snapshot_date = date '{snapshot_date}' and repo_type = '{repo_type}'"
        ).to_arrow_table()
        if len(rows):
            tables[repo_type] = rows
    return tables


def _kept(figures: Figures, folder: Path) -> dict[str, Any]:
    """Write figures as SVG and PNG, and return them as the UI shows them."""
    from hub_assets.figures.files import png, save

    shown = {}
    for title, figure in figures.items():
        save(figure, folder / title)
        image = b64encode(png(figure)).decode()
        shown[title] = dg.MetadataValue.md(f"![{title}](data:image/png;base64,{image})")
    return shown


def _headlines(made: pa.Table, headlines: Mapping[str, str]) -> dict[str, Any]:
    """Return a number of each row under a name made of its keys, for Dagster to plot over the weeks."""
    return {
        name.format_map(row): row[column]
        for row in made.to_pylist()
        for name, column in headlines.items()
        if row[column] is not None and row.get("license_group", "all") == "all"
    }
