"""The contents of Figure 1, for made-up activity."""

import itertools
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from scipy.special import zeta

from hub_assets.figures.distributions import distributions
from hub_assets.figures.files import png, svg
from hub_assets.figures.style import REPO_TYPES, VARIABLES
from hub_assets_tests.figures.made_up import assert_neat, repos, tail_fits

NO_FITS = tail_fits()


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts if text.get_text()]


def points(axes: Axes) -> list[Line2D]:
    return [line for line in axes.lines if line.get_linestyle() == "None"]


def laws(axes: Axes) -> list[Line2D]:
    return [line for line in axes.lines if line.get_linestyle() != "None"]


def data(line: Line2D) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())


def of_likes(values: Sequence[int | None], *fits: dict[str, Any]) -> Axes:
    """Draw only the likes of models and return their panel."""
    likes = pa.table({"n_likes": pa.array(values, pa.int64())})
    return distributions({"model": likes}, tail_fits(*fits)).axes[0]


def test_there_is_a_panel_for_each_variable_and_a_key(activity: dict[str, pa.Table], fits: pa.Table) -> None:
    figure = distributions(activity, fits)
    assert len(figure.axes) == 9
    assert [texts(axes)[0] for axes in figure.axes[:8]] == list(VARIABLES.values())
    legend = figure.axes[8].get_legend()
    assert legend is not None
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["models", "datasets", "spaces", "power law, supported", "power law, not supported"]
    # Spaces have no downloads, and no Space uses another one
    assert [len(points(axes)) for axes in figure.axes[:8]] == [3] * 6 + [2, 1]
    assert [len(laws(axes)) for axes in figure.axes[:8]] == [3] * 6 + [2, 1]


def test_the_curve_is_the_share_of_positive_values_of_at_least_x() -> None:
    axes = of_likes([0, 0, None, 1, 1, 2, 8])
    (curve,) = points(axes)
    xs, ys = data(curve)
    assert xs.tolist() == [1, 2, 8]
    assert ys.tolist() == [1, 0.5, 0.25]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")


def test_a_law_starts_at_x_min_with_the_share_in_the_tail_and_falls_like_sums_over_integers() -> None:
    axes = of_likes([1, 2, 3, 5_000], {"x_min": 2.0, "alpha": 2.5, "share_in_tail": 0.75})
    xs, ys = data(laws(axes)[0])
    assert (xs[0], ys[0]) == (pytest.approx(2), pytest.approx(0.75))
    assert xs[-1] == pytest.approx(5_000)
    # this holds even where an integral replaces the sum
    assert ys == pytest.approx(0.75 * zeta(2.5, xs) / zeta(2.5, 2), rel=1e-6)


def test_a_steep_law_far_out_is_drawn() -> None:
    axes = of_likes([1, 10**15, 10**16], {"x_min": 1e15, "alpha": 24.9, "share_in_tail": 2 / 3})
    xs, ys = data(laws(axes)[0])
    assert np.isfinite(ys).all()
    assert ys == pytest.approx(2 / 3 * (xs / 1e15) ** -23.9)


@pytest.mark.parametrize(
    ("preferred", "verdict", "words", "style"),
    [
        ("power_law", "supported", "power law", "-"),
        ("power_law", "not_tested", "not tested", "--"),
        ("power_law", "contradicted", "not plausible", "--"),
        ("undecided", "undecided", "undecided", "--"),
        ("undecided", "contradicted", "not plausible", "--"),
        ("lognormal", "contradicted", "lognormal better", "--"),
        ("exponential", "contradicted", "exponential better", "--"),
        ("truncated_power_law", "contradicted", "cut-off better", "--"),
    ],
)
def test_a_law_is_solid_only_if_the_data_support_it(preferred: str, verdict: str, words: str, style: str) -> None:
    fit = {"alpha": 2.345, "x_min": 12_345.0, "preferred": preferred, "verdict": verdict}
    axes = of_likes([1, 2, 30_000], fit)
    assert texts(axes) == ["likes", "● \N{GREEK SMALL LETTER ALPHA} = 2.35, x ≥ 12.3k", words]
    assert laws(axes)[0].get_linestyle() == style


