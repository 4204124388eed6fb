"""Writing repositories as huggingface_hub does, unpatched, over HTTP."""

import hashlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.limiter import Quota
from hub_assets.local_hub.population import Population
from hub_assets.local_hub.repositories import Repositories
from hub_assets.local_hub.server import running

ID = "lab/weekly"
PARQUET = b"PAR1" + bytes(range(256)) * 100


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[str]:
    population = Population("a test", date(2026, 9, 28), {})
    with running(build_app(population, quota=Quota(10_000, 300), repositories=Repositories(tmp_path / "hub"))) as url:
        yield url


@pytest.fixture
def api(hub: str) -> HfApi:
    made = HfApi(hub, token="hf_writer")
    made.create_repo(ID, repo_type="dataset")
    return made


def status_of(error: pytest.ExceptionInfo[HfHubHTTPError]) -> int:
    return int(error.value.response.status_code)


def add(api: HfApi, files: dict[str, bytes], parent: str | None = None) -> str:
    operations = [CommitOperationAdd(path, content) for path, content in files.items()]
    return str(api.create_commit(ID, operations, commit_message="Add", repo_type="dataset", parent_commit=parent).oid)


def read(api: HfApi, path: str, folder: Path, revision: str | None = None) -> bytes:
    file = hf_hub_download(
        ID, path, repo_type="dataset", revision=revision, endpoint=api.endpoint, token="hf_writer", local_dir=folder
    )
    return Path(file).read_bytes()


def test_commit_of_git_and_lfs_files_is_read_back_at_its_tag(api: HfApi, tmp_path: Path) -> None:
    first = add(api, {"README.md": b"---\nlicense: mit\n---\n# one\n", "a/models.parquet": PARQUET})
    api.create_tag(ID, tag="week-1", repo_type="dataset")
    second = add(api, {"README.md": b"---\nlicense: mit\n---\n# two\n"}, parent=first)
    assert read(api, "README.md", tmp_path / "1", "week-1").endswith(b"# one\n")
    assert read(api, "README.md", tmp_path / "2").endswith(b"# two\n")
    assert read(api, "a/models.parquet", tmp_path / "2", second) == PARQUET
    [info] = api.get_paths_info(ID, "a/models.parquet", repo_type="dataset")
    assert info.lfs is not None  # type: ignore[union-attr]
    assert info.lfs.sha256 == hashlib.sha256(PARQUET).hexdigest()  # type: ignore[union-attr]
    operations = [CommitOperationDelete("a/", is_folder=True)]
    api.create_commit(ID, operations, commit_message="Delete", repo_type="dataset")
    assert api.list_repo_files(ID, repo_type="dataset") == [".gitattributes", "README.md"]


def test_unchanged_files_make_no_commit(api: HfApi) -> None:
    head = add(api, {"x.parquet": PARQUET, "y.txt": b"y"})
    assert add(api, {"x.parquet": PARQUET, "y.txt": b"y"}) == head


def test_commit_on_an_old_parent_is_refused_and_changes_nothing(api: HfApi) -> None:
    old = add(api, {"a.txt": b"1"})
    new = add(api, {"a.txt": b"2"}, parent=old)
    with pytest.raises(HfHubHTTPError) as error:
        add(api, {"a.txt": b"3"}, parent=old)
    assert status_of(error) == 412
    assert api.dataset_info(ID).sha == new


def test_existing_repository_and_tag_conflict(api: HfApi) -> None:
    with pytest.raises(HfHubHTTPError) as error:
        api.create_repo(ID, repo_type="dataset")
    assert status_of(error) == 409
    api.create_repo(ID, repo_type="dataset", exist_ok=True)
    api.create_tag(ID, tag="t", repo_type="dataset")
    with pytest.raises(HfHubHTTPError) as error:
        api.create_tag(ID, tag="t", repo_type="dataset")
    assert status_of(error) == 409
    api.delete_tag(ID, tag="t", repo_type="dataset")
    assert api.list_repo_refs(ID, repo_type="dataset").tags == []
    with pytest.raises(RevisionNotFoundError):
        api.create_tag(ID, tag="t", revision="nothing", repo_type="dataset")
    api.delete_repo(ID, repo_type="dataset")
    with pytest.raises(RepositoryNotFoundError):
        add(api, {"a.txt": b"1"})


@pytest.mark.parametrize(("token", "status"), [(False, 401), ("hf_read_only", 403)])
def test_only_a_token_that_may_write_writes(hub: str, token: str | bool, status: int) -> None:
    with pytest.raises(HfHubHTTPError) as error:
        HfApi(hub, token=token).create_repo("lab/other", repo_type="dataset")
    assert status_of(error) == status


def test_invalid_card_is_refused_before_anything_is_uploaded(api: HfApi) -> None:
    with pytest.raises(ValueError, match="Invalid metadata"):
        add(api, {"README.md": b"---\nlicense: [\n---\n", "x.parquet": PARQUET})


def test_storage_takes_only_the_announced_bytes_at_a_signed_address(api: HfApi) -> None:
    oid = hashlib.sha256(PARQUET).hexdigest()
    batch = httpx2.post(
        f"{api.endpoint}/datasets/{ID}.git/info/lfs/objects/batch",
        json={"operation": "upload", "objects": [{"oid": oid, "size": len(PARQUET)}]},
        headers={"Authorization": "Bearer hf_writer"},
    ).json()
    address = batch["objects"][0]["actions"]["upload"]["href"]
    assert httpx2.put(address, content=PARQUET + b"!").status_code == 400
    assert httpx2.put(address.replace("signature=", "signature=0"), content=PARQUET).status_code == 403
    assert httpx2.put(address, content=PARQUET, headers={"Authorization": "Bearer hf_writer"}).status_code == 400
    verify = batch["objects"][0]["actions"]["verify"]["href"]
    asked = {"oid": oid, "size": len(PARQUET)}
    headers = {"Authorization": "Bearer hf_writer"}
    assert httpx2.post(verify, json=asked, headers=headers).status_code == 404
    assert httpx2.put(address, content=PARQUET).status_code == 200
    assert httpx2.post(verify, json=asked, headers=headers).status_code == 200


def test_commits_have_their_own_rate_limit(tmp_path: Path) -> None:
    app = build_app(
        Population("a test", date(2026, 9, 28), {}),
        quota=Quota(10_000, 300),
        repositories=Repositories(tmp_path / "hub"),
        commits_per_hour=2,
    )
    with running(app) as url:
        HfApi(url, token="hf_writer").create_repo(ID, repo_type="dataset")
        statuses = [
            httpx2.post(
                f"{url}/api/datasets/{ID}/commit/main",
                content=b'{"key": "header", "value": {"summary": "s"}}\n',
                headers={"Authorization": "Bearer hf_writer"},
            ).status_code
            for _ in range(3)
        ]
    assert statuses == [200, 200, 429]
