"""Lorenz curves match the table, and the text describes the curves."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from hub_assets.figures.concentration import lorenz_curves
from hub_assets.figures.files import png, svg
from hub_assets.figures.style import QUIET, REPO_TYPES, VARIABLES
from hub_assets.statistics.activity import VARIABLES as KNOWN
from hub_assets.statistics.activity import lorenz_table
from hub_assets.statistics.schemas import LORENZ
from hub_assets_tests.figures.made_up import assert_neat, table


@pytest.fixture(scope="module")
def lorenz(activity: Mapping[str, pa.Table]) -> pa.Table:
    return lorenz_table(activity)


def of_likes(*points: tuple[float, float | None], repo_type: str = "model") -> Axes:
    """Draw a Lorenz curve of likes through the given points and return its panel."""
    shared = {"repo_type": repo_type, "variable": "n_likes"}
    rows = [shared | {"share_of_repos": units, "share_of_total": held} for units, held in points]
    return lorenz_curves(table(rows, LORENZ)).axes[0]


def of_values(values: Sequence[float]) -> Axes:
    """Draw the Lorenz curve of likes for models with the given values, and return its panel."""
    every = {variable: pa.nulls(len(values), pa.int64()) for variable in VARIABLES}
    likes = pa.table(every | {"n_likes": pa.array(values, pa.int64())})
    return lorenz_curves(lorenz_table({"model": likes})).axes[0]


def curves(axes: Axes) -> dict[str, Line2D]:
    """Return a panel's curves by repository type, leaving out the dashed and equality lines, which have no marker."""
    names = {look.marker: repo_type for repo_type, look in REPO_TYPES.items()}
    return {names[str(line.get_marker())]: line for line in axes.lines if line.get_marker() in names}


def data(line: Line2D) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts if text.get_text()]


def test_there_is_a_panel_for_each_variable_and_a_key(lorenz: pa.Table) -> None:
    figure = lorenz_curves(lorenz)
    assert len(figure.axes) == 9
    assert [texts(axes)[0] for axes in figure.axes[:8]] == list(VARIABLES.values())
    for axes, variable in zip(figure.axes[:8], VARIABLES, strict=True):
        assert list(curves(axes)) == [repo_type for repo_type in REPO_TYPES if variable in KNOWN[repo_type]]
    legend = figure.axes[8].get_legend()
    assert legend is not None
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["models", "datasets", "spaces", "80% of the total", "if all had the same"]


def test_every_point_of_the_table_is_drawn_from_the_top_down(lorenz: pa.Table) -> None:
    panels = dict(zip(VARIABLES, lorenz_curves(lorenz).axes, strict=False))
    expected: dict[tuple[str, str], dict[float, float]] = {}
    for row in lorenz.to_pylist():
        if row["share_of_repos"] < 1:
            points = expected.setdefault((row["repo_type"], row["variable"]), {})
            points[1 - row["share_of_repos"]] = 1 - row["share_of_total"]
    for (repo_type, variable), points in expected.items():
        top, held = data(curves(panels[variable])[repo_type])
        assert dict(zip(top, held, strict=True)) == points
        assert (np.diff(top) > 0).all()
    assert len(expected) == sum(map(len, KNOWN.values()))


@pytest.mark.parametrize("seed", [1, 2])
def test_row_order_does_not_matter(lorenz: pa.Table, seed: int) -> None:
    shuffled = lorenz.take(np.random.default_rng(seed).permutation(len(lorenz)))
    assert svg(lorenz_curves(shuffled)) == svg(lorenz_curves(lorenz))


@pytest.mark.slow
def test_the_same_table_gives_identical_files_of_page_width(lorenz: pa.Table) -> None:
    one, other = lorenz_curves(lorenz), lorenz_curves(lorenz)
    assert svg(one) == svg(other)
    assert png(one) == png(other)
    assert one.get_figwidth() == 7
    assert len(svg(one)) < 500_000