@pytest.mark.parametrize(
    ("x_min", "words"),
    [(1, "1"), (1_234, "1,234"), (9_994, "9,994"), (9_996, "10k"), (123_456, "123k"), (999_600, "1M"), (2e9, "2B")],
)
def test_the_text_says_where_a_law_starts(x_min: float, words: str) -> None:
    assert texts(of_likes([1, 2, 3], {"x_min": x_min}))[1].endswith(f"x ≥ {words}")


def test_panels_without_data_say_so() -> None:
    figure = distributions({"model": pa.table({"n_likes": pa.array([0, 0, None], pa.int64())})}, NO_FITS)
    likes, *others, _ = figure.axes
    assert texts(likes) == ["likes", "● no values above 0", "no data"]
    assert [texts(axes)[1:] for axes in others] == [["no data"]] * 7
    assert not any(axes.lines for axes in figure.axes[:8])


@pytest.mark.slow
@pytest.mark.parametrize(
    "activity",
    [{}, {"model": repos("model", 0)}, {"model": repos("model", 1)}, {"space": repos("space", 40)}],
    ids=["nothing", "no repository", "one repository", "spaces alone"],
)
def test_sparse_data_is_drawn(activity: dict[str, pa.Table]) -> None:
    figure = distributions(activity, NO_FITS)
    assert len(figure.axes) == 9
    assert png(figure).startswith(b"\x89PNG")
    assert svg(figure)
    assert_neat(figure)


def test_too_few_values_have_no_fit() -> None:
    axes = of_likes([3, 4], {"x_min": None, "alpha": None, "share_in_tail": None, "verdict": "too_few"})
    assert not laws(axes)
    assert texts(axes) == ["likes", "● no fit"]
    assert not laws(of_likes([3, 4], {"alpha": float("nan"), "verdict": "too_few"}))


def test_scales_fit_all_points_and_shares_can_be_compared(activity: dict[str, pa.Table], fits: pa.Table) -> None:
    panels = distributions(activity, fits).axes[:8]
    assert len({axes.get_ylim() for axes in panels}) == 1
    for axes in panels:
        for line in points(axes):
            for values, (low, high) in zip(data(line), (axes.get_xlim(), axes.get_ylim()), strict=True):
                assert low < values.min() <= values.max() < high
    assert [label.get_text() for label in panels[0].get_yticklabels()][-2:] == [
        "100%",
        "1000%",
    ]  # the last label is cut off


def test_text_is_not_cut_off_small_or_overlapping() -> None:
    widest = {"alpha": 24.99, "x_min": 123_456.0, "preferred": "exponential", "verdict": "contradicted"}
    every = itertools.product(REPO_TYPES, VARIABLES)
    values = pa.table({variable: pa.array([1, 200_000], pa.int64()) for variable in VARIABLES})
    figure = distributions(
        dict.fromkeys(REPO_TYPES, values),
        tail_fits(*({"repo_type": repo_type, "variable": variable} | widest for repo_type, variable in every)),
    )
    assert_neat(figure)


def test_the_studys_size_takes_little_time_and_space(fits: pa.Table) -> None:
    many = {
        repo_type: repos(repo_type, n) for repo_type, n in (("model", 350_000), ("dataset", 65_000), ("space", 150_000))
    }
    start = time.perf_counter()
    figure = distributions(many, fits)
    content = svg(figure)
    assert time.perf_counter() - start < 20
    assert len(content) < 1_000_000
    assert len(png(figure)) < 1_000_000
    for axes in figure.axes[:8]:
        for line in points(axes):
            assert len(data(line)[0]) <= 165


def test_thinning_keeps_the_ends_and_the_shape() -> None:
    values = np.arange(1, 20_001)
    (curve,) = points(of_likes(values.tolist()))
    xs, ys = data(curve)
    assert len(xs) < 165
    assert {1, 20_000} <= set(xs.tolist())
    assert ys == pytest.approx((20_001 - xs) / 20_000)
    assert np.diff(np.log(xs)).max() < 0.75  # the largest step is from 1 to 2; all others are grid steps
