"""A home belongs to one Hub."""

import os
from pathlib import Path

import pytest

from hub_assets.home import Home, HomeError


def test_the_first_write_stamps_it_and_others_are_refused(tmp_path: Path) -> None:
    home = Home(tmp_path / "new")
    assert home.source is None
    home.bind("https://huggingface.co", None)
    home.bind("https://huggingface.co", None)
    for endpoint, population in (("https://hub.example", None), ("http://127.0.0.1:5", "simulated")):
        with pytest.raises(HomeError, match=r"holds data of https://huggingface\.co"):
            home.bind(endpoint, population)


def test_a_secret_that_was_lost_is_not_replaced_in_silence(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.pin("of one")
    assert home.source is None
    home.bind("https://huggingface.co", None)
    home.pin("of one")
    home.pin("of one")
    with pytest.raises(
        HomeError, match=r"secret is not the secret .* restore it from a backup, or take `secret` out of"
    ):
        home.pin("of another")
    home.bind("https://huggingface.co", None)
    assert home.source == "https://huggingface.co"


def test_a_local_hub_may_change_its_address_but_not_its_population(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.bind("http://127.0.0.1:5", "simulated")
    home.bind("http://127.0.0.1:6", "simulated")
    with pytest.raises(HomeError, match="replay:radar"):
        home.bind("http://127.0.0.1:5", "replay:radar")


def test_a_home_that_cannot_be_written() -> None:
    with pytest.raises(HomeError, match="--home"):
        Home(Path("/proc/nothing")).bind("https://huggingface.co", None)


@pytest.mark.parametrize("content", ["{", "{}", "[]", ""])
def test_a_damaged_stamp_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "home.json").write_text(content)
    with pytest.raises(HomeError, match=r"home\.json"):
        Home(tmp_path).bind("https://huggingface.co", None)


def test_the_default_is_what_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HUB_ASSETS_HOME", str(tmp_path))
    assert Home.default().root == tmp_path
    monkeypatch.delenv("HUB_ASSETS_HOME")
    assert Home.default().root == Path.home() / ".hub_assets"


@pytest.mark.parametrize("name", ["a\\b", "a?b", "a%41b", os.fsdecode(b"a\xffb")])
def test_a_folder_whose_name_databases_take_for_another_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(HomeError, match=r"cannot be a home: .* for something else; name another folder") as error:
        Home(tmp_path / name)
    str(error.value).encode()


def test_a_check_of_the_hub_writes_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path / "new")
    assert home.require("http://127.0.0.1:5", "simulated") == "local hub, simulated"
    assert not home.root.exists()
    home.bind("http://127.0.0.1:5", "simulated")
    with pytest.raises(HomeError, match="holds data of local hub, simulated"):
        home.require("https://huggingface.co", None)


def test_a_writer_that_cannot_write_or_does_not_know_how_long_to_wait_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nowhere = Home(Path("/proc/nothing"))
    with pytest.raises(HomeError, match="/proc/nothing cannot be written"), nowhere.written_by("", print):
        pass
    monkeypatch.setenv("HUB_ASSETS_WAIT", "long")
    with pytest.raises(HomeError, match="HUB_ASSETS_WAIT is 'long'"), Home(tmp_path).written_by("", print):
        pass
