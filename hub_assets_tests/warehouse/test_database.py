"""Weeks are replaced as a whole, columns can be added, removed and changed, and readers see only published weeks."""

import os
import resource
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest

from hub_assets.warehouse.database import (
    NothingBuilt,
    WarehouseBusy,
    WarehouseDamaged,
    WarehouseError,
    _require,
    connect,
    failing_rows,
    is_table,
    prepare,
    publish,
    replace_week,
    show,
)
from hub_assets.warehouse.sql_project import Column, DataTest, Project, Seed, load_project
from hub_assets_tests.killing import ended, started
from hub_assets_tests.warehouse.building import NETWORK, STATS

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


@pytest.fixture(scope="session")
def project() -> Project:
    return load_project(Path(__file__).parents[2] / "dbt_like_sql")


def build(path: Path, project: Project, day: date, n_likes: int) -> None:
    """Create all tables of a build, empty except for one row in mart__usage_resolution."""
    with connect(path) as connection:
        prepare(connection, project, {source.name: [] for source in project.sources})
        for model in project.models:
            if not model.is_view:
                replace_week(connection, model.name, day, model.render(day))
        columns = f"{n_likes} as n_spaces, 0::hugeint as n_edges_resolved, 0 as n_edges, 0 as n_models_named"
        columns += ", 0 as n_edges_by_alias, 0 as n_ids_moved, 0 as n_ids_gone, 0 as n_ids_not_asked"
        replace_week(connection, "mart__usage_resolution", day, week(day, f"{columns}, 0 as n_models_unresolved"))


def published(path: Path) -> list[tuple[object, ...]]:
    with connect(path, read_only=True) as connection:
        return connection.execute("select snapshot_date, n_spaces from mart__usage_resolution order by 1").fetchall()


def test_newly_filled_table_joins_correctly(tmp_path: Path) -> None:
    """With two threads, DuckDB 2.0.0 loses rows of a large table created and filled in one transaction."""
    with connect(tmp_path / "build.duckdb") as connection:
        connection.execute("set threads = 2")
        replace_week(connection, "t", ONE, week(ONE, "range as k from range(300000)"))
        joined = connection.execute("select count(*) from t join range(300000) as r on t.k = r.range").fetchall()
        assert joined == [(300_000,)]
        assert connection.execute("select count(distinct k) from t").fetchall() == [(300_000,)]


@pytest.mark.slow
def test_publishing_adds_one_week_without_disturbing_readers(tmp_path: Path, project: Project) -> None:
    building, warehouse = tmp_path / "build.duckdb", tmp_path / "warehouse.duckdb"
    build(building, project, ONE, 1)
    publish(building, warehouse, ONE, project)
    with connect(warehouse, read_only=True) as reader:
        build(building, project, TWO, 2)
        assert published(warehouse) == [(ONE, 1)]
        publish(building, warehouse, TWO, project)
        assert rows(reader, "(select n_spaces from mart__usage_resolution)") == [(1,)]
    assert published(warehouse) == [(ONE, 1), (TWO, 2)]
    build(building, project, ONE, 99)
    publish(building, warehouse, TWO, project)
    assert published(warehouse) == [(ONE, 1), (TWO, 2)]
    with connect(warehouse, read_only=True) as reader:
        assert reader.execute("select count(*) from duckdb_views() where not internal").fetchall() == [(0,)]
        tables = {name for (name,) in reader.execute("select table_name from duckdb_tables()").fetchall()}
        # of the tables that name people, only the identity tables are published
        marts = [model.name for model in project.models if model.layer == "marts"]
        core = ("core__developer_pairs", "core__developers", "core__week_quality")
        assert tables == {*core, *STATS, *NETWORK, *marts, *(seed.name for seed in project.seeds)}
        ((comment,),) = reader.execute(
            "select comment from duckdb_tables() where table_name = 'mart__repo_activity'"
        ).fetchall()
        assert comment.startswith("One row per week and repository")
    assert {path.name for path in tmp_path.iterdir()} == {"build.duckdb", "warehouse.duckdb"}


