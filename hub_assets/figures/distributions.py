"""Figure 1: how activity is distributed, and the power laws fitted to its tails."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from scipy.special import zeta

from hub_assets.figures import style
from hub_assets.figures.style import REPO_TYPES, VARIABLES, Look

Floats = npt.NDArray[np.float64]
Curve = tuple[Floats, Floats]

# inches: margins and the gap between panels; a panel, the text above it, the numbers below it, a line of text
_LEFT, _RIGHT, _BOTTOM, _GAP = 0.62, 0.12, 0.42, 0.14
_PANEL, _HEADER, _FOOTER, _LINE = 1.42, 0.64, 0.24, 0.135
_COLUMNS: Final = 3
_ROWS: Final = 3
_HEIGHT: Final = _BOTTOM + _ROWS * (_PANEL + _HEADER) + (_ROWS - 1) * _FOOTER
_STEPS: Final = 80
"""Of each axis; of the points that share a step of both one is drawn."""
_FAR: Final = 1_000
"""From which on the sum of x^-alpha over integers is the integral from x - 1/2 on, but for some 1 / x^2 of it."""
_SUPPORTED: Final = "-"
_NOT_SUPPORTED: Final = (0, (3, 1.2))
_ALPHA: Final = "\N{GREEK SMALL LETTER ALPHA}"
_REMARKS: Final = (
    "Supported: plausible (goodness-of-fit",
    "p > 0.1) and nearer than a lognormal.",
    "Not supported: another law is nearer,",
    "or it is not plausible, or not tested.",
    "Undecided: a lognormal is as near.",
    "Cut-off: a power law that ends as an",
    "exponential.",
)


@rc_context(style.RC)
def distributions(activity: Mapping[str, pa.Table], tail_fits: pa.Table) -> Figure:
    """Draw the complementary cumulative distribution of each activity, and the power law fitted to its tail.

    A panel for each variable has a curve for each type of repository: of those with values above 0, the share that has
    at least x, over x, both on logarithmic axes. A law p(x) ~ x^-alpha over the integers from x_min on is a line that
    begins there, at the share of values in the tail; it is solid where the data support it (it is plausible, and nearer
    than other distributions), else dashed. Text above the panel says alpha, x_min, and what is nearer.

    Args:
        activity: by type of repository (`model`, `dataset`, `space`, or some of them), a row per repository and a
            column per variable, null where it is not known.
        tail_fits: a row per type and variable, with `repo_type`, `variable`, `x_min`, `alpha`, `share_in_tail`,
            `is_plausible` and `preferred` as in `stats__tail_fits`. Where a row is missing, no law is drawn.

    Returns:
        A figure with nine axes: eight panels in the order of `style.VARIABLES`, and the key.
    """
    fitted = tail_fits.filter(pc.is_finite(tail_fits["alpha"]))
    fits = {(row["repo_type"], row["variable"]): row for row in fitted.to_pylist()}
    repo_types = [repo_type for repo_type in REPO_TYPES if repo_type in activity]
    curves = {
        variable: {
            repo_type: _curve(activity[repo_type][variable])
            for repo_type in repo_types
            if _is_known(activity[repo_type], variable)
        }
        for variable in VARIABLES
    }
    least = min((shares[-1] for panel in curves.values() for _, shares in panel.values() if len(shares)), default=1.0)
    figure = style.blank(_HEIGHT)
    for place, (variable, panel) in enumerate(curves.items()):
        axes = _field(figure, place)
        _prepare(axes, variable, max((values[-1] for values, _ in panel.values() if len(values)), default=1.0), least)
        axes.tick_params(labelleft=place % _COLUMNS == 0)
        for line, (repo_type, curve) in enumerate(panel.items()):
            _draw(axes, line, REPO_TYPES[repo_type], curve, fits.get((repo_type, variable)))
        if not any(len(values) for values, _ in panel.values()):
            axes.text(0.5, 0.5, "no data", transform=axes.transAxes, ha="center", va="center", color=style.QUIET)
    _draw_key(_field(figure, len(curves)), repo_types)
    middle = (_BOTTOM + _HEIGHT - _HEADER) / 2 / _HEIGHT
    figure.text(0.015, middle, "share with at least x, of the repositories with any", rotation=90, va="center")
    figure.text((1 + _LEFT / style.WIDTH) / 2, 0.01, "x: activity per repository", ha="center", va="bottom")
    return figure


def _is_known(repos: pa.Table, variable: str) -> bool:
    return variable in repos.column_names and repos[variable].null_count < len(repos)


def _curve(column: pa.ChunkedArray) -> Curve:
    """Return the distinct values above 0, in ascending order, and the share of these values that are as great."""
    column = column.cast(pa.float64(), safe=False)  # some counts may be too great to be exact
    values, counts = np.unique(column.filter(pc.greater(column, 0)).to_numpy(), return_counts=True)
    return values, np.cumsum(counts[::-1])[::-1] / max(counts.sum(), 1)


def _thinned(curve: Curve) -> Curve:
    """Return the points of a curve that can be told apart, the first and the last among them."""
    logs = [np.log(part) for part in curve]
    steps = [np.rint(_STEPS * (part - part[0]) / (abs(part[-1] - part[0]) or 1)) for part in logs]
    _, kept = np.unique(np.column_stack(steps), axis=0, return_index=True)
    kept = np.union1d(kept, len(steps[0]) - 1)
    return curve[0][kept], curve[1][kept]


def _law(x_min: float, alpha: float, share: float, last: float) -> Curve:
    """Return the line of a law from x_min to a last value: the sums of x^-alpha from x on, of that from x_min on."""
    xs = np.geomspace(x_min, max(last, x_min), 60)

    def log_sums(at: Floats) -> Floats:
        far = (1 - alpha) * np.log(at - 0.5) - np.log(alpha - 1)
        logs: Floats = np.where(at < _FAR, np.log(zeta(alpha, np.minimum(at, _FAR))), far)
        return logs

    return xs, share * np.exp(log_sums(xs) - log_sums(xs[:1]))


def _field(figure: Figure, place: int) -> Axes:
    """Add the axes of a place in the grid, row by row from the top."""
    row, column = divmod(place, _COLUMNS)
    width = (style.WIDTH - _LEFT - _RIGHT - (_COLUMNS - 1) * _GAP) / _COLUMNS
    left = _LEFT + column * (width + _GAP)
    bottom = _HEIGHT - (row + 1) * (_HEADER + _PANEL) - row * _FOOTER
    return figure.add_axes((left / style.WIDTH, bottom / _HEIGHT, width / style.WIDTH, _PANEL / _HEIGHT))


def _prepare(axes: Axes, variable: str, greatest: float, least: float) -> None:
    """Give a panel its title, and scales from 1 to the greatest value and from 1 to the least share of all panels."""
    axes.set(xscale="log", yscale="log", xlim=(0.8, 1.3 * max(greatest, 10.0)), ylim=(min(least, 0.1) / 1.6, 1.6))
    for axis, label in ((axes.xaxis, _number), (axes.yaxis, _percent)):
        axis.set_major_locator(LogLocator(numticks=5))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _, label=label: label(value)))
    axes.grid(color=style.FAINT, linewidth=0.5)
    axes.tick_params(length=2, pad=2, width=0.6)
    _write(axes, VARIABLES[variable], -1, **style.TITLE)


def _draw(axes: Axes, line: int, look: Look, curve: Curve, fit: Mapping[str, Any] | None) -> None:
    """Draw a curve with its law, and write a line above the panel about them."""
    values, _ = curve
    words, verdict = "no values above 0", ""
    if len(values):
        words = "no fit"
        xs, ys = _thinned(curve)
        axes.plot(xs, ys, look.marker, c=look.color, markersize=2.4, markeredgewidth=0, alpha=0.5)
    if len(values) and fit:
        is_supported, verdict = _verdict(fit)
        words = f"{_ALPHA} = {fit['alpha']:#.3g}, x ≥ {_number(fit['x_min'])}"
        xs, ys = _law(fit["x_min"], fit["alpha"], fit["share_in_tail"], values[-1])
        axes.plot(xs, ys, c=look.dark, linewidth=1, linestyle=_SUPPORTED if is_supported else _NOT_SUPPORTED)
    _write(axes, f"{look.glyph} {words}", line, color=look.dark)
    _write(axes, verdict, line, color=look.dark, is_right=True)


def _verdict(fit: Mapping[str, Any]) -> tuple[bool, str]:
    """Return whether the data support a law, and what they say of it, in at most 18 letters."""
    preferred, is_plausible = fit["preferred"], fit["is_plausible"]
    if preferred not in ("power_law", "undecided"):
        return False, "cut-off nearer" if preferred == "truncated_power_law" else f"{preferred} nearer"
    if is_plausible is False:
        return False, "not plausible"
    if preferred == "undecided":
        return False, "undecided"
    return bool(is_plausible), "power law" if is_plausible else "not tested"


def _write(axes: Axes, text: str, line: int, *, is_right: bool = False, **looks: Any) -> None:
    """Write a line above a panel; -1 is the title."""
    up = 72 * (_HEADER - 0.06 - (line + 2) * _LINE)
    place, side = ((1, 1), "right") if is_right else ((0, 1), "left")
    axes.annotate(text, place, (0, up), xycoords="axes fraction", textcoords="offset points", ha=side, **looks)


def _draw_key(axes: Axes, repo_types: list[str]) -> None:
    """Say what shapes, lines and words mean, in axes of their own."""
    axes.set_axis_off()
    looks = [REPO_TYPES[repo_type] for repo_type in repo_types]
    handles = [Line2D([], [], ls="", marker=look.marker, c=look.color, ms=4, label=look.name) for look in looks]
    for dashes, label in ((_SUPPORTED, "power law, supported"), (_NOT_SUPPORTED, "power law, not supported")):
        handles.append(Line2D([], [], c=style.INK, lw=1, ls=dashes, label=label))
    top = 1 + (_HEADER - 0.06 - _LINE) / _PANEL
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(0, top), frameon=False, borderaxespad=0, borderpad=0)
    for line, words in enumerate(_REMARKS):
        _write(axes, words, 6 + line, color=style.QUIET)


def _number(value: float) -> str:
    """Return a count; from 10,000 on in three digits and a letter."""
    rounded = float(f"{value:.3g}")
    if rounded < 10_000:
        return f"{value:,.0f}"
    unit, letter = next(pair for pair in ((1e9, "B"), (1e6, "M"), (1e3, "k")) if rounded >= pair[0])
    return f"{rounded / unit:g}{letter}"


def _percent(share: float) -> str:
    return f"{100 * share:g} %"
