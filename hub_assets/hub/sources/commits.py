"""The commits of a repository: how they are asked for, what is kept of them, and when enough is known.

Of a message nothing is kept but who is named in its `Co-authored-by` trailers: the name, and the handle where the
address is the Hub's own; the rest is dropped unread. E-mail addresses are never kept: where git was given one as a
name, a token takes its place.
"""

import hashlib
import re
import unicodedata
from functools import lru_cache
from typing import Any

from hub_assets.hub.collect.fetches import Fetch, HistorySpec, Kept, Page
from hub_assets.hub.collect.response_log import Values
from hub_assets.hub.http.client import Answer
from hub_assets.hub.http.errors import HubBroken, HubError
from hub_assets.hub.http.paths import number_in

PAGE_SIZE = 1_000
"""The Hub's cap, which huggingface_hub does not ask for: one call for 99.9 % of repositories."""
_TRAILER = re.compile(r"^co-authored-by:(?P<name>[^<\r\n]{0,200})<(?P<address>[^>\s]{0,200})>", re.I | re.M)
_OWN_ADDRESS = re.compile(r"(?P<handle>[A-Za-z0-9_][A-Za-z0-9._-]{0,95})@users\.noreply\.huggingface\.co", re.I)
TOKEN = "address:"
"""Prefix of the token that stands for an address. No account's name has a colon."""
SHARED_TOKEN = f"{TOKEN}shared"
"""Token for addresses that identify nobody: they name a machine, or come from a manual."""
_TOKEN_LENGTH = 16
"""Hexadecimal digits of a token: 64 bits of a hash. Whoever knows an address can check it against a token."""
_DISGUISES = (
    (re.compile(r"%40|&#64;|\s?[(\[{<]\s?(?:at|@)\s?[)\]}>]\s?|\sat\s(?=[^\s@]{1,255}(?:\.|\sdot\s))", re.I), "@"),
    (re.compile(r"\s?[(\[{<]\s?dot\s?[)\]}>]\s?|\sdot\s", re.I), "."),
    (re.compile(r"\s?@\s?(?=[^\s@]{1,255}\.[^\W\d_]{2})"), "@"),
)
"""How people disguise addresses (`jane [at] example [dot] org`), and what each disguise stands for, in order."""
_ADDRESS = re.compile(r"(?P<local>[^\s@<>()\[\]{},;:]{1,64})@\[?(?P<domain>[^\s@<>()\[\]{},;:\"']{1,255})")
"""Lengths are bounded so that a hostile name costs no more than linear time. Git's own `user@machine` counts, too."""
_IN_TEXT = re.compile(r"[^\s@<>()\[\],;:]{1,64}@[^\s@<>()\[\],;:]{0,255}\.[^\W\d_]{2}[^\s@<>()\[\],;:]{0,255}")
_MACHINES = re.compile(r".*\.(local|localdomain|localhost|internal|lan)")
_NOBODY = re.compile(r"you|your\W?(name|e?mail)|user(name)?|e?mail|name|no\W?reply|root|admin|test")


def page_of(answer: Answer, n_fetched: int, values: Values) -> Page:
    """Read a page of commits.

    Raises:
        HubBroken: if it is none.
    """
    if not isinstance(answer.body, list):
        raise HubBroken("the answer is not a list of commits", url=answer.path, status=200)
    items = values.items(answer.body)
    start = 0
    if n_fetched:
        place, size = number_in(answer.path, "p"), number_in(answer.path, "limit")
        start = n_fetched if place is None else place * (PAGE_SIZE if size is None else size)
    return Page(items, answer.total, start, start + len(items), answer.next_path)


def keep(fetch: Fetch, page: Page, items: list[dict[str, Any]], values: Values) -> Kept:
    """Choose the commits that are not known yet.

    They are those before the known head, if the numbers agree. If they do not (a merge brings commits that are older
    than the head), or if the head is missing, what is known no longer holds, and all commits are kept.
    """
    head = Values().text(items[0].get("id")) if fetch.page == 0 and items else fetch.head
    is_full_refetch = fetch.is_full_refetch or fetch.known_head is None or fetch.n_total < fetch.known_total
    if not is_full_refetch:
        ids = [item.get("id") for item in items]
        if fetch.known_head in ids:
            place = ids.index(fetch.known_head)
            if fetch.n_total - fetch.known_total == fetch.n_fetched + place:
                return Kept(
                    [_commit(item, values) for item in items[:place]], head, is_enough=True, is_full_refetch=False
                )
            is_full_refetch = True
        elif page.next_path is None:
            is_full_refetch = True
    return Kept([_commit(item, values) for item in items], head, is_full_refetch=is_full_refetch)


def outcome_of(error: HubError) -> str | None:
    """Return `ok` where there is a repository without a branch `main`: nothing was ever committed to it."""
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
        "trailers": [_signer(found) for found in _TRAILER.finditer(message)] if message else [],
    }


def _signer(found: re.Match[str]) -> dict[str, str | None]:
    own = _OWN_ADDRESS.fullmatch(found["address"])
    name = found["name"].strip()
    # some sign with their address, which is not kept
    is_address = "@" in name or _without_address(name) != name
    return {"name": None if is_address else name, "handle": own["handle"] if own else None}


@lru_cache(maxsize=65_536)
def _without_address(name: str | None) -> str | None:
    """Return a name, or the token of the address in it; the same address always has the same token."""
    if not name:
        return name
    plain = "".join(each for each in unicodedata.normalize("NFKC", name) if unicodedata.category(each) != "Cf")
    for disguise, meaning in _DISGUISES:
        plain = disguise.sub(meaning, plain)
    found = _ADDRESS.search(plain)
    if found is None:
        return name
    local, domain = found["local"].casefold(), found["domain"].casefold().strip(".")
    if "." not in domain or _MACHINES.fullmatch(domain) or _NOBODY.fullmatch(local):
        return SHARED_TOKEN
    return TOKEN + hashlib.sha256(f"{local}@{domain}".encode("utf-8", "surrogatepass")).hexdigest()[:_TOKEN_LENGTH]


COMMITS = HistorySpec("commits", "id", f"commits/main?limit={PAGE_SIZE}", page_of, keep, outcome_of)
