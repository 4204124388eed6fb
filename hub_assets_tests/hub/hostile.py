"""A hostile Hub over real HTTP: a small healthy Hub whose responses a test spoils, and a host that is not the Hub.

    with hostile() as (hub, other):
        hub.spoil("listing", link("http://{other}/api/models"))
        ...
        assert other.requests == []

A case takes a healthy Hub's response and returns the response to send instead, or None to hang up. Named cases are in
`CASES`; add a case with `@case`. The healthy data are plain lists and dicts (`hub.repos`, `hub.commits`,
`hub.discussions`, `hub.accounts`), so a test needs no case for an odd value. Ordinary faults (503, dropped connections,
slowness) belong in `local_hub.faults`.
"""

import asyncio
import gzip
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import count
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from starlette.types import Receive, Scope, Send

from hub_assets_tests.hub.made import WEEK, door

Item = dict[str, Any]
_tokens = count(1)
MONDAY: Final = f"{WEEK:%a, %d %b %Y} 06:30:00 GMT"
"""The Hub's clock: the Monday of `WEEK`."""
LISTED: Final = 120
PAGE: Final = 20
"""Rows or commits per page, whatever limit is requested. Discussions come in pages of 50."""
DISCUSSIONS_PAGE: Final = 50

_KINDS: Final = {
    "whoami": re.compile(r"/api/whoami-v2"),
    "listing": re.compile(r"/api/(?P<plural>models|datasets|spaces)"),
    "commits": re.compile(r"/api/(?P<plural>models|datasets|spaces)/(?P<id>.+)/commits/main"),
    "discussions": re.compile(r"/api/(?P<plural>models|datasets|spaces)/(?P<id>.+)/discussions"),
    "account": re.compile(r"/api/(?P<plural>users|organizations)/(?P<id>[^/]+)/overview"),
    "info": re.compile(r"/api/(?P<plural>models|datasets|spaces)/(?P<id>.+)"),
}


@dataclass(frozen=True)
class Ask:
    """A request: raw target, decoded path and query, headers, and its zero-based index among requests of its kind.

    `kind` is the type of request (see `HostileHub.spoil`); `names` fill the braces of a template (see `filled`).
    """

    kind: str
    target: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    number: int
    names: dict[str, str]

    def filled(self, template: str) -> str:
        """Fill a template: `{hub}` and `{other}` are host and port, `{path}` is the requested path."""
        for name, value in (self.names | {"path": self.path}).items():
            template = template.replace(f"{{{name}}}", value)
        return template


@dataclass(frozen=True)
class Reply:
    """A response. If its body is an iterator, it is sent piece by piece."""

    body: bytes | AsyncIterator[bytes] = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        """The parsed body."""
        assert isinstance(self.body, bytes)
        return json.loads(self.body)

    def with_headers(self, **headers: str) -> "Reply":
        """Set headers; an underscore in a name stands for a hyphen."""
        return replace(self, headers=self.headers | {name.replace("_", "-").lower(): v for name, v in headers.items()})

    def with_json(self, body: Any) -> "Reply":
        """Set the body."""
        return replace(self, body=json.dumps(body).encode())


Case = Callable[[Reply, Ask], Reply | None]
CASES: Final[dict[str, Case]] = {}


def case(spoil: Case) -> Case:
    """Add a case to `CASES` under the name of its function."""
    CASES[spoil.__name__] = spoil
    return spoil


def link(template: str) -> Case:
    """Point the next-page link elsewhere; a template with angle brackets replaces the whole header."""

    def spoil(reply: Reply, ask: Ask) -> Reply:
        return reply.with_headers(link=ask.filled(template if "<" in template else f'<{template}>; rel="next"'))

    return spoil


def redirect(template: str, status: int = 307) -> Case:
    """Respond with a redirect."""

    def spoil(_: Reply, ask: Ask) -> Reply:
        return Reply(b"{}", status, {"location": ask.filled(template)})

    return spoil


def header(name: str, value: str) -> Case:
    """Set a header."""
    return lambda reply, _: reply.with_headers(**{name.replace("-", "_"): value})


def refuse(status: int, **headers: str) -> Case:
    """Respond with an error."""
    return lambda _, __: Reply(b'{"error": "refused"}', status).with_headers(**headers)


def body(content: bytes) -> Case:
    """Respond with these bytes."""
    return lambda reply, _: replace(reply, body=content)


def drip(seconds: float) -> Case:
    """Send the first hundred bytes of a good body one by one, `seconds` apart."""

    def spoil(reply: Reply, _: Ask) -> Reply:
        async def pieces() -> AsyncIterator[bytes]:
            assert isinstance(reply.body, bytes)
            for position in range(100):
                yield reply.body[position : position + 1]
                await asyncio.sleep(seconds)
            yield reply.body[100:]

        return replace(reply, body=pieces())

    return spoil


def bomb(megabytes: int) -> Case:
    """Send a small compressed body that unpacks to a large body: JSON that is nearly all spaces."""
    packed = gzip.compress(b"[" + b" " * (megabytes << 20) + b"]", 1)
    return lambda reply, _: replace(reply, body=packed).with_headers(content_encoding="gzip")


