"""From the JSON of listing pages to the rows of a raw table, set-wise and without losing what does not fit.

Knows the shape of a listing's answer and nothing of how it was got or where it goes.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa

from hub_assets.hub.schemas import FIELDS, JSON_FIELDS, RepoType, listing_schema
from hub_assets.sql import parquet

REJECTS_KEPT = 20
"""How many rows without a key are recorded whole, per call; all are counted."""


@dataclass
class RowCounts:
    """What became of the rows that were listed: `listed` = rows of the table + `duplicates` + `without_id`.

    `not_observed`: rows whose answer lacked a field that was asked for, by field. `misfits`: values that do not fit
    their column, by field (kept in `extra`). `odd_items`: list items that are not strings, by field (kept as text;
    nulls dropped). `unknown_fields`: rows with a field that is not a column, by field (kept in `extra`).
    `mended_pages`: pages with text that is not Unicode (half a surrogate pair), which became `?`.
    """

    listed: int = 0
    without_id: int = 0
    duplicates: int = 0
    not_observed: Counter[str] = field(default_factory=Counter)
    misfits: Counter[str] = field(default_factory=Counter)
    odd_items: Counter[str] = field(default_factory=Counter)
    unknown_fields: Counter[str] = field(default_factory=Counter)
    mended_pages: int = 0
    rejects: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return plain dicts, lists and numbers."""
        return {name: dict(value) if isinstance(value, Counter) else value for name, value in vars(self).items()}

    @classmethod
    def of_json(cls, counts: dict[str, Any]) -> "RowCounts":
        """Rebuild from what `to_json` gave."""
        values: dict[str, Any] = {k: Counter(v) if isinstance(v, dict) else v for k, v in counts.items()}
        return cls(**values)

    def __add__(self, other: "RowCounts") -> "RowCounts":
        return RowCounts(**{name: getattr(self, name) + getattr(other, name) for name in vars(self)})


def listing_rows(
    pages: pa.Table, repo_type: RepoType, snapshot_date: date, seen: Sequence[str] = ()
) -> tuple[pa.Table, RowCounts]:
    """Turn pages of a listing into rows of its raw table, one per `_id`: the first one listed.

    Args:
        pages: columns `body` (string: the JSON array of an answer) and `observed_at` (timestamp, UTC), in the
            order in which the pages came.
        repo_type: whose listing.
        snapshot_date: the week that the rows belong to.
        seen: Parquet files of this listing whose rows must not come again.

    Returns:
        A table of `listing_schema(repo_type)` and the count of what did not become a row.
    """
    kinds = FIELDS[repo_type]
    schema = listing_schema(repo_type)
    names = ["_id", "id", *kinds]
    shape = ", ".join(f'"{name}": {_json_shape(kinds.get(name, pa.string()), name)}' for name in names)
    values = ", ".join(f'{_value(kinds[name], name)} as "{name}"' for name in kinds)
    lists = [name for name, kind in kinds.items() if pa.types.is_list(kind)]
    misfit = {name: _is_misfit(kind, name) for name, kind in kinds.items()}
    absent = {n: f"(\"{n}\" is null and not json_exists(raw, '$.{n}'))" for n in kinds}
    odd = {n: f"list_count(list_filter(json_extract(raw, '$.{n}[*]'), {_IS_ODD}))" for n in lists}
    known = "{" + ", ".join(f'"{name}": null' for name in names) + "}"
    misfits = ", ".join(f"'{n}', case when {condition} then raw -> '$.{n}' end" for n, condition in misfit.items())
    was_seen = f"_id in (select _id from {parquet(seen)})" if seen else "false"
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        pages, mended = _with_valid_text(connection, pages)
        connection.register("pages", pages)
        connection.execute(f"""
            create temp table listed as
            with
            rows as (
                select observed_at, rowid_of_page, unnest(from_json(body, '["JSON"]')) as raw,
                    generate_subscripts(from_json(body, '["JSON"]'), 1) as place
                from (select *, row_number() over () as rowid_of_page from pages)
            ),
            shaped as (
                select *, json_transform(raw, '{{{shape}}}') as field from rows
            ),
            typed as (
                select observed_at, raw, rowid_of_page, place, field._id as _id, field.id as id, {values}
                from shaped
            )
            select *,
                _id is null or id is null as is_rejected,
                _id is not null and id is not null and (
                    {was_seen}
                    or row_number() over (partition by _id, id is null order by rowid_of_page, place) > 1
                ) as is_duplicate,
                json_merge_patch(json_merge_patch(raw, '{known}'), json_object({misfits})) as remainder
            from typed
        """)
        sums = {
            **{("not_observed", n): f"count(*) filter ({condition})" for n, condition in absent.items()},
            **{("misfits", n): f"count(*) filter ({condition})" for n, condition in misfit.items()},
            **{("odd_items", n): f"coalesce(sum({expression}), 0)::bigint" for n, expression in odd.items()},
        }
        (totals,) = connection.execute(f"""
            select count(*), count(*) filter (is_rejected), count(*) filter (is_duplicate), {", ".join(sums.values())}
            from listed
        """).fetchall()
        listed, without_id, duplicates = totals[:3]
        counts = RowCounts(listed, without_id, duplicates, mended_pages=mended)
        for (kind, name), number in zip(sums, totals[3:], strict=True):
            if number:
                getattr(counts, kind)[name] = number
        counts.unknown_fields = Counter(
            dict(
                connection.execute(
                    "select name, count(*) from (select unnest(json_keys(remainder)) as name from listed) "
                    "where not list_contains(?, name) group by name order by name",
                    [names],
                ).fetchall()
            )
        )
        counts.rejects = [
            text
            for (text,) in connection.execute(
                f"select raw::varchar from listed where is_rejected order by rowid_of_page, place limit {REJECTS_KEPT}"
            ).fetchall()
        ]
        columns = ", ".join(f'"{name}"' for name in schema.names[2:-1])
        rows = connection.sql(
            f"select date '{snapshot_date}' as snapshot_date, observed_at, {columns}, "
            "case when remainder <> '{}' then remainder::varchar end as extra "
            "from listed where not is_rejected and not is_duplicate order by rowid_of_page, place"
        ).to_arrow_table()
    return rows.cast(schema), counts


