"""The contents of each cell in Figures 2 and 3, for made-up coefficients."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle

from hub_assets.figures.correlations import correlation_maps, license_correlation_maps
from hub_assets.figures.files import png, svg
from hub_assets.figures.style import FAINT, VARIABLES
from hub_assets.statistics.activity import VARIABLES as KNOWN
from hub_assets.statistics.schemas import CORRELATIONS
from hub_assets_tests.figures.made_up import assert_neat, table

Draw = Callable[[pa.Table], Figure]


def pair(**known: Any) -> dict[str, Any]:
    of_models = {"repo_type": "model", "license_group": "all", "variable_x": "n_likes", "variable_y": "n_commits"}
    return of_models | {"n": 9, "pearson": 0.5, "pearson_p_holm": 1e-9} | known


def drawn(*rows: dict[str, Any], draw: Draw = correlation_maps) -> Figure:
    return draw(table(list(rows), CORRELATIONS))


def cells(axes: Axes) -> dict[tuple[int, int], str]:
    """Return the text in each column and row of a map."""
    inside = [
        text
        for text in axes.texts
        if text.get_transform() == axes.transData and text.get_horizontalalignment() == "center"
    ]
    return {(int(text.get_position()[0]), int(text.get_position()[1])): text.get_text() for text in inside}


def marks(axes: Axes) -> set[tuple[int, int]]:
    """Return the columns and rows of marked cells."""
    corners = [patch.get_xy().min(axis=0) for patch in axes.patches if type(patch) is Polygon]
    return {(int(x), int(y)) for x, y in corners}


def colors(axes: Axes) -> dict[tuple[int, int], str]:
    squares = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    return {(int(one.get_x()), int(one.get_y())): to_hex(one.get_facecolor()) for one in squares}


def names(axes: Axes) -> list[str]:
    """Return the title, the remark, the column labels, and the row labels if there are any."""
    inside = [
        text
        for text in axes.texts
        if text.get_transform() == axes.transData and text.get_horizontalalignment() == "center"
    ]
    return [text.get_text() for text in axes.texts if text not in inside]


@pytest.mark.parametrize(
    ("draw", "groups"),
    [
        (correlation_maps, [("model", "all"), ("dataset", "all"), ("space", "all")]),
        (license_correlation_maps, [("model", "permissive"), ("model", "restrictive"), ("model", "none")]),
    ],
)
def test_each_cell_shows_the_coefficient_of_the_table(
    draw: Draw, groups: list[tuple[str, str]], correlations: pa.Table
) -> None:
    figure = draw(correlations)
    assert len(figure.axes) == 3
    for axes, (repo_type, group) in zip(figure.axes, groups, strict=True):
        variables = [one for one in VARIABLES if one in KNOWN[repo_type]]
        printed, marked = cells(axes), marks(axes)
        assert set(colors(axes)) == set(printed)
        assert len(printed) == len(variables) * (len(variables) - 1) / 2
        is_here = pc.and_(
            pc.equal(correlations["repo_type"], repo_type), pc.equal(correlations["license_group"], group)
        )
        for row in correlations.filter(is_here).to_pylist():
            x, y = sorted((variables.index(row["variable_x"]), variables.index(row["variable_y"])))
            assert float(printed[x, y - 1]) == round(row["pearson"], 2)
            assert ((x, y - 1) in marked) == (row["pearson_p_holm"] >= 0.001)


def test_titles_labels_and_numbers(correlations: pa.Table) -> None:
    models, datasets, spaces = correlation_maps(correlations).axes
    known = list(VARIABLES.values())
    rows = [name.replace("discussion s", "discussion\ns").replace(" use", "\nuse") for name in known[1:]]
    assert names(models) == ["models", "n = 1,000", *known[:7], *rows]
    assert names(datasets) == ["datasets", "n = 1,000", *known[:6]]
    assert names(spaces) == ["spaces", "n = 1,000", *known[:5]]
    groups = license_correlation_maps(correlations).axes
    assert [names(axes)[0] for axes in groups] == ["permissive", "restrictive", "no license"]


def test_the_order_of_a_pair_does_not_matter_and_counts_may_differ() -> None:
    figure = drawn(pair(variable_x="n_commits", variable_y="n_likes"), pair(variable_y="n_discussions", n=7))
    axes = figure.axes[0]
    assert names(axes)[1] == "n = 7 to 9"
    # the pairs of likes with discussions and with commits; the table lacks the pair of discussions and commits
    assert cells(axes) == {(0, 0): "0.50", (0, 1): "0.50", (1, 1): "-"}


@pytest.mark.parametrize(
    ("value", "words"), [(1.0, "1.00"), (-1.0, "-1.00"), (-0.004, "0.00"), (-0.006, "-0.01"), (0.125, "0.12")]
)
def test_two_decimals_and_no_negative_zero(value: float, words: str) -> None:
    assert cells(drawn(pair(pearson=value)).axes[0]) == {(0, 0): words}


@pytest.mark.parametrize("value", [None, float("nan")])
def test_a_cell_without_a_coefficient_is_gray(value: float | None) -> None:
    axes = drawn(pair(pearson=value, pearson_p_holm=value)).axes[0]
    assert cells(axes) == {(0, 0): "-"}
    assert colors(axes) == {(0, 0): FAINT}
    assert not marks(axes)


@pytest.mark.parametrize(("p", "is_marked"), [(0.0, False), (0.00099, False), (0.001, True), (1.0, True), (None, True)])
def test_p_values_of_a_thousandth_or_more_are_marked(p: float | None, is_marked: bool) -> None:
    assert bool(marks(drawn(pair(pearson_p_holm=p)).axes[0])) == is_marked


def test_the_color_scale_is_fixed() -> None:
    """A coefficient has the same color in every map, whatever else the map shows; the scale ends at 1 and -1."""
    low, high = (colors(drawn(pair(pearson=value)).axes[0])[0, 0] for value in (-1.0, 1.0))
    assert (low, high) == ("#053061", "#67001f")
    with_others = drawn(pair(pearson=0.1), pair(variable_y="n_community", pearson=0.2)).axes[0]
    assert colors(with_others)[0, 0] == colors(drawn(pair(pearson=0.1)).axes[0])[0, 0]
    (bar,) = drawn(pair()).axes[0].child_axes
    assert bar.get_xlim() == (-1, 1)


@pytest.mark.parametrize("value", np.linspace(-1, 1, 41))
def test_coefficients_are_readable_on_their_cells(value: float) -> None:
    def luminance(color: Any) -> float:
        """Return relative luminance as defined by the Web Content Accessibility Guidelines."""
        parts = np.array(to_rgb(color))
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    axes = drawn(pair(pearson=value)).axes[0]
    (ink,) = [text.get_color() for text in axes.texts if text.get_text() == f"{value:z.2f}"]
    darker, lighter = sorted((luminance(ink), luminance(colors(axes)[0, 0])))
    assert (lighter + 0.05) / (darker + 0.05) > 4


def test_missing_types_and_groups() -> None:
    models, datasets, spaces = drawn(pair(repo_type="space")).axes
    assert [names(axes)[1] for axes in (models, datasets, spaces)] == ["no data", "no data", "n = 9"]
    assert cells(spaces) == {(0, 0): "0.50"}
    figure = drawn(pair(), draw=license_correlation_maps)
    assert [names(axes)[1] for axes in figure.axes] == ["no data"] * 3


@pytest.mark.parametrize("draw", [correlation_maps, license_correlation_maps])
def test_an_empty_table_is_drawn(draw: Draw) -> None:
    figure = drawn(draw=draw)
    assert png(figure)
    assert svg(figure)
    assert_neat(figure)


@pytest.mark.parametrize("draw", [correlation_maps, license_correlation_maps])
def test_text_is_not_cut_off_small_or_overlapping(draw: Draw, correlations: pa.Table) -> None:
    column = correlations.schema.get_field_index("pearson")
    negative = pa.array([-0.88] * len(correlations))
    figure = draw(correlations.set_column(column, "pearson", negative))
    assert_neat(figure)
