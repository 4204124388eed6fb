"""HTTP routes for changing repositories, as huggingface_hub uses them: creation, deletion, uploads, commits and tags.

To upload files, a client asks how to store each of them (`preupload`), sends LFS files to the storage (`batch`, then
PUT to a signed address, then `verify`), and commits everything in one request of JSON lines. Recorded from the client:
paths, fields, headers, and the errors it acts on. Assumed: all other messages. A token that contains `read` may not
write. Xet is not supported; clients fall back to LFS, as they do with HF_HUB_DISABLE_XET=1.
"""

import base64
import binascii
import json
import tempfile
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any, Final
from urllib.parse import quote

import yaml
from starlette.requests import Request
from starlette.responses import Response

from hub_assets.local_hub.answers import ApiError, json_response
from hub_assets.local_hub.paths import PLURALS
from hub_assets.local_hub.repositories import (
    Blob,
    ParentChanged,
    Repositories,
    Repository,
    RepositoryError,
    RepositoryExists,
    is_stored_as_lfs,
)
from hub_assets.local_hub.repository_routes import STORAGE, Contents, path_segments, storage_origin
from hub_assets.vocabulary import RepoType

COMMITS_PER_HOUR: Final = 128
"""The Hub's limit on commits to one repository."""
SDKS: Final = ("gradio", "docker", "static")
_BATCH: Final = ["info", "lfs", "objects", "batch"]
_VERIFY: Final = ["info", "lfs", "verify"]
_CHUNK: Final = 2**20


