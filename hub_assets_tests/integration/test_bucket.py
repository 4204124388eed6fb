"""A week in a bucket on a real S3 server publishes the figures of a local one, and mistakes get one sentence."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hub_assets import cli
from hub_assets.home import Home
from hub_assets.lake import bucket
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.limiter import Quota
from hub_assets.local_hub.server import running
from hub_assets_tests.golden import WEEK, hub_of
from hub_assets_tests.integration.home_week import FILES_FOR_PEOPLE, LEFT_OUT, published_figures, raw_rows_of, take_week
from hub_assets_tests.killing import deadly, ended, started
from hub_assets_tests.lake.test_bucket import MOMENTS
from hub_assets_tests.s3 import ADDRESS, BUCKET, Fault, Server, s3_server

pytestmark = pytest.mark.slow


WITHOUT = (*LEFT_OUT, *FILES_FOR_PEOPLE)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with s3_server(monkeypatch) as running_server:
        yield running_server


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket, "RETRIES", 2)


@pytest.mark.parametrize(
    ("problem", "code", "message"),
    [
        ("bucket", 2, "there is no bucket behind s3://missing/lake; create it, or correct HUB_ASSETS_LAKE"),
        ("address", 2, "set it to s3://bucket/prefix, or unset it"),
        ("refused", 2, "refuses these credentials; allow them to list, read, write and delete there"),
        ("anonymous", 2, "there are no credentials for s3://lakes/lake; set AWS_ACCESS_KEY_ID"),
        ("unreachable", 1, "cannot be reached"),
        ("failing", 1, "cannot be reached"),
    ],
)
@pytest.mark.usefixtures("impatient")
def test_unusable_store_is_explained_in_one_sentence(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problem: str, code: int, message: str
) -> None:
    monkeypatch.setenv("HUB_ASSETS_LAKE", {"bucket": "s3://missing/lake", "address": "lake"}.get(problem, ADDRESS))
    if problem == "unreachable":
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    if problem == "anonymous":
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    faults: dict[str, Fault] = {"refused": "403", "failing": "503"}
    server.fault = lambda _, __: faults.get(problem)
    home = tmp_path / "home"
    home.mkdir()
    (home / "home.json").write_text(json.dumps({"source": "a hub", "format": 2}))
    told = CliRunner().invoke(cli.main, ["status", "--home", str(home)])
    assert (told.exit_code, message in " ".join(told.output.split())) == (code, True), told.output
    assert "Traceback" not in told.output


def test_killed_week_in_a_bucket_publishes_the_figures_of_a_local_one(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local, one, other = (tmp_path / name for name in ("local", "one", "other"))
    with running(build_app(hub_of(), quota=Quota(100_000, 300))) as url:
        take_week(str(local), url, str(WEEK), WITHOUT)
        monkeypatch.setenv("HUB_ASSETS_LAKE", ADDRESS)
        for kill in MOMENTS[:5]:
            ended(started(take_week_and_die, str(one), url, *kill), seconds=300)
        take_week(str(one), url, str(WEEK), WITHOUT)
    assert published_figures(Home(one)) == published_figures(Home(local))
    assert Home(other).weeks == [WEEK]
    assert Home(other).source == Home(one).source
    assert raw_rows_of(Home(other)) == raw_rows_of(Home(one))
    with urllib.request.urlopen(f"{server.url}/{BUCKET}") as answer:
        assert b"journal" not in answer.read()


def take_week_and_die(root: str, url: str, owner: Any, name: str, moment: str) -> None:
    deadly(owner, name, moment, 3)
    take_week(root, url, str(WEEK), WITHOUT)
