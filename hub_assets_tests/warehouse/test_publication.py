"""Readers see the published weeks, all of them and nothing else, however publishing is interrupted or repeated."""

import errno
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_assets import cli
from hub_assets.home import Home
from hub_assets.report.site.build import build_site
from hub_assets.upkeep.backup import BackupError, back_up, restore
from hub_assets.warehouse import publication
from hub_assets.warehouse.database import WarehouseDamaged, WarehouseError, connect, prepare, replace_week
from hub_assets.warehouse.publication import (
    NEWEST,
    NothingBuilt,
    _require,
    files_of,
    older_weeks,
    publish,
    require_intact,
    rewrite_published,
    show_weeks,
)
from hub_assets.warehouse.sql_project import Column, Model, Project
from hub_assets_tests.killing import deadly, ended, started
from hub_assets_tests.warehouse.building import NETWORK, STATS

ONE, TWO, THREE, FOUR = (date(2026, 11, day) for day in (2, 9, 16, 23))
TABLE = "mart__usage_resolution"


def build(path: Path, project: Project, day: date, n_likes: int) -> None:
    """Create all tables of a build, empty except for one row in mart__usage_resolution."""
    with connect(path) as connection:
        prepare(connection, project, {source.name: [] for source in project.sources})
        for model in project.models:
            if not model.is_view:
                replace_week(connection, model.name, day, model.render(day))
    with connect(path) as connection:
        set_value(connection, day, n_likes)


def set_value(connection: duckdb.DuckDBPyConnection, day: date, value: int) -> None:
    columns = f"date '{day}' as snapshot_date, {value} as n_spaces, 0 as n_edges, 0 as n_edges_resolved"
    columns += ", 0 as n_edges_by_alias, 0 as n_models_named, 0 as n_models_unresolved"
    replace_week(connection, TABLE, day, f"select {columns}, 0 as n_ids_moved, 0 as n_ids_gone, 0 as n_ids_not_asked")


def small(project: Project) -> Project:
    """A project with a single table, which is published in a hundredth of the time."""
    model = project.tables[TABLE]
    assert isinstance(model, Model)
    return replace(project, sources=(), seeds=project.seeds[:1], models=(model,))


def build_small(path: Path, project: Project, values: dict[date, int]) -> None:
    with connect(path) as connection:
        prepare(connection, project, {})
        for day, value in values.items():
            set_value(connection, day, value)


def published(path: Path) -> list[tuple[object, ...]]:
    with connect(path, read_only=True) as connection:
        return connection.execute(f"select snapshot_date, n_spaces from {TABLE} order by 1").fetchall()


def weeks_inside(path: Path) -> list[date]:
    with connect(path, read_only=True) as connection:
        return [week for (week,) in connection.execute(f"select snapshot_date from {NEWEST}.{TABLE}").fetchall()]


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_publishing_adds_one_week_without_disturbing_readers(tmp_path: Path, project: Project) -> None:
    building, warehouse = tmp_path / "build.duckdb", tmp_path / "warehouse.duckdb"
    build(building, project, ONE, 1)
    publish(building, warehouse, ONE, project)
    with connect(warehouse, read_only=True) as reader:
        build(building, project, TWO, 2)
        assert published(warehouse) == [(ONE, 1)]
        publish(building, warehouse, TWO, project)
        assert reader.execute(f"select n_spaces from {TABLE}").fetchall() == [(1,)]
    assert published(warehouse) == [(ONE, 1), (TWO, 2)]
    build(building, project, ONE, 99)
    publish(building, warehouse, TWO, project)
    assert published(warehouse) == [(ONE, 1), (TWO, 2)]
    with connect(warehouse, read_only=True) as reader:
        names = "select table_name from duckdb_tables() where schema_name = ?"
        views = {
            name for (name,) in reader.execute("select view_name from duckdb_views() where not internal").fetchall()
        }
        # of the tables that name people, only the identity tables are published
        marts = [model.name for model in project.models if model.layer == "marts"]
        core = ("core__developer_pairs", "core__developers", "core__week_quality")
        assert views == {*core, *STATS, *NETWORK, *marts}
        assert {name for (name,) in reader.execute(names, [NEWEST]).fetchall()} == views
        assert {name for (name,) in reader.execute(names, ["main"]).fetchall()} == {s.name for s in project.seeds}
        ((comment,),) = reader.execute(
            "select comment from duckdb_views() where view_name = 'mart__repo_activity'"
        ).fetchall()
        assert comment.startswith("One row per week and repository")
        for table in project.published:
            described = [(name, kind) for name, kind, *_ in reader.execute(f"describe {table.name}").fetchall()]
            assert described == [(column.name, column.type) for column in table.columns]
    assert {path.name for path in tmp_path.iterdir()} == {"build.duckdb", "warehouse.duckdb", "older_weeks"}


