"""The Hub's HTTP API for a population: routes, errors, redirects and headers.

Reproduced from recordings of the real Hub: parameters, field names, the page cap, `Link` and cursor; the
status, headers and messages of errors; relative 307 redirects; and the rate-limit headers on every response.

Assumed:

- listings: the fields of datasets and Spaces; the messages of 400 responses to a bad cursor, limit or sort; and that
  `expand` overrides `full`
- accounts: that an organization's members fit on a single page, and that nobody can take over a renamed account's old
  name
- histories: the 400 responses; the default page size of commits; that a repository without commits has no revision
  `main`; the 403 for a gated repository's commits if the token lacks access (recorded on another path); and the 403
  for disabled discussions
- cards: the responses for a missing card, and that the redirect of `resolve` counts as a request for a file
- rate limits: the content of a 429 besides its message

Requests for data that the population does not include (histories, accounts, cards) return 501. All other requests that
this Hub does not support return 404, never a 200 that a client might trust.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

import numpy as np
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub_assets.local_hub.accounts import (
    Account,
    find_account,
    organization_members,
    organization_overview,
    user_overview,
)
from hub_assets.local_hub.answers import ApiError, error_response, json_response, text_response
from hub_assets.local_hub.cards import card_text
from hub_assets.local_hub.faults import Faults
from hub_assets.local_hub.fields import BadParameter, info_fields
from hub_assets.local_hub.history_pages import COMMITS_PAGE, commit_page, discussion_page, find_revision
from hub_assets.local_hub.limiter import Counters, Quota
from hub_assets.local_hub.listing import PAGE_CAP, Params, expand_names, list_page
from hub_assets.local_hub.middleware import Middleware
from hub_assets.local_hub.paths import CACHED_CARD_PATH, CARD_PATH, PLURALS, REPO_PATH
from hub_assets.local_hub.population import Population
from hub_assets.local_hub.repositories import Repositories
from hub_assets.local_hub.repository_routes import Contents
from hub_assets.local_hub.repository_writes import COMMITS_PER_HOUR, Writes
from hub_assets.vocabulary import RepoType

_MISSING: Final = "Invalid username or password."
_NO_PAGE: Final = "Sorry, we can't find the page you are looking for."


def build_app(
    population: Population,
    *,
    quota: Quota,
    resolvers: Quota | None = None,
    faults: Faults | None = None,
    page_cap: int = PAGE_CAP,
    commits_page: int = COMMITS_PAGE,
    latency: float = 0.0,
    repositories: Repositories | None = None,
    commits_per_hour: int = COMMITS_PER_HOUR,
) -> Starlette:
    """Build a Hub that serves a population.

    Args:
        population: the data to serve; changes take effect immediately.
        quota: rate limit of API calls per token, or per address for requests without a token.
        resolvers: rate limit of requests for files, counted in the same way; `quota` if None.
        faults: faults to inject; none by default.
        page_cap: maximum number of rows on a listing page.
        commits_page: number of commits on a page if the request sets no limit.
        latency: seconds added to every response.
        repositories: repositories to serve with their contents, in addition to the population's; listings omit them.
        commits_per_hour: limit on commits to each of these repositories.

    Returns:
        An ASGI app. Its `state.counters` (`limiter.Counters`) count requests and responses; `state.population` is the
        population it serves.
    """
    contents = None if repositories is None else Contents(repositories)
    writes = None if contents is None else Writes(contents, commits_per_hour)
    api = _Api(population, faults or Faults(), page_cap, commits_page, contents, writes)
    app = Starlette(
        routes=[
            Route("/api/whoami-v2", api.whoami),
            Route("/api/users/{name}/overview", api.user),
            Route("/api/organizations/{name}/overview", api.organization),
            Route("/api/organizations/{name}/members", api.members),
            Route("/api/{plural:str}", api.listing),
            Route("/api/resolve-cache/{path:path}", api.card),
            Route("/api/{plural:str}/{rest:path}", api.repository),
            Route("/api/{plural:str}/{rest:path}", api.ask, methods=["POST"]),
            Route("/{path:path}", api.card),
            Route("/{path:path}", api.write, methods=["POST", "PUT", "DELETE"]),
        ],
        exception_handlers={ApiError: _answer_error, 404: _answer_nothing, 405: _answer_nothing},
    )
    app.state.population = population
    app.state.counters = Counters()
    app.add_middleware(
        Middleware,
        population=population,
        quota=quota,
        resolvers=resolvers,
        faults=api.faults,
        counters=app.state.counters,
        latency=latency,
    )
    return app


@dataclass(frozen=True)
class _Api:
    """The route handlers."""

    population: Population
    faults: Faults
    page_cap: int
    commits_page: int
    contents: Contents | None
    writes: Writes | None

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
            headers["Link"] = _link(request, page.next_params)
        rows = self.faults.spoil(repo_type, page.rows)
        self.faults.move(self.population, repo_type, page)
        return json_response(rows, headers=headers)

    async def ask(self, request: Request) -> Response:
        response = await self.contents.api(request) if self.contents else None
        return response or await self.write(request)

    async def write(self, request: Request) -> Response:
        response = await self.writes.answer(request) if self.writes else None
        return response or await _answer_nothing(request, ApiError(404, _NO_PAGE))

    async def repository(self, request: Request) -> Response:
        repo_type = _repo_type(request)
        if self.contents and (response := await self.contents.api(request)):
            return response
        match = REPO_PATH.fullmatch(request.path_params["rest"])
        if match is None or (match["what"] in ("revision", "commits") and not match["rev"]):
            raise ApiError(404, _NO_PAGE)
        row = self.population.repos[repo_type].find(match["id"])
        if row is None:
            rest = "".join(f"/{quote(part, safe='')}" for part in (match["what"], match["rev"]) if part)
            return self._elsewhere(request, repo_type, match["id"], f"/api/{repo_type}s/", rest)
        if match["what"] == "commits":
            return self._commits(request, repo_type, row, match["rev"])
        if match["what"] == "discussions":
            return self._discussions(request, repo_type, row, match["rev"])
        return self._info(request, repo_type, row, match["rev"])

    def _info(self, request: Request, repo_type: RepoType, row: int, rev: str | None) -> Response:
        repos = self.population.repos[repo_type]
        expand = expand_names(request.query_params.multi_items())
        try:
            fields = info_fields(repo_type, expand, self.faults.refused(expand))
        except BadParameter as error:
            raise ApiError(400, str(error)) from error
        if rev not in (None, "main", repos.value("sha", row)):
            raise _no_revision(rev)
        [body] = self.population.rows(repo_type, repos, np.array([row]), fields)
        return json_response(body)

    def _commits(self, request: Request, repo_type: RepoType, row: int, rev: str) -> Response:
        commits = self.population.histories[repo_type].commits
        if commits is None:
            raise ApiError(501, "This Hub has no commits.")
        self._refuse_contents(request, repo_type, row)
        positions = find_revision(self.population, repo_type, row, commits, rev)
        if positions is None:
            raise _no_revision(rev)
        params = request.query_params.multi_items()
        try:
            page = commit_page(self.population, commits, positions, params, self.commits_page)
        except BadParameter as error:
            raise ApiError(400, str(error)) from error
        headers = {"X-Total-Count": str(page.total)}
        if page.next_params is not None:
            headers["Link"] = _link(request, page.next_params)
        return json_response(page.rows, headers=headers)

    def _discussions(self, request: Request, repo_type: RepoType, row: int, number: str | None) -> Response:
        discussions = self.population.histories[repo_type].discussions
        if discussions is None or number is not None:
            raise ApiError(501, f"This Hub has no {'discussions' if discussions is None else 'comments'}.")
        if self.population.repos[repo_type].value("discussionsDisabled", row):
            raise ApiError(403, "Discussions are disabled for this repo")
        try:
            body = discussion_page(self.population, repo_type, row, discussions, request.query_params.multi_items())
        except BadParameter as error:
            raise ApiError(400, str(error)) from error
        return json_response(body)

    def _refuse_contents(self, request: Request, repo_type: RepoType, row: int) -> None:
        """Raise an error if the caller may not read the repository's contents; its info and discussions are public."""
        repos = self.population.repos[repo_type]
        repo_id = repos.value("id", row)
        if repos.value("gated", row) not in (None, "false"):
            restricted = f"Access to {repo_type} {repo_id} is restricted"
            if not request.state.has_token:
                how = "You must have access to it and be authenticated to access it. Please log in."
                raise ApiError(401, f"{restricted}. {how}", "GatedRepo")
            page = repo_id if repo_type == "model" else f"{repo_type}s/{repo_id}"
            how = f"Visit https://huggingface.co/{page} to ask for access."
            raise ApiError(403, f"{restricted} and you are not in the authorized list. {how}", "GatedRepo")
        if repos.value("disabled", row):
            raise ApiError(403, "Access to this resource is disabled.")

    async def card(self, request: Request) -> Response:
        if self.contents and (response := await self.contents.file(request)):
            return response
        path = request.url.path
        cached = CACHED_CARD_PATH.fullmatch(path)
        match = cached or CARD_PATH.fullmatch(path)
        if match is None:
            raise ApiError(404, _NO_PAGE)
        repo_type, rev = PLURALS[match["plural"] or "models"], match["rev"]
        repos = self.population.repos[repo_type]
        row = repos.find(match["id"])
        if row is None:
            prefix = f"/{match['plural']}/" if match["plural"] else "/"
            return self._elsewhere(request, repo_type, match["id"], prefix, path[match.end("id") :])
        if "card" not in repos.table.column_names:
            raise ApiError(501, f"This Hub has no {repo_type} cards.")
        self._refuse_contents(request, repo_type, row)
        sha = repos.value("sha", row)
        if rev not in ("main", sha):
            raise _no_revision(rev)
        text = card_text(repos, row)
        if text is None:
            raise ApiError(404, "Entry not found", "EntryNotFound")
        if cached is None and match["how"] == "resolve":
            where = f"/api/resolve-cache/{repo_type}s/{quote(match['id'], safe='')}/{quote(sha or rev)}/README.md"
            return _redirect(request, where)
        return text_response(text)

    def _elsewhere(self, request: Request, repo_type: RepoType, repo_id: str, before: str, after: str) -> Response:
        """Redirect a request for an unused id to the repository's current id; raise an error if there is none.

        `before` and `after` are the parts of the path around the id.
        """
        target = self.population.redirect(repo_type, repo_id)
        if target is not None:
            return _redirect(request, f"{before}{quote(target)}{after}")
        if request.state.has_token:
            raise ApiError(404, "Repository not found", "RepoNotFound")
        raise ApiError(401, _MISSING)

    async def whoami(self, request: Request) -> Response:
        if not request.state.has_token:
            raise ApiError(401, _MISSING)
        return json_response(
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
        return json_response(user_overview(self.population, account))

    async def organization(self, request: Request) -> Response:
        return json_response(organization_overview(self.population, self._organization(request)))

    async def members(self, request: Request) -> Response:
        return json_response(organization_members(self.population, self._organization(request)))

    def _organization(self, request: Request) -> Account:
        account = self._account(request)
        if account is None or account["type"] != "org":
            raise ApiError(404, _NO_PAGE)
        return account

    def _account(self, request: Request) -> Account | None:
        if self.population.accounts is None:
            raise ApiError(501, "This Hub has no accounts.")
        return find_account(self.population, request.path_params["name"])


def _repo_type(request: Request) -> RepoType:
    if request.path_params["plural"] not in PLURALS:
        raise ApiError(404, _NO_PAGE)
    return PLURALS[request.path_params["plural"]]


def _no_revision(rev: str) -> ApiError:
    return ApiError(404, f"Invalid rev id: {rev}", "RevisionNotFound")


def _link(request: Request, next_params: Params) -> str:
    # Starlette decodes the path of a URL, but a link must not contain spaces
    return f'<{request.url.replace(path=quote(request.url.path), query=urlencode(next_params))}>; rel="next"'


def _redirect(request: Request, path: str) -> Response:
    query = request.url.query
    location = path + (f"?{query}" if query else "")
    return json_response({"error": f"Temporary Redirect. Redirecting to {location}"}, 307, {"Location": location})


async def _answer_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error_response(error)


async def _answer_nothing(_: Request, __: Exception) -> Response:
    return error_response(ApiError(404, _NO_PAGE))
