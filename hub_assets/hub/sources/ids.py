"""Ids of repositories as people write them: in any case, as an address, with a type or a revision.

Which repositories are listed does not belong here.
"""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote

from hub_assets.hub.sources.schemas import REPO_TYPES, RepoType

_ADDRESS: Final = re.compile(r"(hf://|(https?://)?(www\.)?(huggingface\.co|hf\.co)/)(api/)?", re.IGNORECASE)
_TYPES: Final[dict[str, RepoType]] = {f"{repo_type}s": repo_type for repo_type in REPO_TYPES}
_PAGES: Final = frozenset({"blame", "blob", "commit", "commits", "discussions", "edit", "raw", "resolve", "tree"})
"""What may follow an id of one part in an address."""
_NAMED: Final = 10


def read_id(text: str) -> tuple[RepoType | None, str]:
    """Return the type that a text names, None if it names none, and the id in lower case.

    The Hub resolves ids regardless of case. A text that is neither an id nor an address of the Hub comes back as a
    text that is no id.
    """
    address = _ADDRESS.match(text.strip())
    rest = text.strip()[address.end() if address else 0 :]
    parts = [part for part in (unquote(re.split(r"[?#]", rest)[0]) if address else rest).split("/") if part]
    repo_type = _TYPES.get(parts[0].lower()) if len(parts) > 1 else None
    if repo_type:
        parts = parts[1:]
    if address:
        repo_type = repo_type or "model"  # their addresses name no type
        parts = parts[: 1 if len(parts) > 1 and parts[1] in _PAGES else 2]
    is_other_address = not address and "://" in rest
    return repo_type, text if is_other_address else "/".join(parts).partition("@")[0].lower()


def not_listed_note(ids: Sequence[str]) -> str:
    """Return a sentence that says which of the ids that were chosen are not listed."""
    return f"{len(ids):,} of the ids are not listed, and are left out: {first_of(ids)}"


def first_of(ids: Sequence[str]) -> str:
    """Return the first ids as a text, and the number of the others."""
    named = ", ".join(ids[:_NAMED])
    return named if len(ids) <= _NAMED else f"{named} and {len(ids) - _NAMED:,} more"