def test_database_holds_only_the_newest_week(tmp_path: Path, project: Project) -> None:
    building, warehouse, one_table = tmp_path / "build.duckdb", tmp_path / "warehouse.duckdb", small(project)
    weeks = [ONE + timedelta(weeks=n) for n in range(5)]
    build_small(building, one_table, {week: n for n, week in enumerate(weeks)})
    for week in weeks:
        publish(building, warehouse, week, one_table)
    assert weeks_inside(warehouse) == weeks[-1:]
    assert [file.week for file in files_of(warehouse)] == weeks[:-1]
    assert published(warehouse) == [(week, n) for n, week in enumerate(weeks)]
    with connect(warehouse, read_only=True) as reader:
        query = f"explain analyze select n_spaces from {TABLE} where snapshot_date = date '{weeks[1]}'"
        ((_, plan),) = reader.execute(query).fetchall()
    assert "Scanning Files: 1/4" in plan


@pytest.mark.slow
@given(
    publications=st.lists(
        st.dictionaries(st.sampled_from([ONE + timedelta(weeks=n) for n in range(4)]), st.integers(0, 9), min_size=1),
        min_size=1,
        max_size=5,
    )
)
@settings(max_examples=30)  # a second each
def test_weeks_may_be_published_in_any_order_and_again(
    publications: list[dict[date, int]], tmp_path_factory: pytest.TempPathFactory, project: Project
) -> None:
    folder, one_table = tmp_path_factory.mktemp("home"), small(project)
    building, warehouse = folder / "build.duckdb", folder / "warehouse.duckdb"
    expected: dict[date, int] = {}
    read: set[Path] = set()
    for values in publications:
        build_small(building, one_table, values)
        publish(building, warehouse, list(values), one_table)
        expected |= values
        assert published(warehouse) == sorted(expected.items())
        assert weeks_inside(warehouse) == [max(expected)]
        read, before = {file.path for file in files_of(warehouse)}, read
        assert len(read) == len(expected) - 1
        assert {*folder.glob("older_weeks/*/*/*")} == read | before, "files that nothing reads are deleted"
    shutil.rmtree(folder)


def test_home_published_by_an_older_version_is_converted(tmp_path: Path, project: Project) -> None:
    """Older versions kept all weeks in the database, as tables."""
    building, warehouse, one_table = tmp_path / "build.duckdb", tmp_path / "warehouse.duckdb", small(project)
    build_small(warehouse, one_table, {ONE: 1, TWO: 2})
    build_small(building, one_table, {THREE: 3})
    publish(building, warehouse, THREE, one_table)
    assert published(warehouse) == [(ONE, 1), (TWO, 2), (THREE, 3)]
    assert weeks_inside(warehouse) == [THREE]


def test_older_weeks_follow_the_columns_of_the_project(tmp_path: Path, project: Project) -> None:
    building, warehouse, before = tmp_path / "build.duckdb", tmp_path / "warehouse.duckdb", small(project)
    build_small(building, before, {ONE: 1, TWO: 2})
    publish(building, warehouse, [ONE, TWO], before)
    model = before.models[0]
    columns = [column for column in model.columns if column.name != "n_ids_gone"]
    columns = [replace(column, type="VARCHAR") if column.name == "n_spaces" else column for column in columns]
    changed = replace(before, models=(replace(model, columns=(*columns, Column("added", "DOUBLE[]"))),))
    build_small(building, before, {THREE: 3})
    publish(building, warehouse, THREE, changed)
    with connect(warehouse, read_only=True) as reader:
        described = {name: kind for name, kind, *_ in reader.execute(f"describe {TABLE}").fetchall()}
        rows = reader.execute(f"select n_spaces, added from {TABLE} order by snapshot_date").fetchall()
    assert "n_ids_gone" not in described
    assert (described["n_spaces"], described["added"]) == ("VARCHAR", "DOUBLE[]")
    assert rows == [("1", None), ("2", None), ("3", None)]


