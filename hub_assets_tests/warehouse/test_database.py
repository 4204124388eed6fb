"""Weeks are replaced as a whole, columns can be added, removed and changed, and readers see only published weeks."""

import os
import resource
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import pytest

from hub_assets.warehouse.database import (
    WarehouseBusy,
    WarehouseDamaged,
    WarehouseError,
    connect,
    failing_rows,
    is_table,
    replace_week,
    show,
)
from hub_assets.warehouse.sql_project import Column, DataTest, Project, Seed
from hub_assets_tests.killing import ended, started

ONE, TWO = date(2026, 11, 9), date(2026, 11, 16)


def week(day: date, columns: str = "1 as a") -> str:
    return f"select date '{day}' as snapshot_date, {columns}"


def rows(connection: duckdb.DuckDBPyConnection, table: str = "t") -> list[tuple[object, ...]]:
    return connection.execute(f"select * from {table} order by all").fetchall()


def test_rebuilding_a_week_replaces_its_rows(tmp_path: Path) -> None:
    with connect(tmp_path / "b.duckdb") as connection:
        assert replace_week(connection, "t", ONE, week(ONE)) == 1
        assert replace_week(connection, "t", TWO, week(TWO, "unnest([5, 6]) as a")) == 2
        replace_week(connection, "t", TWO, week(TWO, "7 as a"))
        assert rows(connection) == [(ONE, 1), (TWO, 7)]
        replace_week(connection, "t", TWO, week(TWO) + " where false")
        assert rows(connection) == [(ONE, 1)]


def test_new_column_keeps_older_weeks(tmp_path: Path) -> None:
    with connect(tmp_path / "b.duckdb") as connection:
        replace_week(connection, "t", ONE, week(ONE))
        replace_week(connection, "t", TWO, week(TWO, "'x' as b, 2 as a"))
        assert rows(connection) == [(ONE, None, 1), (TWO, "x", 2)]
        replace_week(connection, "t", TWO, week(TWO, "2 as a"))
        assert rows(connection) == [(ONE, 1), (TWO, 2)]


def test_changed_type_converts_older_weeks(tmp_path: Path) -> None:
    with connect(tmp_path / "b.duckdb") as connection:
        replace_week(connection, "t", ONE, week(ONE, "unnest(['3', 'three']) as a"))
        replace_week(connection, "t", TWO, week(TWO, "4::bigint as a"))
        assert rows(connection) == [(ONE, 3), (ONE, None), (TWO, 4)]


def test_failure_leaves_the_week_and_the_file_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "b.duckdb"
    with connect(path) as connection:
        replace_week(connection, "t", ONE, week(ONE))
        with pytest.raises(duckdb.ConversionException):
            replace_week(connection, "t", ONE, week(ONE, "cast('x' as integer) as a"))
        assert rows(connection) == [(ONE, 1)]
    with pytest.raises(duckdb.CatalogException), connect(path) as connection:
        connection.execute("select * from nowhere")
    with connect(path) as connection:
        assert rows(connection) == [(ONE, 1)]


def test_concurrent_writer_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "b.duckdb"
    script = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdin
        other.stdout.readline()
        with pytest.raises(WarehouseBusy, match="another run"), connect(path):
            pass
        with pytest.raises(WarehouseBusy, match="another run"), connect(path, read_only=True):
            pass
        other.stdin.close()
        other.wait(60)


@pytest.mark.parametrize("folder", ["blocks", "lock", "No space left on device"])
def test_error_type_does_not_depend_on_words_in_the_path(tmp_path: Path, folder: str) -> None:
    for read_only in (True, False):
        with (
            pytest.raises(WarehouseError, match="does not exist") as error,
            connect(tmp_path / folder / "b.duckdb", read_only=read_only),
        ):
            pass
        assert error.type is WarehouseError


def filled(path: Path) -> Path:
    with connect(path) as connection:
        connection.execute("create table t as select range as n, md5(range::varchar) as text from range(20000)")
    return path


