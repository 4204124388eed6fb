"""Figures as assets: each reads stored tables of the build database and writes an SVG and a PNG.

Drawing is separate from computing, so that changing a color does not rerun a bootstrap. Styling a figure belongs in
`hub_assets.figures`.
"""

from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

import dagster as dg
import duckdb
import pyarrow as pa

from hub_assets.assets.code_versions import code_version
from hub_assets.assets.statistics import activity_of
from hub_assets.assets.tables import of_weeks, record
from hub_assets.partitions import MANY_WEEKS, SNAPSHOTS, snapshot_dates_of
from hub_assets.resources import HomeResource

if TYPE_CHECKING:  # importing matplotlib would delay loading the code location by half a second
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Drawing:
    """A figure: its file name, description, input tables, the function that draws it for one week, and its group."""

    file: str
    description: str
    tables: tuple[str, ...]
    draw: Callable[[duckdb.DuckDBPyConnection, date], "Figure"]
    group: str = "report"


def _distributions(connection: duckdb.DuckDBPyConnection, week: date) -> "Figure":
    from hub_assets.figures.distributions import distributions

    return distributions(activity_of(connection, week), _rows(connection, "stats__tail_fits", week))


def _correlations(connection: duckdb.DuckDBPyConnection, week: date) -> "Figure":
    from hub_assets.figures.correlations import correlation_maps

    return correlation_maps(_rows(connection, "stats__correlations", week))


def _license_correlations(connection: duckdb.DuckDBPyConnection, week: date) -> "Figure":
    from hub_assets.figures.correlations import license_correlation_maps

    return license_correlation_maps(_rows(connection, "stats__correlations", week))


def _lorenz(connection: duckdb.DuckDBPyConnection, week: date) -> "Figure":
    from hub_assets.figures.concentration import lorenz_curves

    return lorenz_curves(_rows(connection, "stats__lorenz", week))


def _centrality(connection: duckdb.DuckDBPyConnection, week: date) -> "Figure":
    from hub_assets.figures.networks import centrality_distributions

    return centrality_distributions(_rows(connection, "network__developer_centrality", week, "network = 'all'"))


def _usage(connection: duckdb.DuckDBPyConnection, week: date) -> "Figure":
    from hub_assets.figures.networks import usage_distributions

    return usage_distributions(
        _rows(connection, "network__model_usage", week), _rows(connection, "network__model_co_usage", week)
    )


def _core(connection: duckdb.DuckDBPyConnection, week: date) -> "Figure":
    from hub_assets.figures.networks import core

    which = "network = 'all' and edge_rule = 'first_author'"
    implicit = _rows(connection, "network__summary", week, f"{which} and not includes_bots and n_models_implicit > 0")
    return core(
        _rows(connection, "mart__collaboration_edges", week, which),
        _rows(connection, "network__developer_centrality", week, "network = 'all'"),
        is_complete=len(implicit) == 0,
    )


def _concentration(connection: duckdb.DuckDBPyConnection, week: date) -> "Figure":
    from hub_assets.figures.change import concentration_over_time

    where = "repo_type = 'model' and unit = 'repository' and slice_kind = 'all'"
    return concentration_over_time(_until(connection, "stats__concentration_over_time", week, where))


def _survival(connection: duckdb.DuckDBPyConnection, week: date) -> "Figure":
    from hub_assets.figures.change import survival_curves

    return survival_curves(_rows(connection, "stats__survival", week, "slice_kind = 'relation'"))


def _adoption(connection: duckdb.DuckDBPyConnection, week: date) -> "Figure":
    from hub_assets.figures.change import adoption_curves

    return adoption_curves(_until(connection, "stats__relative_adoption", week))


def _attribution(connection: duckdb.DuckDBPyConnection, week: date) -> "Figure":
    from hub_assets.figures.change import attribution

    where = "dimension = 'country' and measure = 'n_downloads'"
    return attribution(_rows(connection, "mart__attribution", week, where))


def _families(connection: duckdb.DuckDBPyConnection, week: date) -> "Figure":
    from hub_assets.figures.change import families

    return families(
        _until(connection, "mart__relation_shares", week), _rows(connection, "network__family_pagerank", week)
    )