def test_the_share_of_the_top_matches_a_count() -> None:
    """Of the values 1 to 1,000, the top ten add up to 9,955 of 500,500, and it takes the top 554 to reach 80%."""
    values = range(1, 1_001)
    assert sum(values[-10:]) / sum(values) == pytest.approx(0.0199, abs=1e-4)
    assert sum(values[-554:]) >= 0.8 * sum(values) > sum(values[-553:])
    axes = of_values(values)
    assert texts(axes)[1:] == ["● top 1%: 2%", "80% in top 56%"]
    top, held = data(curves(axes)["model"])
    assert dict(zip(top.round(2), held, strict=True))[0.3] == pytest.approx(sum(values[-300:]) / sum(values))


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (((0.0, 0.0), (0.99, 0.2), (1.0, 1.0)), ["● top 1%: 80%", "80% in top 1%"]),
        (((0.0, 0.0), (0.98, 0.2), (0.99, 0.21), (1.0, 1.0)), ["● top 1%: 79%", "80% in top 2%"]),
        (((0.0, 0.0), (0.99, 0.004), (1.0, 1.0)), ["● top 1%: > 99%", "80% in top 1%"]),
        (((0.0, 0.0), (0.99, 0.0), (1.0, 1.0)), ["● top 1%: 100%", "80% in top 1%"]),
        (((0.0, 0.0), (0.2, 0.2), (0.99, 0.99), (1.0, 1.0)), ["● top 1%: 1%", "80% in top 80%"]),
        # points within the last hundredth are drawn but do not change the text
        (((0.0, 0.0), (0.99, 0.2), (0.999, 0.4), (1.0, 1.0)), ["● top 1%: 80%", "80% in top 1%"]),
    ],
)
def test_the_text_gives_the_share_of_the_top(points: tuple[tuple[float, float], ...], words: list[str]) -> None:
    axes = of_likes(*points)
    assert texts(axes)[1:] == words
    top, _ = data(curves(axes)["model"])
    assert len(top) == len(points) - 1
    low, high = axes.get_xlim()
    assert low < top.min() < top.max() < high


def test_equal_values_lie_on_the_dotted_line() -> None:
    axes = of_values([7] * 50)
    top, held = data(curves(axes)["model"])
    assert held == pytest.approx(top)
    (dotted,) = [line for line in axes.lines if line.get_color() == QUIET]
    xs, ys = data(dotted)
    assert ys == pytest.approx(xs)


def test_the_dashed_line_is_at_80_percent_and_scales_are_shared(lorenz: pa.Table) -> None:
    panels = lorenz_curves(lorenz).axes[:8]
    assert {(axes.get_xscale(), axes.get_yscale()) for axes in panels} == {("log", "linear")}
    assert len({(axes.get_xlim(), axes.get_ylim()) for axes in panels}) == 1
    for axes in panels:
        assert [line for line in axes.lines if list(data(line)[1]) == [0.8, 0.8]]
    assert [label.get_text() for label in panels[0].get_yticklabels()] == [f"{share}%" for share in range(0, 101, 20)]


@pytest.mark.parametrize("repo_type", REPO_TYPES)
def test_a_zero_or_unknown_total_is_stated(repo_type: str) -> None:
    axes = of_likes((0.0, None), (0.5, None), (1.0, None), repo_type=repo_type)
    assert texts(axes) == ["likes", f"{REPO_TYPES[repo_type].glyph} no values above 0", "no data"]
    assert not curves(axes)


def test_an_empty_table_is_drawn() -> None:
    figure = lorenz_curves(table([], LORENZ))
    assert [texts(axes)[1:] for axes in figure.axes[:8]] == [["no data"]] * 8
    assert png(figure).startswith(b"\x89PNG")
    assert svg(figure)
    assert_neat(figure)


def test_one_repository_is_drawn() -> None:
    axes = of_values([3])
    assert texts(axes)[1:] == ["● top 1%: 1%", "80% in top 80%"]


def test_text_is_not_cut_off_small_or_overlapping(lorenz: pa.Table) -> None:
    figure = lorenz_curves(lorenz)
    assert_neat(figure)
    # tick labels do not overlap the next panel's tick labels either
    first, second = figure.axes[:2]
    ends = [axes.xaxis.get_ticklabels() for axes in (first, second)]
    shown = [[one.get_window_extent() for one in labels if one.get_text() in ("1%", "100%")] for labels in ends]
    assert shown[0][1].x1 < shown[1][0].x0


def test_the_widest_texts_fit() -> None:
    every = [
        {"repo_type": repo_type, "variable": variable, "share_of_repos": units, "share_of_total": held}
        for repo_type in REPO_TYPES
        for variable in VARIABLES
        for units, held in ((0.0, 0.0), (0.99, 0.004), (1.0, 1.0))
    ]
    assert_neat(lorenz_curves(table(every, LORENZ)))
