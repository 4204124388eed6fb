"""A home has one writer at a time; others name the writer they wait for, and give up after a while."""

import re
import signal
import time
from pathlib import Path

import pytest

from hub_assets.lock import HomeBusy, one_writer
from hub_assets_tests.killing import ended, started


def write(root: str, seconds: float, mark: str) -> None:
    with one_writer(Path(root), mark, lambda _: None, 1):
        (Path(root) / f"{mark}.in").touch()
        time.sleep(seconds)
        (Path(root) / f"{mark}.out").touch()


def appeared(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_second_writer_waits_and_names_the_first(tmp_path: Path) -> None:
    other, messages = started(write, str(tmp_path), 1.0, "the first"), list[str]()
    appeared(tmp_path / "the first.in")
    with one_writer(tmp_path, "the second", messages.append, 1):
        assert (tmp_path / "the first.out").exists()
    assert len(messages) == 1
    assert re.search(rf"minutes for the first \(process {other.pid}, since .* UTC\), which is writing to", messages[0])
    ended(other, None)


def test_wait_is_bounded_and_a_dead_writer_releases_the_lock(tmp_path: Path) -> None:
    other = started(write, str(tmp_path), 600.0, "the first")
    appeared(tmp_path / "the first.in")
    with pytest.raises(HomeBusy, match=rf"still being written by the first \(process {other.pid}"):
        one_writer(tmp_path, "the second", lambda _: None, 0).__enter__()
    other.kill()
    ended(other, signal.SIGKILL)
    with one_writer(tmp_path, "the second", lambda _: None, 0):
        pass


def test_lock_is_reentrant_and_released_on_exception(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        write_twice_and_fail(tmp_path)
    ended(started(write, str(tmp_path), 0.0, "another"), None)


def write_twice_and_fail(root: Path) -> None:
    with one_writer(root, "a run", lambda _: None, 0):
        with one_writer(root, "its step", lambda _: None, 0):
            pass
        ended(started(refused, str(root)), None)
        raise ZeroDivisionError


def refused(root: str) -> None:
    with pytest.raises(HomeBusy, match="a run"):
        one_writer(Path(root), "another", lambda _: None, 0).__enter__()