@dataclass(frozen=True)
class Writes:
    """The route handlers for writing; `contents` signs and serves the stored files."""

    contents: Contents
    commits_per_hour: int = COMMITS_PER_HOUR
    _commits: dict[tuple[RepoType, str], deque[float]] = field(default_factory=lambda: defaultdict(deque))

    @property
    def store(self) -> Repositories:
        """The store that holds the repositories."""
        return self.contents.store

    async def answer(self, request: Request) -> Response | None:
        """Answer a POST, PUT or DELETE; return None if the path belongs to another route."""
        parts = path_segments(request)
        if request.method == "PUT":
            return await self._store(request)
        if parts[:2] == ["api", "validate-yaml"]:
            report = _validated(await _json(request))
            return json_response(report, 400 if report["errors"] else 200)
        if parts[:2] == ["api", "repos"] and len(parts) == 3:
            return await self._manage(request, parts[2])
        if ".git" in "/".join(parts) and parts[-1] in ("batch", "verify"):
            return await self._lfs(request, parts)
        if parts[0] != "api" or len(parts) < 4 or parts[1] not in PLURALS:
            return None
        for n in (1, 2):
            repo_id, what, rest = "/".join(parts[2 : 2 + n]), parts[2 + n : 3 + n], "/".join(parts[3 + n :])
            repository = self.store.find(PLURALS[parts[1]], repo_id)
            if repository is not None and what and what[0] in ("preupload", "commit", "tag"):
                _require_writer(request)
                return await self._change(request, repository, what[0], rest)
            if what and what[0] in ("preupload", "commit", "tag") and rest:
                raise ApiError(404, "Repository not found", "RepoNotFound")
        return None

    async def _manage(self, request: Request, what: str) -> Response | None:
        """Create or delete a repository."""
        _require_writer(request)
        body = await _json(request)
        repo_type: RepoType = body.get("type") or "model"
        name, namespace = str(body.get("name", "")), str(body.get("organization") or "local-user")
        repo_id = name if "/" in name else f"{namespace}/{name}"
        if repo_type not in PLURALS.values() or not name:
            raise ApiError(400, "Invalid repository")
        if what == "create" and repo_type == "space" and body.get("sdk") not in SDKS:
            raise ApiError(400, f"A Space needs an sdk: {', '.join(SDKS)}")
        if what == "delete" and request.method == "DELETE":
            if self.store.find(repo_type, repo_id) is None:
                raise ApiError(404, "Repository not found", "RepoNotFound")
            self.store.delete(repo_type, repo_id)
            return json_response({})
        if what != "create" or request.method != "POST":
            return None
        address = f"{str(request.base_url).rstrip('/')}/{'' if repo_type == 'model' else f'{repo_type}s/'}{repo_id}"
        try:
            self.store.create(repo_type, repo_id)
        except RepositoryExists:
            # clients read the repository's address from this error, too
            return json_response({"error": f"You already created this {repo_type} repo", "url": address}, 409)
        return json_response({"url": address, "name": repo_id, "id": repo_id})

    async def _change(self, request: Request, repository: Repository, what: str, rest: str) -> Response | None:
        if what == "preupload":
            return json_response(self._modes(repository, rest, await _json(request)))
        if what == "commit":
            return await self._commit(request, repository, rest)
        if request.method == "DELETE":
            if rest not in repository.refs.tags:
                raise ApiError(404, f"Invalid rev id: {rest}", "RevisionNotFound")
            repository.set_tag(rest, None)
            return Response(status_code=204)
        return self._tag(repository, rest, await _json(request))

    def _modes(self, repository: Repository, revision: str, body: dict[str, Any]) -> dict[str, Any]:
        """Return how to store each file to upload, and the id of the file's current version if it exists."""
        commit = repository.find(revision)
        if commit is None:
            raise ApiError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        files = []
        for given in body.get("files", []):
            path, entry = str(given["path"]), commit.files.get(str(given["path"]))
            mode = "lfs" if is_stored_as_lfs(path, int(given["size"])) else "regular"
            known = {} if entry is None else {"oid": entry.etag}
            files.append({"path": path, "uploadMode": mode, "shouldIgnore": False, **known})
        return {"files": files, "commitOid": commit.id}

    async def _lfs(self, request: Request, parts: list[str]) -> Response | None:
        """Answer an LFS batch with an address for each object that the storage lacks, or verify an upload."""
        plural = parts[0] if parts[0] in ("datasets", "spaces") else "models"
        own = parts[1:] if plural == parts[0] else parts
        rest = next((own[n + 1 :] for n, part in enumerate(own) if part.endswith(".git")), [])
        repo_id = "/".join(own[: len(own) - len(rest)]).removesuffix(".git")
        if rest not in (_BATCH, _VERIFY):
            return None
        _require_writer(request)
        if self.store.find(PLURALS[plural], repo_id) is None:
            raise ApiError(404, "Repository not found", "RepoNotFound")
        body = await _json(request)
        if rest == _VERIFY:
            if self.store.blob(str(body.get("oid"))) != Blob(str(body.get("oid")), int(body.get("size", -1))):
                raise ApiError(404, "The object was not uploaded")
            return json_response({})
        verify = str(request.url.replace(path=quote(request.url.path).replace("/objects/batch", "/verify")))
        objects = [self._object(request, verify, given) for given in body.get("objects", [])]
        return json_response({"transfer": "basic", "objects": objects})

    def _object(self, request: Request, verify: str, given: dict[str, Any]) -> dict[str, Any]:
        oid, size = str(given["oid"]), int(given["size"])
        if self.store.blob(oid) == Blob(oid, size):
            return {"oid": oid, "size": size}
        address = f"{storage_origin(request)}{STORAGE}{oid}?signature={self.contents.signature(oid)}&size={size}"
        actions = {"upload": {"href": address, "header": {}}, "verify": {"href": verify, "header": {}}}
        return {"oid": oid, "size": size, "authenticated": True, "actions": actions}

    async def _store(self, request: Request) -> Response | None:
        """Store an LFS object if its bytes match the announced digest."""
        path = request.url.path
        if not path.startswith(STORAGE):
            return None
        oid = path.removeprefix(STORAGE)
        if "authorization" in request.headers:
            raise ApiError(400, "Only one auth mechanism is allowed; the token must not be sent to the storage")
        if request.query_params.get("signature") != self.contents.signature(oid):
            raise ApiError(403, "Access denied")
        with tempfile.TemporaryFile() as file:
            async for chunk in request.stream():
                file.write(chunk)
            if self.store.put(_chunks(file), expected=oid) is None:
                raise ApiError(400, "The upload does not match the announced digest")
        return Response(status_code=200)

    async def _commit(self, request: Request, repository: Repository, branch: str) -> Response:
        lines = [json.loads(line) for line in (await request.body()).splitlines() if line.strip()]
        header = next((line["value"] for line in lines if line["key"] == "header"), None)
        if header is None or not header.get("summary"):
            raise ApiError(400, "The commit has no header with a summary")
        self._spend(repository)
        add: dict[str, Blob] = {}
        delete: list[str] = []
        for line in lines:
            value, key = line["value"], line["key"]
            if key == "file":
                add[value["path"]] = self.store.put(_bytes_of(value))
            elif key == "lfsFile":
                blob = self.store.blob(value["oid"])
                if blob is None:
                    raise ApiError(400, f"The LFS object of {value['path']} was not uploaded")
                add[value["path"]] = blob
            elif key in ("deletedFile", "deletedFolder"):
                delete.append(value["path"].rstrip("/") + "/" * (key == "deletedFolder"))
        try:
            commit = repository.commit(
                header["summary"],
                add,
                delete,
                branch=branch,
                parent=header.get("parentCommit"),
                message=header.get("description", ""),
            )
        except ParentChanged as error:
            raise ApiError(412, "A commit has happened since. Please refresh and try again.") from error
        except RepositoryError as error:
            raise ApiError(404, str(error), "EntryNotFound") from error
        plural = "" if repository.repo_type == "model" else f"{repository.repo_type}s/"
        address = f"{str(request.base_url).rstrip('/')}/{plural}{repository.repo_id}/commit/{commit.id}"
        return json_response({"success": True, "commitOid": commit.id, "commitUrl": address, "hookOutput": ""})

    def _spend(self, repository: Repository) -> None:
        now = time.monotonic()
        commits = self._commits[repository.repo_type, repository.repo_id]
        while commits and commits[0] <= now - 3600:
            commits.popleft()
        if len(commits) >= self.commits_per_hour:
            message = f"You have exceeded the rate limit for repository commits ({self.commits_per_hour} per hour)"
            raise ApiError(429, message)
        commits.append(now)

    def _tag(self, repository: Repository, revision: str, body: dict[str, Any]) -> Response:
        name = str(body.get("tag", ""))
        commit = repository.find(revision)
        if commit is None:
            raise ApiError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        if not name:
            raise ApiError(400, "A tag needs a name")
        if name in repository.refs.tags:
            raise ApiError(409, f"Tag reference exists already: {name}")
        repository.set_tag(name, commit.id)
        return json_response({"tag": name}, 201)


