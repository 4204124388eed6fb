"""Figure 1: how activity is distributed, and the power laws fitted to its tails."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.special import zeta

from hub_assets.figures import panels, style
from hub_assets.figures.panels import Curve, Floats, number, percent
from hub_assets.figures.style import REPO_TYPES, VARIABLES, Look

_GRID: Final = panels.Grid(rows=3, columns=3, panel=1.42, header=0.64)
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
            `preferred` and `verdict` as in `stats__tail_fits`. Where a row is missing, no law is drawn.

    Returns:
        A figure with nine axes: eight panels in the order of `style.VARIABLES`, and the key.
    """
    fitted = tail_fits.filter(pc.is_finite(tail_fits["alpha"]))
    fits = {(row["repo_type"], row["variable"]): row for row in fitted.to_pylist()}
    repo_types = [repo_type for repo_type in REPO_TYPES if repo_type in activity]
    curves = {
        variable: {
            repo_type: panels.shares_as_great(activity[repo_type][variable])
            for repo_type in repo_types
            if _is_known(activity[repo_type], variable)
        }
        for variable in VARIABLES
    }
    least = min((shares[-1] for panel in curves.values() for _, shares in panel.values() if len(shares)), default=1.0)
    figure = style.blank(_GRID.height)
    for place, (variable, panel) in enumerate(curves.items()):
        axes = _GRID.field(figure, place)
        _prepare(axes, variable, max((values[-1] for values, _ in panel.values() if len(values)), default=1.0), least)
        axes.tick_params(labelleft=place % _GRID.columns == 0)
        for line, (repo_type, curve) in enumerate(panel.items()):
            _draw(axes, line, REPO_TYPES[repo_type], curve, fits.get((repo_type, variable)))
        if not any(len(values) for values, _ in panel.values()):
            panels.say_no_data(axes)
    _draw_key(_GRID.field(figure, len(curves)), repo_types)
    _GRID.label(figure, "x: activity per repository", "share with at least x, of the repositories with any")
    return figure


def _is_known(repos: pa.Table, variable: str) -> bool:
    return variable in repos.column_names and repos[variable].null_count < len(repos)


def _law(x_min: float, alpha: float, share: float, last: float) -> Curve:
    """Return the line of a law from x_min to a last value: the sums of x^-alpha from x on, of that from x_min on."""
    xs = np.geomspace(x_min, max(last, x_min), 60)

    def log_sums(at: Floats) -> Floats:
        far = (1 - alpha) * np.log(at - 0.5) - np.log(alpha - 1)
        logs: Floats = np.where(at < _FAR, np.log(zeta(alpha, np.minimum(at, _FAR))), far)
        return logs

    return xs, share * np.exp(log_sums(xs) - log_sums(xs[:1]))


def _prepare(axes: Axes, variable: str, greatest: float, least: float) -> None:
    """Give a panel its title, and scales from 1 to the greatest value and from 1 to the least share of all panels."""
    axes.set(xscale="log", yscale="log", xlim=(0.8, 1.3 * max(greatest, 10.0)), ylim=(min(least, 0.1) / 1.6, 1.6))
    panels.log_ticks(axes.xaxis, number)
    panels.log_ticks(axes.yaxis, percent)
    panels.rule(axes)
    _GRID.write(axes, VARIABLES[variable], -1, **style.TITLE)


def _draw(axes: Axes, line: int, look: Look, curve: Curve, fit: Mapping[str, Any] | None) -> None:
    """Draw a curve with its law, and write a line above the panel about them."""
    values, _ = curve
    words, verdict = "no values above 0", ""
    if len(values):
        words = "no fit"
        xs, ys = panels.thinned(curve)
        axes.plot(xs, ys, look.marker, c=look.color, markersize=2.4, markeredgewidth=0, alpha=0.5)
    if len(values) and fit:
        verdict = _words(fit)
        words = f"{_ALPHA} = {fit['alpha']:#.3g}, x ≥ {number(fit['x_min'])}"
        xs, ys = _law(fit["x_min"], fit["alpha"], fit["share_in_tail"], values[-1])
        axes.plot(
            xs, ys, c=look.dark, linewidth=1, linestyle=_SUPPORTED if fit["verdict"] == "supported" else _NOT_SUPPORTED
        )
    _GRID.write(axes, f"{look.glyph} {words}", line, color=look.dark)
    _GRID.write(axes, verdict, line, color=look.dark, is_right=True)


def _words(fit: Mapping[str, Any]) -> str:
    """Return what the data say of a law, in at most 18 letters."""
    if fit["verdict"] != "contradicted":
        return {"supported": "power law", "not_tested": "not tested"}.get(fit["verdict"], "undecided")
    if fit["preferred"] in ("power_law", "undecided"):
        return "not plausible"
    return "cut-off nearer" if fit["preferred"] == "truncated_power_law" else f"{fit['preferred']} nearer"


def _draw_key(axes: Axes, repo_types: list[str]) -> None:
    """Say what shapes, lines and words mean, in axes of their own."""
    looks = [REPO_TYPES[repo_type] for repo_type in repo_types]
    handles = [Line2D([], [], ls="", marker=look.marker, c=look.color, ms=4, label=look.name) for look in looks]
    for dashes, label in ((_SUPPORTED, "power law, supported"), (_NOT_SUPPORTED, "power law, not supported")):
        handles.append(Line2D([], [], c=style.INK, lw=1, ls=dashes, label=label))
    _GRID.explain(axes, handles, _REMARKS, 6)
