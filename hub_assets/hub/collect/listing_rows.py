"""Converts the JSON of listing pages to rows of a raw table, in bulk and without losing values that do not fit.

How pages are fetched and where rows are written does not belong here.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from hub_assets.hub.collect.raw_table import ListingTable
from hub_assets.hub.collect.set_aside import UNCONVERTIBLE, convertible
from hub_assets.hub.collect.values import FIRST_MOMENT, GREATEST_COUNT, LAST_MOMENT
from hub_assets.scratch import scratch
from hub_assets.sql import parquet

REJECTS_KEPT = 20
"""Maximum number of rejected rows recorded per call and reason. All rejected rows are counted."""
BATCHES = 100
"""Maximum number of batches to split a part's pages into. DuckDB converts a batch on a single core."""
REJECT_TEXT = 2_000
"""Maximum number of characters recorded per rejected row, to keep the manifest small."""


@dataclass
class RowCounts:
    """Counts of the listed rows: `listed` = rows in the table + `duplicates` + `without_id` + `set_aside`.

    - `not_observed`: rows that lack one of the table's fields, by field
    - `type_mismatches`: values that do not fit their column, by field (kept in `extra`)
    - `odd_items`: list items that are not strings, by field (kept as text; nulls are dropped)
    - `unknown_fields`: rows with a field that is not a column, by field (kept in `extra`)
    - `mended_pages`: pages with invalid Unicode (an unpaired surrogate), which was replaced by `?`
    - `set_aside`: rows that cannot be converted and pages that cannot be parsed
    - `rejects`: the text of the first few rows that were set aside or have no key
    """

    listed: int = 0
    without_id: int = 0
    duplicates: int = 0
    not_observed: Counter[str] = field(default_factory=Counter)
    type_mismatches: Counter[str] = field(default_factory=Counter)
    odd_items: Counter[str] = field(default_factory=Counter)
    unknown_fields: Counter[str] = field(default_factory=Counter)
    mended_pages: int = 0
    set_aside: int = 0
    rejects: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the counts as plain dicts, lists and numbers."""
        return {name: dict(value) if isinstance(value, Counter) else value for name, value in vars(self).items()}

    @classmethod
    def of_json(cls, counts: dict[str, Any]) -> "RowCounts":
        """Rebuild the counts from the result of `to_json`."""
        values: dict[str, Any] = {k: Counter(v) if isinstance(v, dict) else v for k, v in counts.items()}
        return cls(**values)

    def __add__(self, other: "RowCounts") -> "RowCounts":
        return RowCounts(**{name: getattr(self, name) + getattr(other, name) for name in vars(self)})


def listing_rows(
    pages: pa.Table, table: ListingTable, snapshot_date: date, seen: Sequence[str] = ()
) -> tuple[pa.Table, RowCounts]:
    """Convert listing pages to rows of the raw table, keeping the first listed row per `_id`.

    Args:
        pages: columns `body` (string: the response's JSON array) and `observed_at` (timestamp, UTC), in the order
            received.
        table: the listing's table.
        snapshot_date: the week of the rows.
        seen: Parquet files of this listing; rows already in them count as duplicates.

    Returns:
        A table with the listing's schema, and the counts.
    """
    try:
        return _converted(pages, table, snapshot_date, seen)
    except UNCONVERTIBLE:
        pages = _one_row_each(pages)

    def convert(some: pa.Table) -> tuple[pa.Table, RowCounts]:
        return _converted(some, table, snapshot_date, seen)

    fits = pa.array(convertible(pages, convert))
    rows, counts = convert(pages.filter(fits))
    refused = pages.filter(pc.invert(fits))
    counts.listed += len(refused)
    counts.set_aside = len(refused)
    counts.rejects += [body[:REJECT_TEXT] for body in refused["body"][:REJECTS_KEPT].to_pylist()]
    return rows, counts


def _one_row_each(pages: pa.Table) -> pa.Table:
    """Split pages into pages of a single row; a page that cannot be parsed is kept whole."""
    bodies: list[str] = []
    observed: list[datetime] = []
    for body, observed_at in zip(pages["body"].to_pylist(), pages["observed_at"].to_pylist(), strict=True):
        try:
            rows = [json.dumps([row]) for row in parsed_page(body)]
        except ValueError:
            rows = [body]
        bodies += rows
        observed += [observed_at] * len(rows)
    return pa.table({"body": bodies, "observed_at": observed}, schema=pages.schema)


def _converted(
    pages: pa.Table, table: ListingTable, snapshot_date: date, seen: Sequence[str]
) -> tuple[pa.Table, RowCounts]:
    kinds, json_fields = table.fields, table.json_fields
    schema = table.schema
    names = ["_id", "id", *kinds]
    types = _Types()
    shape = ", ".join(
        f'"{name}": {_json_shape(kinds.get(name, pa.string()), is_json=name in json_fields)}' for name in names
    )
    values = ", ".join(f'{_value(kinds[name], name, types, is_json=name in json_fields)} as "{name}"' for name in kinds)
    lists = [name for name, kind in kinds.items() if pa.types.is_list(kind)]
    type_mismatches = {
        n: _has_mismatch(kind, f'"{n}"', f"$.{n}", types) for n, kind in kinds.items() if n not in json_fields
    }
    flags = ", ".join(
        f'coalesce({condition}, false) as "{n} is a type_mismatch"' for n, condition in type_mismatches.items()
    )
    absent = {n: f"{types.of(f'$.{n}')} is null" for n in kinds}
    odd = {n: f"list_count(list_filter(json_extract(raw, '$.{n}[*]'), {_IS_ODD}))" for n in lists}
    taken = ", ".join(
        f"""case when not "{n} is a type_mismatch" then '"{n}":null' end"""
        if n in type_mismatches
        else f"""'"{n}":null'"""
        for n in names
    )
    any_mismatch = " or ".join(f'"{n} is a type_mismatch"' for n in type_mismatches)
    was_seen = f"_id in (select _id from {parquet(seen)})" if seen else "false"
    with scratch() as connection:
        pages, mended = _with_valid_text(connection, pages)
        numbered = pages.append_column("page", pa.array(range(len(pages)), pa.int64()))
        batches = numbered.to_batches(max_chunksize=1 + len(pages) // BATCHES)
        connection.register("pages", pa.Table.from_batches(batches, numbered.schema))
        connection.execute(f"""
            create temp table listed as
            with
            read as (
                select observed_at, page, from_json(body, '["JSON"]') as items from pages
            ),
            rows as (
                select observed_at, page, unnest(items) as raw, generate_subscripts(items, 1) as position
                from read
            ),
            shaped as (
                select *, json_transform(raw, '{{{shape}}}') as field, json_type(raw, {types.paths}) as types,
                    len(list_filter(json_keys(raw), lambda name: not list_contains({names}, name))) > 0 as has_unknown
                from rows
            ),
            typed as (
                select observed_at, raw, page, position, types, has_unknown, field._id as _id, field.id as id,
                    {values}
                from shaped
            ),
            checked as (
                select *, {flags} from typed
            )
            select *,
                _id is null or id is null as is_rejected,
                _id is not null and id is not null and (
                    {was_seen}
                    or row_number() over (partition by _id, id is null order by page, position) > 1
                ) as is_duplicate,
                case when has_unknown or {any_mismatch} then
                    json_merge_patch(raw, '{{' || concat_ws(',', {taken}) || '}}')
                end as remainder
            from checked
        """)
        sums = {
            **{("not_observed", n): f"count(*) filter ({condition})" for n, condition in absent.items()},
            **{("type_mismatches", n): f'count(*) filter ("{n} is a type_mismatch")' for n in type_mismatches},
            **{("odd_items", n): f"coalesce(sum({expression}), 0)::bigint" for n, expression in odd.items()},
        }
        (totals,) = connection.execute(f"""
            select count(*), count(*) filter (is_rejected), count(*) filter (is_duplicate), {", ".join(sums.values())}
            from listed
        """).fetchall()
        listed, without_id, duplicates = totals[:3]
        counts = RowCounts(listed, without_id, duplicates, mended_pages=mended)
        for (counter, name), number in zip(sums, totals[3:], strict=True):
            if number:
                getattr(counts, counter)[name] = number
        counts.unknown_fields = Counter(
            dict(
                connection.execute(
                    "select name, count(*) from (select unnest(json_keys(remainder)) as name from listed) "
                    "where not list_contains(?, name) group by name order by name",
                    [names],
                ).fetchall()
            )
        )
        rejects = connection.execute(
            f"select left(raw::varchar, {REJECT_TEXT}) from listed where is_rejected "
            f"order by page, position limit {REJECTS_KEPT}"
        )
        counts.rejects = [text for (text,) in rejects.fetchall()]
        columns = ", ".join(f'"{name}"' for name in schema.names[2:-1])
        rows = connection.sql(
            f"select date '{snapshot_date}' as snapshot_date, observed_at, {columns}, "
            "remainder::varchar as extra "
            "from listed where not is_rejected and not is_duplicate order by page, position"
        ).to_arrow_table()
    return rows.cast(schema), counts


class _Types:
    """The JSON types of a row's values, all found in one pass over its text.

    Every call of `json_type` parses the text. With one call per value, the whole conversion took twice the CPU time.
    """

    def __init__(self) -> None:
        self.paths: list[str] = []

    def of(self, path: str) -> str:
        """Return the SQL for the JSON type of the value at a path; it yields null if the row has no such value."""
        if path not in self.paths:
            self.paths.append(path)
        return f"types[{self.paths.index(path) + 1}]"


_IS_NULL = "json_type(item) = 'NULL'"
_IS_ODD = "lambda item: json_type(item) <> 'VARCHAR'"


def _with_valid_text(connection: duckdb.DuckDBPyConnection, pages: pa.Table) -> tuple[pa.Table, int]:
    """Repair pages that Python can parse but DuckDB cannot; also return how many pages had an unpaired surrogate.

    Raises:
        ValueError: if Python cannot parse a page as a list either.
    """
    connection.register("received", pages)
    is_page = "coalesce(try(json_type(body)) = 'ARRAY', false)"
    valid = connection.sql(f"select {is_page} as is_page from received").to_arrow_table()["is_page"].to_pylist()
    if all(valid):
        return pages, 0
    bodies = pages["body"].to_pylist()
    mended = 0
    for row in (row for row, is_valid in enumerate(valid) if not is_valid):
        text = json.dumps(parsed_page(bodies[row]), ensure_ascii=False)
        bodies[row] = text.encode("utf-8", "replace").decode()
        mended += bodies[row] != text
    return pages.set_column(pages.column_names.index("body"), "body", pa.array(bodies, pa.string())), mended


def parsed_page(body: str) -> list[Any]:
    """Return the rows of a page, which may start with a byte-order mark.

    Raises:
        ValueError: if the page is not a JSON list.
    """
    rows = json.loads(body.removeprefix("\ufeff"))
    if not isinstance(rows, list):
        raise ValueError("the page is not a list")
    return rows


def _json_shape(kind: pa.DataType, *, is_json: bool = False) -> str:
    """Return the type that `json_transform` should read a field as, in that function's notation."""
    if is_json:
        return '"JSON"'
    if pa.types.is_list(kind):
        return '["VARCHAR"]'
    if pa.types.is_struct(kind):
        return "{" + ", ".join(f'"{f.name}": {_json_shape(f.type)}' for f in kind) + "}"
    if pa.types.is_map(kind):
        return '"MAP(VARCHAR, DOUBLE)"'
    return {pa.int64(): '"DOUBLE"', pa.float64(): '"DOUBLE"', pa.bool_(): '"BOOLEAN"'}.get(kind, '"VARCHAR"')


def _value(kind: pa.DataType, name: str, types: _Types, *, is_json: bool) -> str:
    if is_json:
        return f"case when {types.of(f'$.{name}')} <> 'NULL' then field.\"{name}\"::varchar end"
    return _typed(kind, f'field."{name}"', f"$.{name}", types)


def _typed(kind: pa.DataType, read: str, path: str, types: _Types) -> str:
    """Return the SQL that converts a field to its column type, or to null if the value does not fit.

    `read` is the SQL for the field as `json_transform` read it.
    """
    if pa.types.is_struct(kind):
        inner = (f"{f.name} := {_typed(f.type, f'{read}.{f.name}', f'{path}.{f.name}', types)}" for f in kind)
        return f"case when {types.of(path)} = 'OBJECT' then struct_pack({', '.join(inner)}) end"
    if pa.types.is_map(kind):
        entry = f"struct_pack(k := entry.key, v := {_count('entry.value')})"
        return f"map_from_entries(list_transform(map_entries({read}), lambda entry: {entry}))"
    if pa.types.is_timestamp(kind):
        # a cast to timestamp without time zone would drop the offset; casts also accept words such as `epoch`
        moment = f"try_cast({read} as timestamptz)"
        is_in_range = f"{moment} between '{FIRST_MOMENT}+00' and '{LAST_MOMENT}+00'"
        is_date = f"regexp_matches({read}, '^\\d{{4}}-') and {is_in_range}"
        return f"case when {is_date} then try(make_timestamp(epoch_us({moment}))) end"
    if pa.types.is_list(kind):
        return f"list_filter({read}, lambda item: item is not null)"
    if kind == pa.int64():
        return f"case when {types.of(path)} <> 'BOOLEAN' then {_count(read)} end"
    if kind == pa.float64():
        return f"case when {types.of(path)} <> 'BOOLEAN' and isfinite({read}) then {read} end"
    return read


def _count(read: str) -> str:
    is_count = f"{read} between 0 and {GREATEST_COUNT}::double and {read} = floor({read})"
    return f"case when {is_count} then try_cast({read} as bigint) end"


def _has_mismatch(kind: pa.DataType, value: str, path: str, types: _Types) -> str:
    """Return the SQL condition that is true if the conversion lost part of the JSON value at a path."""
    missing = f"{value} is null and {types.of(path)} <> 'NULL'"
    if pa.types.is_struct(kind):
        return " or ".join(
            [missing, *(_has_mismatch(f.type, f"{value}.{f.name}", f"{path}.{f.name}", types) for f in kind)]
        )
    if pa.types.is_map(kind):
        nulls = f"len(list_filter(map_values({value}), lambda item: item is null))"
        return f"{missing} or {nulls} > len(list_filter(json_extract(raw, '{path}.*'), lambda item: {_IS_NULL}))"
    return missing
