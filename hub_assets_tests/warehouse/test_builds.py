"""Detecting which weeks of which tables are stale."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import duckdb
import pytest

from hub_assets.warehouse.builds import TableCode, record_build, stale_tables

WEEK, OTHER = date(2026, 11, 16), date(2026, 11, 9)
CODE = {
    "a": TableCode("a1", frozenset({"raw"})),
    "b": TableCode("b1", frozenset({"a"})),
    "c": TableCode("c1", frozenset({"b"})),
    "d": TableCode("d1", frozenset({"raw"})),
}


class Weeks:
    """A database whose builds are a minute apart."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        self.now = datetime(2026, 11, 16, tzinfo=UTC)

    def build(self, *tables: str, week: date = WEEK, code: dict[str, TableCode] = CODE) -> None:
        for table in tables:
            self.now += timedelta(minutes=1)
            record_build(self.connection, table, week, code[table].version, self.now)


@pytest.fixture
def weeks() -> Iterator[Weeks]:
    made = Weeks()
    yield made
    made.connection.close()


def test_nothing_was_built(weeks: Weeks) -> None:
    assert stale_tables(weeks.connection, CODE) == {}
    assert stale_tables(weeks.connection, CODE, [OTHER]) == {OTHER: ["a", "b", "c", "d"]}


def test_present_code_is_not_stale_and_may_run_again(weeks: Weeks) -> None:
    weeks.build("a", "b", "c", "d")
    weeks.build("a", "d")
    assert stale_tables(weeks.connection, CODE) == {}


def test_changed_table_and_exactly_its_descendants_are_stale(weeks: Weeks) -> None:
    weeks.build("a", "b", "c", "d")
    weeks.build("a", "b", "c", "d", week=OTHER)
    changed = CODE | {"b": TableCode("b2", frozenset({"a"})), "c": TableCode("c2", frozenset({"b"}))}
    assert stale_tables(weeks.connection, changed) == {OTHER: ["b", "c"], WEEK: ["b", "c"]}
    weeks.build("b", "c", code=changed)
    assert stale_tables(weeks.connection, changed) == {OTHER: ["b", "c"]}


def test_table_built_before_what_it_reads_was_rebuilt_is_stale(weeks: Weeks) -> None:
    weeks.build("a", "b", "c", "d")
    changed = CODE | {name: TableCode(f"{name}2", CODE[name].reads) for name in ("a", "b", "c")}
    weeks.build("b", "c", code=changed)
    assert stale_tables(weeks.connection, changed) == {WEEK: ["a", "b", "c"]}
    weeks.build("a", code=changed)
    assert stale_tables(weeks.connection, changed) == {WEEK: ["b", "c"]}


def test_new_table_is_missing_from_earlier_weeks(weeks: Weeks) -> None:
    weeks.build("a", "b", "c")
    assert stale_tables(weeks.connection, CODE) == {WEEK: ["d"]}
