"""The server as an ASGI app: routes, limits on requests, and headers. It answers GET and HEAD, and never writes data.

A request is refused unless its `Host` header names this server. Without this check, a web page whose domain name
resolves to this machine (DNS rebinding) could read the responses.
"""

import asyncio
import functools
import ipaddress
import logging
import time
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub_assets.report.serve import families, maps, organizations, repositories
from hub_assets.report.serve.description import document, page_of
from hub_assets.report.serve.endpoints import FORMAT, FORMATS, Endpoint, body_of
from hub_assets.report.serve.parameters import read_all
from hub_assets.report.serve.published import Published, Reader, Unanswered

logger = logging.getLogger(__name__)

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    *repositories.ENDPOINTS,
    *maps.ENDPOINTS,
    *organizations.ENDPOINTS,
    *families.ENDPOINTS,
)
SECONDS: Final = 10.0
"""Time limit for a request's queries, in seconds."""
MOST_RUNNING: Final = 2
"""Number of requests whose queries run at the same time; more would only share DuckDB's two threads."""
MOST_WAITING: Final = 64
"""Maximum number of requests that may wait for a slot; any more are refused at once with 503."""

MOST_KEPT: Final = 32 * 2**20
"""Maximum total size of the cached responses, in bytes."""
MOST_CONNECTIONS: Final = 256
"""Maximum number of open connections; the server refuses any more with 503."""

_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
_PRESENCE: Final = b"// hub-assets serve sends this instead of the site's own file.\nhub.isServed = true;\n"


def build_app(
    published: Published,
    *,
    hosts: Sequence[str] = (),
    endpoints: Sequence[Endpoint] = ENDPOINTS,
    seconds: float = SECONDS,
) -> Starlette:
    """Build the server.

    Args:
        published: the warehouse, sites and search indexes to serve.
        hosts: names to accept in `Host` headers, besides `localhost` and loopback addresses.
        endpoints: the addresses that answer queries.
        seconds: time limit for a request's queries, in seconds.
    """
    gate = _Gate(published, seconds)
    described = document(endpoints)
    described_page = page_of(endpoints)
    app = Starlette(
        routes=[
            *(Route(endpoint.path, functools.partial(_answer, endpoint, gate)) for endpoint in endpoints),
            Route("/openapi.json", lambda _: JSONResponse(described)),
            Route("/api.html", lambda _: Response(described_page, media_type="text/html")),
            Route("/static/served.js", lambda _: Response(_PRESENCE, media_type="text/javascript")),
            Route("/{path:path}", functools.partial(_file, published)),
        ],
        exception_handlers={Unanswered: _refuse, HTTPException: _refuse_plainly},
    )
    app.add_middleware(_Guard, hosts=frozenset(host.lower() for host in hosts))
    return app


def prepare(published: Published) -> None:
    """Read the data that the endpoints keep in memory, so that the first visitors need not wait half a minute for it.

    When a new week is published, the next request starts reading its data.
    """
    for endpoint in ENDPOINTS:
        if not any(parameter.is_required for parameter in endpoint.parameters):
            try:
                reader = published.reader()
                with closing(reader.cursor):
                    endpoint.answer(reader, read_all(endpoint.parameters, ()))
            except Unanswered:
                pass  # the first visitor gets the same error
            except Exception:
                logger.exception("%s could not be prepared", endpoint.path)
    pa.default_memory_pool().release_unused()


@dataclass
class _Gate:
    """Limits the number of requests that query the warehouse at once, and caches their responses."""

    published: Published
    seconds: float
    n_waiting: int = 0
    answers: "_Answers" = field(default_factory=lambda: _Answers())
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_RUNNING))

    async def answer(self, endpoint: Endpoint, values: dict[str, Any], form: str) -> bytes:
        reader = await run_in_threadpool(self.published.reader)
        try:
            key = (reader.version, endpoint.path, form, *values.items())
            if (known := self.answers.get(key)) is not None:
                return known
            body = await self._in_turn(endpoint, reader, values, form)
            self.answers.add(key, body)
            return body
        finally:
            reader.cursor.close()

    async def _in_turn(self, endpoint: Endpoint, reader: Reader, values: dict[str, Any], form: str) -> bytes:
        if self.n_waiting >= MOST_WAITING:
            raise Unanswered(503, "Too many requests are waiting; try again in a moment.")
        self.n_waiting += 1
        try:
            await self.slots.acquire()
        finally:
            self.n_waiting -= 1
        reader.deadline = time.monotonic() + self.seconds
        timer = asyncio.get_running_loop().call_later(self.seconds, reader.interrupt)
        try:
            return await run_in_threadpool(_work, endpoint, reader, values, form)
        finally:
            timer.cancel()
            self.slots.release()


