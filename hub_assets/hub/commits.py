"""The commits of a repository: how they are asked for, what is kept of them, and when enough is known.

Of a message nothing is kept but who is named in its `Co-authored-by` trailers: the name, and the handle where the
address is the Hub's own; the rest is dropped unread.
"""

import re
from typing import Any

from hub_assets.hub.client import Answer
from hub_assets.hub.errors import HubBroken, HubError
from hub_assets.hub.ledger import Values
from hub_assets.hub.paths import number_in
from hub_assets.hub.visits import Kept, Kind, Page, Visit

PAGE_SIZE = 1_000
"""The Hub's cap, which huggingface_hub does not ask for: one call for 99.9 % of repositories."""
_TRAILER = re.compile(r"^co-authored-by:(?P<name>[^<\r\n]{0,200})<(?P<address>[^>\s]{0,200})>", re.I | re.M)
_OWN_ADDRESS = "@users.noreply.huggingface.co"


def page_of(answer: Answer, n_had: int, values: Values) -> Page:
    """Read a page of commits.

    Raises:
        HubBroken: if it is none.
    """
    if not isinstance(answer.body, list):
        raise HubBroken("the answer is not a list of commits", url=answer.path, status=200)
    items = values.items(answer.body)
    start = 0
    if n_had:
        place, size = number_in(answer.path, "p"), number_in(answer.path, "limit")
        start = n_had if place is None else place * (PAGE_SIZE if size is None else size)
    return Page(items, answer.total, start, start + len(items), answer.next_path)


def keep(visit: Visit, page: Page, items: list[dict[str, Any]], values: Values) -> Kept:
    """Choose the commits that are not known yet.

    They are those before the known head, if the numbers agree. If they do not (a merge brings commits that are older
    than the head), or if the head is missing, what is known no longer holds, and all commits are kept.
    """
    head = Values().text(items[0].get("id")) if visit.page == 0 and items else visit.head
    is_anew = visit.is_anew or visit.known_head is None or visit.n_total < visit.known_total
    if not is_anew:
        ids = [item.get("id") for item in items]
        if visit.known_head in ids:
            place = ids.index(visit.known_head)
            if visit.n_total - visit.known_total == visit.n_had + place:
                return Kept([_commit(item, values) for item in items[:place]], head, is_enough=True, is_anew=False)
            is_anew = True
        elif page.next_path is None:
            is_anew = True
    return Kept([_commit(item, values) for item in items], head, is_anew=is_anew)


def outcome_of(error: HubError) -> str | None:
    """Return `ok` where there is a repository without a branch `main`: nothing was ever committed to it."""
    return "ok" if error.code == "RevisionNotFound" else None


def _commit(item: dict[str, Any], values: Values) -> dict[str, Any]:
    message = values.text(item.get("message"))
    return {
        "id": values.text(item.get("id")),
        "title": values.text(item.get("title")),
        "date": values.moment(item.get("date")),
        "authors": [
            {"user": values.text(author.get("user")), "has_avatar": author.get("avatar") is not None}
            for author in values.items(item.get("authors"))
        ],
        "trailers": [_signer(found) for found in _TRAILER.finditer(message)] if message else [],
    }


def _signer(found: re.Match[str]) -> dict[str, str | None]:
    address = found["address"]
    is_own = address.lower().endswith(_OWN_ADDRESS)
    name = found["name"].strip()
    # some sign with their address, which is not kept
    return {"name": None if "@" in name else name, "handle": address[: -len(_OWN_ADDRESS)] if is_own else None}


COMMITS = Kind("commits", "id", f"commits/main?limit={PAGE_SIZE}", page_of, keep, outcome_of)
