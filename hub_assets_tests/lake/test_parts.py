"""Parts in a manifest are read exactly as written, or refused with an error that names the file and the fix."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_assets.lake.parts import Lake, LakeError, Manifest, write_beside

WEEK = date(2026, 11, 16)
ROWS = pa.table({"n": range(1000), "text": [f"row {n}" for n in range(1000)]})


def made(root: Path) -> tuple[Lake, Path]:
    """Return a lake with a single part, and the part's path."""
    lake = Lake(root)
    part = lake.write_part("t", WEEK, "part-001-00000.parquet", ROWS)
    lake.set_manifest("t", WEEK, Manifest(True, [part], {"counts": {"listed": 1000}}, 1))
    return lake, lake.folder("t", WEEK) / part.file


def read(root: Path) -> pa.Table:
    return pa.concat_tables(pq.read_table(file) for file in Lake(root).files("t", WEEK))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_flipped_bit_is_never_read_as_other_rows(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    root = tmp_path_factory.mktemp("lake")
    lake, part = made(root)
    manifest = lake.manifest("t", WEEK)
    file = data.draw(st.sampled_from([part, part.with_name("_manifest.json")]))
    content = bytearray(file.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    file.write_bytes(content)
    try:
        found, said = read(root), lake.manifest("t", WEEK)
    except LakeError as error:
        message = str(error)
    else:
        assert found.equals(ROWS)
        assert said == manifest
        return
    assert str(part.parent) in message


@pytest.mark.parametrize("damage", ["missing", "truncated", "longer", "empty", "a folder"])
def test_damaged_part_error_says_what_to_do(tmp_path: Path, damage: str) -> None:
    _, part = made(tmp_path)
    content = part.read_bytes()
    part.unlink()
    match damage:
        case "truncated":
            part.write_bytes(content[:-1])
        case "longer":
            part.write_bytes(content + b"\0")
        case "empty":
            part.touch()
        case "a folder":
            part.mkdir()
    with pytest.raises(LakeError, match=rf"{part} is damaged \(.*\); restore it from a backup, or delete its folder"):
        read(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"details": None},
        {"details": []},
        {"parts": None},
        {"parts": [None]},
        {"parts": [{"file": "x"}]},
        {"landing": {}},
        {"complete": "true"},
        {"generation": 1.5},
        {"last": "x"},
        {"other": 1},
    ],
)
def test_manifest_with_wrong_fields_is_damaged_even_without_checksum(tmp_path: Path, change: dict[str, Any]) -> None:
    lake, part = made(tmp_path)
    path = part.with_name("_manifest.json")
    content = json.loads(path.read_text())
    del content["checksum"]
    path.write_text(json.dumps(content | change))
    with pytest.raises(LakeError, match=r"_manifest\.json is damaged .* delete its folder"):
        lake.manifest("t", WEEK)


def test_lake_of_older_version_is_read_and_new_parts_get_digests(tmp_path: Path) -> None:
    lake, part = made(tmp_path)
    path = part.with_name("_manifest.json")
    content = json.loads(path.read_text())
    del content["checksum"], content["parts"][0]["size"], content["parts"][0]["digest"]
    path.write_text(json.dumps(content))
    assert read(tmp_path).equals(ROWS)
    manifest = lake.manifest("t", WEEK)
    manifest.parts.append(lake.write_part("t", WEEK, "part-001-00001.parquet", ROWS))
    lake.set_manifest("t", WEEK, manifest)
    assert [part.digest is None for part in lake.manifest("t", WEEK).parts] == [True, False]
    assert len(read(tmp_path)) == 2 * len(ROWS)


def test_part_is_verified_once_per_lake_object(tmp_path: Path) -> None:
    lake, part = made(tmp_path)
    assert lake.files("t", WEEK) == [part]
    content = part.read_bytes()
    part.write_bytes(bytes(len(content)))
    assert lake.files("t", WEEK) == [part]
    with pytest.raises(LakeError, match="is damaged"):
        Lake(tmp_path).files("t", WEEK)


def test_weeks_that_another_process_replaces_or_adds_are_noticed(tmp_path: Path) -> None:
    lake, part = made(tmp_path)
    assert lake.files_of_all_weeks("t") == [part]
    other = Lake(tmp_path)
    for number in (2, 3):  # the manifests have equal sizes
        new = other.write_part("t", WEEK, f"part-00{number}-00000.parquet", ROWS)
        other.set_manifest("t", WEEK, Manifest(True, [new], {"counts": {"listed": 1000}}, number))
        assert [file.name for file in lake.files_of_all_weeks("t")] == [new.file]
    later = date(2026, 11, 23)
    other.set_manifest("t", later, Manifest(True))
    assert lake.weeks("t") == [WEEK, later]
    (other.folder("t", later) / "_manifest.json").unlink()
    assert lake.weeks("t") == [WEEK]
    copy = lake.manifest("t", WEEK)
    copy.parts.clear()
    assert len(lake.files("t", WEEK)) == 1, "a manifest may be changed by whoever asked for it"


def test_folder_without_date_is_reported(tmp_path: Path) -> None:
    lake, part = made(tmp_path)
    (part.parent.parent / "snapshot_date=2026-11-16 (copy)").mkdir()
    with pytest.raises(LakeError, match=r"\(copy\) does not contain a date; move it out of the lake"):
        lake.weeks("t")


def test_failed_write_leaves_existing_file_alone(tmp_path: Path) -> None:
    def half(beside: Path) -> None:
        beside.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    (tmp_path / "file").write_text("before")
    with pytest.raises(OSError, match="No space"):
        write_beside(tmp_path / "file", half)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("file", "before")]


def test_adopted_files_replace_the_parts_of_a_week(tmp_path: Path) -> None:
    lake, old = made(tmp_path)
    for number in range(2):
        pq.write_table(ROWS.slice(number * 10, 10), old.with_name(f"written-{number}.parquet"))
    manifest = lake.adopt("t", WEEK, sorted(old.parent.glob("written-*")))
    assert (manifest.complete, manifest.generation, manifest.rows) == (True, 2, 20)
    assert read(tmp_path).equals(ROWS.slice(0, 20))
    assert {path.name for path in old.parent.iterdir()} == {"_manifest.json", *(part.file for part in manifest.parts)}
    assert lake.files_of_all_weeks("t") == lake.files("t", WEEK)
