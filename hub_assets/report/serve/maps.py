"""The data of the explorers' maps, computed from all of the week's repositories: organizations, their shares, and
their largest repositories.

The pages draw the maps; measures are defined in `report.site.pages.modelverse` and `dataverse`.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa

from hub_assets.report.serve.columns import Amounts, Bools, Columns, largest
from hub_assets.report.serve.endpoints import Answer, Endpoint
from hub_assets.report.serve.parameters import Parameter
from hub_assets.report.serve.published import Reader
from hub_assets.report.site.pages import dataverse, modelverse
from hub_assets.statistics.concentration import gini_of
from hub_assets.statistics.samples import Counted

NONE: Final = "(none)"
ANY: Final = "(any)"
LARGEST: Final = 40
"""Maximum number of repositories to name per organization; the page draws the others as one rectangle."""
LARGEST_OF_ONE: Final = 400
"""Maximum number of repositories to name if only one organization is shown."""

_MODEL_FILTERS: Final = {
    "theme": ("themes", "Theme, derived from the tags and the task."),
    "task": ("task", "Task."),
    "library": ("library", "Library."),
    "size": ("size_class", "Size class, or `unknown`."),
    "license": ("license_group", "License group."),
    "kind": ("kind", "Kind of organization."),
    "country": ("country", "Country of the organization."),
}
_DATASET_FILTERS: Final = {
    "benchmark": ("benchmark", f"Benchmark; `{ANY}` for datasets of any benchmark."),
    "modality": ("modalities", "Modality."),
    "domain": ("domains", "Domain."),
    "size": ("size_class", "Size class by number of rows, or `unknown`."),
    "language": ("languages", "Language code."),
    "license": ("license_group", "License group."),
    "kind": ("kind", "Kind of organization."),
    "country": ("country", "Country of the organization."),
}
_RESULTS: Final = pa.schema(
    [
        ("organization", pa.string()),
        ("kind", pa.string()),
        ("country", pa.string()),
        ("n_repos", pa.int64()),
        ("n_with_value", pa.int64()),
        ("total", pa.int64()),
        ("share", pa.float64()),
        ("largest", pa.list_(pa.struct([("repo_id", pa.string()), ("value", pa.int64())]))),
    ]
)
_LISTS: Final = frozenset({"themes", "modalities", "domains", "languages"})


def _endpoint(plural: str, measures: Mapping[str, str], filters: Mapping[str, tuple[str, str]]) -> Endpoint:
    table = f"mart__{plural}"
    parameters = (
        Parameter("measure", "Measure whose shares are computed.", default="n_downloads", choices=tuple(measures)),
        Parameter("top", "Number of organizations.", "integer", 20, low=1, high=50),
        *(Parameter(name, f"{text} `{NONE}` for repositories without one.") for name, (_, text) in filters.items()),
        Parameter("from", "First day of creation.", "date"),
        Parameter("to", "Last day of creation.", "date"),
        Parameter("org", "Only this organization, ignoring case."),
        Parameter("skip", "Organizations to leave out, separated by commas, ignoring case."),
    )

    def answer(reader: Reader, values: Mapping[str, Any]) -> Answer:
        columns = reader.columns(table)
        selected = _selected(columns, filters, values)
        amounts = columns.amounts[values["measure"]]
        sums = columns.sums(values["measure"], selected)
        total = int(sums.totals.sum())
        n_selected = int(np.count_nonzero(selected))
        # unknown counts are treated as 0
        sample = Counted(np.append(0.0, amounts.distinct), np.append(n_selected - sums.counts.sum(), sums.counts))
        most = LARGEST if values["org"] is None else LARGEST_OF_ONE
        positions = sums.organizations[largest(sums.totals, values["top"])].tolist()
        shown = [_shown(columns, amounts, position, selected, most) for position in positions]
        rowids = [rowid for row in shown for rowid, _ in row["largest"]]
        ids = dict(zip(rowids, reader.rows_at(table, "repo_id", rowids)["repo_id"].to_pylist(), strict=True))
        for row in shown:
            row["share"] = row["total"] / total
            row["largest"] = [{"repo_id": ids[rowid], "value": value} for rowid, value in row["largest"]]
        return Answer(
            pa.Table.from_pylist(shown, _RESULTS),
            {
                "measure": values["measure"],
                "n_selected": n_selected,
                "n_known": n_selected - int(np.count_nonzero(selected[amounts.unknown])),
                "gini": gini_of(sample) if total else None,
                "n_shown": sum(row["n_repos"] for row in shown),
                "n_organizations": len(sums.organizations),
                "total": total,
                "total_of_all_listed": amounts.total,
                "hhi": float(np.square(sums.totals / total).sum()) if total else None,
            },
        )

    return Endpoint(
        f"/map/{plural}",
        f"Organizations by their {plural}",
        f"Organizations with the largest sums of a measure over selected {plural}, and the largest {plural} of each "
        "organization. The shares, the Gini coefficient and the HHI are computed over the selection.",
        parameters,
        answer,
    )


def _selected(columns: Columns, filters: Mapping[str, tuple[str, str]], values: Mapping[str, Any]) -> Bools:
    """Return which rows meet all conditions of a request."""
    selected = np.ones(len(columns), np.bool_)
    for name, (column, _) in filters.items():
        if values[name] is not None:
            selected &= _met(columns, column, values[name])
    if values["from"] is not None:
        selected &= columns["created_date"].is_at_least(values["from"])
    if values["to"] is not None:
        selected &= columns["created_date"].is_at_most(values["to"])
    if values["org"] is not None:
        selected &= columns.of_organizations([values["org"]])
    if skipped := [name.strip() for name in (values["skip"] or "").split(",") if name.strip()]:
        selected &= ~columns.of_organizations(skipped)
    return selected


def _met(columns: Columns, name: str, value: str) -> Bools:
    if name in _LISTS:
        column = columns[f"to_json({name})::varchar"]
        return column.has_list(lambda items: bool(items) == (value == ANY) if value in (NONE, ANY) else value in items)
    column = columns[name]
    return column.is_null() == (value == NONE) if value in (NONE, ANY) else column.equals(value)


def _shown(columns: Columns, amounts: Amounts, position: int, selected: Bools, most: int) -> dict[str, Any]:
    """Return an organization's result, in which each of its largest repositories is a pair of row id and value."""
    start, end = columns.starts[position : position + 2]
    rows = start + np.flatnonzero(selected[start:end])
    positive = amounts.between(start, end)
    is_selected = selected[amounts.rows[positive]]
    values = amounts.distinct[amounts.codes[positive][is_selected]]
    first = largest(values, most)
    rowids = columns.rowids[amounts.rows[positive][is_selected][first]]
    return {
        "organization": columns.organizations[position].as_py(),
        "kind": columns["kind"].least(rows),
        "country": columns["country"].least(rows),
        "n_repos": len(rows),
        "n_with_value": len(values),
        "total": int(values.sum()),
        "largest": list(zip(rowids.tolist(), values[first].tolist(), strict=True)),
    }


ENDPOINTS: Final = (
    _endpoint("models", modelverse.MEASURES, _MODEL_FILTERS),
    _endpoint("datasets", dataverse.MEASURES, _DATASET_FILTERS),
)
