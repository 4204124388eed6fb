"""Untrusted text reaches the terminal as plain text."""

import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hub_assets.report.text import cut, escaped, safe_console, visible

HOSTILE = {
    "\x1b[31m": r"\x1b[31m",
    "\x1b]0;title\x07": r"\x1b]0;title\x07",
    "a\x00b": r"a\x00b",
    "\x9b31m": r"\x9b31m",
    "\x7f": r"\x7f",
    "\u202eevil": r"\u202eevil",
    "\u200e\u200f\u061c\u2066\u2069": r"\u200e\u200f\u061c\u2066\u2069",
    "a\u200bb\u200db\ufeff": r"a\u200bb\u200db\ufeff",
    "a\nb\r\tc": r"a\nb\r\tc",
    "\x85\u2028\u2029": r"\x85\u2028\u2029",
    "\udc80": r"\udc80",
    "\U000e0041": r"\U000e0041",
    "Zoë 模型 🤗": "Zoë 模型 🤗",
}
VISIBLE = {"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No"}
VISIBLE |= {"Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So"}


def printed(*items: object, **options: object) -> str:
    console = safe_console(file=io.StringIO(), **options)
    for item in items:
        console.print(item)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(("text", "shown"), HOSTILE.items(), ids=map(ascii, HOSTILE))
def test_invisible_characters_are_escaped(text: str, shown: str) -> None:
    assert escaped(text) == visible(text) == shown


@given(st.text())
def test_everything_printed_is_visible(text: str) -> None:
    assert all(char == " " or unicodedata.category(char) in VISIBLE for char in escaped(text))
    assert escaped(escaped(text)) == escaped(text)
    # Rich itself drops some codes, which is just as safe
    out = printed(text, Text(text), width=200)
    assert all(char in " \n" or unicodedata.category(char) in VISIBLE for char in out)


def test_values_are_cut_and_their_outer_spaces_are_shown() -> None:
    assert visible("x" * 200, 10) == "x" * 9 + "…"
    assert visible("\x00" * 200, 10) == r"\x00\x00\…"
    assert visible(" a ") == '" a "'
    assert visible(None) == "None"
    assert cut("abc", 3) == "abc"


def test_the_console_escapes_text_everywhere_and_ignores_markup() -> None:
    table = Table("[bold]a\x1b[31m", title="\u202et")
    table.add_row("[red]:bug:\x00")
    table.add_row(Text("\x1b]8;;http://x\x07"))
    out = printed("[red]a[/] :bug: \x1b[2J", table, width=60)
    assert "[red]a[/] :bug: \\x1b[2J" in out
    for words in (r"[bold]a\x1b[31m", r"\u202et", r"[red]:bug:\x00", r"\x1b]8;;http://x"):
        assert words in out


def test_the_console_keeps_our_own_colors() -> None:
    out = printed(Text.assemble(("✓", "green"), " \x1b[31m"), force_terminal=True, color_system="standard", width=60)
    assert out == "\x1b[32m✓\x1b[0m \\x1b[31m\n"
    assert isinstance(safe_console(), Console)
