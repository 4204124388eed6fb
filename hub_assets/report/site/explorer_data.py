"""Converts an explorer's rows to columns for the browser. Repeated strings become numbers to keep the page small.

Choosing measures and limits belongs in the pages.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hub_assets.report.site.queries import LONGEST_TEXT, Result, Value
from hub_assets.report.text import visible


def chosen_by(table: str, limits: Mapping[str, int]) -> str:
    """Return the WITH clause of a query that chooses a page's repositories: the top repositories by each measure.

    Args:
        table: `models` or `datasets`. The clause defines the table's rows for the week under this name, and the
            chosen repositories as `chosen`, with the column `repo_key`.
        limits: number of repositories to choose by each measure. Ties go to the smaller id.
    """
    firsts = "\n    union\n".join(
        f"    select repo_key from (\n        select repo_key from {table} "
        f"order by {measure} desc nulls last, repo_id limit {limit}\n    )"
        for measure, limit in limits.items()
    )
    week = f"    select * from mart__{table} where snapshot_date = $week"
    return f"with\n{table} as (\n{week}\n),\nchosen as (\n{firsts}\n)\n"


def shown(value: Value) -> str | None:
    """Return untrusted text in the form in which the whole site shows it; see `rendering.text`."""
    return None if value is None else visible(str(value), LONGEST_TEXT)


def column(result: Result, name: str) -> list[Any]:
    """Return the values of a column."""
    return [row.values[name] for row in result]


def texts(result: Result, name: str) -> list[str | None]:
    """Return the untrusted strings in a column, in the form in which the site shows them."""
    return [shown(value) for value in column(result, name)]


def numbered(values: Iterable[str | None]) -> dict[str, Any]:
    """Return the distinct strings, most frequent first, and for each input its index among them (-1 for null)."""
    given = list(values)
    counts: dict[str, int] = {}
    for value in given:
        if value is not None:
            counts[value] = counts.get(value, 0) + 1
    names = sorted(counts, key=lambda name: (-counts[name], name))
    places = {name: place for place, name in enumerate(names)}
    return {"names": names, "of": [-1 if value is None else places[value] for value in given]}


def numbered_lists(values: Sequence[Sequence[str] | None]) -> dict[str, Any]:
    """Return the distinct strings in all lists, most frequent first, and for each list its indices among them."""
    lists = [[shown(item) for item in value or ()] for value in values]
    flat = numbered(item for items in lists for item in items)
    numbers = iter(flat["of"])
    return {"names": flat["names"], "of": [[next(numbers) for _ in items] for items in lists]}
