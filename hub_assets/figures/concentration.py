"""How few repositories hold how much of all activity: Lorenz curves, read from the most active on."""

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
"""The share of a total whose holders the study counts."""
TOP: Final = 0.01
"""The share of repositories of which the text above a panel says what they hold."""

_GRID: Final = panels.Grid(rows=3, columns=3, panel=1.42, header=0.64)
_ROUNDING: Final = 1e-9
_MARKED: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_EVEN: Final = (0, (1, 1.5))
_WANTED: Final = (0, (4, 2))
_REMARKS: Final = (
    "Top x: the share x of all repositories",
    "with the highest values. Those that",
    "have 0 are counted, too.",
    f"{percent(TARGET)} in top x: the least whole percent",
    f"that holds {percent(TARGET)} of the total or more.",
)


@rc_context(style.RC)
def lorenz_curves(lorenz: pa.Table) -> Figure:
    """Draw the share of each activity's total that the top x of repositories hold, over x.

    That is the Lorenz curve turned by half: at x, 1 less its value at 1 - x. As x is on a logarithmic axis, the few
    with most have the greater part of a panel, and the curve is not lost in its corner. A dashed line is at 80 % of the
    total. Text above a panel says what the top 1 % hold, and in how few there are 80 %, both as the points of the
    table say it.

    Args:
        lorenz: a row per type, variable and point of the curve, with `repo_type`, `variable`, `share_of_repos` (the
            least first) and `share_of_total` as in `stats__lorenz`. Where the shares of a curve are null, the total is
            0 or not known, and it is said so.

    Returns:
        A figure with nine axes: eight panels in the order of `style.VARIABLES`, and the key.
    """
    curves = _curves(lorenz)
    first = min((shares[0] for shares, _ in curves.values() if len(shares)), default=TOP)
    figure = style.blank(_GRID.height)
    for place, (variable, name) in enumerate(VARIABLES.items()):
        axes = _GRID.field(figure, place)
        _prepare(axes, name, first)
        axes.tick_params(labelleft=place % _GRID.columns == 0)
        panel = {repo_type: curves[repo_type, variable] for repo_type in REPO_TYPES if (repo_type, variable) in curves}
        for line, (repo_type, curve) in enumerate(panel.items()):
            _draw(axes, line, REPO_TYPES[repo_type], curve)
        if not any(len(shares) for shares, _ in panel.values()):
            panels.say_no_data(axes)
    _draw_key(_GRID.field(figure, len(VARIABLES)), [one for one in REPO_TYPES if any(one == key[0] for key in curves)])
    _GRID.label(figure, "top x of all repositories", "share of the total that they hold")
    return figure


def _curves(lorenz: pa.Table) -> Mapping[tuple[str, str], Curve]:
    """Return, by type and variable, shares of repositories above 0 in ascending order, and what these hold."""
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
    """Draw a curve, and write a line above the panel about it."""
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
