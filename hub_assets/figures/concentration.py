"""How concentrated activity is: Lorenz curves, read from the most active repositories down."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator

from hub_assets.figures import panels, style
from hub_assets.figures.panels import Curve, percent, whole_percent
from hub_assets.figures.style import REPO_TYPES, VARIABLES, Look

TARGET: Final = 0.8
"""A share of the total; the study counts the repositories that hold it."""
TOP: Final = 0.01
"""The text above each panel gives the share of the total held by this top share of repositories."""

_GRID: Final = panels.Grid(rows=3, columns=3, panel=1.42, header=0.64)
_ROUNDING: Final = 1e-9
_MARKED: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_EVEN: Final = (0, (1, 1.5))
_WANTED: Final = (0, (4, 2))
_REMARKS: Final = (
    "Top x: the share x of all repositories",
    "with the highest values. Repositories",
    "with a value of 0 are counted, too.",
    f"{percent(TARGET)} in top x: smallest whole percent",
    f"that holds at least {percent(TARGET)} of the total.",
)


@rc_context(style.RC)
def lorenz_curves(lorenz: pa.Table) -> Figure:
    """Plot, for each activity, the share of the total held by the top x of repositories against x.

    This is the Lorenz curve rotated by 180 degrees: its value at x is 1 minus the Lorenz curve at 1 - x. A logarithmic
    x axis gives most of the panel to the few repositories with the most activity, which would otherwise be lost in a
    corner. A dashed line marks 80% of the total. The text above each panel gives the share held by the top 1% and
    the smallest top share that holds 80%, both at the precision of the table.

    Args:
        lorenz: one row per type, variable and curve point, with `repo_type`, `variable`, `share_of_repos` (smallest
            first) and `share_of_total`, as in `stats__lorenz`. If the shares of a curve are null because the total is
            0 or unknown, the panel says so.

    Returns:
        A figure with nine axes: eight panels in the order of `style.VARIABLES`, and the key.
    """
    curves = _curves(lorenz)
    first = min((shares[0] for shares, _ in curves.values() if len(shares)), default=TOP)
    figure = style.blank(_GRID.height)
    for position, (variable, name) in enumerate(VARIABLES.items()):
        axes = _GRID.field(figure, position)
        _prepare(axes, name, first)
        axes.tick_params(labelleft=position % _GRID.columns == 0)
        panel = {repo_type: curves[repo_type, variable] for repo_type in REPO_TYPES if (repo_type, variable) in curves}
        for line, (repo_type, curve) in enumerate(panel.items()):
            _draw(axes, line, REPO_TYPES[repo_type], curve)
        if not any(len(shares) for shares, _ in panel.values()):
            panels.say_no_data(axes)
    drawn = {repo_type for repo_type, _ in curves}
    _draw_key(_GRID.field(figure, len(VARIABLES)), [repo_type for repo_type in REPO_TYPES if repo_type in drawn])
    _GRID.label(figure, "top x of all repositories", "share of the total that they hold")
    return figure


def _curves(lorenz: pa.Table) -> Mapping[tuple[str, str], Curve]:
    """Return curves by type and variable: shares of repositories at the top (ascending), and of the total they hold."""
    names = [lorenz[name].to_numpy() for name in ("repo_type", "variable")]
    top, held = (1 - lorenz[name].to_numpy() for name in ("share_of_repos", "share_of_total"))
    curves = {}
    for repo_type, variable in set(zip(*names, strict=True)):
        is_here = (names[0] == repo_type) & (names[1] == variable) & (top > _ROUNDING) & ~np.isnan(held)
        order = np.argsort(top[is_here])
        curves[repo_type, variable] = top[is_here][order], held[is_here][order]
    return curves


def _prepare(axes: Axes, name: str, first: float) -> None:
    axes.set(xscale="log", xlim=(first / 1.3, 1.3), ylim=(-0.02, 1.06))
    panels.log_ticks(axes.xaxis, percent)
    axes.yaxis.set_major_locator(FixedLocator([0, 0.2, 0.4, 0.6, 0.8, 1]))
    axes.yaxis.set_major_formatter(lambda value, _: percent(value))
    panels.rule(axes)
    shares = np.geomspace(first, 1, 60)
    axes.plot(shares, shares, c=style.QUIET, lw=0.8, ls=_EVEN)
    axes.axhline(TARGET, c=style.INK, lw=0.8, ls=_WANTED)
    _GRID.write(axes, name, -1, **style.TITLE)


def _draw(axes: Axes, line: int, look: Look, curve: Curve) -> None:
    """Draw a curve and write its line of text above the panel."""
    top, held = curve
    words, few = "no values above 0", ""
    if len(top):
        marked = np.unique([int(np.abs(top - share).argmin()) for share in _MARKED])
        axes.plot(top, held, c=look.color, lw=1.2, marker=look.marker, ms=3, mew=0, markevery=marked.tolist())
        words = f"top {percent(TOP)}: {whole_percent(float(np.interp(TOP, top, held)))}"
        enough = top[np.argmax(held >= TARGET - _ROUNDING)]
        few = f"{percent(TARGET)} in top {percent(float(np.ceil(100 * enough - 1e-6)) / 100)}"
    _GRID.write(axes, f"{look.glyph} {words}", line, color=look.dark)
    _GRID.write(axes, few, line, color=look.dark, is_right=True)


def _draw_key(axes: Axes, repo_types: list[str]) -> None:
    looks = [REPO_TYPES[repo_type] for repo_type in repo_types]
    handles = [Line2D([], [], lw=1.2, marker=look.marker, c=look.color, ms=4, label=look.name) for look in looks]
    handles.append(Line2D([], [], c=style.INK, lw=0.8, ls=_WANTED, label=f"{percent(TARGET)} of the total"))
    handles.append(Line2D([], [], c=style.QUIET, lw=0.8, ls=_EVEN, label="if all had the same"))
    _GRID.explain(axes, handles, _REMARKS, 6)