LEAVE_A_LOG = """
import duckdb, os, signal, sys
connection = duckdb.connect(sys.argv[1])
connection.execute("update mart__usage_resolution set n_spaces = 99")
if sys.argv[2] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
print("open", flush=True)
sys.stdin.read()
connection.execute("update mart__usage_resolution set n_spaces = 98")
"""


@pytest.mark.slow
@pytest.mark.parametrize("end", ["killed", "still open"])
def test_foreign_writes_to_the_published_file_are_discarded(tmp_path: Path, project: Project, end: str) -> None:
    building, warehouse = tmp_path / "build.duckdb", tmp_path / "warehouse.duckdb"
    build(building, project, ONE, 1)
    publish(building, warehouse, ONE, project)
    command = [sys.executable, "-c", LEAVE_A_LOG, str(warehouse), end]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdin
        other.stdout.readline()
        assert (tmp_path / "warehouse.duckdb.wal").exists()
        build(building, project, TWO, 2)
        publish(building, warehouse, TWO, project)
        assert published(warehouse) == [(ONE, 1), (TWO, 2)]
        other.stdin.close()
    # a process that had the old file open kept using it and did not touch the new one
    assert published(warehouse) == [(ONE, 1), (TWO, 2)]
    assert {path.name for path in tmp_path.iterdir()} - {"warehouse.duckdb.wal.set-aside"} == {
        "build.duckdb",
        "warehouse.duckdb",
    }


@pytest.mark.slow
def test_empty_week_is_not_published(tmp_path: Path, project: Project) -> None:
    building, warehouse = tmp_path / "build.duckdb", tmp_path / "warehouse.duckdb"
    build(building, project, ONE, 1)
    publish(building, warehouse, ONE, project)
    before = warehouse.read_bytes()
    with pytest.raises(NothingBuilt, match=f"has no rows for the week of {TWO}; materialize its tables first"):
        publish(building, warehouse, TWO, project)
    assert warehouse.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"build.duckdb", "warehouse.duckdb"}


@pytest.mark.slow
def test_success_is_reported_only_if_the_published_file_has_the_rows(tmp_path: Path, project: Project) -> None:
    building, warehouse = tmp_path / "build.duckdb", tmp_path / "warehouse.duckdb"
    build(building, project, ONE, 1)
    rows_of_week = publish(building, warehouse, ONE, project)
    table = next(name for name, n in rows_of_week.items() if n)
    with pytest.raises(WarehouseError, match=rf"{table} in .* has \d+ rows for {ONE} instead of 99; publish again"):
        _require(warehouse, ONE, {table: 99})


@pytest.mark.slow
@pytest.mark.parametrize("name", ["build", "warehouse"])
def test_publishing_reports_which_database_is_damaged(tmp_path: Path, project: Project, name: str) -> None:
    paths = {"build": tmp_path / "build.duckdb", "warehouse": tmp_path / "warehouse.duckdb"}
    build(paths["build"], project, ONE, 1)
    publish(paths["build"], paths["warehouse"], ONE, project)
    content = bytearray(paths[name].read_bytes())
    content[4200] ^= 1
    paths[name].write_bytes(content)
    with pytest.raises(WarehouseDamaged, match=rf"{paths[name]} is damaged"):
        publish(paths["build"], paths["warehouse"], ONE, project)
    assert paths[name].read_bytes() == content
    assert {path.name for path in tmp_path.iterdir()} == {"build.duckdb", "warehouse.duckdb"}


@pytest.mark.slow
def test_removed_model_is_dropped_from_the_published_file(tmp_path: Path, project: Project) -> None:
    building, warehouse = tmp_path / "build.duckdb", tmp_path / "warehouse.duckdb"
    build(building, project, ONE, 1)
    publish(building, warehouse, ONE, project)
    fewer = replace(project, models=tuple(m for m in project.models if m.name != "mart__usage_resolution"))
    publish(building, warehouse, ONE, fewer)
    with connect(warehouse, read_only=True) as reader, pytest.raises(duckdb.CatalogException):
        reader.execute("select * from mart__usage_resolution")


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