@dataclass
class _Answers:
    """A cache of responses that evicts the least recently used ones. Its keys contain `Reader.version`."""

    n_bytes: int = 0
    bodies: OrderedDict[tuple[Any, ...], bytes] = field(default_factory=OrderedDict)

    def get(self, key: tuple[Any, ...]) -> bytes | None:
        if key not in self.bodies:
            return None
        self.bodies.move_to_end(key)
        return self.bodies[key]

    def add(self, key: tuple[Any, ...], body: bytes) -> None:
        self.n_bytes += len(body) - len(self.bodies.pop(key, b""))
        self.bodies[key] = body
        while self.n_bytes > MOST_KEPT:
            _, dropped = self.bodies.popitem(last=False)
            self.n_bytes -= len(dropped)


def _work(endpoint: Endpoint, reader: Reader, values: dict[str, Any], form: str) -> bytes:
    return body_of(endpoint.answer(reader, values), reader.week, form)


async def _answer(endpoint: Endpoint, gate: _Gate, request: Request) -> Response:
    values = read_all((*endpoint.parameters, FORMAT), request.query_params.multi_items())
    form = values.pop("format")
    body = await gate.answer(endpoint, values, form)
    headers = {}
    if form != "json":
        name = endpoint.path.strip("/").replace("/", "-")
        headers["content-disposition"] = f'attachment; filename="{name}.{form}"'
    return Response(body, media_type=FORMATS[form], headers=headers)


async def _file(published: Published, request: Request) -> Response:
    """Respond with a file from the week's site."""
    reader = await run_in_threadpool(published.reader)
    reader.cursor.close()
    folder = published.sites / str(reader.week)
    if not folder.is_dir():
        raise Unanswered(404, f"The week of {reader.week} has no site; write it with: hub-assets report")
    path = request.path_params["path"] or "index.html"
    try:
        return await StaticFiles(directory=folder).get_response(path, request.scope)
    except (ValueError, OSError) as error:  # for example, a NUL in the name
        raise Unanswered(404, "There is no such page.") from error


async def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, Unanswered)
    headers = {"retry-after": "1"} if error.status == 503 else {}
    return JSONResponse({"error": str(error)}, error.status, headers)


async def _refuse_plainly(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = {404: "There is no such page.", 405: "Only GET and HEAD are allowed."}
    return JSONResponse({"error": words.get(error.status_code, error.detail)}, error.status_code, error.headers)


@dataclass
class _Guard:
    """Middleware that refuses unknown hosts and methods, adds security headers to every response, and logs exceptions
    instead of sending them to the client.
    """

    app: ASGIApp
    hosts: frozenset[str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        is_begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal is_begun
            is_begun = True
            if message["type"] == "http.response.start":
                own = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", []), *own]}
            await send(message)

        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or not _is_own(hosts[0].decode("latin-1"), self.hosts):
            refused = "This server does not go by that name; add it with --allowed-host."
            await JSONResponse({"error": refused}, 421)(scope, receive, send_with_headers)
        elif scope["method"] not in ("GET", "HEAD"):
            refused = "Only GET and HEAD are allowed."
            await JSONResponse({"error": refused}, 405, {"allow": "GET, HEAD"})(scope, receive, send_with_headers)
        else:
            try:
                await self.app(scope, receive, send_with_headers)
            except Exception:
                logger.exception("A request for %r failed", scope["path"])
                if not is_begun:
                    refused = "The server failed to answer this request."
                    await JSONResponse({"error": refused}, 500)(scope, receive, send_with_headers)


def _is_own(host: str, allowed: frozenset[str]) -> bool:
    """Return whether a `Host` header names a loopback address or an allowed host, on any port."""
    name, colon, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    name = (name if colon else host).lower().removeprefix("[").removesuffix("]")
    if colon and not (port.isascii() and port.isdigit()):
        return False
    if name in allowed or name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