@pytest.mark.parametrize("name", ["it's a [home]*", "snapshot=1/x=2"])
def test_home_may_have_any_name(tmp_path: Path, project: Project, name: str) -> None:
    folder, one_table = tmp_path / name, small(project)
    folder.mkdir(parents=True)
    build_small(folder / "build.duckdb", one_table, {ONE: 1, TWO: 2})
    publish(folder / "build.duckdb", folder / "warehouse.duckdb", [ONE, TWO], one_table)
    assert published(folder / "warehouse.duckdb") == [(ONE, 1), (TWO, 2)]


def test_moved_home_says_how_to_read_its_older_weeks(tmp_path: Path, project: Project) -> None:
    here, there, one_table = tmp_path / "here", tmp_path / "there", small(project)
    Home(here).bind("https://hub.example", None)
    build_small(here / "build.duckdb", one_table, {ONE: 1, TWO: 2})
    publish(here / "build.duckdb", here / "warehouse.duckdb", [ONE, TWO], one_table)
    assert not show_weeks(here / "warehouse.duckdb")
    here.rename(there)
    with pytest.raises(WarehouseError, match=r"reads older weeks from .*/here/older_weeks/.*run: hub-assets upgrade"):
        published(there / "warehouse.duckdb")
    upgraded = CliRunner().invoke(cli.main, ["upgrade", "--home", str(there)])
    assert upgraded.exit_code == 0
    assert f"reads the older weeks in {there} again" in " ".join(upgraded.output.split())
    assert published(there / "warehouse.duckdb") == [(ONE, 1), (TWO, 2)]
    build_small(there / "build.duckdb", one_table, {THREE: 3})
    publish(there / "build.duckdb", there / "warehouse.duckdb", THREE, one_table)
    assert published(there / "warehouse.duckdb") == [(ONE, 1), (TWO, 2), (THREE, 3)]


def test_damaged_older_week_is_refused_until_it_is_published_again(tmp_path: Path, project: Project) -> None:
    building, warehouse, one_table = tmp_path / "build.duckdb", tmp_path / "warehouse.duckdb", small(project)
    build_small(building, one_table, {ONE: 1, TWO: 2})
    publish(building, warehouse, [ONE, TWO], one_table)
    require_intact(warehouse)
    path = files_of(warehouse)[0].path
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    path.write_bytes(content)
    require_intact(warehouse, TWO)
    for week in (None, ONE):
        with pytest.raises(WarehouseDamaged, match=rf"{path} is damaged .*warehouse__published for the week of {ONE}"):
            require_intact(warehouse, week)
    with pytest.raises(WarehouseDamaged, match="is damaged"):
        build_site(warehouse, tmp_path / "report", TWO, project)
    publish(building, warehouse, ONE, one_table)
    require_intact(warehouse)
    assert published(warehouse) == [(ONE, 1), (TWO, 2)]


def two_tables(project: Project) -> Project:
    one_table = small(project)
    return replace(one_table, models=(*one_table.models, replace(one_table.models[0], name="mart__other")))


def build_two(path: Path, project: Project, values: dict[date, int]) -> None:
    build_small(path, project, values)
    with connect(path) as connection:
        for day in values:
            rows = f"select * from {TABLE} where snapshot_date = date '{day}'"
            replace_week(connection, "mart__other", day, rows)


def both(path: Path) -> list[list[tuple[object, ...]]]:
    with connect(path, read_only=True) as connection:
        return [
            connection.execute(f"select snapshot_date, n_spaces from {table} order by 1").fetchall()
            for table in (TABLE, "mart__other")
        ]


@pytest.mark.parametrize("added", [[ONE], [ONE, THREE]], ids=["an older week", "and a new one"])
def test_failed_publication_never_becomes_visible(
    tmp_path: Path, project: Project, monkeypatch: pytest.MonkeyPatch, added: list[date]
) -> None:
    building, warehouse, tables = tmp_path / "build.duckdb", tmp_path / "warehouse.duckdb", two_tables(project)
    build_two(building, tables, {ONE: 1, TWO: 2})
    publish(building, warehouse, [ONE, TWO], tables)
    build_two(building, tables, {ONE: 11, THREE: 3})
    stored, n_stored = publication._stored, 0

    def fail_later(*args: Any) -> Any:
        nonlocal n_stored
        n_stored += 1
        if n_stored == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return stored(*args)

    with monkeypatch.context() as patched:
        patched.setattr(publication, "_stored", fail_later)
        with pytest.raises(WarehouseError, match="the disk is full"):
            publish(building, warehouse, added, tables)
    show_weeks(warehouse)
    require_intact(warehouse)
    assert both(warehouse) == [[(ONE, 1), (TWO, 2)]] * 2
    build_two(building, tables, {FOUR: 4})
    publish(building, warehouse, FOUR, tables)
    assert both(warehouse) == [[(ONE, 1), (TWO, 2), (FOUR, 4)]] * 2


