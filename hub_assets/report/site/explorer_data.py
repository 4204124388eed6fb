"""Rows of an explorer as columns for the browser: texts that repeat are numbered, so that a page stays small.

Measures and limits belong to the pages.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hub_assets.report.site.queries import LONGEST_TEXT, Result, Value
from hub_assets.report.text import visible


def chosen_by(table: str, limits: Mapping[str, int]) -> str:
    """Return the start of a query that chooses a page's repositories: the first by each of several measures.

    Args:
        table: `models` or `datasets`, whose rows for the week it defines under this name, beside `chosen` (`repo_key`).
        limits: number of repositories by measure. Ties go to the smaller id.
    """
    firsts = "\n    union\n".join(
        f"    select repo_key from (\n        select repo_key from {table} "
        f"order by {measure} desc nulls last, repo_id limit {limit}\n    )"
        for measure, limit in limits.items()
    )
    week = f"    select * from mart__{table} where snapshot_date = $week"
    return f"with\n{table} as (\n{week}\n),\nchosen as (\n{firsts}\n)\n"


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
