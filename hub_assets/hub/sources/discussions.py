"""The discussions and pull requests of a repository: how to request them and what to store.

The Hub does not say which discussions changed, so every fetch reads all of them.
"""

from typing import Any, Final

import pyarrow as pa

from hub_assets.hub.collect.fetches import Fetch, HistorySpec, Kept, Page
from hub_assets.hub.collect.histories import history_table
from hub_assets.hub.collect.raw_table import TIME
from hub_assets.hub.collect.values import Values
from hub_assets.hub.http.client import Answer
from hub_assets.hub.http.errors import HubBroken, HubError, HubRefused
from hub_assets.hub.http.paths import number_in

PAGE_SIZE = 50
"""The Hub's fixed page size."""


def page_of(answer: Answer, n_fetched: int, values: Values) -> Page:
    """Parse a page of discussions.

    Raises:
        HubBroken: if the response is not a page of discussions.
    """
    body = answer.body
    if not isinstance(body, dict) or not isinstance(body.get("discussions"), list):
        raise HubBroken("the response is not a page of discussions", url=answer.path, status=200)
    items = values.items(body["discussions"])
    start, count = values.count(body.get("start")), values.count(body.get("count"))
    start = n_fetched if start is None else start
    end = start + len(items)
    is_over = len(body["discussions"]) < PAGE_SIZE if count is None else end >= count
    # the Hub's count includes hidden discussions, so a page can be empty before the count is reached
    if is_over or not body["discussions"]:
        return Page(items, count, start, end, None)
    path, _, _ = answer.path.partition("?")
    next_path = f"{path}?p={(number_in(answer.path, 'p') or 0) + 1}"
    return Page(items, count, start, max(end, start + PAGE_SIZE), next_path)


def keep(_fetch: Fetch, _page: Page, items: list[dict[str, Any]], values: Values) -> Kept:
    """Keep all discussions."""
    return Kept([_discussion(item, values) for item in items])


def outcome_of(error: HubError) -> str | None:
    """Return `discussions_off` if the Hub rejects the request, which it does when discussions are disabled."""
    is_of_path = type(error) is HubRefused and error.status is not None and 400 < error.status < 500
    return "discussions_off" if is_of_path else None


def _discussion(item: dict[str, Any], values: Values) -> dict[str, Any]:
    author = item.get("author")
    author = author if isinstance(author, dict) else {}
    return {
        "num": values.count(item.get("num")),
        "title": values.text(item.get("title")),
        "status": values.text(item.get("status")),
        "is_pull_request": values.flag(item.get("isPullRequest")),
        "created_at": values.moment(item.get("createdAt")),
        "author": values.text(author.get("name")),
        "author_type": values.text(author.get("type")),
        "n_comments": values.count(item.get("numComments")),
    }


_ITEM: Final = pa.struct(
    [
        ("num", pa.int64()),
        ("title", pa.string()),
        ("status", pa.string()),
        ("is_pull_request", pa.bool_()),
        ("created_at", TIME),
        ("author", pa.string()),
        ("author_type", pa.string()),
        ("n_comments", pa.int64()),
    ]
)
SPEC: Final = HistorySpec("discussions", "num", "discussions", PAGE_SIZE, page_of, keep, outcome_of, may_hide=True)
TABLE: Final = history_table(SPEC, _ITEM, position=3, budget_share=0.3)
