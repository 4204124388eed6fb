"""Backups: incremental, private, verified, consistent while another process writes, and restored to equal figures."""

import json
import os
import shutil
import sqlite3
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner

from hub_assets import cli
from hub_assets.home import Home
from hub_assets.lake.landing import Landing, Record
from hub_assets.resources import project
from hub_assets.upkeep.backup import (
    BackupError,
    RestoreRefused,
    back_up,
    backups_in,
    drop_old,
    known_backups,
    read_backup,
    restore,
    verify_backups,
)
from hub_assets.upkeep.verify import verify
from hub_assets_tests.golden import WEEK, Golden
from hub_assets_tests.integration.home_week import tables_of
from hub_assets_tests.killing import ended, started
from hub_assets_tests.upkeep.aged import OLDER, aged

NEXT = date(2026, 11, 23)


@pytest.mark.slow
def test_a_backup_is_restored_on_an_empty_folder_with_equal_figures(golden: Golden, tmp_path: Path) -> None:
    home, folder = aged(Home(golden.copy(tmp_path / "home"))), tmp_path / "backups"
    backup, added = back_up(home, folder)
    assert 10**6 < added <= backup.size  # identical files are stored only once
    assert folder.stat().st_mode & 0o077 == 0
    # the second time, only the home's list of its backups is new
    again, added = back_up(home, folder)
    assert added < 2_000
    assert {entry.path for entry in again.files} - {entry.path for entry in backup.files} == {"backups.json"}
    assert known_backups(home) == [f"{folder}: {name}" for name in backups_in(folder)]
    before = tables_of(home.warehouse)
    assert {row[0] for row in before["mart__models"]} == {OLDER, WEEK}
    shutil.rmtree(home.root)
    root = tmp_path / "elsewhere" / "restored"
    restore(folder, root)
    restored = Home(root)
    assert tables_of(restored.warehouse) == before
    assert restored.secret.stat().st_mode & 0o777 == 0o600
    assert list(verify(restored, project())) == []
    assert list(verify_backups(folder)) == []
    assert not list(root.parent.glob(".*"))


def convert(records: list[Record], _: list[Path]) -> tuple[pa.Table, dict[str, Any]]:
    return pa.table({"n": [json.loads(record.body)["n"] for record in records]}), {}


def write_on(root: str, ready: str) -> None:
    """Keep collecting a week in small parts, and keep writing to SQLite and the published file as well."""
    home = Home(Path(root))
    n = 0
    with home.written_by("a run", print):
        with sqlite3.connect(home.dagster / "busy.db") as connection:
            connection.execute("create table t (n)")
        Path(ready).touch()
        while True:
            with Landing(home.lake, "raw_hub__models", NEXT, convert, flush_bytes=400) as landing:
                for _ in range(20):
                    n += 1
                    landing.append(Record({}, json.dumps({"n": n}).encode()))
                landing.finish(lambda _: {})
            with sqlite3.connect(home.dagster / "busy.db") as connection:
                connection.executemany("insert into t values (?)", [(n,)] * 500)
            beside = home.warehouse.with_name(".beside")
            shutil.copyfile(home.warehouse, beside)
            beside.replace(home.warehouse)


@pytest.mark.slow
def test_a_backup_taken_during_a_run_is_consistent(golden: Golden, tmp_path: Path) -> None:
    home, folder, ready = Home(golden.copy(tmp_path / "home")), tmp_path / "backups", tmp_path / "ready"
    first, _ = back_up(home, folder)
    before = tables_of(home.warehouse)
    writer = started(write_on, str(home.root), str(ready))
    try:
        while not ready.exists():
            assert writer.is_alive()
        for n in range(3):
            backup, _ = back_up(home, folder)
            assert any("build.duckdb is the copy from" in note for note in backup.notes)
            root = tmp_path / f"restored-{n}"
            restore(folder, root)
            restored = Home(root)
            assert tables_of(restored.warehouse) == before
            # whatever the writer was doing, parts, journal and manifest fit together
            manifest = restored.lake.manifest("raw_hub__models", NEXT)
            restored.lake.verified("raw_hub__models", NEXT, [*manifest.parts, *(manifest.landing or [])])
            with Landing(restored.lake, "raw_hub__models", NEXT, convert) as landing:
                landing.finish(lambda _: {})
            with sqlite3.connect(root / "dagster" / "busy.db") as connection:
                assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]
                ((rows,),) = connection.execute("select count(*) from t").fetchall()
            assert rows % 500 == 0
    finally:
        writer.kill()
        ended(writer)
    assert {entry.digest for entry in backup.files if entry.path == "build.duckdb"} == {
        entry.digest for entry in first.files if entry.path == "build.duckdb"
    }


