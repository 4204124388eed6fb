import os
from pathlib import Path

import pytest

from hub_assets_tests.killing import ended, started


def write_variable(path: str) -> None:
    Path(path).write_text(os.environ.get("HUB_ASSETS_COLOR", "none"))


def test_processes_have_the_environment_of_the_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "color"
    for color in ("red", "blue"):
        monkeypatch.setenv("HUB_ASSETS_COLOR", color)
        ended(started(write_variable, str(path)), None)
        assert path.read_text() == color
    monkeypatch.delenv("HUB_ASSETS_COLOR")
    ended(started(write_variable, str(path)), None)
    assert path.read_text() == "none"
