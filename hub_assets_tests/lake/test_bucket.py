"""A lake in a bucket on a real S3 server survives the server's faults, kills at each step, and two writers at once."""

import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub_assets.lake.bucket import Bucket, BucketError, s3_bucket
from hub_assets.lake.parts import Lake
from hub_assets.lake.remote import LakeOutdated, RemoteLake
from hub_assets_tests.killing import deadly, ended, started
from hub_assets_tests.lake.test_landing import WEEK, collect, numbers
from hub_assets_tests.s3 import ADDRESS, Fault, Server, s3_server

pytestmark = pytest.mark.slow

MOMENTS = [
    *((Bucket, name, moment) for name in ("upload", "replace") for moment in ("before", "after")),
    (Lake, "set_manifest", "after"),
    (Bucket, "remove", "before"),
]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with s3_server(monkeypatch) as running_server:
        yield running_server


def opened(root: Path) -> RemoteLake:
    return RemoteLake(root, s3_bucket(ADDRESS), root / "home.json")


def append(root: str, until: int, *kill: Any) -> None:
    if kill:
        deadly(*kill)
    collect(opened(Path(root)), until, adds=True)


def append_until_done(folder: str, name: str, until: int) -> None:
    """Start together with the other machine, and run again whenever that one was faster, as the message asks for."""
    Path(folder, f"{name}.ready").touch()
    while len(list(Path(folder).glob("*.ready"))) < 2:
        time.sleep(0.001)
    while True:
        try:
            return append(str(Path(folder, name)), until)
        except LakeOutdated:
            Path(folder, f"{name}.refused").touch()


@pytest.mark.parametrize(("owner", "name", "moment"), MOMENTS)
def test_killed_writer_loses_and_duplicates_nothing(
    server: Server, tmp_path: Path, owner: Any, name: str, moment: str
) -> None:
    ended(started(append, str(tmp_path / "one"), 4), None)
    ended(started(append, str(tmp_path / "one"), 12, owner, name, moment, 2))
    other = opened(tmp_path / "other")
    parts = other.files_so_far("t", WEEK)
    assert len(parts) >= 2  # what was there before the kill can be read
    append(str(tmp_path / "one"), 12)
    for machine in ("one", "other", "third"):
        assert numbers(opened(tmp_path / machine)) == list(range(12))


def test_two_machines_that_write_one_week_at_once_lose_nothing(server: Server, tmp_path: Path) -> None:
    writers = [started(append_until_done, str(tmp_path), name, 40) for name in ("one", "other")]
    for writer in writers:
        ended(writer, None, 300)
    assert list(tmp_path.glob("*.refused"))
    assert numbers(opened(tmp_path / "third")) == list(range(40))


@pytest.mark.parametrize("fault", ["slow", "503", "dropped before", "dropped after"])
def test_faults_of_the_store_are_overcome(server: Server, tmp_path: Path, fault: Fault) -> None:
    turn, lock = itertools.count(), threading.Lock()

    def every_third(method: str, path: str) -> Fault | None:
        with lock:
            return fault if next(turn) % 3 == 1 else None

    server.fault = every_third
    collect(opened(tmp_path / "one"), 12)
    assert numbers(opened(tmp_path / "other")) == list(range(12))
    assert next(turn) > 20


def test_store_that_does_not_implement_conditional_writes_is_named(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub_assets.lake.bucket.RETRIES", 1)
    server.fault = lambda method, path: "501" if method == "PUT" and path.endswith("/.lake") else None
    with pytest.raises(BucketError, match=r"does not support a request .* conditional write"):
        opened(tmp_path)
