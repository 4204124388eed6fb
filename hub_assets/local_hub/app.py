"""The Hub's HTTP API over a population: routes, errors, redirects and headers.

Recorded of the real Hub, and imitated: parameters, field names, page cap, `Link` and cursor; the errors' statuses,
headers and texts; relative 307 redirects; the rate limit's headers on every answer. Assumed: the fields of dataset and
space listings, the texts of answers 400 to a bad cursor, limit or sort, that `expand` rules out `full`, that members
come in one page, and what the answer 429 bears beside its text. Histories (commits, discussions) are not held by any
population yet: 501, as for accounts where there are none. All else is 404, never a 200 that a client might trust.
"""

import asyncio
import json
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

import numpy as np
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub_assets.local_hub.accounts import (
    Account,
    find_account,
    organization_members,
    organization_overview,
    user_overview,
)
from hub_assets.local_hub.faults import Faults
from hub_assets.local_hub.fields import REPO_TYPES, BadParameter, RepoType, info_fields
from hub_assets.local_hub.limiter import Counters, Limiter, Quota
from hub_assets.local_hub.listing import PAGE_CAP, expand_names, list_page
from hub_assets.local_hub.population import Population

_PLURALS: Final[dict[str, RepoType]] = {f"{kind}s": kind for kind in REPO_TYPES}
_PATH: Final = re.compile(
    r"(?P<id>[^/]+(/(?!(revision|commits|discussions)(/|$))[^/]+)?)"
    r"(/(?P<what>revision|commits|discussions)(/(?P<rev>.+))?)?"
)
_MONDAY_MORNING: Final = time_of_day(6, 30)
_INVALID_TOKEN: Final = "Invalid credentials in Authorization header"
_MISSING: Final = "Invalid username or password."
_NO_PAGE: Final = "Sorry, we can't find the page you are looking for."
_HTML: Final = "<!DOCTYPE html><html><head><title>Hugging Face</title></head><body><h1>{}</h1></body></html>"


