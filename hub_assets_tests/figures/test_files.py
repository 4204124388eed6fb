"""Figures are written atomically, byte-identical every time, and without pyplot."""

import gc
import struct
import subprocess
import sys
import weakref
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pytest
from matplotlib import rc_context, rcParams
from matplotlib.figure import Figure
from PIL import Image

from hub_assets.figures.correlations import correlation_maps, license_correlation_maps
from hub_assets.figures.distributions import distributions
from hub_assets.figures.files import png, save, svg, thumbnail


@pytest.fixture(params=["distributions", "correlation_maps", "license_correlation_maps"])
def figures(
    request: pytest.FixtureRequest, activity: dict[str, pa.Table], fits: pa.Table, correlations: pa.Table
) -> tuple[Figure, Figure]:
    """Every figure, drawn twice from the same tables."""
    if request.param == "distributions":
        return distributions(activity, fits), distributions(activity, fits)
    draw = {"correlation_maps": correlation_maps, "license_correlation_maps": license_correlation_maps}[request.param]
    return draw(correlations), draw(correlations)


@pytest.mark.slow
def test_the_same_tables_give_identical_bytes(figures: tuple[Figure, Figure]) -> None:
    one, other = figures
    assert svg(one) == svg(one) == svg(other)
    assert png(one) == png(one) == png(other)
    assert b"<dc:date>" not in svg(one)


def test_svg_and_png_have_page_width(figures: tuple[Figure, Figure]) -> None:
    root = ElementTree.fromstring(svg(figures[0]))
    assert root.attrib["width"] == "504pt"
    width, height = struct.unpack(">II", png(figures[0])[16:24])
    assert (width, height) == (1050, pytest.approx(150 * figures[0].get_figheight(), abs=1))
    assert len(svg(figures[0])) < 500_000


def test_global_settings_have_no_effect_and_stay_unchanged(correlations: pa.Table) -> None:
    expected = svg(correlation_maps(correlations))
    with rc_context({"font.size": 20, "svg.fonttype": "none", "svg.hashsalt": None, "savefig.facecolor": "red"}):
        before = dict(rcParams)
        assert svg(correlation_maps(correlations)) == expected
        assert dict(rcParams) == before


@pytest.mark.slow
def test_save_writes_both_files(tmp_path: Path, figures: tuple[Figure, Figure]) -> None:
    paths = save(figures[0], tmp_path / "new" / "figure.1")
    assert paths == (tmp_path / "new" / "figure.1.svg", tmp_path / "new" / "figure.1.png")
    assert [path.read_bytes() for path in paths] == [svg(figures[0]), png(figures[0])]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["figure.1.png", "figure.1.svg"]
    assert save(figures[1], tmp_path / "new" / "figure.1") == paths


@pytest.mark.slow
@pytest.mark.parametrize("limit", [4_000, 22_000])
def test_a_thumbnail_shows_the_figure_within_the_limit(figures: tuple[Figure, Figure], limit: int) -> None:
    image = png(figures[0])
    small = thumbnail(image, limit)
    assert small == thumbnail(png(figures[1]), limit)
    assert len(small) <= limit
    with Image.open(BytesIO(image)) as whole, Image.open(BytesIO(small)) as shown:
        assert shown.width <= whole.width * 2 / 3
        assert shown.width / shown.height == pytest.approx(whole.width / whole.height, rel=0.02)
        shrunken = np.asarray(whole.convert("L").resize(shown.size, Image.Resampling.LANCZOS), np.float64)
        # gray values from 0 to 255; a blank page of the same color is off by more than 8
        assert np.abs(shrunken - np.asarray(shown.convert("L"))).mean() < 3


def test_a_thumbnail_that_cannot_be_small_enough_is_refused(figures: tuple[Figure, Figure]) -> None:
    with pytest.raises(ValueError, match="the limit is 50"):
        thumbnail(png(figures[0]), 50)


def test_a_figure_that_cannot_be_drawn_leaves_the_files_unchanged(tmp_path: Path) -> None:
    save(Figure(), tmp_path / "figure")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    broken = Figure()
    broken.text(0.5, 0.5, r"$\no_such_symbol$")
    with pytest.raises(ValueError, match="no_such_symbol"):
        save(broken, tmp_path / "figure")
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_figures_are_garbage_collected(correlations: pa.Table) -> None:
    figure = correlation_maps(correlations)
    png(figure)
    alive = weakref.ref(figure)
    del figure
    gc.collect()
    assert alive() is None


@pytest.mark.slow
def test_pyplot_is_not_imported() -> None:
    program = """
import sys
import pyarrow as pa
from hub_assets.figures.correlations import correlation_maps, license_correlation_maps
from hub_assets.figures.distributions import distributions
from hub_assets.figures.files import png, svg
from hub_assets.statistics.schemas import CORRELATIONS, TAIL_FITS
repos = pa.table({"n_likes": [1, 2]})
empty = CORRELATIONS.empty_table()
of_activity = distributions({"model": repos}, TAIL_FITS.empty_table())
for figure in (of_activity, correlation_maps(empty), license_correlation_maps(empty)):
    png(figure), svg(figure)
loaded = {"matplotlib.pyplot", "dagster", "duckdb"} & set(sys.modules)
assert not loaded, loaded
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=120)
