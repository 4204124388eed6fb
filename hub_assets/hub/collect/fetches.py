"""Fetches: reading a repository's history page by page, starting at any page.

Commits and discussions share this code. Parsing their pages belongs in `commits` and `discussions`; choosing
repositories belongs in `plan`.
"""

from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, unquote

from hub_assets.hub.collect import response_log
from hub_assets.hub.collect.response_log import Row
from hub_assets.hub.collect.values import Values
from hub_assets.hub.http.client import Answer, HubClient
from hub_assets.hub.http.errors import HubError, HubRefused, HubUnusable
from hub_assets.vocabulary import RepoType

RESTARTS = 3
"""Maximum number of times that a fetch starts over because the history was rewritten during the fetch."""
MOST_PAGES = 1_000
"""Page limit per fetch: a million commits or 50,000 discussions. Later pages are not requested."""


@dataclass(slots=True)
class Fetch:
    """One fetch of a repository's history: what to request, what was known before, and the progress so far.

    Args:
        repo_type, repo_key, repo_id: the repository.
        listed_sha, listed_gated, listed_likes, listed_downloads: its values in this week's listing.
        sample_share: the probability with which the repository was selected; None if it was chosen by rank or id.
        fetch_number: the number of this fetch of the repository.
        history_version: the number of the latest complete history version; 0 if there is none.
        known_head: that version's newest commit.
        known_total: that version's number of items.
        next_path: where an interrupted fetch resumes; None for a new fetch.
        page: the number of the next page, from 0.
        head: the newest commit on this fetch's page 0.
        n_total: the Hub's item count when it sent page 0.
        n_fetched: how many of the `n_total` items the earlier pages covered.
        is_full_refetch: whether this fetch has found that the known history version is no longer valid.
        has_failed: whether the previous fetch failed.
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
        """The repository type, because a source has histories either for all repositories of a type or for none."""
        return self.repo_type

    def restart(self) -> None:
        """Start over at the first page, as a new fetch."""
        self.fetch_number += 1
        self.page, self.next_path, self.head, self.n_fetched, self.is_full_refetch = 0, None, None, 0, False


@dataclass(frozen=True)
class Page:
    """A page as the Hub sent it: its items, the total count, its position range, and the path of the next page.

    If the Hub hides items, the range from `start` to `end` (exclusive) is longer than the list of items. `total` is
    None if the Hub does not report it.
    """

    items: list[dict[str, Any]]
    total: int | None
    start: int
    end: int
    next_path: str | None


@dataclass
class Kept:
    """The part of a page to store: its items, ready for JSON, and whether the fetch may end after this page."""

    items: list[dict[str, Any]]
    head: str | None = None
    is_enough: bool = False
    is_full_refetch: bool = True


@dataclass(frozen=True)
class HistorySpec:
    """The rules for reading one type of history, such as commits.

    Args:
        items: the column that holds the items.
        key: the field that identifies an item.
        first_path: the path of the first page, relative to the repository.
        page_size: items per page.
        page_of: parses a response, given how many items the earlier pages covered.
        keep: chooses what to store, given a page and those of its items that no earlier page contained.
        outcome_of: maps an error to its outcome, or to None for the default outcome of its type.
        has_change_marker: whether a new `sha` in the listing means that a history has changed.
        may_hide: whether the Hub counts items that it does not show, so that receiving fewer than counted is no error.
        most_pages: page limit per fetch.
    """

    items: str
    key: str
    first_path: str
    page_size: int
    page_of: Callable[[Answer, int, Values], Page]
    keep: Callable[[Fetch, Page, list[dict[str, Any]], Values], Kept]
    outcome_of: Callable[[HubError], str | None] = field(default=lambda _: None)
    has_change_marker: bool = False
    may_hide: bool = False
    most_pages: int = MOST_PAGES

    @property
    def table(self) -> str:
        """The raw table's name."""
        return f"raw_hub__{self.items}"


class _Trail:
    """The paths requested and items seen since a fetch started or resumed."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._asked: set[str] = set()
        self._seen: set[str] = set()

    def fresh(self, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the items that no earlier page contained."""
        return [item for item in items if item.get(self._key) is None or str(item[self._key]) not in self._seen]

    def follow(self, path: str, page: Page, *, should_be_new: bool) -> str | None:
        """Record a page. Return the reason not to follow its link, or None if the link is safe or there is none."""
        self._asked.add(path)
        keys = {str(item.get(self._key)) for item in page.items}
        is_new = not keys <= self._seen
        self._seen |= keys
        if page.next_path in self._asked:
            return "a page links back to a page already read"
        return None if is_new or not should_be_new or page.next_path is None else "a page with a link has no new items"