@case
def hang_up(_: Reply, __: Ask) -> None:
    """Close the connection without a response."""
    return


AWAY: Final = (
    "//{other}/api/models?limit=20",
    "http://{hub}//{other}/api/models?limit=20",
    "http://{other}/api/models?limit=20",
    "http://{other}/api/models/acme/r1/commits/main",
    "https://{hub}/api/models",
    "http://{host}:{other_port}/api/models",
    "http://{host}/api/models",
    "http://{hub}@{other}/api/models",
    "http://user:secret@{hub}/api/models",
    "http://{other}\\@{hub}/api/models",
    "http://{hub}\\@{other}/api/models",
    "http:\\\\{other}\\api\\models",
    "\\\\{other}\\api\\models",
    "/\\{other}/api/models",
    "///{other}/api/models",
    "http:///{other}/api/models",
    "http:{other}/api/models",
    "ftp://{hub}/api/models",
    "file:///etc/passwd",
    "data:application/json,[]",
    "javascript:alert(1)",
    "/models",
    "/apiary/models",
    "/API/models",
    "/api",
    "/api/../admin",
    "/api/models/../../admin",
    "/api/./../admin",
    "/api/%2e%2e/admin",
    "/api/%2E./admin",
    "/api/%252e%252e/admin",
    "/api/..%2fadmin",
    "/api/..%5cadmin",
    "/api/..\\admin",
    "/api/..;/admin",
    "../../admin",
    "http://{hub}/api/../admin",
    "http://{hub}.{other}/api/models",
    "http://a..b/x",
    "http://[::1/api",
    "http://[::1]:99999/api/models",
    "http://{host}:-1/api/models",
    "http://\u00a0{hub}/api/models",
    "http://" + "a" * 300 + "/api/models",
    "http://xn--/api/models",
)
"""Link and redirect targets that must not be followed."""


@dataclass
class Seen:
    """A request that reached a host."""

    target: str
    headers: dict[str, str]


class OtherHost:
    """A host that is not the Hub: it records every request and responds with an empty list, as the Hub might."""

    def __init__(self) -> None:
        self.requests: list[Seen] = []

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        self.requests.append(_seen(scope))
        await _send(Reply(b"[]", headers={"content-type": "application/json"}), send)


class HostileHub:
    """A healthy Hub until a test calls `spoil`. `asked` are the requests that reached it.

    `repos` contains the listings' rows by plural type, `commits` and `discussions` the histories by repository id (only
    each type's first two have long ones), and `accounts` the users by name. `prefix` is the endpoint's own path.
    `token` is unique to each Hub, so that tests do not share rate-limit state.
    """

    def __init__(self, names: dict[str, str], prefix: str = "") -> None:
        self.names = names
        self.prefix = prefix
        self.url = f"http://{names['hub']}{prefix}"
        self.repos = {plural: [_repo(plural, n) for n in range(LISTED)] for plural in ("models", "datasets", "spaces")}
        ids = [row["id"] for rows in self.repos.values() for row in rows[:2]]
        self.commits: dict[str, list[Item]] = {repo_id: [_commit(n) for n in range(50)] for repo_id in ids}
        self.discussions: dict[str, list[Item]] = {repo_id: [_discussion(n) for n in range(120)] for repo_id in ids}
        self.accounts: dict[str, Item] = {name: _account(name) for name in ("ada", "grace")}
        self.token = f"hf_secret_{next(_tokens)}"
        self.asked: list[Seen] = []
        self._cases: list[tuple[re.Pattern[str], Case, Iterator[int] | None]] = []
        self._numbers: dict[str, int] = {}

    def spoil(self, what: str, spoil: Case | str, times: int | None = None) -> None:
        """Spoil responses from now on.

        Args:
            what: a pattern that must fully match the kind of request (`listing`, `commits`, `discussions`, `account`,
                `info`, `whoami`, `.*`), or the kind and path: `commits /api/models/acme/r1/.*`.
            spoil: a case, or its name in `CASES`. Several cases are applied in order.
            times: how many responses to spoil; None for all.
        """
        chosen = CASES[spoil] if isinstance(spoil, str) else spoil
        self._cases.append((re.compile(what), chosen, None if times is None else iter(range(times))))

    def heal(self) -> None:
        """Remove all cases."""
        self._cases.clear()

    def targets(self, part: str = "") -> list[str]:
        """Return the raw targets of the requests that contain `part`."""
        return [seen.target for seen in self.asked if part in seen.target]

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        seen = _seen(scope)
        self.asked.append(seen)
        path = scope["path"].removeprefix(self.prefix) if scope["path"].startswith(self.prefix) else ""
        query = dict(parse_qsl(scope["query_string"].decode()))
        matches = ((kind, pattern.fullmatch(path)) for kind, pattern in _KINDS.items())
        kind, match = next(((kind, match) for kind, match in matches if match), ("other", None))
        number = self._numbers[kind] = self._numbers.get(kind, -1) + 1
        ask = Ask(kind, seen.target, path, query, seen.headers, number, self.names)
        reply: Reply | None = self._healthy(ask, match.groupdict() if match else {})
        for pattern, spoil, times in self._cases:
            chosen = pattern.fullmatch(kind) or pattern.fullmatch(f"{kind} {path}")
            if reply is not None and chosen and (times is None or next(times, None) is not None):
                reply = spoil(reply, ask)
        if reply is not None:
            await _send(reply, send)
            return
        # uvicorn sends 500 for an app without a response, and hangs up if the app stops halfway
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
        await send({"type": "http.response.body", "body": b"[", "more_body": True})

    def _healthy(self, ask: Ask, names: dict[str, str]) -> Reply:
        plural, name = names.get("plural", ""), names.get("id", "")
        headers = {"content-type": "application/json", "date": MONDAY}
        if ask.kind == "whoami":
            return Reply(headers=headers).with_json({"type": "user", "name": "local-user"})
        if ask.kind == "listing":
            return self._page(self.repos[plural], "cursor", ask, headers)
        if ask.kind == "account" and name in self.accounts and plural == "users":
            return Reply(headers=headers).with_json(self.accounts[name])
        row = next((row for row in self.repos.get(plural, []) if row["id"] == name), None)
        if row is None:
            return Reply(status=404, headers=headers | {"x-error-code": "RepoNotFound"}).with_json({"error": "nobody"})
        if ask.kind == "commits":
            commits = self.commits.get(name, [_commit(0)])
            return self._page(commits, "p", ask, headers | {"x-total-count": str(len(commits))})
        if ask.kind == "discussions":
            discussions = self.discussions.get(name, [])
            start = int(ask.query.get("p", 0)) * DISCUSSIONS_PAGE
            page = discussions[start : start + DISCUSSIONS_PAGE]
            return Reply(headers=headers).with_json({"discussions": page, "count": len(discussions), "start": start})
        return Reply(headers=headers).with_json(row)

    def _page(self, items: list[Item], key: str, ask: Ask, headers: dict[str, str]) -> Reply:
        page = int(ask.query.get(key, 0))
        if (page + 1) * PAGE < len(items):
            following = urlencode(ask.query | {"limit": PAGE, key: page + 1})
            headers = headers | {"link": f'<{self.url}{ask.path}?{following}>; rel="next"'}
        return Reply(headers=headers).with_json(items[page * PAGE : (page + 1) * PAGE])