class ApiError(Exception):
    """An answer that is an error: its status, its text, and the Hub's code for it where there is one."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})


def build_app(
    population: Population,
    *,
    quota: Quota,
    faults: Faults | None = None,
    page_cap: int = PAGE_CAP,
    latency: float = 0.0,
) -> Starlette:
    """Make a Hub of a population.

    Args:
        population: what is served; changing it changes the answers at once.
        quota: what each token, or each address without one, may ask.
        faults: what goes wrong; nothing by default.
        page_cap: rows on a page of a listing at most.
        latency: seconds that every answer takes longer.

    Returns:
        An ASGI app. Its `state.counters` (`limiter.Counters`) say what it was asked and answered; `state.population`
        is what it serves.
    """
    api = _Api(population, faults or Faults(), page_cap)
    app = Starlette(
        routes=[
            Route("/api/whoami-v2", api.whoami),
            Route("/api/users/{name}/overview", api.user),
            Route("/api/organizations/{name}/overview", api.organization),
            Route("/api/organizations/{name}/members", api.members),
            Route("/api/{plural:str}", api.listing),
            Route("/api/{plural:str}/{rest:path}", api.repository),
        ],
        exception_handlers={ApiError: _answer_error, 404: _answer_nothing, 405: _answer_nothing},
    )
    app.state.population = population
    app.state.counters = Counters()
    app.add_middleware(
        _Gate, population=population, quota=quota, faults=api.faults, counters=app.state.counters, latency=latency
    )
    return app


@dataclass(frozen=True)
class _Api:
    """What each route answers."""

    population: Population
    faults: Faults
    page_cap: int

    async def listing(self, request: Request) -> Response:
        repo_type = _repo_type(request)
        params = request.query_params.multi_items()
        refused = self.faults.refused(expand_names(params))
        try:
            page = list_page(self.population, repo_type, params, self.page_cap, refused)
        except BadParameter as error:
            raise ApiError(400, str(error)) from error
        headers = {}
        if page.next_params is not None:
            here = request.url.replace(query=urlencode(page.next_params))
            headers["Link"] = f'<{here}>; rel="next"'
        rows = self.faults.spoil(repo_type, page.rows)
        self.faults.move(self.population, repo_type, page)
        return _json(rows, headers=headers)

    async def repository(self, request: Request) -> Response:
        repo_type = _repo_type(request)
        match = _PATH.fullmatch(request.path_params["rest"])
        if match is None or (match["what"] in ("revision", "commits") and not match["rev"]):
            raise ApiError(404, _NO_PAGE)
        repos = self.population.repos[repo_type]
        row = repos.find(match["id"])
        if row is None:
            return self._elsewhere(request, repo_type, match)
        if match["what"] in ("commits", "discussions"):
            raise ApiError(501, f"This Hub holds no {match['what']}.")
        expand = expand_names(request.query_params.multi_items())
        try:
            fields = info_fields(repo_type, expand, self.faults.refused(expand))
        except BadParameter as error:
            raise ApiError(400, str(error)) from error
        if match["rev"] not in (None, "main", repos.value("sha", row)):
            raise ApiError(404, f"Invalid rev id: {match['rev']}", "RevisionNotFound")
        [body] = self.population.rows(repo_type, repos, np.array([row]), fields)
        return _json(body)

    def _elsewhere(self, request: Request, repo_type: RepoType, match: re.Match[str]) -> Response:
        """Answer for an id that no repository bears: where it leads now, or that it cannot be seen."""
        target = self.population.redirect(repo_type, match["id"])
        if target is None:
            if _has_token(request):
                raise ApiError(404, "Repository not found", "RepoNotFound")
            raise ApiError(401, _MISSING)
        rest = "".join(f"/{quote(part, safe='')}" for part in (match["what"], match["rev"]) if part)
        return _redirect(request, f"/api/{repo_type}s/{quote(target)}{rest}")

    async def whoami(self, request: Request) -> Response:
        if not _has_token(request):
            raise ApiError(401, _MISSING)
        return _json(
            {
                "type": "user",
                "id": "5e67bdd61009063689407479",
                "name": "local-user",
                "fullname": "A user of the local Hub",
                "isPro": False,
                "avatarUrl": "/avatars/local-user.svg",
                "orgs": [],
                "auth": {"type": "access_token", "accessToken": {"displayName": "local", "role": "read"}},
            }
        )

    async def user(self, request: Request) -> Response:
        account = self._account(request)
        if account is None or account["type"] != "user":
            raise ApiError(404, "This user does not exist")
        if account["name"] != request.path_params["name"]:
            return _redirect(request, f"/api/users/{account['name']}/overview")
        return _json(user_overview(self.population, account))

    async def organization(self, request: Request) -> Response:
        return _json(organization_overview(self.population, self._organization(request)))

    async def members(self, request: Request) -> Response:
        return _json(organization_members(self.population, self._organization(request)))

    def _organization(self, request: Request) -> Account:
        account = self._account(request)
        if account is None or account["type"] != "org":
            raise ApiError(404, _NO_PAGE)
        return account

    def _account(self, request: Request) -> Account | None:
        if self.population.accounts is None:
            raise ApiError(501, "This Hub holds no accounts.")
        return find_account(self.population, request.path_params["name"])


class _Gate:
    """What every request passes: it is counted, limited, delayed or broken, and its answer gets the common headers."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        population: Population,
        quota: Quota,
        faults: Faults,
        counters: Counters,
        latency: float,
    ) -> None:
        self._app = app
        self._limiter = Limiter(quota)
        self._faults = faults
        self._counters = counters
        self._latency = latency
        self._identity = population.identity
        self._clock = _HubClock(population.week)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        kind = _kind(scope["path"])
        self._counters.requests += 1
        self._counters.by_kind[kind] += 1
        request = Request(scope)
        token = _token(request)
        address = request.client.host if request.client else "unknown"
        valid = token is not None and token.startswith("hf_") and "invalid" not in token
        request.state.has_token = valid
        permit = self._limiter.spend(f"token {token}" if valid else f"address {address}")
        if self._latency:
            await asyncio.sleep(self._latency)
        app = self._app
        fault = None
        if not permit.allowed:
            app = _json({"error": self._limiter.refusal(address, valid)}, 429)
        elif token is not None and not valid:
            app = _error_response(ApiError(401, _INVALID_TOKEN))
        elif kind in ("listing", "info"):
            fault = self._faults.of_answer()
        left = permit.remaining
        if fault is not None:
            if fault.kind == "slow":
                await asyncio.sleep(float(fault.arg or 5))
            elif fault.kind == "drop":
                send = _Dropping(send)
            elif fault.kind == "not-json":
                app = Response(_HTML.format("Hello"), media_type="text/html")
            elif fault.kind.startswith("429"):
                app = _json({"error": self._limiter.refusal(address, valid)}, 429)
                left = 0 if fault.kind == "429" else max(left, 1)
            else:
                app = Response(_HTML.format(fault.kind), int(fault.kind), media_type="text/html")
        headers = {
            "Date": self._clock.header(),
            "X-Request-Id": f"Root={uuid.uuid4()}",
            "X-Hub-Population": self._identity,
        }
        if fault is None or fault.kind != "429-no-headers":
            headers |= self._limiter.headers(left, permit.reset)
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._counters.by_status[message["status"]] += 1
                message["headers"] = [*message.get("headers", []), *encoded]
            await send(message)

        await app(scope, receive, send_with_headers)


