"""Converts the columns of recorded Parquet files, written by any library, to the form that a population needs.

Invalid values are rejected when the file is opened, because they would be hard to find later; the error names the
file, column and row. Finding a recording's files and combining their rows belongs in `replay`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hub_assets.local_hub.population import DATE_COLUMNS, JSON_COLUMNS, PopulationError, python_values

_SHOWN: Final = 60
"""Maximum number of characters of a rejected value or type to show."""
_BATCH: Final = 10_000
"""Number of rows to convert to Python objects at a time."""
_UNIT: Final = {"s": 1, "ms": 10**3, "us": 10**6}
_FIRST, _LAST = -62_135_596_800, 253_402_300_799
"""First and last second of the years 1 to 9999; a timestamp in nanoseconds always falls within them."""


@dataclass(frozen=True)
class Form:
    """The required form of a column.

    `convert` converts a column, each row independently, to the type being served, and raises if a value does not fit.
    `expected` describes valid values.
    """

    expected: str
    convert: Callable[[pa.ChunkedArray], pa.ChunkedArray]
    is_required: bool = False
    """Whether every row needs a value."""
    is_json: bool = False
    """Whether the served value is JSON text."""


def read_recorded(path: Path, forms: Mapping[str, Form]) -> pa.Table:
    """Read those columns of a recorded file that have an entry in `forms`.

    A column without any values counts as not observed and is left out, whatever its type.

    Raises:
        PopulationError: if the file cannot be read, lacks a required column, or contains an invalid value.
    """
    try:
        # not read_table, which parses folder names as partitions and does not report duplicate column names
        with pq.ParquetFile(path) as file:
            recorded = file.read()
    except (OSError, ValueError, pa.ArrowException) as error:
        raise PopulationError(f"{path} cannot be read as Parquet ({_one_line(error)})") from error
    if not len(recorded):
        raise PopulationError(f"{path} has no rows; leave the file out")
    columns = {}
    for name, form in forms.items():
        if recorded.column_names.count(name) > 1:
            raise PopulationError(f"{path} has more than one column named {name}")
        column = recorded[name] if name in recorded.column_names else None
        if column is not None and column.null_count < len(column):
            columns[name] = _converted(path, name, column, form)
        elif form.is_required:
            raise PopulationError(f"{path}: column {name} is missing; expected {form.expected} in each row")
    return pa.table(columns)


def column_names(path: Path) -> list[str]:
    """Return the column names of a recorded file, without the index columns that pandas adds."""
    return [name for name in pq.read_schema(path).names if not name.startswith("__index_level_")]


def _converted(path: Path, name: str, column: pa.ChunkedArray, form: Form) -> pa.ChunkedArray:
    row = 0
    try:
        values = _without_json(column, form)
        values = values.cast(_simple(values.type))
    except _MISFITS:
        row = int(np.argmax(column.is_valid().to_numpy()))
    else:
        try:
            converted = form.convert(values)
            if not form.is_required or not converted.null_count:
                return converted
            row = int(np.argmin(converted.is_valid().to_numpy()))
        except _MISFITS:
            row = _first_invalid(values, form)
    where = f"{path}, column {name}, row {row + 1:,} of {len(column):,}"
    raise PopulationError(f"{where}: expected {form.expected}, found {_shown(column, row)}")


def _simple(kind: pa.DataType) -> pa.DataType:
    """Return the plain Arrow type for the same values as a large, view, dictionary or extension type."""
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):  # e.g. DuckDB's JSON
        return _simple(kind.storage_type)
    if types.is_dictionary(kind):
        return _simple(kind.value_type)
    if types.is_large_string(kind) or types.is_string_view(kind):
        return pa.string()
    if types.is_large_binary(kind) or types.is_binary_view(kind):
        return pa.binary()
    if types.is_struct(kind):
        return pa.struct([field.with_type(_simple(field.type)) for field in kind])
    if types.is_map(kind):
        return pa.map_(_simple(kind.key_type), _simple(kind.item_type))
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return pa.list_(_simple(kind.value_type))
    return kind


def _without_json(column: pa.ChunkedArray, form: Form) -> pa.ChunkedArray:
    """Return a column with its JSON strings parsed.

    DuckDB gives a column of mixed values the type JSON, for example if it contains the text `"auto"` and the number 1,
    or if a card's license is a string in one row and a list in another. Read as plain text, strings would keep their
    quotation marks.
    """
    if not _holds_json(column.type) or (form.is_json and isinstance(column.type, pa.JsonType)):
        return column
    values = [value for chunk in column.chunks for value in _decoded(chunk)]
    if form.is_json:
        return pa.chunked_array([[None if value is None else json.dumps(value) for value in values]], pa.string())
    if any(isinstance(value, list | dict) for value in values):
        return pa.chunked_array([values])
    texts = [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]
    return pa.chunked_array([texts], pa.string())


def _holds_json(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.JsonType) or any(_holds_json(kind.field(n).type) for n in range(kind.num_fields))


def _decoded(array: pa.Array) -> list[Any]:
    """Return Python values with JSON strings parsed, and without the null fields of structs."""
    kind = array.type
    if isinstance(kind, pa.JsonType):
        return _parsed(array)
    if pa.types.is_struct(kind):
        columns = [_decoded(column) for column in array.flatten()]
        names = [field.name for field in kind]
        rows = (
            {name: value for name, value in zip(names, row, strict=True) if value is not None}
            for row in zip(*columns, strict=True)
        )
        return [row if valid else None for row, valid in zip(rows, array.is_valid().to_pylist(), strict=True)]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        items, taken = iter(_decoded(array.flatten())), pc.list_value_length(array).to_pylist()
        return [None if n is None else list(islice(items, n)) for n in taken]
    return array.to_pylist()  # type: ignore[no-any-return]


_MISFITS: Final = (ValueError, TypeError, RecursionError, pa.ArrowException)


def _first_invalid(column: pa.ChunkedArray, form: Form) -> int:
    """Find the first invalid row by bisection; at least one row must be invalid."""
    rows = np.flatnonzero(column.is_valid().to_numpy())
    values = column.filter(column.is_valid())
    low, high = 0, len(rows)  # the first invalid row is in low:high
    while high - low > 1:
        middle = (low + high) // 2
        try:
            # a copy, because a slice of lists keeps all items
            form.convert(values.take(pa.array(range(low, middle))))
            low = middle
        except _MISFITS:
            high = middle
    return int(rows[low])


def _shown(column: pa.ChunkedArray, row: int) -> str:
    if not column[row].is_valid:
        return "nothing"
    try:
        value = _cut(repr(column[row].as_py()))
    except (ValueError, OverflowError):
        value = "a value that cannot be displayed"
    return f"{value} ({_cut(str(column.type))})"


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _is_text(kind: pa.DataType) -> bool:
    return kind in (pa.string(), pa.binary(), pa.null())


def _require(fits: bool) -> None:
    if not fits:
        raise ValueError


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    _require(_is_text(column.type))
    text = column.cast(pa.string())
    text.validate(full=True)  # Parquet may contain invalid UTF-8
    return text


def _repo_id(column: pa.ChunkedArray) -> pa.ChunkedArray:
    text = _text(column)
    _require(pc.all(pc.match_substring_regex(text, r"^[^/\s]+(/[^/\s]+)?$")).as_py() is not False)
    _require(not pc.any(pc.match_substring_regex(text, r"(^|/)\.\.?(/|$)")).as_py())
    return text


def _name(column: pa.ChunkedArray) -> pa.ChunkedArray:
    text = _text(column)
    _require(pc.all(pc.match_substring_regex(text, r"\S")).as_py() is not False)
    return text


def _key(column: pa.ChunkedArray) -> pa.ChunkedArray:
    text = _text(column)
    _require(pc.all(pc.match_substring_regex(text, "^[!-~]+$")).as_py() is not False)
    return text


def _whole_number(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if _is_text(column.type):
        return _text(column).cast(pa.int64())
    if pa.types.is_floating(column.type):
        return _without_nan(column).cast(pa.int64())
    _require(pa.types.is_integer(column.type) or pa.types.is_decimal(column.type))
    return column.cast(pa.int64())


def _number(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, _is_text)
    _require(any(is_kind(column.type) for is_kind in kinds))
    numbers = _without_nan(_text(column) if _is_text(column.type) else column)
    _require(not pc.any(pc.is_inf(numbers)).as_py())
    return numbers


def _without_nan(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return numbers with nulls instead of NaN, because pandas writes missing numbers as NaN."""
    numbers = column.cast(pa.float64(), safe=False)
    return pc.if_else(pc.is_nan(numbers), None, numbers)


