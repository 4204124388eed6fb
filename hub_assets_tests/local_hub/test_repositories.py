import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub_assets.local_hub.repositories import (
    Blob,
    ParentChanged,
    Repositories,
    RepositoryError,
    RepositoryExists,
    git_id,
)

NOON = datetime(2026, 9, 30, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Repositories:
    return Repositories(tmp_path / "hub")


def test_a_commit_changes_only_its_files_and_old_revisions_stay(store: Repositories) -> None:
    repo = store.create("dataset", "a/b", date=NOON)
    one = repo.commit("one", {"x.parquet": store.put(b"1"), "y.md": store.put(b"y")}, date=NOON)
    two = repo.commit("two", {"x.parquet": store.put([b"2", b"2"])}, ["y.md"], date=NOON)
    assert set(one.files) == {".gitattributes", "x.parquet", "y.md"}
    assert set(two.files) == {".gitattributes", "x.parquet"}
    assert two.files["x.parquet"].etag == hashlib.sha256(b"22").hexdigest()
    assert one.files["y.md"].etag == git_id(b"y")
    again = Repositories(store.root).find("dataset", "a/b")
    assert again is not None
    assert again.find("main") == again.find("refs/heads/main") == again.find(two.id) == two
    assert again.find(one.id) == one
    assert [commit.title for commit in again.history(two)] == ["two", "one", "initial commit"]
    assert two.files[".gitattributes"].changed_in == list(again.history(two))[-1].id


def test_git_ids_are_git_s_own() -> None:
    assert git_id(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


def test_a_commit_on_an_old_parent_is_refused_and_changes_nothing(store: Repositories) -> None:
    repo = store.create("dataset", "a/b")
    first = repo.commit("one", {"x": store.put(b"1")})
    repo.commit("two", {"x": store.put(b"2")}, parent=first.id)
    before = repo.refs
    with pytest.raises(ParentChanged, match="not at"):
        repo.commit("late", {"x": store.put(b"3")}, parent=first.id)
    with pytest.raises(RepositoryError, match="not uploaded"):
        repo.commit("torn", {"x": Blob("0" * 64, 1)})
    with pytest.raises(RepositoryError, match="no file"):
        repo.commit("nothing", delete=["folder/"])
    assert repo.refs == before


@pytest.mark.parametrize("repo_id", ["../../evil", "..", "a/%2e%2e"])
def test_tags_branches_and_ids_that_look_like_paths(store: Repositories, repo_id: str) -> None:
    repo = store.create("dataset", repo_id)
    assert (store.root / "repos" / "datasets") == repo.folder.resolve().parent
    commit = repo.commit("one", {"x": store.put(b"1")})
    repo.set_tag("2026-09-28", commit.id)
    repo.set_branch("side", commit.id)
    assert repo.find("2026-09-28") == repo.find("side") == repo.find("refs/tags/2026-09-28") == commit
    repo.set_tag("2026-09-28", None)
    assert repo.find("2026-09-28") is None
    assert repo.find("../commits/x") is None
    with pytest.raises(RepositoryExists):
        store.create("dataset", repo_id)
    assert store.find("model", repo_id) is None
