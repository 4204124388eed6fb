"""Releasing to a Hub over HTTP: one commit and one tag per week, and never half a week, whatever interrupts it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import duckdb
import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from starlette.types import ASGIApp, Receive, Scope, Send

from hub_assets.errors import UserError
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.limiter import Quota
from hub_assets.local_hub.population import Population
from hub_assets.local_hub.repositories import Repositories
from hub_assets.local_hub.server import running
from hub_assets.releases.commit import Target, publish_release, published_releases, released_weeks
from hub_assets.releases.documents import DOCUMENTS, write_documents
from hub_assets.releases.folder import Week, build_week
from hub_assets.warehouse.sql_project import Project
from hub_assets_tests.releases.conftest import NEXT, WEEK

ID = "lab/weekly"
PUBLISH = """
import sys
from pathlib import Path
from hub_assets.releases.commit import Target, publish_release
from hub_assets.releases.documents import weeks_of
folder = Path(sys.argv[2])
[week] = weeks_of((folder / "built.json").read_text())
print(publish_release(Target(sys.argv[1], "lab/weekly", "hf_writer"), folder, week, {}, print))
"""


@dataclass
class Interrupter:
    """ASGI middleware that kills `process` before or after the request whose number is `moment`."""

    app: ASGIApp
    moment: int = 0
    is_after: bool = False
    requests: int = 0
    paths: list[str] = field(default_factory=list)
    process: "subprocess.Popen[str] | None" = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self.lock:
            self.requests += 1
            self.paths.append(scope["path"])
            is_now = self.requests == self.moment
        if is_now and not self.is_after:
            self._kill()
        await self.app(scope, receive, send)
        if is_now and self.is_after:
            self._kill()

    def _kill(self) -> None:
        while self.process is None:
            pass
        os.kill(self.process.pid, signal.SIGKILL)


@pytest.fixture
def app(tmp_path: Path) -> Interrupter:
    population = Population("a test", date(2026, 11, 16), {})
    made = build_app(population, quota=Quota(100_000, 300), repositories=Repositories(tmp_path / "hub"))
    return Interrupter(made)


@pytest.fixture
def hub(app: Interrupter) -> Iterator[str]:
    with running(app) as url:
        yield url


@pytest.fixture
def weeks(
    warehouse: duckdb.DuckDBPyConnection, project: Project, tmp_path: Path, sources: dict[str, dict[str, str]]
) -> dict[date, tuple[Path, Week]]:
    """Two built weeks, each with its folder."""
    return {
        day: (folder, build_week(warehouse, project, day, folder, sources=sources))
        for day in (WEEK, NEXT)
        for folder in (tmp_path / "releases" / str(day),)
    }


def test_weeks_become_one_commit_and_a_tag_each(hub: str, weeks: dict[date, tuple[Path, Week]]) -> None:
    target = Target(hub, ID, "hf_writer")
    commits = [publish_release(target, folder, week, {}, print).commit for folder, week in weeks.values()]
    api = target.api
    titles = [commit.title for commit in api.list_repo_commits(ID, repo_type="dataset")]
    assert titles == [f"Add the week of {NEXT}", f"Add the week of {WEEK}", "initial commit"]
    tags = {ref.name: ref.target_commit for ref in api.list_repo_refs(ID, repo_type="dataset").tags}
    assert tags == {f"week-{WEEK}": commits[0], f"week-{NEXT}": commits[1]}
    files = set(api.list_repo_files(ID, repo_type="dataset"))
    assert files == {".gitattributes", *DOCUMENTS, *weeks[WEEK][1].files, *weeks[NEXT][1].files}
    assert [week.week for week in released_weeks(target)] == [str(WEEK), str(NEXT)]
    releases = weeks[WEEK][0].parent
    assert published_releases(releases) == [f"{hub}/datasets/{ID}, tag week-{week}" for week in (WEEK, NEXT)]
    [newest] = api.get_paths_info(ID, "models.parquet", repo_type="dataset")
    assert newest.lfs.sha256 == weeks[NEXT][1].files["models.parquet"].sha256  # type: ignore[union-attr]


def test_an_older_week_does_not_replace_the_newest(hub: str, weeks: dict[date, tuple[Path, Week]]) -> None:
    target = Target(hub, ID, "hf_writer")
    for day in (NEXT, WEEK):
        publish_release(target, *weeks[day], {}, print)
    [newest] = target.api.get_paths_info(ID, "models.parquet", repo_type="dataset")
    assert newest.lfs.sha256 == weeks[NEXT][1].files["models.parquet"].sha256  # type: ignore[union-attr]


def test_a_released_week_is_never_edited(hub: str, weeks: dict[date, tuple[Path, Week]]) -> None:
    target = Target(hub, ID, "hf_writer")
    folder, week = weeks[WEEK]
    first = publish_release(target, folder, week, {}, print)
    again = publish_release(target, folder, week, {}, print)
    assert (again.commit, first.is_new, again.is_new) == (first.commit, True, False)
    path = f"spaces/week={WEEK}/spaces.parquet"
    other = replace(week, files={**week.files, path: replace(week.files[path], sha256="0" * 64)})
    with pytest.raises(UserError, match="never edited"):
        publish_release(target, folder, other, {}, print)


def test_another_commit_in_between_is_kept(hub: str, weeks: dict[date, tuple[Path, Week]]) -> None:
    target = Target(hub, ID, "hf_writer")
    api = target.api
    api.create_repo(ID, repo_type="dataset")
    told = []

    def tell(message: str) -> None:
        told.append(message)
        if len(told) == 1:
            note = CommitOperationAdd("NOTE.txt", b"by somebody else")
            api.create_commit(ID, [note], commit_message="Note", repo_type="dataset")

    publish_release(target, *weeks[WEEK], {}, tell)
    assert len(told) == 3
    assert {"NOTE.txt", "README.md"} <= set(api.list_repo_files(ID, repo_type="dataset", revision=f"week-{WEEK}"))


@pytest.mark.parametrize(
    ("token", "name", "sentence"),
    [("hf_read_only", ID, "does not let this token write"), ("hf_writer", "a/b/c", "cannot be a data set's name")],
)
def test_mistakes_get_a_sentence(
    hub: str, weeks: dict[date, tuple[Path, Week]], token: str, name: str, sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        publish_release(Target(hub, name, token), *weeks[WEEK], {}, print)


def test_data_set_of_somebody_else_is_not_touched(hub: str, weeks: dict[date, tuple[Path, Week]]) -> None:
    target = Target(hub, ID, "hf_writer")
    target.api.create_repo(ID, repo_type="dataset")
    foreign = CommitOperationAdd("weeks.json", b"[]")
    target.api.create_commit(ID, [foreign], commit_message="Mine", repo_type="dataset")
    with pytest.raises(UserError, match="not written by hub-assets"):
        publish_release(target, *weeks[WEEK], {}, print)


@pytest.mark.slow
def test_killed_at_ten_moments_there_is_never_half_a_week(
    app: Interrupter, hub: str, weeks: dict[date, tuple[Path, Week]], tmp_path: Path
) -> None:
    folder, week = weeks[WEEK]
    write_documents(folder, [week], ID, {})
    (folder / "built.json").write_bytes((folder / "weeks.json").read_bytes())
    api = HfApi(hub, token="hf_writer")
    environment = os.environ | {"HF_HUB_DISABLE_PROGRESS_BARS": "1"}

    def publish() -> int:
        app.requests, app.process = 0, None
        app.paths.clear()
        command = [sys.executable, "-c", PUBLISH, hub, str(folder)]
        app.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        app.process.communicate(timeout=300)
        return int(app.process.returncode)

    assert publish() == 0
    paths = list(app.paths)
    commit = next(n for n, path in enumerate(paths, 1) if "/commit/main" in path)
    first_upload = next(n for n, path in enumerate(paths, 1) if path.startswith("/_storage/"))
    moments = [(1, False), (1, True), (3, True), (5, False), (first_upload, False), (first_upload, True)]
    moments += [((first_upload + commit) // 2, True), (commit, False), (commit, True), (len(paths), False)]
    whole = {".gitattributes", *DOCUMENTS, *week.files}
    for moment, is_after in moments:
        api.delete_repo(ID, repo_type="dataset", missing_ok=True)
        for blob in (tmp_path / "hub" / "blobs").iterdir():
            blob.unlink()  # otherwise nothing would be uploaded again
        app.moment, app.is_after = moment, is_after
        assert publish() == -signal.SIGKILL, (moment, is_after)
        app.moment = 0
        if api.repo_exists(ID, repo_type="dataset"):
            assert set(api.list_repo_files(ID, repo_type="dataset")) in (whole, {".gitattributes"}), (moment, is_after)
        assert publish() == 0
        assert set(api.list_repo_files(ID, repo_type="dataset", revision=f"week-{WEEK}")) == whole