def small(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.bind("https://hub.example", None)
    home.decisions.write_text("author_a,author_b,decision,decided_by,decided_at,why,evidence\n")
    return home


def test_damage_to_a_backup_is_named_and_never_restored(tmp_path: Path) -> None:
    home, folder = small(tmp_path), tmp_path / "backups"
    backup, _ = back_up(home, folder)
    victim = next(entry for entry in backup.files if entry.path == "decisions.csv")
    path = folder / "objects" / victim.digest[:2] / victim.digest
    path.write_bytes(b"nonsense")
    assert any("is damaged: it is the copy of decisions.csv" in line for line in verify_backups(folder))
    with pytest.raises(BackupError, match=r"is damaged: it is the copy of decisions\.csv"):
        restore(folder, tmp_path / "restored")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backups", "home"]
    path.unlink()
    assert any("is missing: it is the copy of decisions.csv" in line for line in verify_backups(folder))
    listing = folder / "backups" / f"{backup.name}.json"
    listing.write_text(listing.read_text().replace("decisions.csv", "../../decisions.csv"))
    assert any(str(listing) in line for line in verify_backups(folder))
    with pytest.raises(BackupError, match="does not match its checksum"):
        restore(folder, tmp_path / "restored")


def test_old_backups_go_with_what_only_they_hold(tmp_path: Path) -> None:
    home, folder = small(tmp_path), tmp_path / "backups"
    for n in range(4):
        (home.root / "doctor.json").write_text(f"{n}")
        back_up(home, folder)
    assert len(backups_in(folder)) == 4
    assert drop_old(home, folder, 2) == 2
    left = backups_in(folder)
    assert len(left) == 2
    assert list(verify_backups(folder)) == []
    named = {entry.digest for name in left for entry in read_backup(folder, name).files}
    assert {path.name for path in (folder / "objects").glob("*/*")} == named
    assert known_backups(home) == [f"{folder}: {name}" for name in left]


def test_what_cannot_be_restored_or_backed_up_is_refused(tmp_path: Path) -> None:
    home, folder = small(tmp_path), tmp_path / "backups"
    with pytest.raises(BackupError, match="inside the home"):
        back_up(home, home.root / "backups")
    with pytest.raises(RestoreRefused, match="has no backup at all"):
        restore(folder, tmp_path / "restored")
    back_up(home, folder)
    with pytest.raises(RestoreRefused, match="is not empty"):
        restore(folder, home.root)
    with pytest.raises(RestoreRefused, match="the backups are"):
        restore(folder, tmp_path / "restored", "yesterday")


def test_the_commands(tmp_path: Path) -> None:
    home, folder = small(tmp_path), tmp_path / "backups"

    def run(*arguments: str | os.PathLike[str]) -> tuple[int, str]:
        result = CliRunner().invoke(cli.main, [str(argument) for argument in arguments])
        assert "Traceback" not in result.output
        return result.exit_code, result.output

    code, output = run("backup", "--home", home.root, folder, "--keep", "1")
    assert code == 0
    assert "2 files" in output
    code, output = run("verify", "--backups", folder)
    assert (code, "1 backups, nothing is damaged" in output) == (0, True)
    code, output = run("restore", folder, "--home", tmp_path / "restored")
    assert code == 0, output
    code, output = run("restore", folder, "--home", tmp_path / "restored")
    assert code == 2
    (tmp_path / "restored" / "decisions.csv").write_text("nonsense")
    code, output = run("verify", "--home", tmp_path / "restored")
    assert code == 1
    assert "decisions.csv" in output
