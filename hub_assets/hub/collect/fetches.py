"""A fetch: asking for a repository's history page by page, from any page on, and where it then stands.

What commits and discussions have in common. What their pages hold belongs to `commits` and `discussions`, which
repositories are fetched to `plan`.
"""

from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, unquote

from hub_assets.hub.collect import response_log
from hub_assets.hub.collect.response_log import Row, Values
from hub_assets.hub.http.client import Answer, HubClient
from hub_assets.hub.http.errors import HubError, HubRefused, HubUnusable
from hub_assets.hub.sources.schemas import RepoType

RESTARTS = 3
"""How often a fetch begins again because the history was rewritten under it."""
MOST_PAGES = 1_000
"""Pages of one fetch: a million commits, 50,000 discussions. What is beyond them is not asked for."""


@dataclass(slots=True)
class Fetch:
    """What to ask, what was known before, and how far it has come.

    Args:
        repo_type, repo_key, repo_id: the repository.
        listed_sha, listed_gated, listed_likes, listed_downloads: it, as listed this week.
        sample_share: the share of repositories that a sample takes, of which this is one; null if they were chosen.
        fetch_number: the number of this fetch among those to the repository.
        history_version: the number of the history_version that is known; 0 if there is none.
        known_head: its newest commit.
        known_total: how many items it has.
        next_path: where a fetch that was cut off goes on; None for a new one.
        page: the number of the next page, from 0.
        head: the newest commit that this fetch found on page 0.
        n_total: how many items the Hub counted when it gave page 0.
        n_fetched: how many of those the earlier pages covered.
        is_full_refetch: whether this fetch has found that what is known no longer holds.
        has_failed: whether the last fetch failed.
    """

    repo_type: RepoType
    repo_key: str
    repo_id: str
    listed_sha: str | None
    listed_gated: str | None
    listed_likes: int | None
    listed_downloads: int | None
    sample_share: float | None
    fetch_number: int
    history_version: int
    known_head: str | None
    known_total: int
    next_path: str | None = None
    page: int = 0
    head: str | None = None
    n_total: int = 0
    n_fetched: int = 0
    is_full_refetch: bool = False
    has_failed: bool = False

    @property
    def kind(self) -> str:
        """What a source either holds or does not."""
        return self.repo_type

    def restart(self) -> None:
        """Become the next fetch: at the first page, with nothing found yet."""
        self.fetch_number += 1
        self.page, self.next_path, self.head, self.n_fetched, self.is_full_refetch = 0, None, None, 0, False


@dataclass(frozen=True)
class Page:
    """A page as the Hub gave it: its items, how many there are in all, its first and last place, and where the next is.

    The places from `start` to before `end` may be more than the items, where some are hidden; `total` is null where
    the Hub does not say.
    """

    items: list[dict[str, Any]]
    total: int | None
    start: int
    end: int
    next_path: str | None


@dataclass
class Kept:
    """What is kept of a page: items ready for JSON, and whether the fetch may end with it, and how."""

    items: list[dict[str, Any]]
    head: str | None = None
    is_enough: bool = False
    is_full_refetch: bool = True


@dataclass(frozen=True)
class HistorySpec:
    """A kind of history.

    Args:
        items: the column of its items.
        key: what tells these apart.
        first_path: what follows a repository's path.
        page_of: reads an answer, given how many items the earlier pages covered.
        keep: chooses what to keep of a page's items that have not come before.
        outcome_of: the outcome that an error stands for, where it is not what its type says.
        may_hide: whether the Hub counts items that it does not show, so that it is no fault if fewer come.
        most_pages: how many pages of a fetch are read at most.
    """

    items: str
    key: str
    first_path: str
    page_of: Callable[[Answer, int, Values], Page]
    keep: Callable[[Fetch, Page, list[dict[str, Any]], Values], Kept]
    outcome_of: Callable[[HubError], str | None] = field(default=lambda _: None)
    may_hide: bool = False
    most_pages: int = MOST_PAGES


class _Trail:
    """What one fetch has asked for and seen since it began, or was taken up again."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._asked: set[str] = set()
        self._seen: set[str] = set()

    def fresh(self, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the items that were on none of the pages followed."""
        return [item for item in items if item.get(self._key) is None or str(item[self._key]) not in self._seen]

    def follow(self, path: str, page: Page, *, should_be_new: bool) -> str | None:
        """Take note of a page, and return why the next one is not worth asking for; None if it is, or there is none."""
        self._asked.add(path)
        keys = {str(item.get(self._key)) for item in page.items}
        is_new = not keys <= self._seen
        self._seen |= keys
        if page.next_path in self._asked:
            return "a page leads back to one that was read"
        return (
            None if is_new or not should_be_new or page.next_path is None else "a page brings nothing new and leads on"
        )


