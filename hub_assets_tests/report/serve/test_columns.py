"""Columns and names in memory, compared with the same question asked of Python lists."""

from collections import Counter
from datetime import date
from itertools import pairwise

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_assets.report.serve.columns import Column, Columns, Names, top

NUMBERS = st.lists(st.none() | st.integers(0, 6) | st.integers(0, 2**62), max_size=30)
TEXTS = st.lists(st.none() | st.sampled_from(["", "a", "b", "Ä", "ab"]), max_size=30)
DAYS = st.lists(st.none() | st.dates(date(2024, 1, 1), date(2024, 1, 9)), max_size=30)
LISTS = st.lists(st.none() | st.lists(st.sampled_from(["a", 'b"', ""]), max_size=3), max_size=30)
WEEK = date(2026, 11, 16)


def values_of(column: Column) -> list[object]:
    return [None if code < 0 else column.values[code].as_py() for code in column.codes.tolist()]


@given(
    st.one_of(
        st.tuples(NUMBERS, st.integers(0, 7), st.just(pa.int64())),
        st.tuples(TEXTS, st.sampled_from(["a", "aa", "Ä"]), st.just(pa.string())),
        st.tuples(DAYS, st.dates(date(2023, 12, 31), date(2024, 1, 10)), st.just(pa.date32())),
    )
)
def test_conditions_mean_what_they_say(drawn: tuple[list[object], object, pa.DataType]) -> None:
    values, wanted, kind = drawn
    column = Column.of(pa.chunked_array([values[:7], values[7:]], kind))
    known: list[tuple[bool, object]] = [(value is not None, value) for value in values]
    assert values_of(column) == values
    assert column.is_null().tolist() == [not is_known for is_known, _ in known]
    assert column.equals(wanted).tolist() == [is_known and value == wanted for is_known, value in known]
    if kind != pa.string():
        assert column.is_at_least(wanted).tolist() == [k and v >= wanted for k, v in known]  # type: ignore[operator]
        assert column.is_at_most(wanted).tolist() == [k and v <= wanted for k, v in known]  # type: ignore[operator]
    rows = np.arange(0, len(values), 2)
    assert column.least(rows) == min((value for value in values[::2] if value is not None), default=None)  # type: ignore[type-var]
    assert values_of(column.taken(rows)) == values[::2]


@given(st.lists(st.integers(-1, 4), max_size=40), st.integers(1, 12), st.data())
def test_the_top_rows_are_the_largest_in_row_order(codes: list[int], n: int, data: st.DataObject) -> None:
    selected = data.draw(st.lists(st.booleans(), min_size=len(codes), max_size=len(codes)))
    found = top(np.array(codes, np.int8), np.array(selected, np.bool_), n)
    assert found.tolist() == sorted(np.flatnonzero(selected).tolist(), key=lambda row: -codes[row])[:n]


