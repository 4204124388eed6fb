"""Parses repository ids as people write them: in upper or lower case, as a URL, with a type or a revision.

Checking ids against the listings does not belong here.
"""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote

from hub_assets.vocabulary import REPO_TYPES, RepoType

_ADDRESS: Final = re.compile(r"(hf://|(https?://)?(www\.)?(huggingface\.co|hf\.co)/)(api/)?", re.IGNORECASE)
_TYPES: Final[dict[str, RepoType]] = {f"{repo_type}s": repo_type for repo_type in REPO_TYPES}
_PAGES: Final = frozenset({"blame", "blob", "commit", "commits", "discussions", "edit", "raw", "resolve", "tree"})
"""Path segments that may follow an id without a namespace in a URL."""
_NAMED: Final = 10


def read_id(text: str) -> tuple[RepoType | None, str]:
    """Split a string into a repository type (None if it is not specified) and an id in lower case.

    The Hub ignores case in ids. A string that is neither an id nor a Hub URL is returned in a form that matches no id.
    """
    address = _ADDRESS.match(text.strip())
    rest = text.strip()[address.end() if address else 0 :]
    parts = [part for part in (unquote(re.split(r"[?#]", rest)[0]) if address else rest).split("/") if part]
    repo_type = _TYPES.get(parts[0].lower()) if len(parts) > 1 else None
    if repo_type:
        parts = parts[1:]
    if address:
        repo_type = repo_type or "model"  # model URLs contain no type
        parts = parts[: 1 if len(parts) > 1 and parts[1] in _PAGES else 2]
    is_other_address = not address and "://" in rest
    return repo_type, text if is_other_address else "/".join(parts).partition("@")[0].lower()


def not_listed_note(ids: Sequence[str]) -> str:
    """Return a message naming the selected ids that are not listed."""
    return f"Skipping {len(ids):,} ids that are not listed: {first_of(ids)}"


def first_of(ids: Sequence[str]) -> str:
    """Return the first few ids as text, followed by the number of remaining ids."""
    first = ", ".join(ids[:_NAMED])
    return first if len(ids) <= _NAMED else f"{first} and {len(ids) - _NAMED:,} more"
