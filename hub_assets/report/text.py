"""Text that others wrote, such as ids, tags and names, made safe for a terminal: it is never markup and never a code.

What is said, and where, does not belong here.
"""

from collections.abc import Iterable
from typing import Any, Final

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.control import Control
from rich.segment import Segment

LONGEST_VALUE: Final = 80
"""Letters shown of a value among others; the rest is cut off."""
LONGEST_MESSAGE: Final = 2_000


def escaped(text: str) -> str:
    """Return a text with each sign written out that would not be seen or would command a terminal.

    These are control codes, marks of zero width or of writing direction, and spaces and line ends of all sorts but the
    plain space.
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def visible(value: Any, longest: int = LONGEST_VALUE) -> str:
    """Return a value on one line, escaped and cut, and in quotes where spaces at its ends would be overlooked."""
    text = cut(escaped(str(value)), longest)
    return text if text == text.strip() else f'"{text}"'


def cut(text: str, longest: int) -> str:
    """Return a text of at most so many letters, which shows whether something is missing."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def safe_console(**options: Any) -> Console:
    """Return a console that reads no markup and lets no control code of a text through to the terminal.

    Args:
        options: those of `rich.console.Console`.
    """
    console = Console(markup=False, emoji=False, **options)
    console.push_render_hook(_Escaping())
    return console


class _Escaping(RenderHook):
    """Escapes what is printed after layout, where colors are still apart from the text."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [each if isinstance(each, Control) else _Escaped(each) for each in renderables]


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
