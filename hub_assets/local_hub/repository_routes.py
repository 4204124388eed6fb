"""HTTP routes for reading repositories with contents: refs, commits, trees, files by revision, and file storage.

As on the Hub, `resolve` returns a redirect: for a file stored in git, to a relative address on the Hub; for an LFS
file, to a signed address on another host, which must not receive the token. Recorded from the real Hub: parameters,
field names, page sizes, headers. Assumed: the form of signed addresses, and the error messages for invalid ones.
Responses about a population's own repositories belong in `app`; storing revisions belongs in `repositories`.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final
from urllib.parse import quote, unquote, urlencode

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from hub_assets.local_hub.answers import ApiError, json_response
from hub_assets.local_hub.fields import BadParameter
from hub_assets.local_hub.history_pages import COMMITS_CAP, COMMITS_PAGE
from hub_assets.local_hub.listing import whole_number
from hub_assets.local_hub.paths import PLURALS
from hub_assets.local_hub.repositories import Commit, Entry, Repositories, Repository, git_id, lfs_pointer
from hub_assets.vocabulary import RepoType

STORAGE: Final = "/_storage/"
"""Path of the storage in signed addresses, whose host differs from the Hub's."""
TREE_PAGE: Final = 1_000
EXPANDED_PAGE: Final = 50
"""Maximum number of tree entries on a page: `TREE_PAGE` without each file's last commit, `EXPANDED_PAGE` with it."""
_RESOURCES: Final = frozenset({"refs", "commits", "tree", "paths-info", "revision"})
_FILES: Final = frozenset({"resolve", "raw"})


@dataclass(frozen=True)
class Contents:
    """The route handlers for a store; each returns None for a repository that is not in the store."""

    store: Repositories
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    async def api(self, request: Request) -> Response | None:
        """Answer a request below `/api/{plural}/`."""
        _, plural, *parts = path_segments(request)
        if plural not in PLURALS:
            return None
        found = self._find(PLURALS[plural], parts, _RESOURCES)
        if found is None:
            return None
        repository, what, rest = found
        try:
            return await self._api(request, repository, what, rest)
        except BadParameter as error:
            raise ApiError(400, str(error)) from error

    async def file(self, request: Request) -> Response | None:
        """Answer a request for a file through `resolve`, `raw`, the Hub's cache of git files, or the storage."""
        path = request.url.path
        if path.startswith(STORAGE):
            return self._stored(request, path.removeprefix(STORAGE))
        parts = path_segments(request)
        is_cache = parts[:2] == ["api", "resolve-cache"]
        if is_cache:
            plural, repo_id, revision, name = parts[2], unquote(parts[3]), parts[4], "/".join(parts[5:])
            repository = self.store.find(PLURALS[plural], repo_id)
            if repository is None:
                return None
            return self._in_git(request, *_entry(repository, revision, name))
        plural = parts.pop(0) if parts[0] in ("datasets", "spaces") else "models"
        found = self._find(PLURALS[plural], parts, _FILES)
        if found is None:
            return None
        repository, what, rest = found
        if len(rest) < 2:
            return None
        commit, entry = _entry(repository, rest[0], "/".join(rest[1:]))
        if what == "raw":
            return self._raw(commit, entry)
        return self._resolve(request, repository, commit, entry, "/".join(rest[1:]))

    def _find(
        self, repo_type: RepoType, parts: Sequence[str], resources: frozenset[str]
    ) -> tuple[Repository, str | None, list[str]] | None:
        """Split the path segments after the repository type into repository, resource and rest.

        Ids of one segment and of two segments are both tried.
        """
        for n in (1, 2):
            what = parts[n] if len(parts) > n else None
            repository = self.store.find(repo_type, "/".join(parts[:n])) if len(parts) >= n else None
            if repository is not None and (what is None or what in resources):
                return repository, what, list(parts[n + 1 :])
        return None

    async def _api(self, request: Request, repository: Repository, what: str | None, rest: list[str]) -> Response:
        if what == "refs":
            return json_response(_refs(repository))
        if what is None or what == "revision":
            return json_response(_info(repository, _commit(repository, rest[0] if rest else "main")))
        if not rest:
            raise ApiError(404, "Sorry, we can't find the page you are looking for.")
        commit = _commit(repository, rest[0])
        if what == "commits":
            return _commits(request, repository, commit)
        if what == "paths-info":
            return json_response(await _paths_info(request, repository, commit))
        return _tree(request, repository, commit, "/".join(rest[1:]))

    def _resolve(self, request: Request, repository: Repository, commit: Commit, entry: Entry, name: str) -> Response:
        headers = {
            "X-Repo-Commit": commit.id,
            "X-Linked-Etag": f'"{entry.etag}"',
            "X-Linked-Size": str(entry.size),
            "Accept-Ranges": "bytes",
        }
        if entry.is_lfs:
            address = f"{storage_origin(request)}{STORAGE}{entry.sha256}?signature={self.signature(entry.sha256)}"
            return json_response({}, 302, headers | {"Location": address})
        cached = "/".join(
            ["/api/resolve-cache", f"{repository.repo_type}s", quote(repository.repo_id, safe=""), commit.id]
        )
        return json_response({}, 307, headers | {"Location": f"{cached}/{quote(name)}"})

    def _in_git(self, request: Request, commit: Commit, entry: Entry) -> Response:
        headers = {"X-Repo-Commit": commit.id, "ETag": f'"{entry.etag}"'}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return FileResponse(self.store.path(entry.sha256), headers=headers, media_type="text/plain; charset=utf-8")

    def _raw(self, commit: Commit, entry: Entry) -> Response:
        blob = self.store.blob(entry.sha256)
        assert blob is not None
        content = lfs_pointer(blob) if entry.is_lfs else self.store.path(entry.sha256).read_bytes()
        headers = {"X-Repo-Commit": commit.id, "ETag": f'"{entry.oid}"'}
        return Response(content, headers=headers, media_type="text/plain; charset=utf-8")

    def _stored(self, request: Request, sha256: str) -> Response:
        if "authorization" in request.headers:
            raise ApiError(400, "Only one auth mechanism is allowed; the token must not be sent to the storage")
        signature = request.query_params.get("signature", "")
        if self.store.blob(sha256) is None or not hmac.compare_digest(signature, self.signature(sha256)):
            raise ApiError(403, "Access denied")
        headers = {"ETag": f'"{sha256}"'}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return FileResponse(self.store.path(sha256), headers=headers, media_type="binary/octet-stream")

    def signature(self, sha256: str) -> str:
        """Return the signature in a blob's signed storage address."""
        return hmac.new(self._key, sha256.encode(), hashlib.sha256).hexdigest()


