"""Dagster's SQLite files are opened once per run, nothing is lost or left behind, and later writes are as before."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import dagster as dg
import pytest
import sqlalchemy
from sqlalchemy.engine import Engine

from hub_assets.event_store import cheap_commits


@contextmanager
def connections_opened() -> Iterator[list[str]]:
    opened: list[str] = []

    def note(connection: sqlite3.Connection, _record: object) -> None:
        (_, _, path), *_ = connection.execute("pragma database_list").fetchall()
        opened.append(Path(path).name)

    sqlalchemy.event.listen(Engine, "connect", note)
    try:
        yield opened
    finally:
        sqlalchemy.event.remove(Engine, "connect", note)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test(temp_dir=str(tmp_path)) as made:
        yield made


@dg.asset
def numbers() -> list[int]:
    return [1, 2, 3]


def materialize(instance: dg.DagsterInstance) -> str:
    return dg.materialize([numbers], instance=instance).run_id


def logs_left(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*-wal") if path.stat().st_size]


def test_each_file_is_opened_once_and_its_log_is_gone_at_the_end(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    materialize(instance)  # creates the files of the instance
    with connections_opened() as before:
        plain = materialize(instance)
    with connections_opened() as opened:
        with cheap_commits():
            cheap = materialize(instance)
            assert f"{cheap}.db-wal" in logs_left(tmp_path)
        assert logs_left(tmp_path) == []
    assert before.count(f"{plain}.db") > 10
    assert opened.count(f"{cheap}.db") <= 2
    assert opened.count("index.db") <= 2
    kinds = [
        [entry.dagster_event.event_type for entry in instance.all_logs(run_id) if entry.dagster_event]
        for run_id in (plain, cheap)
    ]
    assert kinds[0] == kinds[1]
    assert len(kinds[0]) > 10
    assert len(instance.fetch_materializations(numbers.key, limit=10).records) == 3


@dg.asset
def chatty(context: dg.AssetExecutionContext) -> None:
    def work() -> None:
        for _ in range(20):
            context.log.info("working")

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_events_may_come_from_several_threads(instance: dg.DagsterInstance) -> None:
    with cheap_commits():
        run_id = dg.materialize([chatty], instance=instance).run_id
    assert [entry.user_message for entry in instance.all_logs(run_id)].count("working") == 80


def test_later_connections_wait_for_the_disk_again(instance: dg.DagsterInstance) -> None:
    modes: list[int] = []

    def note(connection: sqlalchemy.Connection, *_: object) -> None:
        modes.append(connection.connection.execute("pragma synchronous").fetchone()[0])

    sqlalchemy.event.listen(Engine, "commit", note)
    try:
        with cheap_commits(), cheap_commits():
            materialize(instance)
        assert set(modes) == {1}
        modes.clear()
        materialize(instance)
        assert set(modes) == {2}
    finally:
        sqlalchemy.event.remove(Engine, "commit", note)
