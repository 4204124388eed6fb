"""Figures as files and bytes: the same figure gives the same bytes. What figures show does not belong here."""

from io import BytesIO
from pathlib import Path
from typing import Final

from matplotlib import rc_context
from matplotlib.figure import Figure

from hub_assets.figures.style import RC
from hub_assets.lake.parts import write_beside

DPI: Final = 150
"""Pixels an inch of a PNG."""


def png(figure: Figure) -> bytes:
    """Return a figure as PNG, at 150 pixels an inch."""
    return _rendered(figure, "png")


def svg(figure: Figure) -> bytes:
    """Return a figure as SVG, with its letters drawn, so that it looks the same where the font is not at hand."""
    return _rendered(figure, "svg")


def save(figure: Figure, stem: Path) -> tuple[Path, Path]:
    """Write a figure as SVG and PNG, each whole or not at all, and neither if one of them cannot be drawn.

    Args:
        figure: any.
        stem: the path of both without their endings; its folder need not exist yet.

    Returns:
        The paths of the SVG and the PNG.
    """
    as_svg, as_png = svg(figure), png(figure)
    svg_path, png_path = stem.with_name(f"{stem.name}.svg"), stem.with_name(f"{stem.name}.png")
    write_beside(svg_path, lambda beside: beside.write_bytes(as_svg))
    write_beside(png_path, lambda beside: beside.write_bytes(as_png))
    return svg_path, png_path


def _rendered(figure: Figure, kind: str) -> bytes:
    buffer = BytesIO()
    with rc_context(RC):
        figure.savefig(buffer, format=kind, dpi=DPI, metadata={"Date": None} if kind == "svg" else None)
    return buffer.getvalue()
