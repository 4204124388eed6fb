"""Mistakes with a bucket get one sentence."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from hub_assets import cli
from hub_assets.lake import bucket
from hub_assets_tests.s3 import ADDRESS, Fault, Server, s3_server

pytestmark = pytest.mark.slow


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