def test_withdrawn_rows_stay_withdrawn(tmp_path: Path, project: Project) -> None:
    building, warehouse, tables = tmp_path / "build.duckdb", tmp_path / "warehouse.duckdb", two_tables(project)
    build_two(building, tables, {ONE: 1, TWO: 2})
    publish(building, warehouse, [ONE, TWO], tables)
    with connect(building) as connection:
        connection.execute("delete from mart__other")
    publish(building, warehouse, [ONE, TWO], tables)
    assert both(warehouse) == [[(ONE, 1), (TWO, 2)], []]
    build_two(building, tables, {THREE: 3})
    publish(building, warehouse, THREE, tables)
    assert both(warehouse) == [[(ONE, 1), (TWO, 2), (THREE, 3)], [(THREE, 3)]]


def test_tables_of_other_programs_are_not_taken_for_ours(tmp_path: Path, project: Project) -> None:
    building, warehouse, one_table = tmp_path / "build.duckdb", tmp_path / "warehouse.duckdb", small(project)
    build_small(building, one_table, {ONE: 1, TWO: 2, THREE: 3})
    publish(building, warehouse, [ONE, TWO], one_table)
    with duckdb.connect(warehouse) as other:
        other.execute(f"create schema copies; create table copies.{TABLE} as from {TABLE} limit 0")
        other.execute(f"insert into {NEWEST}.{TABLE} (n_spaces) values (9)")
    publish(building, warehouse, THREE, one_table)
    assert published(warehouse) == [(ONE, 1), (TWO, 2), (THREE, 3)]


def test_weeks_are_published_again_after_the_database_was_removed(tmp_path: Path, project: Project) -> None:
    building, warehouse, one_table = tmp_path / "build.duckdb", tmp_path / "warehouse.duckdb", small(project)
    build_small(building, one_table, {ONE: 1, TWO: 2, THREE: 3})
    publish(building, warehouse, [ONE, TWO, THREE], one_table)
    warehouse.unlink()
    for n, week in enumerate((ONE, TWO, THREE), start=1):
        publish(building, warehouse, week, one_table)
        assert published(warehouse) == [(ONE, 1), (TWO, 2), (THREE, 3)][:n]


def test_reader_of_the_old_file_keeps_its_older_weeks(tmp_path: Path, project: Project) -> None:
    building, warehouse, one_table = tmp_path / "build.duckdb", tmp_path / "warehouse.duckdb", small(project)
    build_small(building, one_table, {ONE: 1, TWO: 2})
    publish(building, warehouse, [ONE, TWO], one_table)
    with connect(warehouse, read_only=True) as reader:
        build_small(building, one_table, {ONE: 11})
        publish(building, warehouse, ONE, one_table)
        assert reader.execute(f"select n_spaces from {TABLE} order by 1").fetchall() == [(1,), (2,)]
    assert published(warehouse) == [(ONE, 11), (TWO, 2)]


def test_copied_home_is_not_read_from_the_original(tmp_path: Path, project: Project) -> None:
    here, there, one_table = tmp_path / "here", tmp_path / "there", small(project)
    here.mkdir()
    build_small(here / "build.duckdb", one_table, {ONE: 1, TWO: 2})
    publish(here / "build.duckdb", here / "warehouse.duckdb", [ONE, TWO], one_table)
    shutil.copytree(here, there)
    with pytest.raises(WarehouseError, match=rf"reads older weeks from {here}/older_weeks; run: hub-assets upgrade"):
        require_intact(there / "warehouse.duckdb")
    build_small(there / "build.duckdb", one_table, {THREE: 3})
    with pytest.raises(WarehouseError, match="run: hub-assets upgrade"):
        publish(there / "build.duckdb", there / "warehouse.duckdb", THREE, one_table)
    assert show_weeks(there / "warehouse.duckdb")
    shutil.rmtree(here)
    assert published(there / "warehouse.duckdb") == [(ONE, 1), (TWO, 2)]


