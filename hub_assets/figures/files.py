"""Rendering of figures; equal figures produce equal bytes. The content of figures does not belong here."""

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
"""Size limit of a thumbnail. The event log keeps thumbnails forever as base64, which takes 30 kB at this size."""


def png(figure: Figure) -> bytes:
    """Render a figure as PNG at 150 pixels per inch."""
    return _rendered(figure, "png")


def thumbnail(figure: Figure, limit: int = THUMBNAIL_BYTES) -> bytes:
    """Render a figure as a PNG of at most `limit` bytes, at the highest resolution that fits.

    Raises:
        ValueError: if even 10 pixels per inch need more.
    """
    for dpi in range(100, 9, -10):
        image = _rendered(figure, "png", dpi)
        if len(image) <= limit:
            return image
    raise ValueError(f"a thumbnail takes {len(image):,} bytes at {dpi} pixels per inch; the limit is {limit:,}")


def svg(figure: Figure) -> bytes:
    """Render a figure as SVG, with text as paths so that it looks the same without the font."""
    return _rendered(figure, "svg")


def save(figure: Figure, stem: Path) -> tuple[Path, Path]:
    """Write a figure as SVG and PNG, each atomically, and neither if either fails to render.

    Args:
        figure: the figure to write.
        stem: path of both files without their extensions; missing folders are created.

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
