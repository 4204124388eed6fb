"""Figures as files and bytes: the same figure gives the same bytes. What figures show does not belong here."""

from io import BytesIO
from pathlib import Path
from typing import Final

from matplotlib import rc_context
from matplotlib.figure import Figure

from hub_assets.figures.style import RC
from hub_assets.lake.parts import write_beside

DPI: Final = 150
"""Pixels per inch of a PNG."""
THUMBNAIL_BYTES: Final = 22_000
"""The event log keeps thumbnails for good, as base64, which makes 30 kB of them."""


def png(figure: Figure) -> bytes:
    """Return a figure as PNG, at 150 pixels an inch."""
    return _rendered(figure, "png")


def thumbnail(figure: Figure, limit: int = THUMBNAIL_BYTES) -> bytes:
    """Return a figure as a PNG of at most `limit` bytes, as sharp as that allows.

    Raises:
        ValueError: if even 10 pixels per inch need more.
    """
    for dpi in range(100, 9, -10):
        image = _rendered(figure, "png", dpi)
        if len(image) <= limit:
            return image
    raise ValueError(f"a figure needs {len(image):,} bytes at {dpi} pixels per inch, more than {limit:,}")


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


def _rendered(figure: Figure, kind: str, dpi: int = DPI) -> bytes:
    buffer = BytesIO()
    with rc_context(RC):
        figure.savefig(buffer, format=kind, dpi=dpi, metadata={"Date": None} if kind == "svg" else None)
    return buffer.getvalue()
