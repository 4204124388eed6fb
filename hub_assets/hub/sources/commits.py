"""The commits of a repository: how to request them, what to store, and when to stop reading.

From a commit message, only the title and the co-authors in `Co-authored-by` trailers are stored. For each co-author,
the name is stored, and also the handle if the address is a Hub no-reply address. E-mail addresses are never stored: an
address used as an author name is replaced by a token, and an address in a title by an ellipsis.
"""

import hashlib
import re
import unicodedata
from functools import lru_cache
from typing import Any, Final

import pyarrow as pa

from hub_assets.hub.collect.fetches import Fetch, HistorySpec, Kept, Page
from hub_assets.hub.collect.histories import history_table
from hub_assets.hub.collect.raw_table import TIME
from hub_assets.hub.collect.values import Values
from hub_assets.hub.http.client import Answer
from hub_assets.hub.http.errors import HubBroken, HubError
from hub_assets.hub.http.paths import number_in
from hub_assets.vocabulary import HANDLE

PAGE_SIZE = 1_000
"""The Hub's cap. huggingface_hub requests smaller pages, but at this size, 99.9% of repositories need only one call."""
_TRAILER = re.compile(r"^co-authored-by:(?P<name>[^<\r\n]{0,200})<(?P<address>[^>\s]{0,200})>", re.I | re.M)
_OWN_ADDRESS = re.compile(rf"(?P<handle>{HANDLE})@users\.noreply\.huggingface\.co", re.I)
TOKEN = "address:"
"""Prefix of the token that replaces an address. Account names never contain a colon."""
SHARED_TOKEN = f"{TOKEN}shared"
"""Token for addresses that do not identify a person: machine names and placeholders from manuals."""
_TOKEN_LENGTH = 16
"""Hexadecimal digits in a token: 64 bits of a hash. Anyone who knows an address can check it against a token."""
_DISGUISES = (
    (re.compile(r"%40|&#64;|\s?[(\[{<]\s?(?:at|@)\s?[)\]}>]\s?|\sat\s(?=[^\s@]{1,255}(?:\.|\sdot\s))", re.I), "@"),
    (re.compile(r"\s?[(\[{<]\s?dot\s?[)\]}>]\s?|\sdot\s", re.I), "."),
    (re.compile(r"\s?@\s?(?=[^\s@]{1,255}\.[^\W\d_]{2})"), "@"),
)
"""Common ways to obfuscate addresses (`jane [at] example [dot] org`) and their replacements, applied in order."""
_ADDRESS = re.compile(r"(?P<local>[^\s@<>()\[\]{},;:]{1,64})@\[?(?P<domain>[^\s@<>()\[\]{},;:\"']{1,255})")
"""Pattern of addresses. Bounded lengths keep matching linear on hostile names. Git's default `user@machine` matches."""
_IN_TEXT = re.compile(r"[^\s@<>()\[\],;:]{1,64}@[^\s@<>()\[\],;:]{0,255}\.[^\W\d_]{2}[^\s@<>()\[\],;:]{0,255}")
_MACHINES = re.compile(r".*\.(local|localdomain|localhost|internal|lan)")
_NOBODY = re.compile(r"you|your\W?(name|e?mail)|user(name)?|e?mail|name|no\W?reply|root|admin|test")


def page_of(answer: Answer, n_fetched: int, values: Values) -> Page:
    """Parse a page of commits.

    Raises:
        HubBroken: if the response is not a list.
    """
    if not isinstance(answer.body, list):
        raise HubBroken("the response is not a list of commits", url=answer.path, status=200)
    items = values.items(answer.body)
    start = 0
    if n_fetched:
        page, size = number_in(answer.path, "p"), number_in(answer.path, "limit")
        start = n_fetched if page is None else page * (PAGE_SIZE if size is None else size)
    return Page(items, answer.total, start, start + len(items), answer.next_path)


def keep(fetch: Fetch, page: Page, items: list[dict[str, Any]], values: Values) -> Kept:
    """Choose the new commits.

    These are the commits listed before the known head, provided the totals agree. If the totals differ (a merge can add
    commits older than the head) or the known head is missing, the known history is no longer valid and all commits are
    kept.
    """
    head = Values().text(items[0].get("id")) if fetch.page == 0 and items else fetch.head
    is_full_refetch = fetch.is_full_refetch or fetch.known_head is None or fetch.n_total < fetch.known_total
    if not is_full_refetch:
        ids = [item.get("id") for item in items]
        if fetch.known_head in ids:
            n_new = ids.index(fetch.known_head)
            if fetch.n_total - fetch.known_total == fetch.n_fetched + n_new:
                return Kept(
                    [_commit(item, values) for item in items[:n_new]], head, is_enough=True, is_full_refetch=False
                )
            is_full_refetch = True
        elif page.next_path is None:
            is_full_refetch = True
    return Kept([_commit(item, values) for item in items], head, is_full_refetch=is_full_refetch)


def outcome_of(error: HubError) -> str | None:
    """Return `ok` for a repository without a `main` branch, because it has never had a commit."""
    return "ok" if error.code == "RevisionNotFound" else None


def _commit(item: dict[str, Any], values: Values) -> dict[str, Any]:
    message = values.text(item.get("message"))
    title = values.text(item.get("title"))
    return {
        "id": values.text(item.get("id")),
        "title": _IN_TEXT.sub("…", title) if title else title,
        "date": values.moment(item.get("date")),
        "authors": [
            {"user": _without_address(values.text(author.get("user"))), "has_avatar": author.get("avatar") is not None}
            for author in values.items(item.get("authors"))
        ],
        "trailers": [_co_author(trailer) for trailer in _TRAILER.finditer(message)] if message else [],
    }


def _co_author(trailer: re.Match[str]) -> dict[str, str | None]:
    own = _OWN_ADDRESS.fullmatch(trailer["address"])
    name = trailer["name"].strip()
    # some people sign with an address as their name
    is_address = "@" in name or _without_address(name) != name
    return {"name": None if is_address else name, "handle": own["handle"] if own else None}


@lru_cache(maxsize=65_536)
def _without_address(name: str | None) -> str | None:
    """Return a name unchanged, or a token if it contains an address. The same address always gets the same token."""
    if not name:
        return name
    plain = "".join(char for char in unicodedata.normalize("NFKC", name) if unicodedata.category(char) != "Cf")
    for disguise, replacement in _DISGUISES:
        plain = disguise.sub(replacement, plain)
    address = _ADDRESS.search(plain)
    if address is None:
        return name
    local, domain = address["local"].casefold(), address["domain"].casefold().strip(".")
    if "." not in domain or _MACHINES.fullmatch(domain) or _NOBODY.fullmatch(local):
        return SHARED_TOKEN
    return TOKEN + hashlib.sha256(f"{local}@{domain}".encode("utf-8", "surrogatepass")).hexdigest()[:_TOKEN_LENGTH]


_ITEM: Final = pa.struct(
    [
        ("id", pa.string()),
        ("title", pa.string()),
        ("date", TIME),
        ("authors", pa.list_(pa.struct([("user", pa.string()), ("has_avatar", pa.bool_())]))),
        ("trailers", pa.list_(pa.struct([("name", pa.string()), ("handle", pa.string())]))),
    ]
)
SPEC: Final = HistorySpec(
    "commits", "id", f"commits/main?limit={PAGE_SIZE}", PAGE_SIZE, page_of, keep, outcome_of, has_change_marker=True
)
TABLE: Final = history_table(SPEC, _ITEM, position=1, budget_share=0.5)
"""Commits get half of the budget, because most of the study depends on them."""
