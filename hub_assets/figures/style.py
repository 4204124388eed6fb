"""What all figures share: their size and type, the colors and names of what is shown. No figure is drawn here."""

from typing import Any, Final, NamedTuple

from matplotlib.figure import Figure

WIDTH: Final = 7.0
"""Inches: what a page of a journal, or of the report, is wide."""

INK: Final = "#222222"
FAINT: Final = "#e4e4e4"
"""Grids, and cells of which nothing is known."""
_AXIS: Final = "#555555"
QUIET: Final = "#6b6b6b"
"""Remarks; 5:1 against white."""

RC: Final[dict[Any, Any]] = {
    "axes.axisbelow": True,
    "axes.edgecolor": _AXIS,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",  # which matplotlib brings
    "font.size": 7.0,
    "savefig.bbox": None,
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "hub_assets",
    "text.color": INK,
    "text.usetex": False,
    "xtick.color": _AXIS,
    "xtick.labelcolor": INK,
    "ytick.color": _AXIS,
    "ytick.labelcolor": INK,
}
"""matplotlib's settings, under which figures are made and saved. No type is smaller than the 7 points of this."""

TITLE: Final[dict[str, Any]] = {"fontsize": 8, "fontweight": "bold"}


class Look(NamedTuple):
    """How a type of repository is drawn: its name, its colors and those of lines upon it, and a shape beside them."""

    name: str
    color: str
    dark: str
    marker: str
    glyph: str


# colors of Okabe and Ito, "Color Universal Design" (2008), and of lines upon them, at least 6:1 against white
REPO_TYPES: Final = {
    "model": Look("models", "#0072B2", "#00466e", "o", "●"),
    "dataset": Look("datasets", "#D55E00", "#8a3d00", "s", "■"),
    "space": Look("spaces", "#009E73", "#005c43", "^", "▲"),
}

VARIABLES: Final = {
    "n_likes": "likes",
    "n_discussions": "discussions",
    "n_disc_starters": "discussion starters",
    "n_commits": "commits",
    "n_committers": "committers",
    "n_community": "community",
    "n_downloads": "downloads",
    "n_usage_spaces": "spaces that use it",
}
"""The names of activities, in the order in which they are shown."""

LICENSE_GROUPS: Final = {"permissive": "permissive", "restrictive": "restrictive", "none": "no license"}


def blank(height: float) -> Figure:
    """Return an empty figure of the width of a page and a height in inches."""
    return Figure(figsize=(WIDTH, height))
