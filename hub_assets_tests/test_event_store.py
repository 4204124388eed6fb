"""Commits to SQLite wait for the disk less often, and nothing is lost or left behind."""

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy.pool import NullPool

from hub_assets.event_store import cheap_commits


@pytest.fixture
def engine(tmp_path: Path) -> sqlalchemy.Engine:
    made = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'events.db'}", poolclass=NullPool)
    with made.begin() as connection:
        connection.execute(sqlalchemy.text("pragma journal_mode = wal"))
        connection.execute(sqlalchemy.text("create table events (n integer)"))
    return made


def insert(engine: sqlalchemy.Engine, n: int) -> None:
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text(f"insert into events values ({n})"))


def test_closing_a_connection_leaves_the_log_and_the_end_moves_it_into_the_file(
    engine: sqlalchemy.Engine, tmp_path: Path
) -> None:
    log = tmp_path / "events.db-wal"
    insert(engine, 1)
    assert not log.exists()
    with cheap_commits():
        for n in (2, 3):
            insert(engine, n)
            assert log.stat().st_size > 0
        with engine.connect() as connection:
            assert connection.execute(sqlalchemy.text("pragma synchronous")).scalar() == 1
    insert(engine, 4)
    assert not log.exists()
    with sqlite3.connect(tmp_path / "events.db") as connection:
        assert connection.execute("select n from events").fetchall() == [(1,), (2,), (3,), (4,)]


def test_later_connections_wait_for_the_disk_again(engine: sqlalchemy.Engine) -> None:
    with cheap_commits(), cheap_commits():
        insert(engine, 1)
    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.text("pragma synchronous")).scalar() == 2
