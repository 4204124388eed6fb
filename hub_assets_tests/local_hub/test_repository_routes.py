"""Reading repositories as clients do: with huggingface_hub, and with plain requests where headers matter."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import HfApi, HfFileSystem, hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.hf_api import RepoFile

from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.limiter import Quota
from hub_assets.local_hub.population import Population
from hub_assets.local_hub.repositories import Commit, Repositories
from hub_assets.local_hub.server import running

DAY = datetime(2026, 9, 1, 13, 7, tzinfo=UTC)
TOKEN = "hf_reader"
LARGE = bytes(range(256)) * 4096


@pytest.fixture
def commits(tmp_path: Path) -> list[Commit]:
    repo = Repositories(tmp_path / "hub").create("dataset", "stats/hub", date=DAY)
    store = Repositories(tmp_path / "hub")
    made = [
        repo.commit(f"Upload {n}", {"models.parquet": store.put(b"%d" % n + LARGE)}, date=DAY + timedelta(days=n))
        for n in range(3)
    ]
    made.append(repo.commit("Card", {"README.md": store.put(b"# hi"), "a/b/c.txt": store.put(b"c")}, date=DAY))
    repo.set_tag("v1", made[0].id)
    return made


@pytest.fixture
def hub(tmp_path: Path, commits: list[Commit]) -> Iterator[str]:
    population = Population("a test", date(2026, 9, 28), {})
    with running(build_app(population, quota=Quota(10_000, 300), repositories=Repositories(tmp_path / "hub"))) as url:
        yield url


def test_refs_commits_and_paths_as_huggingface_hub_reads_them(hub: str, commits: list[Commit]) -> None:
    api = HfApi(hub, token=TOKEN)
    refs = api.list_repo_refs("stats/hub", repo_type="dataset")
    assert [(ref.name, ref.target_commit) for ref in refs.branches] == [("main", commits[-1].id)]
    assert [(ref.name, ref.target_commit) for ref in refs.tags] == [("v1", commits[0].id)]
    listed = api.list_repo_commits("stats/hub", repo_type="dataset")
    assert [commit.title for commit in listed] == ["Card", "Upload 2", "Upload 1", "Upload 0", "initial commit"]
    assert listed[1].created_at == DAY + timedelta(days=2)
    at = commits[1].id
    info, folder = api.get_paths_info("stats/hub", ["models.parquet", "nothing", "a/b"], repo_type="dataset")
    assert isinstance(info, RepoFile)
    assert info.lfs is not None
    assert (info.lfs.sha256, info.size) == (hashlib.sha256(b"2" + LARGE).hexdigest(), len(LARGE) + 1)
    assert folder.path == "a/b"
    [old] = api.get_paths_info("stats/hub", "models.parquet", revision=at, repo_type="dataset", expand=True)
    assert old.last_commit is not None
    assert (old.last_commit.oid, old.last_commit.date) == (at, DAY + timedelta(days=1))
    assert {entry.path for entry in api.list_repo_tree("stats/hub", repo_type="dataset")} == {
        *(".gitattributes", "README.md", "a", "models.parquet")
    }
    everything = api.list_repo_tree("stats/hub", repo_type="dataset", recursive=True, expand=True)
    assert [entry.path for entry in everything if hasattr(entry, "size")] == list(commits[-1].files)
    assert api.dataset_info("stats/hub", revision="v1").sha == commits[0].id
    assert (
        HfFileSystem(endpoint=hub, token=TOKEN).cat_file("datasets/stats/hub@v1/models.parquet", 0, 3) == b"0\x00\x01"
    )


def test_a_pinned_revision_is_downloaded_whatever_came_later(hub: str, commits: list[Commit], tmp_path: Path) -> None:
    def content(name: str, revision: str) -> bytes:
        file = hf_hub_download(
            "stats/hub",
            name,
            repo_type="dataset",
            revision=revision,
            endpoint=hub,
            token=TOKEN,
            cache_dir=tmp_path / "c",
        )
        return Path(file).read_bytes()

    assert content("models.parquet", commits[0].id) == b"0" + LARGE
    assert content("models.parquet", "main") == b"2" + LARGE
    assert content("README.md", "main") == b"# hi"
    with pytest.raises(EntryNotFoundError):
        content("README.md", commits[0].id)
    with pytest.raises(RevisionNotFoundError):
        content("README.md", "no/branch")
    with pytest.raises(RepositoryNotFoundError):
        HfApi(hub, token=TOKEN).dataset_info("stats/other")


def test_an_lfs_file_redirects_to_signed_storage_on_another_host(hub: str) -> None:
    with httpx2.Client(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        first = client.head(f"{hub}/datasets/stats/hub/resolve/main/models.parquet")
        target = first.headers["Location"]
        assert first.status_code == 302
        assert httpx2.URL(target).host != httpx2.URL(hub).host
        etag = first.headers["X-Linked-Etag"]
        assert client.get(target).status_code == 400  # the token does not belong there
    with httpx2.Client() as client:
        part = client.get(target, headers={"Range": "bytes=0-3"})
        assert (part.status_code, part.content, part.headers["ETag"]) == (206, b"2\x00\x01\x02", etag)
        last = client.get(target, headers={"Range": "bytes=-2"})
        assert last.content == b"\xfe\xff"
        assert client.get(target, headers={"Range": f"bytes={10**9}-"}).status_code == 416
        assert client.get(target, headers={"If-None-Match": etag}).status_code == 304
        assert client.get(target.partition("?")[0]).status_code == 403
        raw = client.get(f"{hub}/datasets/stats/hub/raw/main/models.parquet")
        assert raw.text.startswith("version https://git-lfs")


def test_long_histories_and_trees_come_in_pages(hub: str, tmp_path: Path) -> None:
    store = Repositories(tmp_path / "hub")
    repo = store.create("dataset", "long")
    for n in range(120):
        repo.commit(f"{n}", {f"f{n:03d}.txt": store.put(b"x")})
    api = HfApi(hub, token=TOKEN)
    assert len(api.list_repo_commits("long", repo_type="dataset")) == 121
    names = [entry.path for entry in api.list_repo_tree("long", repo_type="dataset", expand=True)]
    assert names == [".gitattributes", *(f"f{n:03d}.txt" for n in range(120))]