@pytest.mark.parametrize("linked", [None, "home", "home/older_weeks"])
def test_links_to_other_disks_are_followed(tmp_path: Path, project: Project, linked: str | None) -> None:
    home, one_table = tmp_path / "home", small(project)
    home.mkdir()
    build_small(home / "build.duckdb", one_table, {ONE: 1, TWO: 2, THREE: 3})
    publish(home / "build.duckdb", home / "warehouse.duckdb", [ONE, TWO], one_table)
    if linked is not None:
        (tmp_path / linked).rename(tmp_path / "disk")
        (tmp_path / linked).symlink_to(tmp_path / "disk")
        with pytest.raises(WarehouseError, match="run: hub-assets upgrade"):
            publish(home / "build.duckdb", home / "warehouse.duckdb", THREE, one_table)
        assert show_weeks(home / "warehouse.duckdb")
    publish(home / "build.duckdb", home / "warehouse.duckdb", THREE, one_table)
    assert published(home / "warehouse.duckdb") == [(ONE, 1), (TWO, 2), (THREE, 3)]


@pytest.mark.parametrize("name", ["n_spaces=7", "N_SPACES=7"])
@pytest.mark.parametrize("is_linked", [False, True])
def test_path_that_looks_like_a_column_is_refused(tmp_path: Path, project: Project, name: str, is_linked: bool) -> None:
    folder, one_table = tmp_path / name, small(project)
    folder.mkdir()
    build_small(folder / "build.duckdb", one_table, {ONE: 1, TWO: 2})
    home = folder
    if is_linked:
        home = tmp_path / "link"
        home.symlink_to(folder)
    with pytest.raises(WarehouseError, match=f"contains {name}, which DuckDB would read as the column"):
        publish(home / "build.duckdb", home / "warehouse.duckdb", [ONE, TWO], one_table)
    plain = tmp_path / "plain"
    shutil.copytree(folder, plain)
    publish(plain / "build.duckdb", plain / "warehouse.duckdb", [ONE, TWO], one_table)
    shutil.rmtree(folder)
    plain.rename(folder)
    with pytest.raises(WarehouseError, match=f"contains {name}, which DuckDB would read as the column"):
        show_weeks(home / "warehouse.duckdb")


def test_missing_older_weeks_are_all_named(tmp_path: Path, project: Project) -> None:
    building, warehouse, one_table = tmp_path / "build.duckdb", tmp_path / "warehouse.duckdb", small(project)
    build_small(building, one_table, {ONE: 1, TWO: 2, THREE: 3})
    publish(building, warehouse, [ONE, TWO, THREE], one_table)
    shutil.rmtree(older_weeks(warehouse))
    message = f"older_weeks lacks files of {TWO}; restore them .* or remove {warehouse}"
    with pytest.raises(WarehouseDamaged, match=message):
        publish(building, warehouse, ONE, one_table)
    publish(building, warehouse, [ONE, TWO], one_table)
    assert published(warehouse) == [(ONE, 1), (TWO, 2), (THREE, 3)]


def test_rewriting_changes_every_week_and_leaves_no_old_file(tmp_path: Path, project: Project) -> None:
    building, warehouse, one_table = tmp_path / "build.duckdb", tmp_path / "warehouse.duckdb", small(project)
    build_small(building, one_table, {ONE: 1, TWO: 2, THREE: 3})
    publish(building, warehouse, [ONE, TWO, THREE], one_table)
    with duckdb.connect(warehouse) as other:
        other.execute('create table "my notes" as select 1 as n')

    def bump(rows: pa.Table) -> pa.Table:
        if "n_spaces" not in rows.column_names:  # a seed
            return rows
        place = rows.column_names.index("n_spaces")
        changed = pc.if_else(pc.equal(rows["n_spaces"], 2), 2, pc.add(rows["n_spaces"], 10))
        return rows.set_column(place, rows.schema.field(place), changed.cast(rows.schema.field(place).type))

    before = {file.path for file in files_of(warehouse)}
    gained = replace(one_table.models[0], columns=(*one_table.models[0].columns, Column("gained", "BIGINT")))
    rewrite_published(warehouse, bump, replace(one_table, models=(gained,)))
    assert published(warehouse) == [(ONE, 11), (TWO, 2), (THREE, 13)]
    after = {file.path for file in files_of(warehouse)}
    assert len(before & after) == 1, "unchanged files stay"
    assert {*older_weeks(warehouse).glob("*/*/*")} == after
    require_intact(warehouse)
    damaged = next(iter(after))
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with pytest.raises(WarehouseDamaged, match="is damaged"):
        rewrite_published(warehouse, bump, one_table)