def path_segments(request: Request) -> list[str]:
    """Return the decoded segments of a request's path; a `%2F` in a revision is not a separator."""
    raw: bytes = request.scope.get("raw_path") or quote(request.url.path).encode()
    return [unquote(part) for part in raw.decode("latin-1").partition("?")[0].strip("/").split("/")]


def storage_origin(request: Request) -> str:
    """Return the storage's origin: the Hub's address under another host name, so clients treat it as another host."""
    url = request.url
    other = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}.get(url.hostname or "", url.hostname or "")
    return f"{url.scheme}://{other}{f':{url.port}' if url.port else ''}"


def _commit(repository: Repository, revision: str) -> Commit:
    commit = repository.find(revision)
    if commit is None:
        raise ApiError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
    return commit


def _entry(repository: Repository, revision: str, name: str) -> tuple[Commit, Entry]:
    commit = _commit(repository, revision)
    if name not in commit.files:
        raise ApiError(404, "Entry not found", "EntryNotFound")
    return commit, commit.files[name]


def _refs(repository: Repository) -> dict[str, Any]:
    refs = repository.refs

    def listed(kind: str, names: Mapping[str, str]) -> list[dict[str, str]]:
        return [{"name": n, "ref": f"refs/{kind}/{n}", "targetCommit": commit} for n, commit in sorted(names.items())]

    return {
        "branches": listed("heads", refs.branches),
        "converts": [],
        "tags": listed("tags", refs.tags),
        "pullRequests": [],
    }


def _info(repository: Repository, commit: Commit) -> dict[str, Any]:
    oldest = list(repository.history(commit))[-1]
    return {
        "_id": git_id(repository.repo_id.encode())[:24],
        "id": repository.repo_id,
        "author": repository.repo_id.rpartition("/")[0] or None,
        "sha": commit.id,
        "createdAt": _moment(oldest),
        "lastModified": _moment(commit),
        "private": False,
        "gated": False,
        "disabled": False,
        "tags": [],
        "downloads": 0,
        "likes": 0,
        "siblings": [{"rfilename": name} for name in commit.files],
    }


