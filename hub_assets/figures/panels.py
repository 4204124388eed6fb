"""Panels in rows and columns: layout, header text, scales, and curves on log-log axes.

The content of a panel does not belong here.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from hub_assets.figures import style

Floats = npt.NDArray[np.float64]
Curve = tuple[Floats, Floats]

LINE: Final = 0.135
"""Inches: the height of a line of text above a panel."""
_STEPS: Final = 80
"""Grid steps per axis; of the points that fall into the same grid cell, only one is drawn."""


class Grid(NamedTuple):
    """Panel layout, row by row from the top. Everything except the row and column counts is in inches.

    Each panel has a header with text above it and a footer with its tick labels below it. In the last row the footer
    is part of the bottom margin.
    """

    rows: int
    columns: int
    panel: float
    header: float
    footer: float = 0.24
    gap: float = 0.14
    left: float = 0.62
    right: float = 0.12
    bottom: float = 0.42

    @property
    def height(self) -> float:
        """Height of the figure."""
        return self.bottom + self.rows * (self.panel + self.header) + (self.rows - 1) * self.footer

    def field(self, figure: Figure, position: int) -> Axes:
        """Add axes at a position, counted from 0."""
        row, column = divmod(position, self.columns)
        width = (style.WIDTH - self.left - self.right - (self.columns - 1) * self.gap) / self.columns
        left = self.left + column * (width + self.gap)
        bottom = self.height - (row + 1) * (self.header + self.panel) - row * self.footer
        wide, tall = style.WIDTH, self.height
        return figure.add_axes((left / wide, bottom / tall, width / wide, self.panel / tall))

    def write(self, axes: Axes, text: str, line: int, *, is_right: bool = False, **looks: Any) -> None:
        """Write a line of text above a panel; line -1 is the title, larger numbers are further down."""
        up = 72 * (self.header - 0.06 - (line + 2) * LINE)
        corner, side = ((1, 1), "right") if is_right else ((0, 1), "left")
        axes.annotate(text, corner, (0, up), xycoords="axes fraction", textcoords="offset points", ha=side, **looks)

    def explain(self, axes: Axes, handles: Sequence[Artist], remarks: Sequence[str], line: int) -> None:
        """Turn axes into the key: a legend, and remarks that start at the given line."""
        axes.set_axis_off()
        top = 1 + (self.header - 0.06 - LINE) / self.panel
        axes.legend(
            handles=handles, loc="upper left", bbox_to_anchor=(0, top), frameon=False, borderaxespad=0, borderpad=0
        )
        for row, words in enumerate(remarks):
            self.write(axes, words, line + row, color=style.QUIET)

    def label(self, figure: Figure, x: str, y: str) -> None:
        """Label the shared axes of all panels."""
        middle = (self.bottom + self.height - self.header) / 2 / self.height
        figure.text(0.015, middle, y, rotation=90, va="center")
        figure.text((1 + self.left / style.WIDTH) / 2, 0.01, x, ha="center", va="bottom")


def rule(axes: Axes) -> None:
    """Apply the common panel style: a faint grid and small ticks."""
    axes.grid(color=style.FAINT, linewidth=0.5)
    axes.tick_params(length=2, pad=2, width=0.6)


def log_ticks(axis: Axis, words: Callable[[float], str]) -> None:
    """Place at most five ticks on a logarithmic axis."""
    axis.set_major_locator(LogLocator(numticks=5))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: words(value)))


def say_no_data(axes: Axes) -> None:
    """Write "no data" in a panel."""
    axes.text(0.5, 0.5, "no data", transform=axes.transAxes, ha="center", va="center", color=style.QUIET)


def shares_at_least(column: pa.ChunkedArray) -> Curve:
    """Return the distinct values above 0, ascending, and the share of positive values that are at least as large."""
    column = column.cast(pa.float64(), safe=False)  # some counts may be too large to be exact
    values, counts = np.unique(column.filter(pc.greater(column, 0)).to_numpy(), return_counts=True)
    return values, np.cumsum(counts[::-1])[::-1] / max(counts.sum(), 1)


def thinned(curve: Curve) -> Curve:
    """Drop points that would overlap on log-log axes, keeping the first and the last."""
    logs = [np.log(part) for part in curve]
    steps = [np.rint(_STEPS * (part - part[0]) / (abs(part[-1] - part[0]) or 1)) for part in logs]
    _, kept = np.unique(np.column_stack(steps), axis=0, return_index=True)
    kept = np.union1d(kept, len(steps[0]) - 1)
    return curve[0][kept], curve[1][kept]


def number(value: float) -> str:
    """Format a count: whole below 10,000; three significant digits and a unit letter above."""
    rounded = float(f"{value:.3g}")
    if rounded < 10_000:
        return f"{value:,.0f}"
    unit, letter = next(pair for pair in ((1e9, "B"), (1e6, "M"), (1e3, "k")) if rounded >= pair[0])
    return f"{rounded / unit:g}{letter}"


def percent(share: float) -> str:
    """Format a share as a percentage."""
    return f"{100 * share:g}%"


def whole_percent(share: float) -> str:
    """Format a share in whole percent; values just above 0 or just below 100 are not rounded to 0 or 100."""
    if 0 < share < 0.005:
        return "< 1%"
    return "> 99%" if 0.995 <= share < 1 else f"{100 * share:.0f}%"
