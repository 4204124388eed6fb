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
"""At this x and above, an integral that starts at x - 1/2 replaces the sum of x^-alpha; its relative error is about
1 / x^2."""
_SUPPORTED: Final = "-"
_NOT_SUPPORTED: Final = (0, (3, 1.2))
_ALPHA: Final = "\N{GREEK SMALL LETTER ALPHA}"
_REMARKS: Final = (
    "Supported: plausible (goodness-of-fit",
    "p > 0.1) and better than a lognormal.",
    "Not supported: another law is better,",
    "or this law is implausible or untested.",
    "Undecided: lognormal fits equally well.",
    "Cut-off: a power law that ends as an",
    "exponential.",
)


@rc_context(style.RC)
def distributions(activity: Mapping[str, pa.Table], tail_fits: pa.Table) -> Figure:
    """Draw the complementary cumulative distribution of each activity, and the power law fitted to its tail.

    Each variable has a panel with one curve per repository type, on logarithmic axes: among repositories with values
    above 0, the share with at least x. A power law p(x) ~ x^-alpha over the integers x >= x_min is drawn as a line
    that starts at x_min, at a height equal to the share of values in the tail. The line is solid if the data support
    the power law (it is plausible and fits better than other distributions), otherwise dashed. The text above the panel
    gives alpha, x_min and the verdict.

    Args:
        activity: by repository type (any of `model`, `dataset`, `space`), one row per repository and one column per
            variable, null where unknown.
        tail_fits: one row per type and variable, with `repo_type`, `variable`, `x_min`, `alpha`, `share_in_tail`,
            `preferred` and `verdict`, as in `stats__tail_fits`. Without a row, no line is drawn.

    Returns:
        A figure with nine axes: eight panels in the order of `style.VARIABLES`, and the key.
    """
    fitted = tail_fits.filter(pc.is_finite(tail_fits["alpha"]))
    fits = {(row["repo_type"], row["variable"]): row for row in fitted.to_pylist()}
    repo_types = [repo_type for repo_type in REPO_TYPES if repo_type in activity]
    curves = {
        variable: {
            repo_type: panels.shares_at_least(activity[repo_type][variable])
            for repo_type in repo_types
            if _is_known(activity[repo_type], variable)
        }
        for variable in VARIABLES
    }
    smallest = min(
        (shares[-1] for panel in curves.values() for _, shares in panel.values() if len(shares)), default=1.0
    )
    figure = style.blank(_GRID.height)
    for position, (variable, panel) in enumerate(curves.items()):
        axes = _GRID.field(figure, position)
        largest = max((values[-1] for values, _ in panel.values() if len(values)), default=1.0)
        _prepare(axes, variable, largest, smallest)
        axes.tick_params(labelleft=position % _GRID.columns == 0)
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
    """Return a power law's line from x_min to the last value.

    At x, it is `share` times the sum of k^-alpha over k = x, x + 1, ..., divided by the same sum from k = x_min.
    """
    xs = np.geomspace(x_min, max(last, x_min), 60)

    def log_sums(at: Floats) -> Floats:
        far = (1 - alpha) * np.log(at - 0.5) - np.log(alpha - 1)
        logs: Floats = np.where(at < _FAR, np.log(zeta(alpha, np.minimum(at, _FAR))), far)
        return logs

    return xs, share * np.exp(log_sums(xs) - log_sums(xs[:1]))


def _prepare(axes: Axes, variable: str, largest: float, smallest: float) -> None:
    """Set a panel's title and scales, from 1 to the largest value and from 1 to the smallest share of all panels."""
    axes.set(xscale="log", yscale="log", xlim=(0.8, 1.3 * max(largest, 10.0)), ylim=(min(smallest, 0.1) / 1.6, 1.6))
    panels.log_ticks(axes.xaxis, number)
    panels.log_ticks(axes.yaxis, percent)
    panels.rule(axes)
    _GRID.write(axes, VARIABLES[variable], -1, **style.TITLE)


def _draw(axes: Axes, line: int, look: Look, curve: Curve, fit: Mapping[str, Any] | None) -> None:
    """Draw a curve and its power law, and write their line of text above the panel."""
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
    """Return the verdict on a law in at most 18 characters."""
    if fit["verdict"] != "contradicted":
        return {"supported": "power law", "not_tested": "not tested"}.get(fit["verdict"], "undecided")
    if fit["preferred"] in ("power_law", "undecided"):
        return "not plausible"
    return "cut-off better" if fit["preferred"] == "truncated_power_law" else f"{fit['preferred']} better"


def _draw_key(axes: Axes, repo_types: list[str]) -> None:
    """Explain shapes, lines and terms in separate axes."""
    looks = [REPO_TYPES[repo_type] for repo_type in repo_types]
    handles = [Line2D([], [], ls="", marker=look.marker, c=look.color, ms=4, label=look.name) for look in looks]
    for dashes, label in ((_SUPPORTED, "power law, supported"), (_NOT_SUPPORTED, "power law, not supported")):
        handles.append(Line2D([], [], c=style.INK, lw=1, ls=dashes, label=label))
    _GRID.explain(axes, handles, _REMARKS, 6)