def write_and_die(path: str) -> None:
    with connect(Path(path)) as connection:
        connection.execute("insert into t select 1, 'x'")
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["header", "content", "truncated", "empty", "other file", "log"])
def test_damaged_file_is_reported_with_a_remedy(tmp_path: Path, damage: str) -> None:
    path = filled(tmp_path / "build.duckdb")
    content = bytearray(path.read_bytes())
    match damage:
        case "header":
            content[4200] ^= 1
        case "content":
            content[len(content) // 2] ^= 1
        case "truncated":
            del content[-300_000:]
        case "empty":
            content.clear()
        case "other file":
            content[:] = b"snapshot" * 10_000
        case "log":
            ended(started(write_and_die, str(filled(tmp_path / "other.duckdb"))))
            (tmp_path / "other.duckdb.wal").replace(tmp_path / "build.duckdb.wal")
    path.write_bytes(content)
    remedy = r"Move build\.duckdb\.wal away" if damage == "log" else "Remove it: materializing its weeks again"
    for read_only in (True, False):
        with (
            pytest.raises(WarehouseDamaged, match=rf"{path} is damaged \(.*\)\. {remedy}"),
            connect(path, read_only=read_only) as connection,
        ):
            connection.execute("select sum(n), max(text) from t").fetchall()


def test_removed_database_is_recreated_despite_a_stale_log(tmp_path: Path) -> None:
    (tmp_path / "build.duckdb.wal").write_bytes(b"left")
    filled(tmp_path / "build.duckdb")
    assert [path.name for path in tmp_path.iterdir()] == ["build.duckdb"]


def write_on_a_full_disk(path: str, largest_file: int, n: int) -> None:
    def write() -> None:
        with connect(Path(path)) as connection:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
            replace_week(connection, "t", TWO, week(TWO, f"md5(range::varchar) as a from range({n})"))

    with pytest.raises(WarehouseError, match="because the disk is full") as error:
        write()
    assert error.type is WarehouseError


# the disk fills up while writing a commit's log, during the checkpoint after it, or in the middle of a large table
@pytest.mark.parametrize(("largest_file", "n"), [(2**14, 2_000), (2**19, 10_000), (2**20, 500_000)])
def test_full_disk_is_reported_and_keeps_existing_rows(tmp_path: Path, largest_file: int, n: int) -> None:
    path = tmp_path / "b.duckdb"
    with connect(path) as connection:
        replace_week(connection, "t", ONE, week(ONE, "'x' as a"))
    ended(started(write_on_a_full_disk, str(path), largest_file, n), None)
    with connect(path) as connection:
        assert rows(connection, "(select * from t where snapshot_date = date '2026-11-09')") == [(ONE, "x")]
    assert [file.name for file in tmp_path.iterdir()] == ["b.duckdb"]


def test_newly_filled_table_joins_correctly(tmp_path: Path) -> None:
    """With two threads, DuckDB 2.0.0 loses rows of a large table created and filled in one transaction."""
    with connect(tmp_path / "build.duckdb") as connection:
        connection.execute("set threads = 2")
        replace_week(connection, "t", ONE, week(ONE, "range as k from range(300000)"))
        joined = connection.execute("select count(*) from t join range(300000) as r on t.k = r.range").fetchall()
        assert joined == [(300_000,)]
        assert connection.execute("select count(distinct k) from t").fetchall() == [(300_000,)]


@pytest.mark.parametrize(
    ("test", "failing"),
    [
        (DataTest("not_null", ("a",)), 1),
        (DataTest("not_null", ("a", "b")), 2),
        (DataTest("unique", ("a",)), 1),
        (DataTest("unique", ("a", "b")), 0),
        (DataTest("accepted_values", ("b",), values=("x", "it's")), 1),
        (DataTest("relationships", ("b",), to="targets", field="b"), 1),
    ],
)
def test_data_tests_find_the_rows_that_fail(test: DataTest, failing: int) -> None:
    table = Seed("t", Path("t.csv"), "", ("a",), (Column("a", "BIGINT"), Column("b", "VARCHAR")), (), "reference")
    with duckdb.connect() as connection:
        connection.execute(
            "create table t as "
            "select * from (values (1, 'x'), (1, 'y'), (2, 'it''s'), (3, null), (null, 'x')) as v(a, b)"
        )
        connection.execute("create table targets as select unnest(['x', 'y']) as b")
        failed = connection.execute(failing_rows(test, table, ONE)).fetchall()
    assert len(failed) == failing


def test_progress_bar_is_disabled(tmp_path: Path) -> None:
    with connect(tmp_path / "b.duckdb") as connection:
        assert rows(connection, "(select current_setting('enable_progress_bar'))") == [(False,)]


def test_table_takes_in_the_weeks_of_a_view(tmp_path: Path, project: Project) -> None:
    """Weeks written by another engine are kept when DuckDB writes the next one."""
    table = project.tables["int_hub__trailers"]
    with connect(tmp_path / "build.duckdb") as connection:
        week = "select date '2026-11-{}' as snapshot_date, 'Ann' as name, 'ann' as handle, 1::bigint as n_commits"
        connection.execute(f"copy ({week.format('09')}) to '{tmp_path}/week.parquet'")
        show(connection, table, [tmp_path / "week.parquet"])
        assert not is_table(connection, table.name)
        assert replace_week(connection, table.name, date(2026, 11, 16), week.format(16)) == 1
        assert is_table(connection, table.name)
        weeks = connection.execute(f"select snapshot_date from {table.name} order by 1").fetchall()
    assert weeks == [(date(2026, 11, 9),), (date(2026, 11, 16),)]


def test_a_database_can_be_opened_again_after_a_read_that_failed_midway(tmp_path: Path) -> None:
    path = tmp_path / "build.duckdb"
    with connect(path) as connection:
        connection.execute("create table t as select i, 'x' || i as name from range(1_000_000) as r (i)")
    # in another process, because DuckDB would wait forever
    code = f"""
from pathlib import Path
from hub_assets.warehouse.database import batches, connect
path = Path({str(path)!r})
try:
    with connect(path) as connection, batches(connection.sql("select * from t"), 1000) as reader:
        for batch in reader:
            1 / 0
except ZeroDivisionError as error:
    kept = error
with connect(path, read_only=True) as connection:
    print(connection.execute("select count(*) from t").fetchall())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "[(1000000,)]\n", done.stderr
