"""The user's decisions about what to leave out of releases."""

from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from hub_assets import cli
from hub_assets.errors import UserError
from hub_assets.releases.withheld import Withheld, read_withheld, withhold

DAY = date(2026, 11, 20)


def test_decisions_are_kept_and_replaced_whatever_the_spelling(tmp_path: Path) -> None:
    path = tmp_path / "withheld.csv"
    assert read_withheld(path) == []
    withhold(path, Withheld("a/b", 'said "no", twice', DAY))
    withhold(path, Withheld("c/d", "x", DAY))
    withhold(path, Withheld("A/B", "again", DAY))
    assert read_withheld(path) == [Withheld("c/d", "x", DAY), Withheld("A/B", "again", DAY)]


@pytest.mark.parametrize("text", ["repo_id,why\na/b,x\n", "repo_id,why,decided_on\na/b,x,soon\n", "\xff"])
def test_unreadable_file_stops_a_release(tmp_path: Path, text: str) -> None:
    path = tmp_path / "withheld.csv"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match="cannot be read"):
        read_withheld(path)


def test_command_needs_an_id_and_a_reason(tmp_path: Path) -> None:
    run = CliRunner().invoke(cli.main, ["withhold", "a/b", "--why", "asked", "--home", str(tmp_path)])
    assert run.exit_code == 0, run.output
    assert [row.repo_id for row in read_withheld(tmp_path / "withheld.csv")] == ["a/b"]
    for arguments in (["a/b"], ["a/b", "--why", " "]):
        assert CliRunner().invoke(cli.main, ["withhold", *arguments, "--home", str(tmp_path)]).exit_code == 2


@pytest.mark.parametrize(("to", "sentence"), [("weekly", "no namespace"), ("a/b/c", "cannot be a data set's name")])
def test_release_names_a_wrong_target_before_it_builds(tmp_path: Path, to: str, sentence: str) -> None:
    run = CliRunner().invoke(cli.main, ["release", "--to", to, "--home", str(tmp_path)])
    assert run.exit_code == 2
    assert sentence in run.output
    missing = CliRunner().invoke(cli.main, ["release", "--to", "a/b", "--home", str(tmp_path)])
    assert missing.exit_code == 2
    assert "take a snapshot first" in missing.output
