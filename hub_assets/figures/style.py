"""Style shared by all figures: size, fonts, colors and display names. Drawing figures does not belong here."""

from typing import Any, Final, NamedTuple

from matplotlib.figure import Figure

WIDTH: Final = 7.0
"""Inches: the text width of a journal page and of the report."""

INK: Final = "#222222"
FAINT: Final = "#e4e4e4"
"""Color of grids and of cells without a known value."""
_AXIS: Final = "#555555"
QUIET: Final = "#6b6b6b"
"""Color of remarks, with a contrast of 5:1 against white."""

RC: Final[dict[Any, Any]] = {
    "axes.axisbelow": True,
    "axes.edgecolor": _AXIS,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",  # ships with matplotlib
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
"""matplotlib settings for creating and saving figures. No text is smaller than the font size set here, 7 points."""

TITLE: Final[dict[str, Any]] = {"fontsize": 8, "fontweight": "bold"}


class Look(NamedTuple):
    """How a repository type is drawn: name, color, a darker color for lines on top, marker, and its text glyph."""

    name: str
    color: str
    dark: str
    marker: str
    glyph: str


# Okabe-Ito colors, "Color Universal Design" (2008), and darker ones for lines on top, at least 6:1 against white
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
"""Display names of the activity variables, in display order."""

LICENSE_GROUPS: Final = {"permissive": "permissive", "restrictive": "restrictive", "none": "no license"}


def blank(height: float) -> Figure:
    """Return an empty figure of page width and the given height in inches."""
    return Figure(figsize=(WIDTH, height))
