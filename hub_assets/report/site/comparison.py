"""Compares the week with the study of October 2023: its tables in their original layout, and differences in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from hub_assets.figures.style import REPO_TYPES, VARIABLES
from hub_assets.report.site.queries import Query, Result, Row
from hub_assets.report.site.rendering import number
from hub_assets.report.site.week import Week

# values about fewer than 10 developers are null, except for maximal cores, which the study prints
COMPARISON: Final = Query(
    "published-comparison",
    "Every value that the study published, next to this week's",
    """
with
small as (
    select network, cast(k as varchar) as cut
    from network__collaboration_cores
    where snapshot_date = $week and edge_rule = 'first_author' and not includes_bots and nodes < 10 and not is_max_k
),
counted as (
    select
        ours.*, printed.item, printed.cut, printed.compared_with,
        case
            when ours.measure = 'n_repos' then 'public repositories'
            when ours.source_table = 'network__model_usage' then 'Spaces that use ' || printed.item
            else printed.source_text
        end as what,
        case ours.source_table
            when 'network__collaboration_cores' then small.cut is not null
            when 'network__summary' then ours.n < 10
            when 'mart__top_repositories' then printed.item = 'n_committers' and ours.ours < 10
            else false
        end as is_too_small
    from mart__published_comparison as ours
    inner join published_values as printed using (place)
    left join small
        on ours.source_table = 'network__collaboration_cores'
        and ours.subject = small.network
        and printed.cut = small.cut
    where ours.snapshot_date = $week
)
select
    place, figure, quantity, subject, item, cut, compared_with, measure, what, relation, published,
    case when not is_too_small then ours end as ours,
    case when not is_too_small then difference end as difference,
    case when not is_too_small then ratio end as ratio,
    case when not is_too_small then n end as n,
    share_known, is_too_small, source_table
from counted
order by place
""",
)

STATISTICS: Final = {
    "mean": "mean",
    "std": "std",
    "min": "min",
    "p25": "25%",
    "p50": "median",
    "p75": "75%",
    "max": "max",
}
MEASURES: Final = {
    "nodes": "nodes",
    "edges": "edges",
    "modularity": "modularity",
    "communities": "communities",
    "density": "density",
    "reciprocity": "reciprocity",
    "rich_club": "rich club",
    "assortativity": "assortativity",
    "average_degree": "mean degree",
    "average_clustering": "clustering",
}
NETWORKS: Final = {"all": "all models", "cv": "computer vision", "nlp": "natural language", "mm": "multimodal"}
_SHARES: Final = (
    "share_zero",
    "share_of_repos",
    "share_of_licensed",
    "share_equal",
    "share_listed",
    "share_isolates",
    "share_of_leading_five",
)
_COUNTS: Final = (
    "nodes",
    "edges",
    "communities",
    "k",
    "n",
    "n_repos",
    "n_above",
    "n_at_least_1000",
    "n_developers",
    "n_listed",
    "n_models",
    "n_spaces",
    "min",
    "p25",
    "p50",
    "p75",
    "max",
    "value",
    "degree_max",
    "u_a",
)
_LIKE_CORRELATIONS: Final = ("pearson", "modularity", "density", "reciprocity", "assortativity", "average_clustering")
SAME: Final = 0.05
"""Relative difference up to which two values count as about the same."""


@dataclass(frozen=True)
class PublishedTable:
    """One of the study's tables.

    Attributes:
        id: anchor.
        title: caption.
        corner: heading of the first column.
        columns: headings of the other columns.
        rows: for each row, its label and one item per column: the comparison's row, or None if the study has no value.
        all: all of the comparison's rows for this table.
    """

    id: str
    title: str
    corner: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Row | None]]]
    all: Sequence[Row]


def comparison(week: Week) -> Result:
    """Return every published value next to the week's value."""
    return week.run(COMPARISON)


def figure_rows(week: Week, figure: str, measures: Sequence[str] = (), subjects: Sequence[str] = ()) -> list[Row]:
    """Return the comparison's rows for a figure, table or section of the study, in the study's order."""
    return [
        row
        for row in comparison(week).where(figure=figure)
        if (not measures or row.values["measure"] in measures) and (not subjects or row.values["subject"] in subjects)
    ]


