"""Converts listing files from all eras back to the JSON that the Hub sent, in batches.

Columns came and went over the years, and the same column was stored as JSON text or a struct, as an integer or a float,
as a date or text. Converting them all back to JSON removes these differences, so the code that converts the Hub's
responses can turn them into rows. A column that a file lacks is absent from the JSON, so it counts as not observed,
never as 0 or empty.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from hub_assets.errors import HubAssetsError
from hub_assets.scratch import scratch
from hub_assets.sql import parquet

BATCH_ROWS: Final = 50_000
"""Number of rows in memory at once: some 150 MB of JSON for models."""
PAGE_ROWS: Final = 1_000


class Unreadable(HubAssetsError):
    """A file from an archive cannot be read as a listing."""


@dataclass(frozen=True)
class Columns:
    """The columns of a listing file that are `read` or `ignored`, and the wanted columns that are `absent`."""

    read: tuple[str, ...]
    absent: tuple[str, ...]
    ignored: tuple[str, ...]


def columns_of(file: Path, wanted: Sequence[str]) -> Columns:
    """Compare the columns of a file with the wanted columns.

    Raises:
        Unreadable: if the file is not Parquet or has no column `id`.
    """
    return _columns(_types(file), file, wanted)


def pages_of(file: Path, fields: Mapping[str, pa.DataType], json_fields: frozenset[str]) -> Iterator[list[str]]:
    """Yield the rows of a file in batches of pages. Each page is a JSON array of objects, as in the Hub's listings.

    Args:
        file: a Parquet file of any era.
        fields: the fields to read besides `_id` and `id`, with the types of our own columns; others are ignored.
        json_fields: fields that our own columns hold as JSON text.

    Raises:
        Unreadable: if the file is not Parquet or has no column `id`.
    """
    types = _types(file)
    names = _columns(types, file, list(fields)).read
    members = [_member(name, types[name], fields.get(name, pa.string()), name in json_fields) for name in names]
    if "_id" not in types:
        # without the Hub's own key, the id is the only key, but it does not survive a rename
        members.append("'\"_id\":' || to_json('id:' || id)")
    select = f"select '{{' || concat_ws(',', {', '.join(members)}) || '}}' as body from {parquet([file])}"
    with scratch() as connection:
        try:
            with connection.sql(select).to_arrow_reader(BATCH_ROWS) as reader:
                for batch in reader:
                    rows = batch.column("body").to_pylist()
                    pages = range(0, len(rows), PAGE_ROWS)
                    yield [f"[{','.join(rows[start : start + PAGE_ROWS])}]" for start in pages]
        except duckdb.Error as error:
            raise _unreadable(file, error) from None


def _types(file: Path) -> dict[str, str]:
    with scratch() as connection:
        try:
            described = connection.execute(f"describe select * from {parquet([file])}").fetchall()
        except duckdb.Error as error:
            raise _unreadable(file, error) from None
    return {name: kind for name, kind, *_ in described}


def _columns(types: dict[str, str], file: Path, wanted: Sequence[str]) -> Columns:
    if "id" not in types:
        raise Unreadable(f"{file.name} is not a listing: it has no column id")
    keys = [name for name in ("_id", "id") if name in types]
    read = (*keys, *(name for name in wanted if name in types and name not in keys))
    absent = tuple(name for name in ("_id", *wanted) if name not in types)
    return Columns(read, absent, tuple(sorted(set(types) - set(read))))


def _member(name: str, kind: str, ours: pa.DataType, is_json: bool) -> str:
    """Return SQL for one member of a row's JSON object. For a missing value, it returns null, which `concat_ws` skips.

    Args:
        name: the field.
        kind: the file column's type in DuckDB.
        ours: the type of our own column of that name.
        is_json: whether our own column holds JSON text.
    """
    column = f'"{name}"'
    if kind.startswith("TIMESTAMP"):
        # a cast to text drops nanoseconds and converts time zones to UTC
        value = f"to_json({column}::{'timestamptz' if 'ZONE' in kind else 'timestamp'}::varchar)"
    elif kind in ("FLOAT", "DOUBLE"):
        value = f"case when isfinite({column}) then to_json({column}) end"
    elif kind == "VARCHAR" and name == "gated":
        value = f"to_json(case when lower({column}) in ('true', 'false') then lower({column}) else {column} end)"
    elif kind == "VARCHAR" and (is_json or pa.types.is_nested(ours)):
        read = f"{column}::json" if not pa.types.is_struct(ours) else _bare(f"{column}::json")
        value = f"case when json_valid({column}) then {read} else to_json({column}) end"
    elif kind.startswith("STRUCT") and not kind.endswith("]"):
        value = _bare(f"to_json({column})")
    else:
        value = f"to_json({column})"
    label = json.dumps(name).replace("'", "''")
    return f"case when {column} is not null then '{label}:' || ({value})::varchar end"


def _bare(value: str) -> str:
    """Return SQL for a JSON object without the nulls of a struct's unused fields, which the Hub never sent."""
    return f"json_merge_patch('{{}}', {value})"


def _unreadable(file: Path, error: duckdb.Error) -> Unreadable:
    return Unreadable(f"{file.name} cannot be read as Parquet ({str(error).splitlines()[0]})")