def test_backup_has_every_file_that_its_database_reads(tmp_path: Path, project: Project) -> None:
    home, one_table = Home(tmp_path / "home"), small(project)
    home.bind("https://hub.example", None)
    build_small(home.build, one_table, {ONE: 1, TWO: 2})
    publish(home.build, home.warehouse, [ONE, TWO], one_table)
    back_up(home, tmp_path / "backups")
    (home.root / "warehouse.duckdb.wal").write_bytes(b"left by another program")
    back_up(home, tmp_path / "backups")
    for path in older_weeks(home.warehouse).glob("*/*/*"):
        path.unlink()
    with pytest.raises(BackupError, match="reads older weeks that are missing"):
        back_up(home, tmp_path / "backups")
    shutil.rmtree(home.root)
    restore(tmp_path / "backups", home.root)
    assert published(home.warehouse) == [(ONE, 1), (TWO, 2)]


def test_every_published_type_survives_as_parquet(project: Project) -> None:
    """Parquet has no 128-bit integers: DuckDB writes them as doubles."""
    safe = {"VARCHAR", "BIGINT", "DOUBLE", "DATE", "BOOLEAN", "TIMESTAMP", "VARCHAR[]"}
    safe.add("STRUCT(term VARCHAR, points DOUBLE)[]")
    assert {column.type for table in project.published for column in table.columns} <= safe


MOMENTS = [
    (publication, "force_to_disk", 1),
    (publication, "force_to_disk", 2),
    (publication, "digest_of", 1),
    (Path, "replace", 1),
    (Path, "replace", 2),
    (Path, "replace", 3),
    (publication, "examined", 1),
    (publication, "_delete_unread", 1),
    (Path, "unlink", 1),
]


def _publish_until(index: int, moment: str, building: Path, warehouse: Path, project: Project) -> None:
    owner, name, count = MOMENTS[index]
    deadly(owner, name, moment, count)
    publish(building, warehouse, [ONE, THREE], project)


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("index", range(len(MOMENTS)))
def test_killed_publication_leaves_the_old_or_the_new_weeks(
    tmp_path: Path, project: Project, index: int, moment: str
) -> None:
    building, warehouse, one_table = tmp_path / "build.duckdb", tmp_path / "warehouse.duckdb", small(project)
    build_small(building, one_table, {ONE: 1, TWO: 2})
    publish(building, warehouse, [ONE, TWO], one_table)
    build_small(building, one_table, {ONE: 11, THREE: 3})
    ended(started(_publish_until, index, moment, building, warehouse, one_table))
    assert published(warehouse) in ([(ONE, 1), (TWO, 2)], [(ONE, 11), (TWO, 2), (THREE, 3)])
    publish(building, warehouse, [ONE, THREE], one_table)
    assert published(warehouse) == [(ONE, 11), (TWO, 2), (THREE, 3)]
    assert {name.split("/")[0] for name in files(tmp_path)} == {"build.duckdb", "warehouse.duckdb", "older_weeks"}
    assert not list(tmp_path.rglob(".*"))
    publish(building, warehouse, [ONE, THREE], one_table)
    assert {*tmp_path.glob("older_weeks/*/*/*")} == {file.path for file in files_of(warehouse)}


LEAVE_A_LOG = """
import duckdb, os, signal, sys
connection = duckdb.connect(sys.argv[1])
connection.execute("update newest.mart__usage_resolution set n_spaces = 99")
if sys.argv[2] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
print("open", flush=True)
sys.stdin.read()
connection.execute("update newest.mart__usage_resolution set n_spaces = 98")
"""


