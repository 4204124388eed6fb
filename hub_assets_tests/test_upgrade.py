"""A home that the first version wrote (two simulated weeks) is refused, converted without losing a row, and usable."""

import tarfile
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from hub_assets.home import FORMAT, Home, HomeError, format_of
from hub_assets.lake.parts import Lake
from hub_assets.resources import HomeResource
from hub_assets.upgrade import HISTORY_COLUMNS, LAKE_TABLES, upgrade
from hub_assets.warehouse.database import connect
from hub_assets_tests.hub.tables import HISTORIES, plan_of

WEEKS = (date(2026, 11, 16), date(2026, 11, 23))


@pytest.fixture
def old(tmp_path: Path) -> Path:
    with tarfile.open(Path(__file__).parent / "homes" / "format_1.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path


def rows_of(lake: Lake) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of a lake by table, with the table and column names of today."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for folder in sorted(path for path in lake.root.iterdir() if path.is_dir()):
        for week in lake.weeks(folder.name):
            for file in lake.files(folder.name, week):
                table = pq.read_table(file, partitioning=None)
                names = [HISTORY_COLUMNS.get(column, column) for column in table.column_names]
                rows.setdefault(LAKE_TABLES.get(folder.name, folder.name), []).extend(
                    table.rename_columns(names).to_pylist()
                )
    return rows


def ignore(_: str) -> None:
    pass


def test_an_old_home_is_refused_with_the_way_out(old: Path) -> None:
    assert format_of(old) == 1
    with pytest.raises(HomeError, match=r"format 1, here 2.*hub-assets upgrade"):
        Home(old)


def test_conversion_keeps_every_row_and_happens_once(old: Path) -> None:
    before = rows_of(Lake(old / "lake"))
    with duckdb.connect(old / "warehouse.duckdb", read_only=True) as connection:
        organizations = connection.execute("from network__top_organisations order by all").fetchall()
    assert upgrade(old, ignore)
    home = Home(old)
    assert format_of(old) == FORMAT
    assert rows_of(home.lake) == before
    assert sum(map(len, before.values())) > 300
    assert {path.name for path in (old / "lake").iterdir()} == set(before)
    with connect(home.warehouse, read_only=True) as connection:
        assert connection.execute("from network__top_organizations order by all").fetchall() == organizations
        assert "organization" in {
            row[0] for row in connection.execute("describe network__top_organizations").fetchall()
        }
    assert not upgrade(old, ignore)
    assert not [path for path in old.iterdir() if path.name.startswith("lake.")]


def test_a_converted_home_can_be_planned_and_built_from(old: Path) -> None:
    upgrade(old, ignore)
    home = Home(old)
    for kind in ("commits", "discussions"):
        plan = plan_of(home.lake, HISTORIES[kind], WEEKS[1])
        assert plan.is_complete
    with HomeResource(root=str(old)).building() as connection:
        ((histories,),) = connection.execute("select count(*) from stg_hub__commits where fetch_number >= 1").fetchall()
    assert histories > 100


@pytest.mark.parametrize("stage", ["building", "swapping", "swapped"])
def test_an_interrupted_conversion_can_be_run_again(old: Path, stage: str) -> None:
    before = rows_of(Lake(old / "lake"))
    lake, new, kept = (old / name for name in ("lake", "lake.upgraded", "lake.before_upgrade"))
    if stage == "building":
        (new / "raw_hub__models").mkdir(parents=True)
    else:
        lake.rename(kept)
        if stage == "swapped":
            (lake / "raw_hub__models").mkdir(parents=True)
    assert upgrade(old, ignore)
    assert rows_of(Home(old).lake) == before
    assert not kept.exists()


def test_what_is_no_home_or_was_written_later_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="is not a home"):
        upgrade(tmp_path, ignore)
    (tmp_path / "home.json").write_text('{"source": "x", "format": 99}')
    with pytest.raises(HomeError, match="later version"):
        upgrade(tmp_path, ignore)
