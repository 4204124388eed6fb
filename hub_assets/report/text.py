"""Prints untrusted text, such as ids, tags and names, safely: never as markup or terminal codes.

The messages themselves do not belong here.
"""

from collections.abc import Iterable
from typing import Any, Final

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.control import Control
from rich.segment import Segment

LONGEST_VALUE: Final = 80
"""Maximum number of characters of a value to show within a message; the rest is cut off."""
LONGEST_MESSAGE: Final = 2_000


def escaped(text: str) -> str:
    """Return the text with invisible characters and terminal control characters escaped.

    Escaped characters include control codes, zero-width and writing-direction marks, and all whitespace except the
    plain space.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def visible(value: Any, longest: int = LONGEST_VALUE) -> str:
    """Return a value on one line, escaped and truncated, and quoted if it starts or ends with a space."""
    text = cut(escaped(str(value)), longest)
    return text if text == text.strip() else f'"{text}"'


def cut(text: str, longest: int) -> str:
    """Return the text, truncated to at most `longest` characters; an ellipsis marks where it was cut."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def safe_console(**options: Any) -> Console:
    """Return a console that ignores markup and escapes control codes.

    Args:
        options: passed to `rich.console.Console`.
    """
    console = Console(markup=False, emoji=False, **options)
    console.push_render_hook(_Escaping())
    return console


class _Escaping(RenderHook):
    """Escapes output after layout, while colors are still separate from the text."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [item if isinstance(item, Control) else _Escaped(item) for item in renderables]


class _Escaped:
    def __init__(self, renderable: ConsoleRenderable) -> None:
        self._renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        return _without_codes(console.render(self._renderable, options))


def _without_codes(segments: Iterable[Segment]) -> Iterable[Segment]:
    for segment in segments:
        if segment.control:
            yield segment
        else:
            lines = "\n".join(map(escaped, segment.text.split("\n")))
            yield Segment(lines, segment.style)
