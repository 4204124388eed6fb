"""Rendering of figures; equal figures produce equal bytes. The content of figures does not belong here."""

from io import BytesIO
from pathlib import Path
from typing import Final

from matplotlib import rc_context
from matplotlib.figure import Figure
from PIL import Image

from hub_assets.figures.style import RC
from hub_assets.lake.parts import write_beside

DPI: Final = 150
"""Pixels per inch of a PNG."""
THUMBNAIL_BYTES: Final = 22_000
"""Size limit of a thumbnail. The event log keeps thumbnails forever as base64, which takes 30 kB at this size."""

COLORS: Final = 64
"""Number of colors of a thumbnail, enough for text, marks and gradients; more would leave room for fewer pixels."""


def png(figure: Figure) -> bytes:
    """Render a figure as PNG at 150 pixels per inch."""
    return _rendered(figure, "png")


def thumbnail(image: bytes, limit: int = THUMBNAIL_BYTES) -> bytes:
    """Shrink a PNG to at most `limit` bytes, at the highest resolution that fits.

    The figure is not drawn again at each resolution, because that takes three times as long as rendering its SVG
    and PNG.

    Args:
        image: the PNG; the thumbnail has at most two thirds of its width and height.
        limit: bytes.

    Raises:
        ValueError: if the thumbnail exceeds the limit even at a tenth of its largest width and height.
    """
    with Image.open(BytesIO(image)) as opened:
        whole = opened.convert("RGB")
    for tenths in range(10, 0, -1):
        width, height = (max(1, round(side * tenths / 15)) for side in whole.size)
        small = whole.resize((width, height), Image.Resampling.LANCZOS).quantize(COLORS)
        buffer = BytesIO()
        small.save(buffer, "png", optimize=True)
        shrunken = buffer.getvalue()
        if len(shrunken) <= limit:
            return shrunken
    raise ValueError(f"a thumbnail takes {len(shrunken):,} bytes; the limit is {limit:,}")


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


def _rendered(figure: Figure, kind: str) -> bytes:
    buffer = BytesIO()
    with rc_context(RC):
        figure.savefig(buffer, format=kind, dpi=DPI, metadata={"Date": None} if kind == "svg" else None)
    return buffer.getvalue()
