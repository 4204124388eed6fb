"""Template rendering: the jinja2 environment, numbers with their source, untrusted text, and data as JSON scripts.

Autoescaping is on everywhere. In Python, only the functions here create HTML elements, and they escape every value
that they insert.
"""

import json
import math
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from hub_assets.figures.style import LICENSE_GROUPS, REPO_TYPES, VARIABLES
from hub_assets.report.site.queries import LONGEST_TEXT, Cell, Value
from hub_assets.report.text import visible

TEMPLATES: Final = Path(__file__).parent / "templates"

NAMES: Final = {
    **VARIABLES,
    **{name: look.name for name, look in REPO_TYPES.items()},
    **LICENSE_GROUPS,
    "all": "all models",
    "cv": "computer vision",
    "nlp": "natural language",
    "mm": "multimodal",
    "usage": "usage",
    "co_usage": "co-usage",
    "pagerank": "PageRank",
    "share_of_top_10": "top 10",
    "share_of_top_100": "top 100",
    "share_of_top_1000": "top 1,000",
    "top_1_share": "top 1%",
    "gini": "Gini coefficient",
    "hhi": "Herfindahl index",
    "share_zero": "share with none",
    "no_downloads": "no longer downloaded",
    "no_commits": "no longer committed to",
    "reached_100": "reached a hundred downloads",
    "reached_1000": "reached a thousand downloads",
    "reached_1000000": "reached a million downloads",
    "n_new_downloads": "downloads since the previous listing",
    "n_children": "models made from it",
    "n_descendants": "descendants",
    "size_class": "size class",
    "finetune": "fine-tuned",
    "merge": "merged",
    "unspecified": "derived, unspecified",
}
"""Display names of variables, repository types, license groups and networks. `hub.name` returns them in the browser."""

_UNKNOWN: Final = Markup('<span class="unknown" title="The week has no value for this">unknown</span>')


def environment() -> Environment:
    """Return the environment for all templates. A misspelled variable raises an error instead of rendering nothing."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"number": number, "text": text, "day": day, "name": name_of}
    made.globals |= {"json_script": json_script, "names": NAMES}
    return made


def number(cell: Cell, style: str = "auto", missing: str = "") -> Markup:
    """Return a cell as a `<data>` element: its value, query, row and column as attributes, and a readable form as text.

    Args:
        cell: a cell of a query's result.
        style: one of the styles of `formatted`.
        missing: text to show if the value is missing, such as the reason; if empty, `unknown` is shown.
    """
    if cell.value is None:
        return Markup('<span class="unknown">{}</span>').format(missing) if missing else _UNKNOWN
    raw = cell.value.isoformat() if isinstance(cell.value, date) else cell.value
    # escape by hand: `Markup.format` takes ten times as long, and a page has thousands of numbers
    return Markup(
        f'<data value="{escape(raw)}" data-query="{escape(cell.query)}" data-row="{cell.row}" '
        f'data-column="{escape(cell.column)}" data-style="{escape(style)}">'
        f"{escape(formatted(cell.value, style))}</data>"
    )


def formatted(value: Value, style: str = "auto") -> str:
    """Format a value for readers.

    Args:
        value: None becomes `unknown`.
        style: `count` (1,234), `percent` (12.3%, for a share in [0, 1]), `two` (two decimals), `four` (four),
            `times` (2.3 times), `points` (a difference of shares in percentage points, without its sign),
            `absolute` (two decimals, without the sign), `p` (< 0.001), `month`, or `auto`: whole numbers as counts;
            other numbers with two decimals (more below 0.01, none at 100 or above); text escaped and truncated; dates
            spelled out.
    """
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (date, datetime)):
        return in_words(value, style)
    if isinstance(value, str):
        return visible(value, LONGEST_TEXT)
    if math.isnan(value):
        return "undefined"
    return _formatted(float(value) if style != "count" else value, style, isinstance(value, int))


def _formatted(value: float, style: str, is_integer: bool) -> str:
    match style:
        case "count":
            shown = f"{value:,.0f}"
        case "percent":
            shown = _percent(value)
        case "two":
            shown = f"{value:,.2f}"
        case "four":
            shown = f"{value:,.4f}"
        case "times":
            shown = (
                f"{value:,.0f} times" if value >= 100 else f"{value:.1f} times" if value >= 1 else f"{value:.2g} times"
            )
        case "points":
            shown = f"{abs(value) * 100:.1f} percentage points"
        case "absolute":
            shown = f"{abs(value):,.2f}"
        case "p":
            shown = "< 0.001" if value < 0.001 else f"{value:.3f}"
        case _:
            whole = is_integer or value.is_integer()
            shown = f"{value:,.0f}" if whole else _significant(value)
    return shown.replace("-", "\N{MINUS SIGN}")


def _percent(share: float) -> str:
    """Return a share as a percentage with one decimal; only shares of exactly 0 and 1 are shown as 0% and 100%."""
    if 0 < share < 0.0005:
        return "< 0.1%" if share >= 0.00005 else "< 0.01%"
    if 0.9995 <= share < 1:
        return "> 99.9%"
    return f"{share:.1%}" if share not in (0, 1) else f"{share:.0%}"


def _significant(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if value and abs(value) < 0.01:
        return f"{value:.1e}" if abs(value) < 1e-4 else f"{value:.4f}"
    return f"{value:.2f}"


def in_words(when: date, style: str = "auto") -> str:
    """Return a date or a time in UTC as text, such as November 16, 2026."""
    if style == "month":
        return f"{when:%B %Y}"
    shown = f"{when:%B} {when.day}, {when.year}"
    return f"{shown}, {when:%H:%M} UTC" if isinstance(when, datetime) else shown


def day(when: date) -> Markup:
    """Return a date as a `<time>` element."""
    return Markup('<time datetime="{}">{}</time>').format(when.isoformat(), in_words(when))


def text(value: Cell | str | None, longest: int = LONGEST_TEXT) -> Markup:
    """Return untrusted text, such as an id, a tag or a title, in a form that cannot affect the surrounding page.

    Control codes and writing-direction marks are shown as escape sequences, long text is truncated, and `<bdi>`
    isolates the text's writing direction.
    """
    content = value.value if isinstance(value, Cell) else value
    if content is None:
        return _UNKNOWN
    return Markup('<bdi class="text">{}</bdi>').format(visible(content, longest))


def name_of(value: Cell | str) -> str:
    """Return the display name of a variable, repository type, license group or network; other values are unchanged."""
    known = formatted(value.value) if isinstance(value, Cell) else value
    return NAMES.get(known, known)


def as_json(value: Any) -> str:
    """Return JSON that is safe inside a `<script>` element: no `<`, `>` or `&`, and no NaN.

    Dates become ISO text. All non-ASCII characters are escaped, including U+2028 and U+2029, which end a line in older
    JavaScript.
    """
    written = json.dumps(_plain(value), allow_nan=False, separators=(",", ":"))
    return written.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def json_script(name: str, value: Any) -> Markup:
    """Return a `<script type="application/json" id="NAME">` element for `hub.data("NAME")` to read in the browser."""
    return Markup('<script type="application/json" id="{}">{}</script>').format(name, Markup(as_json(value)))


def data_script(name: str, value: Any) -> str:
    """Return the content of a JavaScript file that hands a value to `hub.data`."""
    return f"(window.hubData = window.hubData || {{}})[{as_json(name)}] = {as_json(value)};\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Cell):
        value = value.value
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
