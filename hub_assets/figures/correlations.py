"""Figures 2 and 3: how activity variables correlate, by repository type and by license group of models."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle

from hub_assets.figures import style
from hub_assets.figures.style import LICENSE_GROUPS, REPO_TYPES, VARIABLES

SIGNIFICANT: Final = 0.001
"""Cells whose p-value, corrected for all pairs of a map, is at or above the study's level get a mark."""

Pairs = Mapping[frozenset[str], Mapping[str, Any]]

# inches: a cell, then the margins with row and column labels
_CELL: Final = (0.284, 0.265)
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.8, 0.04, 0.42, 0.98
_FEWEST: Final = 5
"""Minimum number of rows and of columns, so that the color bar and the no-data note always fit."""
_COLORS: Final = colormaps["RdBu_r"]
_SCALE: Final = Normalize(-1, 1)
_NONE: Final = "-"


@rc_context(style.RC)
def correlation_maps(correlations: pa.Table) -> Figure:
    """Draw Pearson correlations between activity variables, one map per repository type.

    Args:
        correlations: one row per type, license group and pair of variables, with `repo_type`, `license_group`,
            `variable_x`, `variable_y`, `n`, `pearson` and `pearson_p_holm`, as in `stats__correlations`. Only rows of
            the license group `all` are drawn.

    Returns:
        A figure with three maps and the color bar. Each map is a lower triangle with the coefficient in each cell. A
        cell has a mark in its corner if p is 0.001 or more, and is gray if there is no coefficient.
    """
    every = correlations.filter(pc.equal(correlations["license_group"], "all"))
    return _maps({look.name: _pairs(every, "repo_type", repo_type) for repo_type, look in REPO_TYPES.items()})


@rc_context(style.RC)
def license_correlation_maps(correlations: pa.Table) -> Figure:
    """Draw Pearson correlations between activity variables of models, one map per license group.

    Args:
        correlations: the same table as for `correlation_maps`. Only rows of models in a license group are drawn.

    Returns:
        A figure laid out like the one from `correlation_maps`.
    """
    models = correlations.filter(pc.equal(correlations["repo_type"], "model"))
    return _maps({name: _pairs(models, "license_group", group) for group, name in LICENSE_GROUPS.items()})


def _pairs(correlations: pa.Table, column: str, value: str) -> Pairs:
    rows = correlations.filter(pc.equal(correlations[column], value)).to_pylist()
    return {frozenset((row["variable_x"], row["variable_y"])): row for row in rows}


def _maps(maps: Mapping[str, Pairs]) -> Figure:
    """Draw maps side by side. They share their rows, which are labeled at the left edge of the figure."""
    known = {name: [key for key in VARIABLES if any(key in pair for pair in pairs)] for name, pairs in maps.items()}
    rows = [key for key in VARIABLES if any(key in variables for variables in known.values())][1:]
    n_rows, n_columns = max(len(rows), _FEWEST), [max(len(variables) - 1, _FEWEST) for variables in known.values()]
    wide, tall = _CELL
    height = _TOP + n_rows * tall + _BOTTOM
    figure = style.blank(height)
    gap = (style.WIDTH - _LEFT - _RIGHT - sum(n_columns) * wide) / (len(maps) - 1)
    left = _LEFT
    for (name, pairs), columns in zip(maps.items(), n_columns, strict=True):
        bounds = (left / style.WIDTH, _BOTTOM / height, columns * wide / style.WIDTH, n_rows * tall / height)
        axes = figure.add_axes(bounds, xlim=(0, columns), ylim=(n_rows, 0))
        axes.set_axis_off()
        _draw(axes, name, pairs, known[name], rows)
        left += columns * wide + gap
    first = figure.axes[0]
    for row, variable in enumerate(rows):
        name = VARIABLES[variable].replace("discussion ", "discussion\n").replace(" use", "\nuse")
        first.annotate(name, (0, row + 0.5), (-4, 0), textcoords="offset points", ha="right", va="center")
    _draw_key(first)
    return figure


def _draw(axes: Axes, name: str, pairs: Pairs, variables: list[str], rows: list[str]) -> None:
    """Draw a map: a row for each known variable in `rows`, and a column for each of its variables but the last."""
    counts = [row["n"] for row in pairs.values()]
    words = "no data" if not counts else f"n = {max(counts):,}"
    if counts and min(counts) < max(counts):
        words = f"n = {min(counts):,} to {max(counts):,}"
    axes.annotate(name, (0, 1), (0, 16), xycoords="axes fraction", textcoords="offset points", **style.TITLE)
    axes.annotate(words, (0, 1), (0, 6), xycoords="axes fraction", textcoords="offset points", c=style.QUIET)
    for column, variable in enumerate(variables[:-1]):
        for other in variables[column + 1 :]:
            _draw_cell(axes, column, rows.index(other), pairs.get(frozenset((variable, other)), {}))
        axes.annotate(
            VARIABLES[variable],
            (column + 0.75, rows.index(variables[-1]) + 1),
            (0, -3),
            textcoords="offset points",
            rotation=45,
            rotation_mode="anchor",
            ha="right",
            va="center",
        )


def _draw_cell(axes: Axes, column: int, row: int, pair: Mapping[str, Any]) -> None:
    value = np.nan if pair.get("pearson") is None else pair["pearson"]
    is_known = not np.isnan(value)
    fill = _COLORS(_SCALE(value)) if is_known else style.FAINT
    axes.add_patch(Rectangle((column, row), 1, 1, facecolor=fill, edgecolor="white", linewidth=1))
    words = f"{value:z.2f}" if is_known else _NONE
    ink = "white" if is_known and abs(value) > 0.67 else "black"  # a contrast of at least 4:1
    axes.text(column + 0.5, row + 0.53, words, ha="center", va="center", c=ink)
    p = pair.get("pearson_p_holm")
    if is_known and not (p is not None and p < SIGNIFICANT):
        corner = [(column + 0.68, row + 0.1), (column + 0.9, row + 0.1), (column + 0.9, row + 0.32)]
        axes.add_patch(Polygon(corner, facecolor=ink, linewidth=0))


def _draw_key(axes: Axes) -> None:
    """Draw the color bar in the free corner of a map, and explain the marks below it."""
    bar = axes.inset_axes((3.2, 0.95, 3.4, 0.3), transform=axes.transData)
    axes.figure.colorbar(ScalarMappable(_SCALE, _COLORS), cax=bar, orientation="horizontal").outline.set_visible(False)
    bar.set_xticks([-1, 0, 1], ["\N{MINUS SIGN}1", "0", "1"])
    bar.tick_params(length=2, pad=2, width=0.6)
    bar.set_title("Pearson's r", fontsize=7, pad=3)
    remark = f"◥ p ≥ {SIGNIFICANT}, after Holm's correction for all pairs of a map;  {_NONE} no coefficient"
    axes.figure.text(0.01, 0.02, remark, c=style.QUIET, ha="left", va="bottom")
