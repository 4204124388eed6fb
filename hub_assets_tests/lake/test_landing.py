"""A landing can be killed at every step of its writing and still ends with each record once."""

import json
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hub_assets.lake.landing import Landing, LandingBusy, Record
from hub_assets.lake.parts import Lake, LakeError, Manifest, Part

WEEK = date(2026, 11, 16)


def convert(records: list[Record], earlier: list[Path]) -> tuple[pa.Table, dict[str, Any]]:
    return pa.table({"n": [record.meta["n"] for record in records]}), {"earlier": len(earlier)}


def collect(lake: Lake, until: int, finish: bool = True, seal_bytes: int = 200) -> None:
    with Landing(lake, "t", WEEK, convert, seal_bytes) as landing:
        start = landing.last["n"] + 1 if landing.last else 0
        for n in range(start, until):
            landing.append(Record({"n": n}, b"x" * 50))
        if finish:
            landing.finish(lambda parts: {"parts": len(parts)})


def numbers(lake: Lake) -> list[int]:
    return [n for file in lake.files("t", WEEK) for n in pq.read_table(file)["n"].to_pylist()]


def test_parts_come_in_order_and_the_manifest_names_them(tmp_path: Path) -> None:
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


def test_an_unfinished_landing_leaves_the_valid_set_alone_and_goes_on(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    collect(lake, 4)
    collect(lake, 7, finish=False)
    assert numbers(lake) == [0, 1, 2, 3]
    assert len(list(lake.folder("t", WEEK).glob("journal-*"))) == 1
    collect(lake, 9)
    assert numbers(lake) == list(range(9))
    collect(lake, 2)
    assert numbers(lake) == [0, 1]


def test_two_processes_do_not_land_the_same(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    with Landing(lake, "t", WEEK, convert), pytest.raises(LandingBusy), Landing(lake, "t", WEEK, convert):
        pass
    collect(lake, 3)
    assert numbers(lake) == [0, 1, 2]


STEPS = ["journal.append", "landing.convert", "parts.write_part", "parts.set_manifest", "landing.reopen", "unlink"]

KILLED = """
import os, signal, sys
from pathlib import Path
from hub_assets.lake import journal, landing, parts
from hub_assets_tests.lake import test_landing as t
step, after, count = sys.argv[2], sys.argv[3] == "after", int(sys.argv[4])
def deadly(function):
    def call(*args, **kwargs):
        global count
        count -= 1
        if count == 0 and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*args, **kwargs)
        if count == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return call
if step == "journal.append": journal.Journal.append = deadly(journal.Journal.append)
if step == "landing.convert": t.convert = deadly(t.convert)
if step == "parts.write_part": parts.Lake.write_part = deadly(parts.Lake.write_part)
if step == "parts.set_manifest": parts.Lake.set_manifest = deadly(parts.Lake.set_manifest)
if step == "landing.reopen": landing.Landing._open_journal = deadly(landing.Landing._open_journal)
if step == "unlink": Path.unlink = deadly(Path.unlink)
t.collect(parts.Lake(Path(sys.argv[1])), 12)
"""


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_it_loses_and_doubles_nothing(tmp_path: Path, step: str, moment: str) -> None:
    lake = Lake(tmp_path)
    for count in (1, 2):
        command = [sys.executable, "-c", KILLED, str(tmp_path), step, moment, str(count)]
        died = subprocess.run(command, cwd=Path(__file__).parents[2], check=False, capture_output=True)
        assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    collect(lake, 12)
    assert numbers(lake) == list(range(12))


def test_a_part_that_no_manifest_names_does_not_count(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    collect(lake, 3)
    pq.write_table(pa.table({"n": [99]}), lake.folder("t", WEEK) / "part-001-00099.parquet")
    assert numbers(lake) == [0, 1, 2]


@pytest.mark.parametrize("content", ["{", "{}", "[]", '{"landing": null, "parts": [{"rows": 1}]}'])
def test_a_damaged_manifest_is_named_with_the_way_out(tmp_path: Path, content: str) -> None:
    lake = Lake(tmp_path)
    collect(lake, 3)
    (lake.folder("t", WEEK) / "_manifest.json").write_text(content)
    with pytest.raises(LakeError, match=r"_manifest\.json is damaged .* remove its folder"):
        lake.weeks("t")


def test_a_manifest_survives_the_round_trip(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    manifest = Manifest(True, [Part("a.parquet", 3, {"k": 1})], {"d": [1]}, 2, [Part("b.parquet", 1)], {"next": "x"})
    lake.set_manifest("t", WEEK, manifest)
    assert lake.manifest("t", WEEK) == manifest
    assert json.loads((lake.folder("t", WEEK) / "_manifest.json").read_text())["complete"] is True
