"""A landing can be killed at any write step and still ends up with each record exactly once."""

import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hub_assets.lake.journal import Journal
from hub_assets.lake.landing import Landing, LandingBusy, Record
from hub_assets.lake.parts import Lake, LakeError, Manifest, Part
from hub_assets_tests.killing import deadly, ended, started

WEEK = date(2026, 11, 16)


def convert(records: list[Record], earlier: list[Path]) -> tuple[pa.Table, dict[str, Any]]:
    return pa.table({"n": [record.meta["n"] for record in records]}), {"earlier": len(earlier)}


def collect(lake: Lake, until: int, finish: bool = True, flush_bytes: int = 200, adds: bool = False) -> None:
    with Landing(lake, "t", WEEK, convert, flush_bytes, adds=adds) as landing:
        landing.flush()
        start = sum(pq.read_metadata(file).num_rows for file in landing.files)
        for n in range(start, until):
            landing.append(Record({"n": n}, b"x" * 50))
        if finish:
            landing.finish(lambda parts: {"parts": len(parts)})


def numbers(lake: Lake) -> list[int]:
    return [n for file in lake.files("t", WEEK) for n in pq.read_table(file)["n"].to_pylist()]


def test_parts_are_in_order_and_listed_in_manifest(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    collect(lake, 10)
    manifest = lake.manifest("t", WEEK)
    assert numbers(lake) == list(range(10))
    assert manifest.complete
    assert manifest.landing is None
    assert manifest.rows == 10
    assert manifest.details == {"parts": len(manifest.parts)}
    assert len(manifest.parts) > 1
    assert [part.counts["earlier"] for part in manifest.parts] == list(range(len(manifest.parts)))
    assert lake.weeks("t") == [WEEK]
    left = {path.name for path in lake.folder("t", WEEK).iterdir()}
    assert left == {"_manifest.json", ".lock", *(part.file for part in manifest.parts)}


def test_unfinished_landing_keeps_valid_parts_and_resumes(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    collect(lake, 4)
    collect(lake, 7, finish=False)
    assert numbers(lake) == [0, 1, 2, 3]
    assert len(list(lake.folder("t", WEEK).glob("journal-*"))) == 1
    collect(lake, 9)
    assert numbers(lake) == list(range(9))
    collect(lake, 2)
    assert numbers(lake) == [0, 1]


def test_only_one_process_can_land_a_week(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    with Landing(lake, "t", WEEK, convert), pytest.raises(LandingBusy), Landing(lake, "t", WEEK, convert):
        pass
    collect(lake, 3)
    assert numbers(lake) == [0, 1, 2]


def test_adding_landing_starts_with_valid_parts(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    collect(lake, 4, adds=True)
    first = {file: file.read_bytes() for file in lake.files("t", WEEK)}
    collect(lake, 7, finish=False, adds=True)
    # until the landing is finished, its rows are visible only through files_so_far
    assert numbers(lake) == [0, 1, 2, 3]
    assert len(lake.files_so_far("t", WEEK)) > len(first)
    collect(lake, 9, adds=True)
    assert numbers(lake) == list(range(9))
    assert {file: file.read_bytes() for file in first} == first
    collect(lake, 2)
    assert numbers(lake) == [0, 1]


def test_adding_landing_can_start_over(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    collect(lake, 4, adds=True)
    collect(lake, 9, finish=False, adds=True)
    collect(lake, 5, finish=False)
    assert numbers(lake) == [0, 1, 2, 3]
    assert sum(pq.read_metadata(file).num_rows for file in lake.files_so_far("t", WEEK)) < 5
    collect(lake, 6)
    assert numbers(lake) == list(range(6))


@pytest.mark.parametrize("adds", [True, False])
def test_new_generation_resumes_even_if_next_landing_adds(tmp_path: Path, adds: bool) -> None:
    lake = Lake(tmp_path)
    collect(lake, 9, adds=True)
    # too little data for a part
    collect(lake, 2, finish=False, flush_bytes=10**6)
    assert lake.files_so_far("t", WEEK) == []
    with Landing(lake, "t", WEEK, convert, adds=adds) as landing:
        assert landing.last == {"n": 1}
    collect(lake, 3, adds=adds)
    assert numbers(lake) == [0, 1, 2]


def test_empty_landing_leaves_nothing_behind(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    collect(lake, 4, adds=True)
    before = {path: path.read_bytes() for path in lake.folder("t", WEEK).iterdir()}
    collect(lake, 4, finish=False, adds=True)
    assert {path: path.read_bytes() for path in lake.folder("t", WEEK).iterdir()} == before


def test_begun_and_complete_weeks_are_distinguished(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert (lake.weeks("t"), lake.weeks_begun("t")) == ([], [])
    with Landing(lake, "t", WEEK, convert):
        assert lake.weeks_begun("t") == []
    collect(lake, 1, finish=False)
    assert (lake.weeks("t"), lake.weeks_begun("t")) == ([], [WEEK])
    collect(lake, 9, finish=False)
    assert (lake.weeks("t"), lake.weeks_begun("t")) == ([], [WEEK])
    collect(lake, 9)
    assert (lake.weeks("t"), lake.weeks_begun("t")) == ([WEEK], [WEEK])


STEPS: dict[str, tuple[Any, str]] = {
    "journal.append": (Journal, "append"),
    "landing.convert": (sys.modules[__name__], "convert"),
    "parts.write_part": (Lake, "write_part"),
    "parts.set_manifest": (Lake, "set_manifest"),
    "landing.reopen": (Landing, "_open_journal"),
    "unlink": (Path, "unlink"),
}


def collect_and_die(root: str, adds: bool, step: str, moment: str, count: int, flush_bytes: int = 200) -> None:
    deadly(*STEPS[step], moment, count)
    collect(Lake(Path(root)), 12, adds=adds, flush_bytes=flush_bytes)


@pytest.mark.parametrize("adds", [False, True], ids=["alone", "adds"])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_kill_at_any_step_loses_and_duplicates_nothing(tmp_path: Path, step: str, moment: str, adds: bool) -> None:
    lake = Lake(tmp_path)
    if adds:
        collect(lake, 3)
    for count in (1, 2):
        ended(started(collect_and_die, str(tmp_path), adds, step, moment, count))
        assert numbers(lake)[: 3 * adds] == list(range(3 * adds))
    collect(lake, 12, adds=adds)
    assert numbers(lake) == list(range(12))


@pytest.mark.parametrize(("moment", "kept"), [("before", 4), ("after", 5)])
def test_appended_records_survive_a_kill(tmp_path: Path, moment: str, kept: int) -> None:
    ended(started(collect_and_die, str(tmp_path), False, "journal.append", moment, 5, 10**6))
    with Landing(Lake(tmp_path), "t", WEEK, convert) as landing:
        assert landing.last == {"n": kept - 1}


def test_exception_on_entry_releases_the_lock(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    collect(lake, 3)
    path = lake.folder("t", WEEK) / "_manifest.json"
    content = path.read_text()
    path.write_text("{")
    for _ in range(2):
        with pytest.raises(LakeError), Landing(lake, "t", WEEK, convert):
            pass
    path.write_text(content)
    collect(lake, 4)
    assert numbers(lake) == [0, 1, 2, 3]


def test_part_missing_from_manifest_is_ignored(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    collect(lake, 3)
    pq.write_table(pa.table({"n": [99]}), lake.folder("t", WEEK) / "part-001-00099.parquet")
    assert numbers(lake) == [0, 1, 2]


@pytest.mark.parametrize("content", ["{", "{}", "[]", '{"landing": null, "parts": [{"rows": 1}]}'])
def test_damaged_manifest_error_says_what_to_do(tmp_path: Path, content: str) -> None:
    lake = Lake(tmp_path)
    collect(lake, 3)
    (lake.folder("t", WEEK) / "_manifest.json").write_text(content)
    with pytest.raises(LakeError, match=r"_manifest\.json is damaged .* delete its folder"):
        lake.weeks("t")


def test_manifest_round_trip(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    manifest = Manifest(True, [Part("a.parquet", 3, {"k": 1})], {"d": [1]}, 2, [Part("b.parquet", 1)], {"next": "x"})
    lake.set_manifest("t", WEEK, manifest)
    assert lake.manifest("t", WEEK) == manifest
    assert json.loads((lake.folder("t", WEEK) / "_manifest.json").read_text())["complete"] is True
