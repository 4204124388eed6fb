"""What an address of the server is: its parameters, what it answers, and how the answer becomes a response.

The addresses themselves are in the modules beside this one; `app` brings them together.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from io import BytesIO
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from hub_assets.report.serve.parameters import Parameter
from hub_assets.report.serve.published import Reader

FORMATS: Final = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}
FORMAT: Final = Parameter(
    "format", "Form of the answer; CSV and Parquet have its results only.", default="json", choices=tuple(FORMATS)
)
_FORMULA: Final = r"^[=+\-@\t\r\n]"


@dataclass(frozen=True)
class Answer:
    """What an endpoint found: its rows, and facts about all of them."""

    results: pa.Table
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Endpoint:
    """An address.

    Attributes:
        path: as in the address.
        title: what it returns, in a few words.
        description: a sentence or two more.
        parameters: what it takes, besides `format`.
        answer: returns the answer to values of these parameters.
    """

    path: str
    title: str
    description: str
    parameters: tuple[Parameter, ...]
    answer: Callable[[Reader, Mapping[str, Any]], Answer]


def body_of(answer: Answer, week: date, form: str) -> bytes:
    """Return the answer as JSON, CSV or Parquet."""
    if form == "csv":
        return _csv(answer.results)
    if form == "parquet":
        sink = BytesIO()
        pyarrow.parquet.write_table(answer.results, sink, compression="zstd")
        return sink.getvalue()
    told = {"week": week, **answer.facts, "results": answer.results.to_pylist()}
    return json.dumps(told, ensure_ascii=False, default=str, allow_nan=False).encode(errors="replace")


def _csv(table: pa.Table) -> bytes:
    """Return CSV in which no cell is a formula to a spreadsheet: an apostrophe comes before those that would be one."""
    columns = []
    for column in table.columns:
        kind = column.type
        if pa.types.is_nested(kind):
            column = pa.chunked_array([pa.array([_text(item) for item in column.to_pylist()], pa.string())])
        if pa.types.is_string(column.type):
            column = pc.replace_substring_regex(column, _FORMULA, r"'\0")
        columns.append(column)
    sink = BytesIO()
    pyarrow.csv.write_csv(pa.table(columns, names=table.column_names), sink)
    return sink.getvalue()


def _text(item: Any) -> str | None:
    if item is None:
        return None
    if all(isinstance(each, str) for each in item):
        return "; ".join(item)
    return json.dumps(item, ensure_ascii=False, default=str)