def _commits(request: Request, repository: Repository, commit: Commit) -> Response:
    given = request.query_params
    page = whole_number("p", given["p"], 0) if "p" in given else 0
    limit = min(whole_number("limit", given["limit"], 1) if "limit" in given else COMMITS_PAGE, COMMITS_CAP)
    history = list(repository.history(commit))
    rows = [
        {
            "id": one.id,
            "title": one.title,
            "message": one.message,
            "authors": [{"user": one.author}],
            "date": _moment(one),
        }
        for one in history[page * limit : (page + 1) * limit]
    ]
    headers = {"X-Total-Count": str(len(history))}
    if (page + 1) * limit < len(history):
        headers["Link"] = _next(request, {"p": str(page + 1), "limit": str(limit)})
    return json_response(rows, headers=headers)


def _tree(request: Request, repository: Repository, commit: Commit, folder: str) -> Response:
    given = request.query_params
    is_recursive, is_expanded = (given.get(name, "").lower() == "true" for name in ("recursive", "expand"))
    prefix = f"{folder}/" if folder else ""
    below = [name for name in commit.files if name.startswith(prefix)]
    if folder and not below:
        raise ApiError(404, f"{folder} does not exist on {commit.id}", "EntryNotFound")
    names: dict[str, bool] = {}
    for name in below:
        parts = name.removeprefix(prefix).split("/")
        for depth in range(1, len(parts) if is_recursive else min(len(parts), 2)):
            names[prefix + "/".join(parts[:depth])] = True
        if is_recursive or len(parts) == 1:
            names[name] = False
    cap = EXPANDED_PAGE if is_expanded else TREE_PAGE
    limit = min(whole_number("limit", given["limit"], 1) if "limit" in given else cap, cap)
    after = [(name, is_folder) for name, is_folder in sorted(names.items()) if name > given.get("cursor", "")]
    rows = [_path(repository, commit, name, is_folder, is_expanded) for name, is_folder in islice(after, limit)]
    headers = {"Link": _next(request, {"cursor": after[limit - 1][0]})} if len(after) > limit else {}
    return json_response(rows, headers=headers)


async def _paths_info(request: Request, repository: Repository, commit: Commit) -> list[dict[str, Any]]:
    if "json" in request.headers.get("content-type", ""):
        body = await request.json()
        paths, expand = list(body.get("paths", [])), str(body.get("expand", ""))
    else:
        # Starlette needs an additional package to parse forms
        pairs = [pair.partition("=") for pair in (await request.body()).decode().split("&")]
        values = [(unquote(name), unquote(value.replace("+", " "))) for name, _, value in pairs]
        paths = [value for name, value in values if name == "paths"]
        expand = dict(values).get("expand", "")
    is_expanded = expand.lower() == "true"
    folders = {name.rpartition("/")[0] for name in commit.files} - {""}
    return [
        _path(repository, commit, path, path in folders, is_expanded)
        for path in paths
        if path in commit.files or path in folders
    ]


def _path(repository: Repository, commit: Commit, name: str, is_folder: bool, is_expanded: bool) -> dict[str, Any]:
    below = [one for path, one in commit.files.items() if path == name or path.startswith(f"{name}/")]
    if is_folder:
        tree = git_id("".join(one.oid for one in below).encode())
        row: dict[str, Any] = {"type": "directory", "oid": tree, "size": 0, "path": name}
    else:
        entry = commit.files[name]
        row = {"type": "file", "oid": entry.oid, "size": entry.size, "path": name}
        if entry.is_lfs:
            pointer = f"size {entry.size}\n"
            size = len(f"version https://git-lfs.github.com/spec/v1\noid sha256:{entry.sha256}\n{pointer}")
            row["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": size}
    if is_expanded:
        changed = max((_commit(repository, one.changed_in) for one in below), key=lambda one: one.date)
        row["lastCommit"] = {"id": changed.id, "title": changed.title, "date": _moment(changed)}
    return row


def _moment(commit: Commit) -> str:
    return commit.date.strftime("%Y-%m-%dT%H:%M:%S.") + f"{commit.date.microsecond // 1000:03d}Z"


def _next(request: Request, changes: Mapping[str, str]) -> str:
    others = [(name, value) for name, value in request.query_params.multi_items() if name not in changes]
    query = urlencode([*others, *changes.items()])
    return f'<{request.url.replace(path=quote(request.url.path), query=query)}>; rel="next"'