class _Dropping:
    """Sends half of a body and leaves it at that; the server then closes the connection."""

    def __init__(self, send: Send) -> None:
        self._send = send

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            body = message.get("body", b"")
            message = {"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True}
        await self._send(message)


class _HubClock:
    """The Hub's time: the real one in the week it is, else Monday 06:30 of the week served and on from there."""

    def __init__(self, week: date) -> None:
        monday = datetime.combine(week, time_of_day(), UTC)
        now = datetime.now(UTC)
        self._offset = timedelta()
        if not monday <= now < monday + timedelta(weeks=1):
            self._offset = datetime.combine(week, _MONDAY_MORNING, UTC) - now

    def header(self) -> str:
        return format_datetime(datetime.now(UTC) + self._offset, usegmt=True)


def _kind(path: str) -> str:
    """Return what a path asks for, by the names of `Counters.by_kind`."""
    parts = path.strip("/").split("/")
    if path == "/api/whoami-v2":
        return "whoami"
    if parts[:2] in (["api", "users"], ["api", "organizations"]):
        return "account"
    if parts[0] != "api" or len(parts) < 2 or parts[1] not in _PLURALS:
        return "other"
    if len(parts) == 2:
        return "listing"
    match = _PATH.fullmatch("/".join(parts[2:]))
    if match is None:
        return "other"
    return "history" if match["what"] in ("commits", "discussions") else "info"


def _repo_type(request: Request) -> RepoType:
    if request.path_params["plural"] not in _PLURALS:
        raise ApiError(404, _NO_PAGE)
    return _PLURALS[request.path_params["plural"]]


def _token(request: Request) -> str | None:
    """Return the token of a request, valid or not; None if there is none."""
    authorization = request.headers.get("authorization")
    return None if authorization is None else authorization.removeprefix("Bearer ")


def _has_token(request: Request) -> bool:
    return bool(request.state.has_token)


def _json(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, headers, media_type="application/json; charset=utf-8")


def _redirect(request: Request, path: str) -> Response:
    query = request.url.query
    location = path + (f"?{query}" if query else "")
    return _json({"error": f"Temporary Redirect. Redirecting to {location}"}, 307, {"Location": location})


def _error_response(error: ApiError) -> Response:
    return _json({"error": str(error)}, error.status, error.headers)


async def _answer_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return _error_response(error)


async def _answer_nothing(_: Request, __: Exception) -> Response:
    return _error_response(ApiError(404, _NO_PAGE))
