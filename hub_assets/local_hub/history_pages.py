"""One page of a repository's history: from request parameters to the response body.

As on the Hub, commits come with a link to the next page, and discussions with counts. Access control and headers belong
in `app`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from hub_assets.local_hub.accounts import commit_author, discussion_author, repository_owner
from hub_assets.local_hub.fields import BadParameter
from hub_assets.local_hub.histories import Events
from hub_assets.local_hub.listing import Params, whole_number
from hub_assets.local_hub.population import Population
from hub_assets.vocabulary import RepoType

COMMITS_CAP: Final = 1_000
"""Maximum number of commits on a page; larger limits are silently reduced."""
COMMITS_PAGE: Final = 50
"""Number of commits on a page if the request sets no limit. The real Hub's default is unknown."""
DISCUSSIONS_PAGE: Final = 50
"""Number of discussions on a page; requests cannot change it."""

_TYPES: Final = ("all", "discussion", "pull_request")
_STATUSES: Final = ("all", "open", "closed")
_CLOSED: Final = frozenset({"closed", "merged"})


@dataclass(frozen=True)
class CommitPage:
    """A page of commits.

    `total` is the number of commits up to the revision. `next_params` are the parameters of the next page, or None on
    the last page.
    """

    rows: list[dict[str, Any]]
    total: int
    next_params: Params | None


def find_revision(population: Population, repo_type: RepoType, row: int, commits: Events, rev: str) -> range | None:
    """Return the positions of the commits up to a revision: `main`, the listed `sha`, or a commit id.

    Returns None if the revision does not exist, as is the case for `main` in a repository without commits.
    """
    positions = commits.of(row)
    if not positions:
        return None
    # the listed sha is the newest commit's, except in populations that recorded a different sha
    if rev == "main" or rev == population.repos[repo_type].value("sha", row):
        return positions
    ids = commits.values("id", positions)
    return positions[ids.index(rev) :] if rev in ids else None


def commit_page(
    population: Population, commits: Events, positions: range, params: Params, page_size: int = COMMITS_PAGE
) -> CommitPage:
    """Answer a request for commits. `expand[]=formatted` is accepted but has no effect.

    Args:
        population: the population being served.
        commits: the commits of all the population's repositories of one type.
        positions: the positions of the requested commits.
        params: the request's parameters.
        page_size: number of commits on a page if `limit` is not given.

    Raises:
        BadParameter: if `p` or `limit` is rejected.
    """
    given = dict(params)
    page = _page_number(given)
    limit = min(whole_number("limit", given["limit"], 1) if "limit" in given else page_size, COMMITS_CAP)
    shown = positions[page * limit : (page + 1) * limit]
    columns = (commits.values(name, shown) for name in ("id", "title", "message", "authors", "date"))
    rows = [
        {
            "id": commit,
            "title": title,
            "message": message,
            "authors": [commit_author(population, author) for author in authors],
            "date": date,
        }
        for commit, title, message, authors, date in zip(*columns, strict=True)
    ]
    next_params = None
    if (page + 1) * limit < len(positions):
        others = [pair for pair in params if pair[0] not in ("p", "limit")]
        next_params = [("p", str(page + 1)), ("limit", str(limit)), *others]
    return CommitPage(rows, len(positions), next_params)


def discussion_page(
    population: Population, repo_type: RepoType, row: int, discussions: Events, params: Params
) -> dict[str, Any]:
    """Answer a request for discussions and pull requests. The count of closed items ignores the requested `status`.

    Args:
        population: the population being served.
        repo_type: the type of the repository.
        row: the row of the repository.
        discussions: the discussions of all repositories of that type.
        params: the request's parameters; unknown ones are ignored.

    Raises:
        BadParameter: if `p`, `type` or `status` is rejected.
    """
    given = dict(params)
    page = _page_number(given)
    kind, status = _one_of("type", _TYPES, given), _one_of("status", _STATUSES, given)
    positions: Sequence[int] = discussions.of(row)
    if kind != "all":
        pulls = discussions.values("isPullRequest", positions)
        positions = [
            position for position, pull in zip(positions, pulls, strict=True) if pull == (kind == "pull_request")
        ]
    if "author" in given:
        authors = discussions.values("author", positions)
        names = [None if author is None else population.author(author)[0] for author in authors]
        positions = [position for position, name in zip(positions, names, strict=True) if name == given["author"]]
    closed = [each in _CLOSED for each in discussions.values("status", positions)]
    if status != "all":
        positions = [
            position for position, is_closed in zip(positions, closed, strict=True) if is_closed == (status == "closed")
        ]
    start = page * DISCUSSIONS_PAGE
    shown = positions[start : start + DISCUSSIONS_PAGE]
    return {
        "discussions": _discussions(population, repo_type, row, discussions, shown) if shown else [],
        "count": len(positions),
        "start": start,
        "numClosedDiscussions": None if page else sum(closed),
    }


def _discussions(
    population: Population, repo_type: RepoType, row: int, discussions: Events, positions: Sequence[int]
) -> list[dict[str, Any]]:
    repo_id = population.repos[repo_type].value("id", row)
    namespace = repo_id.rpartition("/")[0]
    columns = ("num", "author", "title", "status", "createdAt", "isPullRequest", "numComments")
    rows = []
    for num, author, title, status, created, is_pull, n_comments in zip(
        *(discussions.values(name, positions) for name in columns), strict=True
    ):
        body: dict[str, Any] = {"num": num}
        if author is not None:
            body["author"] = discussion_author(population, author)
        body |= {
            "repo": {"name": repo_id, "type": repo_type},
            "title": title,
            "status": status,
            "createdAt": created,
            "isPullRequest": is_pull,
            "numComments": n_comments,
            "topReactions": [],
            "numReactionUsers": 0,
            "pinned": False,
        }
        if namespace:
            is_author = author is not None and body["author"]["name"] == namespace
            body["repoOwner"] = repository_owner(population, namespace) | {"isDiscussionAuthor": is_author}
        rows.append(body)
    return rows


def _page_number(given: dict[str, str]) -> int:
    return whole_number("p", given["p"], 0) if "p" in given else 0


def _one_of(name: str, known: tuple[str, ...], given: dict[str, str]) -> str:
    value = given.get(name, "all")
    if value not in known:
        raise BadParameter(f'"{name}" must be one of [{", ".join(known)}]')
    return value
