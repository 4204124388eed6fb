"""`hub-assets identities` as users run it: keys, spreadsheets, undo, and one clear sentence for each mistake."""

import csv
import getpass
import os
import pty
import select
import subprocess
import sys
import termios
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from hub_assets import cli
from hub_assets.home import Home
from hub_assets.identities.decisions import read_decisions
from hub_assets.warehouse.database import connect
from hub_assets_tests.identities.pairs import make_warehouse, pair
from hub_assets_tests.test_cli import assert_mistake

COMMANDS = {"review": [], "export": ["pairs.csv"], "import": ["pairs.csv"], "undo": ["ada", "bo"]}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    home = Home(tmp_path / "home")
    home.root.mkdir()
    decided = pair("ada", "eve", decision="accepted", decided_by="rule", score=9.0)
    make_warehouse(home.warehouse, pair("ada", "bo", score=3.0), pair("=cy", "ada"), decided)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUB_ASSETS_HOME", str(home.root))
    return home


def run(*arguments: str, keys: str = "") -> Result:
    return CliRunner().invoke(cli.main, ["identities", *arguments], input=keys)


def done(*arguments: str, keys: str = "") -> str:
    result = run(*arguments, keys=keys)
    assert result.exit_code == 0, result.output
    return result.output


def saved(home: Home) -> list[tuple[str, ...]]:
    rows = read_decisions(home.decisions).to_pylist()
    return [tuple(row[name] for name in ("author_a", "author_b", "decision", "decided_by", "why")) for row in rows]


def fill_in(file: Path, **decisions: str) -> None:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        for name in (row["author_a"].lstrip("'="), row["author_b"]):
            row["decision"] = decisions.get(name, row["decision"])
    with file.open("w", encoding="utf-8-sig", newline="") as stream:
        sheet = csv.DictWriter(stream, list(rows[0]))
        sheet.writeheader()
        sheet.writerows(rows)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    assert f"hub-assets identities {command}" in done(command, "--help").split("Example", 1)[1]
    assert command in done("--help")


def test_review_saves_decisions_from_the_keyboard(home: Home) -> None:
    output = done("review", "--by", "mona", keys="wmet them\nar")
    assert saved(home) == [("=cy", "ada", "rejected", "mona", ""), ("ada", "bo", "accepted", "mona", "met them")]
    for words in ("pair 1 of 2", "accepted: ada and bo", "Saved 2 decisions", "0 of 2", "hub-assets identities apply"):
        assert words in output
    assert "0 of 0 pairs" in done("review")
    assert "hub-assets identities apply" not in done("review")
    assert "1 of 1 pairs" in done("undo", "ada", "bo") + done("review", keys="q")


def test_decisions_default_to_the_current_user(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "kim")
    done("review", keys="a")
    assert [row[3] for row in saved(home)] == ["kim"]

    def unknown() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr(getpass, "getuser", unknown)
    assert_mistake(run("review"), "--by")


