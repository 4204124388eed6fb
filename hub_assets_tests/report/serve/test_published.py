"""What the server keeps in memory: read once, in order, and stopped or postponed when nobody needs it."""

import threading
import time
from datetime import date

import duckdb
import pytest

from hub_assets.report.serve.published import Memory, Unanswered

WEEK = date(2026, 11, 16)
SLOW = "select sum(a.range * b.range) from range(3000) as a, range(3000) as b"


def soon() -> float:
    return time.monotonic() + 30


def test_stopping_ends_a_read_of_many_queries() -> None:
    is_running = threading.Event()
    finished = []

    def read(connection: duckdb.DuckDBPyConnection, _: date) -> int:
        for number in range(2_000):
            is_running.set()
            connection.execute(SLOW)
            time.sleep(0.01)  # an interruption now would reach no query
            finished.append(number)
        return len(finished)

    with duckdb.connect() as connection:
        memory = Memory(connection, WEEK, {"long": read})
        assert is_running.wait(30)
        memory.stop()
        n_finished = len(finished)
        assert n_finished < 2_000
        time.sleep(0.2)
        assert len(finished) == n_finished
        with pytest.raises(Unanswered, match="closing"):
            memory.get("other", read, soon())


def test_canceled_reads_start_only_if_somebody_asks() -> None:
    is_running, go = threading.Event(), threading.Event()
    calls = []

    def first(*_: object) -> str:
        is_running.set()
        go.wait(30)
        return "first"

    def second(*_: object) -> str:
        calls.append("second")
        return "second"

    with duckdb.connect() as connection:
        memory = Memory(connection, WEEK, {"first": first, "second": second})
        assert is_running.wait(30)
        memory.cancel_waiting()
        go.set()
        assert memory.get("first", first, soon()) == "first"
        time.sleep(0.2)
        assert calls == []
        assert [memory.get("second", second, soon()) for _ in range(2)] == ["second", "second"]
        assert calls == ["second"]
        memory.stop()