def answers(client: HubClient, fetch: Fetch, kind: HistorySpec) -> Iterator[Row]:
    """Fetch a repository's history and yield one row per response; the final row has `is_last` set.

    If a redirect leads to a different repository, that repository's history is not read. Items added during the fetch
    push older items to later pages, but no item is stored twice. A shrinking total means that the history was
    rewritten, so a new fetch starts at the first page.

    A fetch ends early at the page limit, or when a page's link does not lead to a usable page. It then succeeds with
    fewer items than `n_total` if it has reached the limit or if the Hub may be hiding the missing items; if items are
    missing for any other reason, it fails.
    """
    fetch = copy(fetch)
    trail = _Trail(kind.key)
    restarts = wasted_calls = 0
    size = 0  # the page size; unknown if the first page was read before an interruption
    while True:
        path = fetch.next_path or f"/api/{fetch.repo_type}s/{quote(fetch.repo_id)}/{kind.first_path}"
        values = Values()
        try:
            answer = client.get(path)
            row = response_log.of_answer(answer)
            if answer.was_redirected:
                row |= _redirected(client, fetch, answer, kind)
            page = _page_of(kind, answer, fetch.n_fetched, values)
        except HubError as error:
            row = response_log.of_error(error, client, kind.outcome_of(error))
            row["calls"] += wasted_calls
            if row["outcome"] == "ok" and fetch.page:
                fetch.restart()  # the history is empty now, so the earlier pages no longer count
            fetch.n_total, fetch.is_full_refetch = 0, row["outcome"] == "ok"
            yield _row(fetch, row, is_last=True)
            return
        row["calls"] += wasted_calls
        if row["outcome"] != "ok":
            yield _row(fetch, row, is_last=True)
            return
        if fetch.page == 0:
            fetch.n_total = page.end + (page.next_path is not None) if page.total is None else page.total
        added_since = 0 if page.total is None else page.total - fetch.n_total
        if added_since < 0 and restarts < RESTARTS:
            restarts, wasted_calls = restarts + 1, row["calls"]
            fetch.restart()
            trail = _Trail(kind.key)
            continue
        wasted_calls = 0
        size = page.end - page.start if fetch.page == 0 else size
        start = fetch.page * size if size else page.start
        # if more items were added than fit on a page, earlier pages already covered all items on this page
        n_fetched = max(fetch.n_fetched, start + page.end - page.start - added_since)
        items = trail.fresh(page.items[max(fetch.n_fetched + added_since - start, 0) :])
        # added items push known items to later pages, so a later page may hold nothing new
        dead_end = trail.follow(path, page, should_be_new=not added_since or n_fetched > fetch.n_fetched)
        may_end = kind.may_hide or (page.total is not None and n_fetched >= fetch.n_total)
        if (dead_end and may_end) or fetch.page + 1 >= kind.most_pages:
            page = replace(page, next_path=None)
        kept = kind.keep(fetch, page, items, values)
        if dead_end and not may_end and not kept.is_enough:
            failure = HubUnusable(f"The history does not end: {dead_end}", url=path, status=answer.status)
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


def _redirected(client: HubClient, fetch: Fetch, answer: Answer, kind: HistorySpec) -> Row:
    """Return the columns to change in a row after a redirect to the repository's new id or to a different repository.

    Raises:
        HubError: if the repository at the target cannot be identified.
    """
    prefix = f"/api/{fetch.repo_type}s/"
    target = unquote(answer.path.partition("?")[0])
    final_id = target.removeprefix(prefix).removesuffix(f"/{kind.first_path.partition('?')[0]}")
    if not target.startswith(prefix):
        raise HubRefused(f"the redirect leads to {target}", url=answer.path, status=307)
    try:
        info = client.get(f"{prefix}{quote(final_id)}?expand=sha")
    except HubError as error:
        error.calls += answer.calls
        raise
    is_same = isinstance(info.body, dict) and info.body.get("_id") == fetch.repo_key
    return {
        "final_id": final_id,
        "outcome": "ok" if is_same else "moved",
        "calls": answer.calls + info.calls,
    }