@pytest.mark.parametrize("end", ["killed", "still open"])
def test_foreign_writes_to_the_published_file_are_discarded(tmp_path: Path, project: Project, end: str) -> None:
    building, warehouse, one_table = tmp_path / "build.duckdb", tmp_path / "warehouse.duckdb", small(project)
    build_small(building, one_table, {ONE: 1, TWO: 2})
    publish(building, warehouse, ONE, one_table)
    command = [sys.executable, "-c", LEAVE_A_LOG, str(warehouse), end]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdin
        other.stdout.readline()
        assert (tmp_path / "warehouse.duckdb.wal").exists()
        publish(building, warehouse, TWO, one_table)
        assert published(warehouse) == [(ONE, 1), (TWO, 2)]
        other.stdin.close()
    # a process that had the old file open kept using it and did not touch the new one
    assert published(warehouse) == [(ONE, 1), (TWO, 2)]
    assert {path.name for path in tmp_path.iterdir()} - {"warehouse.duckdb.wal.set-aside", "older_weeks"} == {
        "build.duckdb",
        "warehouse.duckdb",
    }


@pytest.mark.parametrize("empty", [ONE, THREE], ids=["an older week", "the newest week"])
def test_empty_week_is_not_published(tmp_path: Path, project: Project, empty: date) -> None:
    building, warehouse, one_table = tmp_path / "build.duckdb", tmp_path / "warehouse.duckdb", small(project)
    build_small(building, one_table, {ONE: 1, TWO: 2})
    publish(building, warehouse, [ONE, TWO], one_table)
    with connect(building) as connection:
        connection.execute(f"delete from {TABLE} where snapshot_date = ?", [empty])
    before, content = files(tmp_path), warehouse.read_bytes()
    with pytest.raises(NothingBuilt, match=f"has no rows for the week of {empty}; materialize its tables first"):
        publish(building, warehouse, [TWO, empty], one_table)
    assert warehouse.read_bytes() == content
    assert files(tmp_path) == before
    assert published(warehouse) == [(ONE, 1), (TWO, 2)]


def test_success_is_reported_only_if_the_published_file_has_the_rows(tmp_path: Path, project: Project) -> None:
    building, warehouse, one_table = tmp_path / "build.duckdb", tmp_path / "warehouse.duckdb", small(project)
    build_small(building, one_table, {ONE: 1})
    assert publish(building, warehouse, ONE, one_table) == {TABLE: 1}
    with pytest.raises(WarehouseError, match=rf"{TABLE} in .* has 1 rows for {ONE} instead of 99; publish again"):
        _require(warehouse, ONE, {TABLE: 99})


@pytest.mark.parametrize("name", ["build", "warehouse"])
def test_publishing_reports_which_database_is_damaged(tmp_path: Path, project: Project, name: str) -> None:
    paths = {"build": tmp_path / "build.duckdb", "warehouse": tmp_path / "warehouse.duckdb"}
    one_table = small(project)
    build_small(paths["build"], one_table, {ONE: 1})
    publish(paths["build"], paths["warehouse"], ONE, one_table)
    content = bytearray(paths[name].read_bytes())
    content[4200] ^= 1
    paths[name].write_bytes(content)
    with pytest.raises(WarehouseDamaged, match=rf"{paths[name]} is damaged"):
        publish(paths["build"], paths["warehouse"], ONE, one_table)
    assert paths[name].read_bytes() == content
    assert {path.name for path in tmp_path.iterdir()} == {"build.duckdb", "warehouse.duckdb"}


def test_removed_model_is_dropped_from_the_published_weeks(tmp_path: Path, project: Project) -> None:
    building, warehouse, one_table = tmp_path / "build.duckdb", tmp_path / "warehouse.duckdb", small(project)
    other = replace(one_table.models[0], name="mart__other")
    two_tables = replace(one_table, models=(*one_table.models, other))
    build_small(building, one_table, {ONE: 1, TWO: 2})
    with connect(building) as connection:
        connection.execute(f"create table mart__other as from {TABLE}")
    publish(building, warehouse, [ONE, TWO], two_tables)
    assert {file.table for file in files_of(warehouse)} == {TABLE, "mart__other"}
    publish(building, warehouse, TWO, one_table)
    with connect(warehouse, read_only=True) as reader, pytest.raises(duckdb.CatalogException):
        reader.execute("select * from mart__other")
    assert {file.table for file in files_of(warehouse)} == {TABLE}
    assert {path.name for path in older_weeks(warehouse).iterdir()} == {TABLE, "mart__other"}, "readers have it open"
    publish(building, warehouse, TWO, one_table)
    assert {path.name for path in older_weeks(warehouse).iterdir()} == {TABLE}