DRAWINGS: Final = {
    "figure__distributions": Drawing(
        "figure_1_distributions",
        "Distributions of activity, with the fitted tails (the study's Figure 1).",
        ("mart__repo_activity", "stats__tail_fits"),
        _distributions,
    ),
    "figure__correlations": Drawing(
        "figure_2_correlations",
        "Correlations of activity variables by repository type (the study's Figure 2).",
        ("stats__correlations",),
        _correlations,
    ),
    "figure__correlations_by_license": Drawing(
        "figure_3_correlations_by_license",
        "Correlations of model activity by license group (the study's Figure 3).",
        ("stats__correlations",),
        _license_correlations,
    ),
    "figure__centrality": Drawing(
        "figure_4_centrality",
        "Degree and PageRank of developers in the collaboration network (the study's Figure 4).",
        ("network__developer_centrality",),
        _centrality,
    ),
    "figure__usage": Drawing(
        "figure_5_usage",
        "Spaces per model, and co-usage degree of models (the study's Figure 5).",
        ("network__model_usage", "network__model_co_usage"),
        _usage,
    ),
    "figure__lorenz_curves": Drawing(
        "lorenz_curves", "Lorenz curves of activity by repository type.", ("stats__lorenz",), _lorenz
    ),
    "figure__core": Drawing(
        "core",
        "The maximal core of the collaboration network, under pseudonyms.",
        ("mart__collaboration_edges", "network__developer_centrality", "network__summary"),
        _core,
    ),
    "figure__concentration_over_time": Drawing(
        "concentration_over_time",
        "Shares held by the top models, and the Gini coefficient, by week.",
        ("stats__concentration_over_time",),
        _concentration,
        "change",
    ),
    "figure__survival": Drawing(
        "survival",
        "How long models remain listed, downloaded and committed to, and how soon they reach a number of downloads.",
        ("stats__survival",),
        _survival,
        "change",
    ),
    "figure__relative_adoption": Drawing(
        "relative_adoption",
        "Downloads of releases relative to the top of their size class, by age.",
        ("stats__relative_adoption",),
        _adoption,
        "change",
    ),
    "figure__attribution": Drawing(
        "attribution",
        "Countries' shares of downloads, attributed to the publisher or to the root of the model's family.",
        ("mart__attribution",),
        _attribution,
        "change",
    ),
    "figure__families_over_time": Drawing(
        "families_over_time",
        "Each relation's share of downloads by week, and roots by PageRank and downloads.",
        ("mart__relation_shares", "network__family_pagerank"),
        _families,
        "change",
    ),
}


def build_figures() -> dg.AssetsDefinition:
    """Build one asset per figure. They share a step, because importing matplotlib takes longer than drawing."""

    @dg.multi_asset(
        name="figures",
        specs=[
            dg.AssetSpec(
                name,
                deps=list(drawing.tables),
                group_name=drawing.group,
                kinds={"matplotlib"},
                description=drawing.description,
                code_version=code_version(drawing.draw),
                skippable=True,
            )
            for name, drawing in DRAWINGS.items()
        ],
        partitions_def=SNAPSHOTS,
        backfill_policy=MANY_WEEKS,
        can_subset=True,
    )
    def figures(context: dg.AssetExecutionContext, home: HomeResource) -> Iterator[dg.MaterializeResult]:
        from hub_assets.figures.files import save, thumbnail

        for name in sorted(key.to_user_string() for key in context.selected_asset_keys):
            results: dict[date, dg.MaterializeResult] = {}
            for week in snapshot_dates_of(context):
                with home.building() as connection:
                    figure = DRAWINGS[name].draw(connection, week)
                svg, png = save(figure, home.home.figures / str(week) / DRAWINGS[name].file)
                image = b64encode(thumbnail(png.read_bytes())).decode()
                record(context, home, name, week)
                results[week] = dg.MaterializeResult(
                    asset_key=name,
                    metadata={
                        "thumbnail": dg.MetadataValue.md(f"![{name}](data:image/png;base64,{image})"),
                        "svg": dg.MetadataValue.path(str(svg)),
                        "png": dg.MetadataValue.path(str(png)),
                    },
                )
            yield of_weeks(context, name, results)

    return figures


def _rows(connection: duckdb.DuckDBPyConnection, table: str, week: date, where: str = "true") -> pa.Table:
    # sorted, because the order of the rows affects the bytes of the image file
    week_rows = f"select * from {table} where snapshot_date = date '{week}' and {where} order by all"
    return connection.sql(week_rows).to_arrow_table()


def _until(connection: duckdb.DuckDBPyConnection, table: str, week: date, where: str = "true") -> pa.Table:
    """Return a table's rows for all weeks up to and including the given one."""
    rows = f"select * from {table} where snapshot_date <= date '{week}' and {where} order by all"
    return connection.sql(rows).to_arrow_table()
