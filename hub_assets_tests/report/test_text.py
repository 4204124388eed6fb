"""What others wrote reaches a terminal as text alone."""

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
SEEN = {"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No"}
SEEN |= {"Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So"}


def printed(*things: object, **options: object) -> str:
    console = safe_console(file=io.StringIO(), **options)
    for thing in things:
        console.print(thing)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(("text", "shown"), HOSTILE.items(), ids=map(ascii, HOSTILE))
def test_signs_that_are_not_seen_are_written_out(text: str, shown: str) -> None:
    assert escaped(text) == visible(text) == shown


@given(st.text())
def test_whatever_is_printed_is_seen(text: str) -> None:
    assert all(sign == " " or unicodedata.category(sign) in SEEN for sign in escaped(text))
    assert escaped(escaped(text)) == escaped(text)
    # Rich itself drops some codes, which is as good
    out = printed(text, Text(text), width=200)
    assert all(sign in " \n" or unicodedata.category(sign) in SEEN for sign in out)


def test_values_are_cut_and_spaces_at_their_ends_are_shown() -> None:
    assert visible("x" * 200, 10) == "x" * 9 + "…"
    assert visible("\x00" * 200, 10) == r"\x00\x00\…"
    assert visible(" a ") == '" a "'
    assert visible(None) == "None"
    assert cut("abc", 3) == "abc"


def test_a_console_escapes_wherever_text_stands_and_reads_no_markup() -> None:
    table = Table("[bold]a\x1b[31m", title="\u202et")
    table.add_row("[red]:bug:\x00")
    table.add_row(Text("\x1b]8;;http://x\x07"))
    out = printed("[red]a[/] :bug: \x1b[2J", table, width=60)
    assert "[red]a[/] :bug: \\x1b[2J" in out
    for words in (r"[bold]a\x1b[31m", r"\u202et", r"[red]:bug:\x00", r"\x1b]8;;http://x"):
        assert words in out


def test_colors_of_our_own_are_kept() -> None:
    out = printed(Text.assemble(("✓", "green"), " \x1b[31m"), force_terminal=True, color_system="standard", width=60)
    assert out == "\x1b[32m✓\x1b[0m \\x1b[31m\n"
    assert isinstance(safe_console(), Console)
