"""Repositories with contents: content-addressed blobs, and each repository's commits, branches and tags.

Everything is stored in one folder on disk, so all revisions survive a restart of the Hub. HTTP (routes, access,
redirects) belongs in `repository_routes` and `app`; listings and histories of a population belong in `population`.

    blobs/<sha256>                               the bytes of a file
    repos/<plural>/<id>.repo/refs.json           branches and tags: name -> commit id, replaced atomically
    repos/<plural>/<id>.repo/commits/<id>.json   a commit, never changed
"""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Final, overload

from filelock import FileLock

from hub_assets.errors import HubAssetsError
from hub_assets.lake.parts import write_beside
from hub_assets.vocabulary import RepoType

MAIN: Final = "main"
LFS_BYTES: Final = 10 * 2**20
"""Size in bytes above which the Hub stores files through LFS, whatever their names."""
LFS_SUFFIXES: Final = frozenset({".parquet", ".arrow", ".bin", ".gz", ".png", ".safetensors", ".zip", ".zst"})
_ATTRIBUTES: Final = "".join(f"*{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in sorted(LFS_SUFFIXES))


class RepositoryError(HubAssetsError):
    """A repository cannot be created or changed as requested; nothing was written."""


class RepositoryExists(RepositoryError):
    """The repository to create already exists."""


class ParentChanged(RepositoryError):
    """The branch is no longer at the expected commit."""


@dataclass(frozen=True)
class Blob:
    """The SHA-256 and size of a stored file's bytes."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Entry:
    """A file in a revision.

    `oid` is the git object id of the file's bytes, or of the LFS pointer if `is_lfs` is true. `changed_in` is the id of
    the commit that last changed the file.
    """

    sha256: str
    size: int
    oid: str
    is_lfs: bool
    changed_in: str = ""

    @property
    def etag(self) -> str:
        """The file's ETag on the Hub: its SHA-256 if it is stored in LFS, otherwise its git object id."""
        return self.sha256 if self.is_lfs else self.oid


@dataclass(frozen=True)
class Commit:
    """A commit. `date` is in UTC, `author` is an account's name, and `files` is the whole tree, by path."""

    id: str
    parent: str | None
    date: datetime
    title: str
    message: str = ""
    author: str = "local-user"
    files: Mapping[str, Entry] = field(default_factory=dict)


@dataclass(frozen=True)
class Refs:
    """The commit ids of branches and tags, by name."""

    branches: Mapping[str, str]
    tags: Mapping[str, str]


class Repositories:
    """All repositories in a folder. Several threads and processes may use the folder at once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "blobs").mkdir(parents=True, exist_ok=True)

    @overload
    def put(self, chunks: bytes | Iterable[bytes]) -> Blob: ...

    @overload
    def put(self, chunks: bytes | Iterable[bytes], expected: str) -> Blob | None: ...

    def put(self, chunks: bytes | Iterable[bytes], expected: str | None = None) -> Blob | None:
        """Store a file's bytes; identical content is stored only once.

        Args:
            chunks: the bytes.
            expected: the SHA-256 that the bytes must have; if they do not, nothing is stored and None is returned.
        """
        digest, size = hashlib.sha256(), 0
        upload = self.root / "blobs" / f".{uuid.uuid4().hex}"
        try:
            with upload.open("wb") as file:
                for chunk in (chunks,) if isinstance(chunks, bytes) else chunks:
                    digest.update(chunk)
                    size += len(chunk)
                    file.write(chunk)
            if expected not in (None, digest.hexdigest()):
                return None
            upload.replace(self.path(digest.hexdigest()))
        finally:
            upload.unlink(missing_ok=True)
        return Blob(digest.hexdigest(), size)

    def blob(self, sha256: str) -> Blob | None:
        """Return a stored blob, or None if it does not exist."""
        path = self.path(sha256)
        return Blob(sha256, path.stat().st_size) if path.exists() else None

    def path(self, sha256: str) -> Path:
        """Return the path of the file for a blob's bytes; the file may not exist."""
        return self.root / "blobs" / sha256

    def create(self, repo_type: RepoType, repo_id: str, *, date: datetime | None = None) -> "Repository":
        """Create a repository with an initial commit, as the Hub does.

        Raises:
            RepositoryExists: if the repository already exists.
        """
        repository = Repository(self, repo_type, repo_id)
        with repository.locked():
            if repository.exists:
                raise RepositoryExists(f"{repo_type} {repo_id} exists")
            repository.write_refs(Refs({}, {}))
        blob = self.put(_ATTRIBUTES.encode())
        repository.commit("initial commit", {".gitattributes": blob}, date=date)
        return repository

    def find(self, repo_type: RepoType, repo_id: str) -> "Repository | None":
        """Return a repository, or None if it does not exist."""
        repository = Repository(self, repo_type, repo_id)
        return repository if repository.exists else None

    def delete(self, repo_type: RepoType, repo_id: str) -> None:
        """Delete a repository; its blobs are kept."""
        shutil.rmtree(Repository(self, repo_type, repo_id).folder, ignore_errors=True)


class Repository:
    """A repository. A branch moves only after its new commit is written, so readers never see part of a commit."""

    def __init__(self, store: Repositories, repo_type: RepoType, repo_id: str) -> None:
        self._store = store
        self.repo_type = repo_type
        self.repo_id = repo_id
        # one folder per repository, even for ids such as `..`, which must not lead outside the store
        name = repo_id.replace("%", "%25").replace("/", "%2F")
        self.folder = store.root / "repos" / f"{repo_type}s" / f"{name}.repo"

    @property
    def exists(self) -> bool:
        """Whether the repository exists."""
        return (self.folder / "refs.json").exists()

    @property
    def refs(self) -> Refs:
        """The branches and tags."""
        return Refs(**json.loads((self.folder / "refs.json").read_text(encoding="utf-8")))

    def find(self, revision: str) -> Commit | None:
        """Return the commit that a branch, a tag, a `refs/...` name or a full commit id refers to, if it exists."""
        refs = self.refs
        heads = {f"refs/heads/{name}": commit for name, commit in refs.branches.items()}
        tags = {f"refs/tags/{name}": commit for name, commit in refs.tags.items()}
        commit_id = {**heads, **tags, **refs.tags, **refs.branches}.get(revision, revision)
        path = self._commit_path(commit_id)
        return _read_commit(path) if path is not None and path.exists() else None

    def history(self, commit: Commit) -> Iterable[Commit]:
        """Yield a commit and its ancestors, newest first."""
        current: Commit | None = commit
        while current is not None:
            yield current
            path = self._commit_path(current.parent or "")
            current = _read_commit(path) if path is not None else None

    def commit(
        self,
        title: str,
        add: Mapping[str, Blob] | None = None,
        delete: Iterable[str] = (),
        *,
        branch: str = MAIN,
        parent: str | None = None,
        message: str = "",
        author: str = "local-user",
        date: datetime | None = None,
    ) -> Commit:
        """Add, replace and delete files in one atomic commit on a branch.

        Args:
            title: first line of the commit message.
            add: stored blobs by path.
            delete: paths to delete; a path that ends in `/` deletes everything below it.
            branch: the branch, which must exist unless the repository is empty.
            parent: the commit that the branch must point to; None allows any commit.
            message: the rest of the commit message.
            author: name of the author's account.
            date: time of the commit; now if None.

        Raises:
            ParentChanged: if the branch does not point to `parent`.
            RepositoryError: if the branch, a blob or a file to delete does not exist.
        """
        with self.locked():
            refs = self.refs
            head = refs.branches.get(branch)
            if head is None and refs.branches:
                raise RepositoryError(f"there is no branch {branch}")
            if parent is not None and parent != head:
                raise ParentChanged(f"{branch} is at {head}, not at {parent}")
            before = self.find(head) if head else None
            files = _without(dict(before.files) if before else {}, delete)
            changed = {path: self._entry(path, blob) for path, blob in (add or {}).items()}
            moment = (date or datetime.now(UTC)).astimezone(UTC)
            commit_id = _commit_id(head, moment, title, message, author, files, changed)
            files |= {path: replace(entry, changed_in=commit_id) for path, entry in changed.items()}
            commit = Commit(commit_id, head, moment, title, message, author, dict(sorted(files.items())))
            path = self._commit_path(commit_id)
            assert path is not None
            content = json.dumps(asdict(commit) | {"date": moment.isoformat()})
            write_beside(path, lambda beside: beside.write_text(content, encoding="utf-8"))
            self.write_refs(Refs({**refs.branches, branch: commit_id}, refs.tags))
        return commit

    def set_branch(self, name: str, commit_id: str | None) -> None:
        """Create or move a branch, or delete it if `commit_id` is None."""
        with self.locked():
            self.write_refs(Refs(_with(self.refs.branches, name, commit_id), self.refs.tags))

    def set_tag(self, name: str, commit_id: str | None) -> None:
        """Create or move a tag, or delete it if `commit_id` is None."""
        with self.locked():
            self.write_refs(Refs(self.refs.branches, _with(self.refs.tags, name, commit_id)))

    def locked(self) -> FileLock:
        """Return the lock to hold during any change to the repository."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self.folder / ".lock")

    def write_refs(self, refs: Refs) -> None:
        """Replace the branches and tags; the caller must hold the lock."""
        content = json.dumps(asdict(refs), indent=1)
        write_beside(self.folder / "refs.json", lambda beside: beside.write_text(content, encoding="utf-8"))

    def _entry(self, path: str, blob: Blob) -> Entry:
        if self._store.blob(blob.sha256) != blob:
            raise RepositoryError(f"the contents of {path} were not uploaded")
        is_lfs = is_stored_as_lfs(path, blob.size)
        content = lfs_pointer(blob) if is_lfs else self._store.path(blob.sha256).read_bytes()
        return Entry(blob.sha256, blob.size, git_id(content), is_lfs)

    def _commit_path(self, commit_id: str) -> Path | None:
        is_id = len(commit_id) == 40 and set(commit_id) <= set("0123456789abcdef")
        return self.folder / "commits" / f"{commit_id}.json" if is_id else None


def is_stored_as_lfs(path: str, size: int) -> bool:
    """Return whether the Hub stores a file through LFS rather than in git."""
    return size > LFS_BYTES or os.path.splitext(path)[1] in LFS_SUFFIXES  # noqa: PTH122  # a path in a repository


def lfs_pointer(blob: Blob) -> bytes:
    """Return the pointer file that git holds for an LFS file."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{blob.sha256}\nsize {blob.size}\n".encode()


def git_id(content: bytes) -> str:
    """Return the git object id of a file's bytes."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _commit_id(
    parent: str | None,
    moment: datetime,
    title: str,
    message: str,
    author: str,
    kept: Mapping[str, Entry],
    changed: Mapping[str, Entry],
) -> str:
    tree = {path: entry.oid for path, entry in (*kept.items(), *changed.items())}
    content = json.dumps([parent, moment.isoformat(), title, message, author, tree], sort_keys=True)
    return hashlib.sha1(content.encode(), usedforsecurity=False).hexdigest()


def _without(files: dict[str, Entry], delete: Iterable[str]) -> dict[str, Entry]:
    for path in delete:
        gone = [name for name in files if name == path or (path.endswith("/") and name.startswith(path))]
        if not gone:
            raise RepositoryError(f"there is no file {path} to delete")
        for name in gone:
            del files[name]
    return files


def _with(refs: Mapping[str, str], name: str, commit_id: str | None) -> dict[str, str]:
    others = {ref: commit for ref, commit in refs.items() if ref != name}
    return others if commit_id is None else others | {name: commit_id}


@lru_cache(maxsize=4096)
def _read_commit(path: Path) -> Commit:
    content = json.loads(path.read_text(encoding="utf-8"))
    files = {name: Entry(**entry) for name, entry in content["files"].items()}
    return Commit(**(content | {"date": datetime.fromisoformat(content["date"]), "files": files}))
