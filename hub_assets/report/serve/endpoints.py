"""The definition of an endpoint: its parameters, its answer, and the conversion of an answer to a response body.

The endpoints themselves belong in the other modules of this package; `app` combines them.
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
    "format",
    "Format of the response; CSV and Parquet contain only the results.",
    default="json",
    choices=tuple(FORMATS),
)
_FORMULA: Final = r"^[=+\-@\t\r\n]"


@dataclass(frozen=True)
class Answer:
    """The result of an endpoint: its rows, and facts about all rows together."""

    results: pa.Table
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Endpoint:
    """An address of the server that answers a query.

    Attributes:
        path: path of the URL.
        title: a short description of what it returns.
        description: one or two more sentences.
        parameters: its parameters, besides `format`.
        answer: computes the answer from a reader and the values of these parameters.
    """

    path: str
    title: str
    description: str
    parameters: tuple[Parameter, ...]
    answer: Callable[[Reader, Mapping[str, Any]], Answer]


def body_of(answer: Answer, week: date, form: str) -> bytes:
    """Return the answer as JSON (with the week and facts), CSV or Parquet (results only)."""
    if form == "csv":
        return _csv(answer.results)
    if form == "parquet":
        sink = BytesIO()
        pyarrow.parquet.write_table(answer.results, sink, compression="zstd")
        return sink.getvalue()
    told = {"week": week, **answer.facts, "results": answer.results.to_pylist()}
    return json.dumps(told, ensure_ascii=False, default=str, allow_nan=False).encode(errors="replace")


def _csv(table: pa.Table) -> bytes:
    """Return CSV that is safe to open in a spreadsheet: text that looks like a formula gets a leading apostrophe."""
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
