"""The columns of recorded Parquet, whichever library wrote them, as a population holds them.

A value that cannot be served is refused when the file is opened, by file, column and row, because nobody could find it
later. Which files make up a recording, and what their rows mean to each other, belongs to `replay`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hub_assets.local_hub.population import DATE_COLUMNS, JSON_COLUMNS, PopulationError, python_values

_SHOWN: Final = 60
"""Letters shown of a value or a type that is refused."""
_BATCH: Final = 10_000
"""Rows that are Python objects at a time."""
_UNIT: Final = {"s": 1, "ms": 10**3, "us": 10**6}
_FIRST, _LAST = -62_135_596_800, 253_402_300_799
"""The seconds of the years 1 to 9999; finer than microseconds, a timestamp cannot leave them."""


@dataclass(frozen=True)
class Form:
    """What a column must hold.

    `convert` returns a column in the type that is served, and raises if any of its values does not fit; rows do not
    depend on each other. `expected` says in words what fits.
    """

    expected: str
    convert: Callable[[pa.ChunkedArray], pa.ChunkedArray]
    is_required: bool = False
    """Whether each row must have a value."""


def read_recorded(path: Path, forms: Mapping[str, Form]) -> pa.Table:
    """Read the columns of a recorded file that have a form.

    A column of nothing but nulls was not observed and is left out, whatever its type.

    Raises:
        PopulationError: if the file cannot be read, lacks a required column, or holds a value that does not fit.
    """
    try:
        # not read_table, which takes a folder's name for a partition, and names no column that is there twice
        with pq.ParquetFile(path) as file:
            recorded = file.read()
    except (OSError, ValueError, pa.ArrowException) as error:
        raise PopulationError(f"{path} cannot be read as Parquet ({_one_line(error)})") from error
    if not len(recorded):
        raise PopulationError(f"{path} holds no rows; leave it out")
    columns = {}
    for name, form in forms.items():
        if recorded.column_names.count(name) > 1:
            raise PopulationError(f"{path} has more than one column {name}")
        column = recorded[name] if name in recorded.column_names else None
        if column is not None and column.null_count < len(column):
            columns[name] = _converted(path, name, column, form)
        elif form.is_required:
            raise PopulationError(f"{path}: the column {name} is missing; expected {form.expected} in each row")
    return pa.table(columns)


def column_names(path: Path) -> list[str]:
    """Return the names of a recorded file's columns, without indexes that pandas named itself."""
    return [name for name in pq.read_schema(path).names if not name.startswith("__index_level_")]


def _converted(path: Path, name: str, column: pa.ChunkedArray, form: Form) -> pa.ChunkedArray:
    row = 0
    try:
        values = column.cast(_simple(column.type))
    except pa.ArrowException:
        row = int(np.argmax(column.is_valid().to_numpy()))
    else:
        try:
            converted = form.convert(values)
            if not form.is_required or not converted.null_count:
                return converted
            row = int(np.argmin(converted.is_valid().to_numpy()))
        except _MISFITS:
            row = _first_misfit(values, form)
    where = f"{path}, column {name}, row {row + 1:,} of {len(column):,}"
    raise PopulationError(f"{where}: expected {form.expected}, found {_shown(column, row)}")


def _simple(kind: pa.DataType) -> pa.DataType:
    """Return a type without the ways that Arrow has to hold the same values: wide, viewed, encoded, extended."""
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):  # e.g. JSON as DuckDB writes it
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


_MISFITS: Final = (ValueError, TypeError, RecursionError, pa.ArrowException)


def _first_misfit(column: pa.ChunkedArray, form: Form) -> int:
    """Return the first row whose value does not fit, given that there is one, by halving."""
    rows = np.flatnonzero(column.is_valid().to_numpy())
    values = column.filter(column.is_valid())
    low, high = 0, len(rows)  # the first type_mismatch is in low:high
    while high - low > 1:
        middle = (low + high) // 2
        try:
            # a copy: a slice of lists still has the items of all
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
        value = "what cannot be shown"
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
    text.validate(full=True)  # Parquet may hold text that is not UTF-8
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
    """Return numbers with nulls for NaN, which is how pandas writes a number that is missing."""
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
    # numbers are refused: 1 may be true, or the second of some classes
    words = column.cast(pa.string()) if pa.types.is_boolean(column.type) else pc.utf8_lower(_text(column))
    _require(pc.all(pc.is_in(words, pa.array(["false", "true", "auto", "manual", None]))).as_py())
    return words


def _moment(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return UTC in milliseconds, in which the Hub writes dates; what has no time zone is UTC."""
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
    """Read dates as ISO 8601 has them, with what pandas, DuckDB and polars leave out or write otherwise."""
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
    """Return a converter to JSON text. Checked one by one, as there is no strict reader of JSON in Arrow or DuckDB."""

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
    text.encode()  # half a surrogate pair can be written as JSON, but not sent
    return text


def _authors(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return lists of `user` and `avatar`; who has none has no avatar."""
    kind = column.type
    if _is_text(kind):
        names = _text(column)
        # a list that was written as text would become one strange author
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
    """Return lists of names, or of structs that have a `user`, as `_AUTHORS`; null is an empty list."""
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
_MOMENT: Final = Form("a date of the years 1 to 9999, as a timestamp or in ISO 8601", _moment)
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
    **dict.fromkeys(JSON_COLUMNS, Form("a JSON object or list, or null where there is none", _json_of(dict, list))),
    **dict.fromkeys(
        ("cardData", "config", "gguf", "runtime", "safetensors", "transformersInfo"),
        Form("a JSON object, or null where there is none", _json_of(dict)),
    ),
}
"""The columns of repositories, of all types: the API's fields, and two of our own (see `population.Repos`)."""

COMMITS: Final[dict[str, Form]] = {
    "model_id": Form("the id of a model", _repo_id, is_required=True),
    "id": Form("the id of a commit", _name, is_required=True),
    "title": _TEXT,
    "message": _TEXT,
    "authors": Form("a list of names, or of structs with a user", _authors, is_required=True),
    "date": Form(_MOMENT.expected, _moment, is_required=True),
}
"""The columns of commits."""