@given(
    st.lists(
        st.tuples(st.sampled_from("cab"), st.none() | st.integers(0, 9), st.none() | st.just(["x"]), st.booleans())
    )
)
def test_rows_are_sorted_by_organization(rows: list[tuple[str, int | None, list[str] | None, bool]]) -> None:
    with duckdb.connect() as connection:
        connection.execute("create table t (snapshot_date date, organization varchar, n bigint, items varchar[])")
        for name, n, items, is_of_week in rows:
            day = WEEK if is_of_week else date(2026, 11, 9)
            connection.execute("insert into t values (?, ?, ?, ?)", [day, name, n, items])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("hub_assets.report.serve.columns.SCANNED", {"t": (("n", "to_json(items)::varchar"), ("n",))})
            columns = Columns(connection, "t", WEEK)
        kept = sorted((row for row in rows if row[3]), key=lambda row: row[0])
        assert len(columns) == len(kept)
        assert values_of(columns["n"]) == [n for _, n, _, _ in kept]
        written = columns["to_json(items)::varchar"]
        assert written.has_list(lambda found: "x" in found).tolist() == [items == ["x"] for _, _, items, _ in kept]
        names = sorted({row[0] for row in kept})
        assert columns.organizations.to_pylist() == names
        amounts = columns.amounts["n"]
        values = amounts.distinct[amounts.codes]
        assert amounts.rows.tolist() == [place for place, (_, n, *_) in enumerate(kept) if n]
        assert values.tolist() == [n for _, n, *_ in kept if n]
        assert amounts.unknown.tolist() == [place for place, (_, n, *_) in enumerate(kept) if n is None]
        assert amounts.total == sum(n or 0 for _, n, *_ in kept)
        assert [names[position] for position in columns.organization_of] == [name for name, *_ in kept]
        for start, end in pairwise(columns.starts.tolist()):
            assert values[amounts.between(start, end)].tolist() == [n for _, n, *_ in kept[start:end] if n]
        for selected in (np.ones(len(kept), np.bool_), np.arange(len(kept)) % 2 == 0):
            found = columns.sums("n", selected)
            some = [(name, n) for (name, n, *_), is_selected in zip(kept, selected, strict=True) if is_selected and n]
            expected = {name: sum(n for each, n in some if each == name) for name in sorted({name for name, _ in some})}
            assert [names[position] for position in found.organizations] == list(expected)
            assert found.totals.tolist() == list(expected.values())
            occurring = dict(zip(amounts.distinct.tolist(), found.counts.tolist(), strict=True))
            assert {value: n for value, n in occurring.items() if n} == Counter(n for _, n in some)
        assert columns.of_organizations(["A", "c"]).tolist() == [name in ("a", "c") for name, *_ in kept]
        where = f"rowid in ({', '.join(map(str, columns.rowids.tolist())) or 'null'})"
        [[n_found, total]] = connection.execute(f"select count(*), coalesce(sum(n), 0) from t where {where}").fetchall()
        assert (n_found, total) == (len(kept), values.sum())


PARTS = "aB-Ää\nΣσς"


@given(st.lists(st.text(PARTS, max_size=4)), st.text(PARTS, max_size=2), st.integers(1, 5))
def test_names_are_found_in_order_of_rank(names: list[str], text: str, n: int) -> None:
    def lowered(given: str) -> str:
        # as Arrow and DuckDB do, a sigma at the end of a word as elsewhere
        return "".join(each.lower() for each in given)

    half = len(names) // 2
    ranked = Names(pa.chunked_array([names[:half], names[half:]], pa.string()))
    assert (
        ranked.containing(text, n).tolist()
        == [place for place, name in enumerate(names) if lowered(text) in lowered(name)][:n]
    )
    assert ranked.equal(text).tolist() == [place for place, name in enumerate(names) if lowered(text) == lowered(name)]


@pytest.mark.parametrize("n", [127, 128, 255, 256, 257, 32_767, 65_536])
def test_the_last_of_any_number_of_names_is_found(n: int) -> None:
    """Positions are kept in the smallest type that fits, so the position after the last one may not fit."""
    assert Names(pa.array([f"name {place}" for place in range(n)])).equal(f"name {n - 1}").tolist() == [n - 1]


@pytest.mark.parametrize("n", [127, 128, 255, 32_767])
def test_the_rows_of_the_last_of_any_number_of_organizations(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub_assets.report.serve.columns.SCANNED", {"t": (("n",), ("n",))})
    with duckdb.connect() as connection:
        connection.execute(
            f"create table t as select date '{WEEK}' as snapshot_date, format('{{:05}}', i) as organization, "
            f"i + 1 as n from range({n}) as ids (i)"
        )
        columns = Columns(connection, "t", WEEK)
    last = columns.sums("n", np.ones(n, np.bool_)).organizations[-1]
    assert columns.starts[last : last + 2].tolist() == [n - 1, n]