def _truth(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_boolean(column.type):
        return column
    words = pc.utf8_lower(_text(column)) if _is_text(column.type) else _whole_number(column).cast(pa.string())
    _require(pc.all(pc.is_in(words, pa.array(["true", "false", "1", "0", None]))).as_py())
    is_true = pc.is_in(words, pa.array(["true", "1"]))
    return pc.if_else(pc.is_valid(words), is_true, None)


def _gated(column: pa.ChunkedArray) -> pa.ChunkedArray:
    # numbers are rejected: 1 could mean true, or be a category code
    words = column.cast(pa.string()) if pa.types.is_boolean(column.type) else pc.utf8_lower(_text(column))
    _require(pc.all(pc.is_in(words, pa.array(["false", "true", "auto", "manual", None]))).as_py())
    return words


def _moment(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Convert times to UTC in milliseconds, the Hub's precision; values without a time zone are taken as UTC."""
    if _is_text(column.type):
        column = _read_moments(_text(column))
    elif pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("s" if pa.types.is_date32(column.type) else "ms"))
    _require(pa.types.is_timestamp(column.type))
    unit = column.type.unit
    if unit in _UNIT:
        ticks = column.cast(pa.int64())
        first, last = _FIRST * _UNIT[unit], (_LAST + 1) * _UNIT[unit] - 1
        _require(pc.all(pc.and_(pc.greater_equal(ticks, first), pc.less_equal(ticks, last))).as_py() is not False)
    return pc.floor_temporal(column.cast(pa.timestamp(unit)), unit="millisecond").cast(pa.timestamp("ms"))


def _read_moments(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Parse ISO 8601 dates, including the variants that pandas, DuckDB and polars write."""
    iso = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?( ?([Zz]|UTC|[+-]\d\d(:?\d\d)?))?)?$"
    _require(pc.all(pc.match_substring_regex(text, iso)).as_py() is not False)
    text = pc.replace_substring_regex(text, r"(\.\d{3})\d+", r"\1")
    text = pc.replace_substring_regex(text, r" ?(z|UTC)$", "Z")
    text = pc.replace_substring_regex(text, r"(:.*) ([Z+-])", r"\1\2")
    text = pc.replace_substring_regex(text, r"^([\d-]{10})$", r"\1T00:00")
    text = pc.replace_substring_regex(text, r"([T ]\d\d:[\d:.]+)$", r"\1Z")
    return text.cast(pa.timestamp("ms", "UTC"))


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    _require(pa.types.is_list(column.type) and _is_text(column.type.value_type))
    texts = column.cast(pa.list_(pa.string()))
    texts.validate(full=True)
    return texts


def _json_of(*kinds: type) -> Callable[[pa.ChunkedArray], pa.ChunkedArray]:
    """Return a converter to JSON text that checks each value, because Arrow and DuckDB have no strict JSON parser."""

    def convert(column: pa.ChunkedArray) -> pa.ChunkedArray:
        read = _parsed if _is_text(column.type) else python_values
        column = _text(column) if _is_text(column.type) else column
        batches = (column.slice(start, _BATCH) for start in range(0, len(column), _BATCH))
        return pa.chunked_array(
            [[_served(value, kinds) for value in read(batch.combine_chunks())] for batch in batches], pa.string()
        )

    return convert


def _parsed(texts: pa.Array) -> list[Any]:
    return [None if text is None else json.loads(text, parse_constant=_refuse) for text in texts.to_pylist()]


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _served(value: Any, kinds: tuple[type, ...]) -> str | None:
    if value is None:
        return None
    _require(isinstance(value, kinds))
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    text.encode()  # a lone surrogate is valid JSON but cannot be sent
    return text


def _authors(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Convert authors in any accepted form to lists of `user` and `avatar`; a missing `avatar` becomes null."""
    kind = column.type
    if _is_text(kind):
        names = _text(column)
        # a list written as text would become a single bogus author
        _require(not pc.any(pc.match_substring_regex(names, r"^(\[.*\]|\{.*\})$")).as_py())
        lists = pa.chunked_array([_lists_of_one(chunk) for chunk in names.chunks], pa.list_(pa.string()))
    elif pa.types.is_list(kind) and pa.types.is_struct(kind.value_type):
        return pa.chunked_array([_with_users(chunk) for chunk in column.chunks], _AUTHORS)
    elif pa.types.is_struct(kind):
        one = pa.chunked_array([_lists_of_one(chunk) for chunk in column.chunks], pa.list_(kind))
        return _authors(one)
    else:
        lists = _texts(column)
    return pa.chunked_array([_with_users(chunk) for chunk in lists.chunks], _AUTHORS)


_AUTHORS: Final = pa.list_(pa.struct([("user", pa.string()), ("avatar", pa.string())]))


def _lists_of_one(values: pa.Array) -> pa.Array:
    offsets = np.append(0, np.cumsum(values.is_valid().to_numpy(zero_copy_only=False)))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values.drop_null())


def _with_users(lists: pa.Array) -> pa.Array:
    """Convert lists of names, or of structs with a `user`, to `_AUTHORS`; null becomes an empty list."""
    items, counts = lists.flatten(), pc.fill_null(pc.list_value_length(lists), 0)
    if pa.types.is_struct(items.type):
        names = [field.name for field in items.type]
        _require("user" in names)
        fields = dict(zip(names, items.flatten(), strict=True))
    else:
        fields = {"user": items}
    users = [
        _text(pa.chunked_array([fields[name]])).combine_chunks()
        if name in fields
        else pa.nulls(len(items), pa.string())
        for name in ("user", "avatar")
    ]
    _require(not users[0].null_count)
    offsets = np.append(0, np.cumsum(counts.to_numpy(zero_copy_only=False)))
    return pa.ListArray.from_arrays(
        pa.array(offsets, pa.int32()), pa.StructArray.from_arrays(users, fields=list(_AUTHORS.value_type))
    )


_TEXT: Final = Form("text", _text)
_COUNT: Final = Form("a whole number", _whole_number)
_TRUTH: Final = Form("true or false", _truth)
_MOMENT: Final = Form("a date in the years 1 to 9999, as a timestamp or in ISO 8601", _moment)
_TEXTS: Final = Form("a list of text", _texts)

REPOSITORIES: Final[dict[str, Form]] = {
    "_id": Form("a key such as 24 hexadecimal digits", _key),
    "id": Form("an id such as name or owner/name", _repo_id, is_required=True),
    "gated": Form("false, true, auto or manual", _gated),
    "trendingScore": Form("a finite number", _number),
    **dict.fromkeys(DATE_COLUMNS, _MOMENT),
    **dict.fromkeys(("private", "disabled", "discussionsDisabled"), _TRUTH),
    **dict.fromkeys(("likes", "downloads", "downloadsAllTime", "usedStorage"), _COUNT),
    **dict.fromkeys(("childrenModelCount", "mainSize"), _COUNT),
    **dict.fromkeys(("tags", "models", "datasets", "spaces"), _TEXTS),
    **dict.fromkeys(("author", "sha", "pipeline_tag", "library_name", "mask_token", "inference"), _TEXT),
    **dict.fromkeys(("sdk", "subdomain", "region", "description", "citation", "paperswithcode_id", "card"), _TEXT),
    **dict.fromkeys(
        JSON_COLUMNS, Form("a JSON object or list, or null where there is none", _json_of(dict, list), is_json=True)
    ),
    **dict.fromkeys(
        ("cardData", "config", "gguf", "runtime", "safetensors", "transformersInfo"),
        Form("a JSON object, or null where there is none", _json_of(dict), is_json=True),
    ),
}
"""Columns of repositories of all types: the API's fields, plus two of our own (see `population.Repos`)."""

COMMITS: Final[dict[str, Form]] = {
    "model_id": Form("the id of a model", _repo_id, is_required=True),
    "id": Form("the id of a commit", _name, is_required=True),
    "title": _TEXT,
    "message": _TEXT,
    "authors": Form("a list of names, or of structs with a user", _authors, is_required=True),
    "date": Form(_MOMENT.expected, _moment, is_required=True),
}
"""Columns of commits."""