_IS_ODD = "lambda item: json_type(item) <> 'VARCHAR'"


def _with_valid_text(connection: duckdb.DuckDBPyConnection, pages: pa.Table) -> tuple[pa.Table, int]:
    """Replace what is JSON to Python but not to DuckDB, half a surrogate pair, by `?`; return the number of pages."""
    connection.register("received", pages)
    valid = connection.sql("select json_valid(body) as is_valid from received").to_arrow_table()["is_valid"].to_pylist()
    if all(valid):
        return pages, 0
    bodies = [
        body if is_valid else json.dumps(json.loads(body), ensure_ascii=False).encode("utf-8", "replace").decode()
        for body, is_valid in zip(pages["body"].to_pylist(), valid, strict=True)
    ]
    return pages.set_column(pages.column_names.index("body"), "body", pa.array(bodies)), valid.count(False)


def _json_shape(kind: pa.DataType, name: str) -> str:
    """Return the type a field is read as, in `json_transform`'s own notation; null where it does not fit."""
    if name in JSON_FIELDS:
        return '"JSON"'
    if pa.types.is_list(kind):
        return '["VARCHAR"]'
    if pa.types.is_struct(kind):
        return "{" + ", ".join(f'"{f.name}": {_json_shape(f.type, f.name)}' for f in kind) + "}"
    if pa.types.is_map(kind):
        return '"MAP(VARCHAR, BIGINT)"'
    return {pa.int64(): '"BIGINT"', pa.float64(): '"DOUBLE"', pa.bool_(): '"BOOLEAN"'}.get(kind, '"VARCHAR"')


def _is_misfit(kind: pa.DataType, name: str) -> str:
    missing = f"(\"{name}\" is null and json_type(raw, '$.{name}') <> 'NULL')"
    if pa.types.is_struct(kind):
        inner = (f"(\"{name}\".{f.name} is null and json_type(raw, '$.{name}.{f.name}') <> 'NULL')" for f in kind)
        return f"({missing} or {' or '.join(inner)})"
    return missing


def _value(kind: pa.DataType, name: str) -> str:
    if pa.types.is_timestamp(kind):
        return f'try_cast(field."{name}" as timestamp)'
    if pa.types.is_list(kind):
        return f'list_filter(field."{name}", lambda item: item is not null)'
    if pa.types.is_struct(kind):
        return f"case when json_type(raw, '$.{name}') = 'OBJECT' then field.\"{name}\" end"
    if name in JSON_FIELDS:
        return f"case when json_type(raw, '$.{name}') <> 'NULL' then field.\"{name}\"::varchar end"
    return f'field."{name}"'