def test_interrupting_the_review_loses_no_decision(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    pressed = iter("a")

    def getchar() -> str:
        for key in pressed:
            return key
        raise KeyboardInterrupt

    monkeypatch.setattr(click, "getchar", getchar)
    assert "Saved 1 decisions" in done("review")
    assert len(saved(home)) == 1


def test_without_a_terminal_review_points_to_export(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def getchar() -> str:
        raise OSError("No such device or address: '/dev/tty'")

    monkeypatch.setattr(click, "getchar", getchar)
    assert_mistake(run("review"), "export")


def test_import_saves_decisions_from_a_spreadsheet(home: Home) -> None:
    file = Path("pairs.csv")
    assert "2 pairs" in done("export", "pairs.csv")
    fill_in(file, bo="accepted", cy="Reject")
    output = done("import", "pairs.csv", "--by", "mona")
    assert "Saved 2 decisions" in output
    assert "hub-assets identities apply" in output
    assert saved(home) == [("=cy", "ada", "rejected", "mona", ""), ("ada", "bo", "accepted", "mona", "")]
    before = home.decisions.read_bytes()
    assert "Nothing has changed" in done("import", "pairs.csv", "--by", "kim")
    assert home.decisions.read_bytes() == before
    assert "0 pairs" in done("export", "open.csv")
    assert "3 pairs" in done("export", "--all", "all.csv")
    fill_in(Path("all.csv"), eve="rejected")
    assert "Saved 1 decisions" in done("import", "all.csv", "--by", "kim")


def test_import_reports_names_that_a_spreadsheet_changed(home: Home) -> None:
    sheet = Path("pairs.csv")
    sheet.write_text("author_a,author_b,decision,why,evidence\n1,ada,accept,,\nada,bo,accept,,\n")
    output = done("import", "pairs.csv")
    assert "Pairs that are not in the warehouse: 1 of 2, such as '1' and 'ada'" in output


def test_undo_removes_a_decision(home: Home) -> None:
    done("review", "--by", "mona", keys="aa")
    output = done("undo", "ada", "=cy")
    assert "'=cy' and 'ada', accepted by mona at 20" in output
    assert "hub-assets identities apply" in output
    assert [row[:2] for row in saved(home)] == [("ada", "bo")]
    assert_mistake(run("undo", "ada", "=cy"), "no decision", "'=cy'")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_malformed_decisions_file_is_named_and_left_unchanged(home: Home, command: str) -> None:
    if command == "import":
        Path("pairs.csv").write_text("author_a,author_b,decision,why,evidence\nada,bo,accept,,\n")
    home.decisions.write_text("author_a,author_b,decision,decided_by,decided_at,why,evidence\nada,bo\n")
    before = home.decisions.read_bytes()
    assert_mistake(run(command, *COMMANDS[command]), "decisions.csv:2: 2 fields", "no decision is applied")
    assert home.decisions.read_bytes() == before
    assert Path("pairs.csv").exists() == (command == "import")


def test_a_malformed_sheet_is_named_and_nothing_is_imported(home: Home) -> None:
    Path("pairs.csv").write_text("author_a,author_b,decision,why,evidence\nada,bo,accept,,\nada,cy,what,,\n")
    assert_mistake(run("import", "pairs.csv"), "pairs.csv:3: ", "neither accepted nor rejected", "nothing was imported")
    assert not home.decisions.exists()


def test_export_does_not_overwrite_an_existing_file(home: Home) -> None:
    Path("pairs.csv").write_text("hours of work")
    assert_mistake(run("export", "pairs.csv"), "pairs.csv", "choose a new file")
    assert_mistake(run("export", "nowhere/pairs.csv"), "nowhere/pairs.csv")
    assert Path("pairs.csv").read_text() == "hours of work"


def test_import_of_a_missing_sheet(home: Home) -> None:
    result = run("import", "pairs.csv")
    assert (result.exit_code, "pairs.csv" in result.output) == (2, True)


@pytest.mark.parametrize("command", ["review", "export", "import"])
def test_a_home_without_pairs(home: Home, command: str) -> None:
    if command == "import":
        Path("pairs.csv").write_text("author_a,author_b,decision,why,evidence\n")
    with connect(home.warehouse) as connection:
        connection.execute("drop table core__developer_pairs")
    assert_mistake(run(command, *COMMANDS[command]), "no developer pairs", "hub-assets snapshot")
    assert_mistake(run(command, *COMMANDS[command], "--home", "nowhere"), "does not exist", "hub-assets snapshot")
    assert not Path("nowhere").exists()


def test_undo_in_a_folder_that_is_not_a_home(home: Home) -> None:
    assert_mistake(run("undo", "ada", "bo", "--home", "nowhere"), "--home")
    assert not Path("nowhere").exists()


@pytest.mark.slow
def test_review_in_a_real_terminal(home: Home) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "hub_assets", "identities", "review", "--by", "mona"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as process:
        try:
            for key in (b"a", b"\x1b[A", b"\x03"):
                wait_for(ours, b"q quit")
                wait_until_it_reads_keys(theirs)
                os.write(ours, key)
            wait_for(ours, b"hub-assets identities apply")
            assert process.wait(20) == 0
        finally:
            process.kill()
            os.close(ours)
            os.close(theirs)
    assert [row[:3] for row in saved(home)] == [("ada", "bo", "accepted")]


def wait_for(terminal: int, words: bytes) -> None:
    shown = b""
    while words not in shown:
        ready, _, _ = select.select([terminal], [], [], 300)
        assert ready, shown
        shown += os.read(terminal, 4096)


def wait_until_it_reads_keys(terminal: int) -> None:
    """Wait for raw mode, because keys sent earlier are discarded."""
    deadline = time.monotonic() + 120
    while termios.tcgetattr(terminal)[3] & termios.ICANON:
        assert time.monotonic() < deadline
        time.sleep(0.01)