@contextmanager
def hostile(prefix: str = "") -> Iterator[tuple[HostileHub, OtherHost]]:
    """Serve a hostile Hub and another host while the block runs; `prefix` is the Hub's own path."""
    hub_door, other_door = door("hostile hub"), door("other host")
    hub_address, other_address = (host.url.removeprefix("http://") for host in (hub_door, other_door))
    names = {"hub": hub_address, "other": other_address, "host": hub_address.partition(":")[0]}
    names |= {"port": hub_address.partition(":")[2], "other_port": other_address.partition(":")[2], "prefix": prefix}
    hub, other = HostileHub(names, prefix), OtherHost()
    hub_door.app, other_door.app = hub, other
    yield hub, other


def _seen(scope: Scope) -> Seen:
    target = scope["raw_path"].decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return Seen(target + (f"?{query}" if query else ""), headers)


async def _send(reply: Reply, send: Send) -> None:
    raw = [(name.encode("latin-1"), value.encode("utf-8")) for name, value in reply.headers.items()]
    if isinstance(reply.body, bytes):
        raw.append((b"content-length", str(len(reply.body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": raw})
    if isinstance(reply.body, bytes):
        await send({"type": "http.response.body", "body": reply.body})
        return
    async for piece in reply.body:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _moment(n: int) -> str:
    return f"{date(2024, 1, 1) + timedelta(days=n % 700)}T00:00:00.000Z"


def _repo(plural: str, n: int) -> Item:
    owner = "acme" if plural == "models" else f"acme-{plural}"
    row: Item = {
        "_id": f"{len(plural):08x}{n:016x}",
        "id": f"{owner}/r{n}",
        "author": owner,
        "createdAt": _moment(n),
        "lastModified": _moment(n),
        "sha": f"{n:040x}",
        "private": False,
        "gated": False,
        "disabled": False,
        "likes": LISTED - n,
        "tags": ["license:mit"],
    }
    return row | ({"models": ["acme/r0"], "sdk": "gradio"} if plural == "spaces" else {"downloads": 10 * n})


def _commit(n: int) -> Item:
    author = {"user": "ada", "avatar": "/ada.svg"} if n % 2 else {"user": "Grace H"}
    return {"id": f"{n:040x}", "title": f"Commit {n}", "message": "", "date": _moment(n), "authors": [author]}


def _discussion(n: int) -> Item:
    return {
        "num": n + 1,
        "title": f"Discussion {n}",
        "status": "open",
        "isPullRequest": n % 2 == 0,
        "createdAt": _moment(n),
        "author": {"name": "grace", "type": "user"},
        "numComments": 1,
    }


def _account(name: str) -> Item:
    return {
        "_id": f"{sum(name.encode()):024x}",
        "user": name,
        "type": "user",
        "fullname": name.title(),
        "createdAt": _moment(0),
        "orgs": [],
    }
