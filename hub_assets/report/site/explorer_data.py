"""Rows of an explorer as columns for the browser: texts that repeat are numbered, so that a page stays small.

Which rows a page has belongs to the page.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from hub_assets.report.site.queries import LONGEST_TEXT, Result, Value
from hub_assets.report.text import visible


def shown(value: Value) -> str | None:
    """Return untrusted text as readers see it everywhere else; see `rendering.text`."""
    return None if value is None else visible(str(value), LONGEST_TEXT)


def column(result: Result, name: str) -> list[Any]:
    """Return the values of a column."""
    return [row.values[name] for row in result]


def texts(result: Result, name: str) -> list[str | None]:
    """Return the untrusted texts of a column."""
    return [shown(value) for value in column(result, name)]


def numbered(values: Iterable[str | None]) -> dict[str, Any]:
    """Return texts as their distinct values, most frequent first, and the number of each; null is -1."""
    given = list(values)
    counts: dict[str, int] = {}
    for value in given:
        if value is not None:
            counts[value] = counts.get(value, 0) + 1
    names = sorted(counts, key=lambda name: (-counts[name], name))
    places = {name: place for place, name in enumerate(names)}
    return {"names": names, "of": [-1 if value is None else places[value] for value in given]}


def numbered_lists(values: Sequence[Sequence[str] | None]) -> dict[str, Any]:
    """Return lists of texts like `numbered`: a list of numbers per row."""
    lists = [[shown(item) for item in value or ()] for value in values]
    flat = numbered(item for items in lists for item in items)
    numbers = iter(flat["of"])
    return {"names": flat["names"], "of": [[next(numbers) for _ in items] for items in lists]}