def activity_table(week: Week, figure: str, repo_type: str) -> PublishedTable:
    """Return Table 2, 3 or 4: a row per activity variable, a column per statistic."""
    rows = figure_rows(week, figure)
    cells = {(row.values["item"], row.values["measure"]): row for row in rows}
    present = [name for name in VARIABLES if any(item == name for item, _ in cells)]
    return PublishedTable(
        id=figure.lower().replace(" ", "-"),
        title=f"{figure}. Activity of {REPO_TYPES[repo_type].name}",
        corner="variable",
        columns=list(STATISTICS.values()),
        rows=[(VARIABLES[name], [cells.get((name, statistic)) for statistic in STATISTICS]) for name in present],
        all=rows,
    )


def license_test_table(week: Week) -> PublishedTable:
    """Return Table 5: a row per activity variable, a column per pair of license groups."""
    rows = figure_rows(week, "Table 5", ["u_a"])
    cells = {(row.values["item"], row.values["cut"], row.values["compared_with"]): row for row in rows}
    pairs = list(dict.fromkeys((cut, other) for _, cut, other in cells))
    present = [name for name in VARIABLES if any(item == name for item, *_ in cells)]
    return PublishedTable(
        id="table-5",
        title="Table 5. Mann-Whitney U between license groups of models",
        corner="variable",
        columns=[f"{cut} vs {other}" for cut, other in pairs],
        rows=[(VARIABLES[name], [cells.get((name, *pair)) for pair in pairs]) for name in present],
        all=rows,
    )


def core_table(week: Week, figure: str, network: str) -> PublishedTable:
    """Return Table 6, 7, 8 or 9: a row per core, a column per measure."""
    rows = figure_rows(week, figure)
    cells = {(row.values["cut"], row.values["measure"]): row for row in rows}
    cuts = list(dict.fromkeys(cut for cut, _ in cells))
    return PublishedTable(
        id=figure.lower().replace(" ", "-"),
        title=f"{figure}. Cores of the collaboration network, {NETWORKS[network]}",
        corner="core",
        columns=list(MEASURES.values()),
        rows=[
            ("maximal" if cut == "max" else f"k = {cut}", [cells.get((cut, measure)) for measure in MEASURES])
            for cut in cuts
        ],
        all=rows,
    )


def style_of(row: Row) -> str:
    """Return the style of `number` that suits a row of the comparison."""
    measure = str(row.values["measure"])
    if measure in _SHARES:
        return "percent"
    if measure in _COUNTS:
        return "auto"
    if measure in ("p_value", "pearson_p"):
        return "p"
    return "four" if measure.startswith("pagerank") else "two"


def in_words(row: Row) -> Markup:
    """Return a plain-language description of how the week's value differs from the published value.

    Shares are compared in percentage points, coefficients between -1 and 1 by subtraction, and all other values by
    their ratio; a ratio within 5% of 1 is about the same.
    """
    ours, published = row.values["ours"], row.values["published"]
    if row.values["is_too_small"]:
        return Markup("not shown: fewer than 10 developers")
    if not isinstance(ours, int | float) or not isinstance(published, int | float):
        return Markup("no value this week")
    if row.values["relation"] == "below":
        return Markup("below the limit, as in 2023" if ours < published else "no longer below the limit")
    if row.values["difference"] is None:
        return Markup("not comparable across weeks")
    if ours == published:
        return Markup("the same")
    way = "higher" if ours > published else "lower"
    measure = row.values["measure"]
    if measure in _SHARES:
        if abs(ours - published) < 0.005:
            return Markup("about the same")
        return Markup("{} {}").format(number(row["difference"], "points"), way)
    if measure in _LIKE_CORRELATIONS:
        if abs(ours - published) < 0.005:
            return Markup("the same when rounded")
        return Markup("{} {}").format(number(row["difference"], "absolute"), way)
    return _ratio_in_words(row, ours, published)


def _ratio_in_words(row: Row, ours: float, published: float) -> Markup:
    if published == 0:
        return Markup("was 0")
    ratio = ours / published
    if ratio == 0:
        return Markup("now zero")
    if abs(ratio - 1) <= SAME:
        return Markup("about the same")
    if ratio > 1:
        return Markup("{} the value of 2023").format(number(row["ratio"], "times"))
    return Markup("{} of the value of 2023").format(number(row["ratio"], "percent"))
