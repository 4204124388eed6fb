"""A home is bound to one Hub."""

import os
from pathlib import Path

import pytest

from hub_assets.home import Home, HomeError


def test_the_first_write_binds_a_home_and_other_hubs_are_refused(tmp_path: Path) -> None:
    home = Home(tmp_path / "new")
    assert home.source is None
    home.bind("https://huggingface.co", None)
    home.bind("https://huggingface.co", None)
    for endpoint, population in (("https://hub.example", None), ("http://127.0.0.1:5", "simulated")):
        with pytest.raises(HomeError, match=r"holds data from https://huggingface\.co"):
            home.bind(endpoint, population)


def test_a_lost_secret_is_not_replaced_silently(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.pin("first")
    assert home.source is None
    home.bind("https://huggingface.co", None)
    home.pin("first")
    home.pin("first")
    with pytest.raises(
        HomeError, match=r"secret is not the secret .* Restore it from a backup, or remove `secret` from"
    ):
        home.pin("second")
    home.bind("https://huggingface.co", None)
    assert home.source == "https://huggingface.co"


def test_a_local_hub_can_change_its_address_but_not_its_population(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.bind("http://127.0.0.1:5", "simulated")
    home.bind("http://127.0.0.1:6", "simulated")
    with pytest.raises(HomeError, match="replay:radar"):
        home.bind("http://127.0.0.1:5", "replay:radar")


def test_a_folder_that_is_not_writable() -> None:
    with pytest.raises(HomeError, match="--home"):
        Home(Path("/proc/nothing")).bind("https://huggingface.co", None)


@pytest.mark.parametrize("content", ["{", "{}", "[]", ""])
def test_an_unreadable_home_json_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "home.json").write_text(content)
    with pytest.raises(HomeError, match=r"home\.json"):
        Home(tmp_path).bind("https://huggingface.co", None)


def test_the_environment_sets_the_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HUB_ASSETS_HOME", str(tmp_path))
    assert Home.default().root == tmp_path
    monkeypatch.delenv("HUB_ASSETS_HOME")
    assert Home.default().root == Path.home() / ".hub_assets"


@pytest.mark.parametrize("name", ["a\\b", "a?b", "a%41b", os.fsdecode(b"a\xffb")])
def test_a_folder_name_that_databases_misread_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(HomeError, match=r"cannot be a home: .* a special meaning; choose another folder") as error:
        Home(tmp_path / name)
    str(error.value).encode()


def test_require_writes_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path / "new")
    assert home.require("http://127.0.0.1:5", "simulated") == "local hub, simulated"
    assert not home.root.exists()
    home.bind("http://127.0.0.1:5", "simulated")
    with pytest.raises(HomeError, match="holds data from local hub, simulated"):
        home.require("https://huggingface.co", None)


def test_locked_rejects_an_unwritable_folder_and_an_invalid_wait(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nowhere = Home(Path("/proc/nothing"))
    with pytest.raises(HomeError, match="/proc/nothing is not writable"), nowhere.locked("building", "", print):
        pass
    monkeypatch.setenv("HUB_ASSETS_WAIT", "long")
    with pytest.raises(HomeError, match="HUB_ASSETS_WAIT is 'long'"), Home(tmp_path).locked("building", "", print):
        pass
