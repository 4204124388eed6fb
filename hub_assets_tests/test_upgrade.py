"""A home written by the first version (two simulated weeks) is refused, but can be converted without losing a row."""

import json
import tarfile
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from hub_assets.home import FORMAT, Home, HomeError, format_of
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


def rows_of(lake: Path) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of a lake in any format, by table and under the current table and column names."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for manifest in sorted(lake.glob("*/*/_manifest.json")):
        folder = manifest.parent.parent.name
        for part in json.loads(manifest.read_text(encoding="utf-8"))["parts"]:
            table = pq.read_table(manifest.with_name(part["file"]), partitioning=None)
            names = [HISTORY_COLUMNS.get(column, column) for column in table.column_names]
            rows.setdefault(LAKE_TABLES.get(folder, folder), []).extend(table.rename_columns(names).to_pylist())
    return rows


def ignore(_: str) -> None:
    pass


def test_old_home_is_refused_with_an_error_that_names_the_upgrade_command(old: Path) -> None:
    assert format_of(old) == 1
    with pytest.raises(HomeError, match=r"format 1, here 2.*hub-assets upgrade"):
        Home(old)


def test_conversion_keeps_every_row_and_happens_once(old: Path) -> None:
    before = rows_of(old / "lake")
    with duckdb.connect(old / "warehouse.duckdb", read_only=True) as connection:
        organizations = connection.execute("from network__top_organisations order by all").fetchall()
        by_variant = connection.execute(
            "select bots = 'kept', count(*) from network__collaboration_cores group by all order by all"
        ).fetchall()
        methods = connection.execute("select author, how from core__developers order by all").fetchall()
    assert by_variant
    assert methods
    assert upgrade(old, ignore)
    home = Home(old)
    assert format_of(old) == FORMAT
    assert rows_of(home.lake.root) == before
    assert sum(map(len, before.values())) > 300
    for table in before:
        for week in home.lake.weeks(table):
            home.lake.files(table, week)  # raises LakeError unless the manifest, sizes and digests are valid
            assert home.lake.manifest(table, week).generation >= 1
    assert {path.name for path in (old / "lake").iterdir()} == set(before)
    with connect(home.warehouse, read_only=True) as connection:
        assert connection.execute("from network__top_organizations order by all").fetchall() == organizations
        cores = "select includes_bots, count(*) from network__collaboration_cores group by all order by all"
        assert connection.execute(cores).fetchall() == by_variant
        assert (
            connection.execute("select author, match_method from core__developers order by all").fetchall() == methods
        )
        assert "organization" in {
            row[0] for row in connection.execute("describe network__top_organizations").fetchall()
        }
    assert not upgrade(old, ignore)
    assert not [path for path in old.iterdir() if path.name.startswith("lake.")]


def test_converted_home_can_be_planned_and_built(old: Path) -> None:
    upgrade(old, ignore)
    home = Home(old)
    for kind in ("commits", "discussions"):
        plan = plan_of(home.lake, HISTORIES[kind], WEEKS[1])
        assert plan.is_complete
    with HomeResource(root=str(old)).building() as connection:
        ((histories,),) = connection.execute("select count(*) from stg_hub__commits where fetch_number >= 1").fetchall()
    assert histories > 100


@pytest.mark.parametrize("stage", ["building", "swapping", "swapped"])
def test_interrupted_conversion_can_be_run_again(old: Path, stage: str) -> None:
    before = rows_of(old / "lake")
    lake, new, kept = (old / name for name in ("lake", "lake.upgraded", "lake.before_upgrade"))
    if stage == "building":
        (new / "raw_hub__models").mkdir(parents=True)
    else:
        lake.rename(kept)
        if stage == "swapped":
            (lake / "raw_hub__models").mkdir(parents=True)
    assert upgrade(old, ignore)
    assert rows_of(Home(old).lake.root) == before
    assert not kept.exists()


def test_other_folders_and_homes_of_later_versions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="is not a home"):
        upgrade(tmp_path, ignore)
    (tmp_path / "home.json").write_text('{"source": "x", "format": 99}')
    with pytest.raises(HomeError, match="later version"):
        upgrade(tmp_path, ignore)
