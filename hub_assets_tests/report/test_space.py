"""Publishing a site to a Hub over HTTP: whatever interrupts it, the Space contains a whole site or none."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner
from huggingface_hub import CommitOperationAdd, HfApi, RepoCard
from starlette.types import ASGIApp

from hub_assets import cli
from hub_assets.errors import UserError
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.limiter import Quota
from hub_assets.local_hub.population import Population
from hub_assets.local_hub.repositories import Repositories
from hub_assets.local_hub.server import running
from hub_assets.releases.commit import Target
from hub_assets.releases.tables import ReleaseError
from hub_assets.report.space import files_of, publish_space
from hub_assets_tests.golden import WEEK, Golden, hub_of
from hub_assets_tests.releases.test_commit import Interrupter

ID = "lab/observatory"
TOKEN = "hf_writer_secret"
PUBLISH = """
import logging, os, sys
from pathlib import Path
from hub_assets.releases.commit import Target
from hub_assets.report.space import publish_space
logging.basicConfig(level=logging.DEBUG)
print(publish_space(Target(sys.argv[1], "lab/observatory", os.environ["TEST_TOKEN"]), Path(sys.argv[2]), print))
"""


@pytest.fixture
def app(tmp_path: Path) -> Interrupter:
    return Interrupter(hub_app(tmp_path))


def hub_app(folder: Path, commits_per_hour: int = 128) -> ASGIApp:
    population = Population("a test", date(2026, 11, 16), {})
    repositories = Repositories(folder / "hub")
    return build_app(
        population, quota=Quota(100_000, 300), repositories=repositories, commits_per_hour=commits_per_hour
    )


@pytest.fixture
def hub(app: Interrupter) -> Iterator[str]:
    with running(app) as url:
        yield url


def made_site(folder: Path, week: str, *more: str) -> Path:
    """Return a site of a few files, two of which the Hub stores in LFS."""
    site = folder / week
    names = ("index.html", "static/site.css", "data/claims.json", "data/table.parquet", "figures/core.png", *more)
    for name in names:
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(f"{name} of {week}" * 50, encoding="utf-8")
    (site / "README.md").write_text("---\ntitle: Hub observatory\nsdk: static\n---\n", encoding="utf-8")
    return site


def contents(api: HfApi) -> dict[str, str]:
    """Return the text of every file in the Space except the one that the Hub adds."""
    names = [name for name in api.list_repo_files(ID, repo_type="space") if name != ".gitattributes"]
    return {name: Path(api.hf_hub_download(ID, name, repo_type="space")).read_text(encoding="utf-8") for name in names}


def texts(site: Path) -> dict[str, str]:
    return {name: path.read_text(encoding="utf-8") for name, path in files_of(site).items()}


def test_the_space_holds_exactly_the_site_after_one_commit_per_week(hub: str, tmp_path: Path) -> None:
    target = Target(hub, ID, TOKEN)
    first, second = made_site(tmp_path, "2026-11-16", "old.html"), made_site(tmp_path, "2026-11-23", "new.html")
    for site in (first, second):
        published = publish_space(target, site, print)
        assert contents(target.api) == texts(site)
        assert published.n_files == len(files_of(site))
    titles = [commit.title for commit in target.api.list_repo_commits(ID, repo_type="space")]
    assert titles == [
        "Publish the report of the week of 2026-11-23",
        "Publish the report of the week of 2026-11-16",
        "initial commit",
    ]
    # files that are already there are not committed again
    assert publish_space(target, second, print).commit == published.commit


def test_a_space_with_something_else_is_not_touched(hub: str, tmp_path: Path) -> None:
    target = Target(hub, ID, TOKEN)
    target.api.create_repo(ID, repo_type="space", space_sdk="static")
    target.api.create_commit(ID, [CommitOperationAdd("app.py", b"mine")], commit_message="Mine", repo_type="space")
    with pytest.raises(UserError, match="something other than a report"):
        publish_space(target, made_site(tmp_path, "2026-11-16"), print)


def test_a_concurrent_commit_is_noticed(hub: str, tmp_path: Path) -> None:
    target, told = Target(hub, ID, TOKEN), list[str]()
    api = target.api

    def tell(message: str) -> None:
        told.append(message)
        if len(told) == 1:
            note = CommitOperationAdd("style.css", b"by somebody else")
            api.create_commit(ID, [note], commit_message="Note", repo_type="space")

    site = made_site(tmp_path, "2026-11-16")
    publish_space(target, site, tell)
    assert [message for message in told if "Someone else" in message]
    assert contents(api) == texts(site)


def test_a_rate_limit_gets_a_clear_error(tmp_path: Path) -> None:
    with running(hub_app(tmp_path, commits_per_hour=1)) as hub:
        target = Target(hub, ID, TOKEN)
        publish_space(target, made_site(tmp_path, "2026-11-16"), print)
        with pytest.raises(ReleaseError, match=r"refused the site \(429: .*rate limit"):
            publish_space(target, made_site(tmp_path, "2026-11-23"), print)
        assert contents(target.api) == texts(tmp_path / "2026-11-16")


@pytest.mark.parametrize(
    ("token", "name", "sentence"),
    [("hf_read_only", ID, "does not let this token write"), (TOKEN, "a/b/c", "cannot be a Space's name")],
)
def test_mistakes_get_a_clear_error(hub: str, tmp_path: Path, token: str, name: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        publish_space(Target(hub, name, token), made_site(tmp_path, "2026-11-16"), print)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--to-space", "observatory"], "has no namespace"),
        (["--to-space", "a/b/c"], "cannot be a Space's name"),
        (["--dry-run"], "--dry-run needs --to-space"),
    ],
)
def test_wrong_options_get_a_clear_error(tmp_path: Path, options: list[str], sentence: str) -> None:
    result = CliRunner().invoke(cli.main, ["report", "--home", str(tmp_path), *options])
    assert result.exit_code == 2
    assert sentence in result.output


@pytest.mark.slow
def test_the_command_publishes_the_report_of_this_hub_only(
    golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = golden.copy(tmp_path / "home")
    command = ["report", "--home", str(home), "--to-space", ID]
    dry = CliRunner().invoke(cli.main, [*command, "--dry-run"])
    assert dry.exit_code == 0, dry.output
    assert "nothing was sent" in dry.output
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with running(build_app(hub_of(), quota=Quota(100_000, 300), repositories=Repositories(tmp_path / "hub"))) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub)
        result = CliRunner().invoke(cli.main, command)
        assert result.exit_code == 0, result.output
        api = HfApi(hub, token=TOKEN)
        assert set(api.list_repo_files(ID, repo_type="space")) - {".gitattributes"} == set(
            files_of(home / "report" / str(WEEK))
        )
        card = RepoCard.load(api.hf_hub_download(ID, "README.md", repo_type="space"))
        assert (card.data.sdk, card.data.app_file) == ("static", "index.html")
        assert len(card.data.short_description) <= 60
    with running(hub_app(tmp_path / "other")) as other:
        monkeypatch.setenv("HF_ENDPOINT", other)
        refused = CliRunner().invoke(cli.main, command)
    assert refused.exit_code == 2
    assert "holds data from" in refused.output


@pytest.mark.slow
def test_killed_at_ten_moments_there_is_never_half_a_site(app: Interrupter, hub: str, tmp_path: Path) -> None:
    before, site = made_site(tmp_path, "2026-11-16", "old.html"), made_site(tmp_path, "2026-11-23", "new.html")
    api = HfApi(hub, token=TOKEN)
    environment = os.environ | {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "TEST_TOKEN": TOKEN, "HF_DEBUG": "0"}

    def publish() -> int:
        app.requests, app.process = 0, None
        app.paths.clear()
        command = [sys.executable, "-c", PUBLISH, hub, str(site)]
        app.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        printed, _ = app.process.communicate(timeout=300)
        assert TOKEN not in printed
        assert "Uploading" in printed or app.process.returncode != 0
        return int(app.process.returncode)

    def start(has_earlier_week: bool) -> None:
        app.moment = 0
        api.delete_repo(ID, repo_type="space", missing_ok=True)
        for blob in (tmp_path / "hub" / "blobs").iterdir():
            blob.unlink()  # otherwise nothing would be uploaded again
        if has_earlier_week:
            publish_space(Target(hub, ID, TOKEN), before, print)

    assert publish() == 0
    paths = list(app.paths)
    commit = next(n for n, path in enumerate(paths, 1) if "/commit/main" in path)
    first_upload = next(n for n, path in enumerate(paths, 1) if path.startswith("/_storage/"))
    moments = [(1, False), (1, True), (2, True), (3, True), (first_upload - 1, True), (first_upload, False)]
    moments += [(first_upload, True), (commit - 1, True), (commit, False), (commit, True)]
    assert len(moments) == 10
    for place, (moment, is_after) in enumerate(moments):
        start(has_earlier_week=place % 2 == 0)
        app.moment, app.is_after = moment, is_after
        assert publish() == -signal.SIGKILL, (moment, is_after)
        app.moment = 0
        if api.repo_exists(ID, repo_type="space"):
            assert contents(api) in (texts(site), texts(before), {}), (moment, is_after)
        assert publish() == 0
        assert contents(api) == texts(site)
    stored = [path for path in (tmp_path / "hub").rglob("*") if path.is_file()]
    assert not any(TOKEN.encode() in path.read_bytes() for path in stored)