def answers(client: HubClient, fetch: Fetch, kind: HistorySpec) -> Iterator[Row]:
    """Ask for a repository's history and yield a row per answer, the last one with `is_last`.

    A redirect may lead to another repository, which is then not read. New items that come while pages are being
    asked for push others to later pages; those are not taken twice. If there are suddenly fewer, the history was
    rewritten, and a new fetch begins at its first page.

    A fetch ends where its pages lead nowhere. If the Hub may hide what is missing then, or there are more pages than
    are read, what came is kept, and is less than `n_total`; else the fetch has failed.
    """
    fetch = copy(fetch)
    trail = _Trail(kind.key)
    restarts = calls_in_vain = 0
    size = 0  # of a page; not known where the first one came before the fetch was cut off
    while True:
        path = fetch.next_path or f"/api/{fetch.repo_type}s/{quote(fetch.repo_id)}/{kind.first_path}"
        values = Values()
        try:
            answer = client.get(path)
            row = response_log.of_answer(answer)
            if answer.was_redirected:
                row |= _at_its_new_place(client, fetch, answer, kind)
            page = _page_of(kind, answer, fetch.n_fetched, values)
        except HubError as error:
            row = response_log.of_error(error, client, kind.outcome_of(error))
            row["calls"] += calls_in_vain
            if row["outcome"] == "ok" and fetch.page:
                fetch.restart()  # there is nothing any more: what the earlier pages held does not count
            fetch.n_total, fetch.is_full_refetch = 0, row["outcome"] == "ok"
            yield _row(fetch, row, is_last=True)
            return
        row["calls"] += calls_in_vain
        if row["outcome"] != "ok":
            yield _row(fetch, row, is_last=True)
            return
        if fetch.page == 0:
            fetch.n_total = page.end + (page.next_path is not None) if page.total is None else page.total
        came_since = 0 if page.total is None else page.total - fetch.n_total
        if came_since < 0 and restarts < RESTARTS:
            restarts, calls_in_vain = restarts + 1, row["calls"]
            fetch.restart()
            trail = _Trail(kind.key)
            continue
        calls_in_vain = 0
        size = page.end - page.start if fetch.page == 0 else size
        start = fetch.page * size if size else page.start
        # where more came than a page holds, it ends before the last one did
        n_fetched = max(fetch.n_fetched, start + page.end - page.start - came_since)
        items = trail.fresh(page.items[max(fetch.n_fetched + came_since - start, 0) :])
        # what came meanwhile pushes what was seen to later pages
        astray = trail.follow(path, page, should_be_new=not came_since or n_fetched > fetch.n_fetched)
        may_end = kind.may_hide or (page.total is not None and n_fetched >= fetch.n_total)
        if (astray and may_end) or fetch.page + 1 >= kind.most_pages:
            page = replace(page, next_path=None)
        kept = kind.keep(fetch, page, items, values)
        if astray and not may_end and not kept.is_enough:
            failure = HubUnusable(f"The history does not come to an end: {astray}", url=path, status=answer.status)
            fetch.n_total, fetch.is_full_refetch = 0, False
            yield _row(fetch, response_log.of_error(failure, client) | {"calls": row["calls"]}, is_last=True)
            return
        is_last = kept.is_enough or page.next_path is None
        fetch.head = kept.head if fetch.page == 0 else fetch.head
        fetch.n_fetched = n_fetched
        fetch.next_path = None if is_last else page.next_path
        fetch.is_full_refetch = kept.is_full_refetch
        row |= {kind.items: kept.items, "n_type_mismatches": values.type_mismatches or None}
        yield _row(fetch, row, is_last=is_last)
        if is_last:
            return
        fetch.page += 1


def _page_of(kind: HistorySpec, answer: Answer, n_fetched: int, values: Values) -> Page:
    try:
        return kind.page_of(answer, n_fetched, values)
    except HubError as error:
        error.attempts, error.calls = answer.attempts, answer.calls
        raise


def _row(fetch: Fetch, row: Row, *, is_last: bool) -> Row:
    return row | {
        "repo_type": fetch.repo_type,
        "repo_key": fetch.repo_key,
        "repo_id": fetch.repo_id,
        "listed_sha": fetch.listed_sha,
        "listed_gated": fetch.listed_gated,
        "listed_likes": fetch.listed_likes,
        "listed_downloads": fetch.listed_downloads,
        "sample_share": fetch.sample_share,
        "fetch_number": fetch.fetch_number,
        "page": fetch.page,
        "is_last": is_last,
        "next_path": fetch.next_path,
        "history_version": fetch.history_version + fetch.is_full_refetch,
        "head": fetch.head,
        "n_total": fetch.n_total if row["outcome"] == "ok" else None,
        "n_fetched": fetch.n_fetched,
    }


def _at_its_new_place(client: HubClient, fetch: Fetch, answer: Answer, kind: HistorySpec) -> Row:
    """Return what changes in a row because its answer came from another path: a repository moved, or another one.

    Raises:
        HubError: if that cannot be found out.
    """
    prefix = f"/api/{fetch.repo_type}s/"
    place = unquote(answer.path.partition("?")[0])
    final_id = place.removeprefix(prefix).removesuffix(f"/{kind.first_path.partition('?')[0]}")
    if not place.startswith(prefix):
        raise HubRefused(f"the redirect leads to {place}", url=answer.path, status=307)
    try:
        there = client.get(f"{prefix}{quote(final_id)}?expand=sha")
    except HubError as error:
        error.calls += answer.calls
        raise
    is_same = isinstance(there.body, dict) and there.body.get("_id") == fetch.repo_key
    return {
        "final_id": final_id,
        "outcome": "ok" if is_same else "moved",
        "calls": answer.calls + there.calls,
    }