def _require_writer(request: Request) -> None:
    token = request.headers.get("authorization", "")
    if not request.state.has_token:
        raise ApiError(401, "Invalid username or password.")
    if "read" in token:
        raise ApiError(403, "You don't have the rights to create or change this repository with this token.")


async def _json(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError as error:
        raise ApiError(400, "The body is not JSON") from error
    return body if isinstance(body, dict) else {}


def _validated(body: dict[str, Any]) -> dict[str, Any]:
    """Return the errors and warnings about a card's metadata."""
    content = str(body.get("content", ""))
    if not content.startswith("---"):
        return {"errors": [], "warnings": [{"message": "empty or missing yaml metadata in repo card"}]}
    try:
        parsed = yaml.safe_load(content.split("---")[1])
    except yaml.YAMLError as error:
        return {"errors": [{"message": f"invalid YAML: {error}"}], "warnings": []}
    return {"errors": [] if isinstance(parsed, dict) else [{"message": "metadata is not a mapping"}], "warnings": []}


def _bytes_of(value: dict[str, Any]) -> bytes:
    try:
        content = str(value["content"])
        return base64.b64decode(content, validate=True) if value.get("encoding") == "base64" else content.encode()
    except (binascii.Error, KeyError) as error:
        raise ApiError(400, "A file in the commit has no valid content") from error


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while chunk := file.read(_CHUNK):
        yield chunk
