"""Colors of the site as CSS variables: the colors of the figures, and lighter variants for a dark background.

Scripts read the variables, so each color is defined once.
"""

from typing import Final

from hub_assets.figures.style import REPO_TYPES

# also based on Okabe-Ito: its light blue and orange, and a lighter green; contrast at least 7:1 against #14171c
DARK: Final = {"model": "#56B4E9", "dataset": "#F0A04B", "space": "#2FC79A"}

LICENSES: Final = {  # for light and dark backgrounds, from permissive to unlicensed
    "permissive": ("#0072B2", "#56B4E9"),
    "restrictive": ("#D55E00", "#F0A04B"),
    "none": ("#6b6b6b", "#a5abb3"),
}

# for categories without a fixed color, on light and dark backgrounds; the first three are those of repository types
CATEGORIES: Final = (
    ("#0072B2", "#56B4E9"),
    ("#D55E00", "#F0A04B"),
    ("#009E73", "#2FC79A"),
    ("#A0528A", "#D99AC4"),
    ("#8A6D00", "#E3CB4A"),
    ("#3D5A80", "#98B4DC"),
    ("#7A4B2A", "#C9A184"),
    ("#5C5F66", "#A5ABB3"),
)


def stylesheet_tokens() -> str:
    """Return the rule that defines the color variables: `--model`, `--license-none`, `--category-1` and so on."""
    tokens = {
        **{name: (look.color, DARK[name]) for name, look in REPO_TYPES.items()},
        **{f"{name}-strong": (look.dark, DARK[name]) for name, look in REPO_TYPES.items()},
        **{f"license-{name}": colors for name, colors in LICENSES.items()},
        **{f"category-{i}": colors for i, colors in enumerate(CATEGORIES, 1)},
    }
    rules = "".join(f"  --{name}: light-dark({light}, {dark});\n" for name, (light, dark) in tokens.items())
    return f":root {{\n{rules}}}\n"
