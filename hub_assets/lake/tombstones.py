"""Keyed digests of erased names, so that the names are never written again, and the tokens that replace the names.

The file does not reveal the names: matching a name to its digest requires the home's secret. Erasing names that have
already been written belongs in `upkeep.forget`.
"""

import hmac
import json
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from hub_assets.errors import HubAssetsError
from hub_assets.lake.parts import write_beside

PREFIX: Final = "forgotten:"
"""Prefix of every token. Account names and ids never contain a colon, so a token is never mistaken for one of them."""
NAMING: Final = frozenset({"author", "user", "name", "handle", "fullname", "author_a", "author_b", "decided_by"})
"""Fields whose entire value is a person's or account's name."""
_WORD: Final = re.compile(r"\w(?:[\w.-]*\w)?")
_MOST_WORDS: Final = 8

Replace = Callable[[str, str], str]
"""Function that takes a string and the name of its field, and returns the string without erased names."""


class TombstonesError(HubAssetsError):
    """The tombstones cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Tombstone:
    """An erased name: its token, plus its length and number of words, which make the name cheap to find.

    `is_word` marks a name that is also a term in the data, such as the name of a library. Such a name is replaced
    only in fields that name somebody and where it is a namespace.
    """

    token: str
    length: int
    words: int
    is_word: bool = False


@dataclass(frozen=True)
class Tombstones:
    """All erased names of a home.

    Args:
        key: the home's secret.
        by_digest: the tombstones, by the HMAC-SHA-256 of the name.
    """

    key: bytes
    by_digest: dict[str, Tombstone] = field(default_factory=dict)

    def __hash__(self) -> int:
        return id(self)

    def scrub(self, body: bytes) -> bytes:
        """Return JSON text without erased names; if it contains no such name, the bytes are unchanged."""
        if not self.by_digest:
            return body
        value = json.loads(body)
        scrubbed = walk(value, self.replace)
        return body if scrubbed == value else json.dumps(scrubbed, ensure_ascii=False).encode("utf-8", "replace")

    def replace(self, text: str, name: str) -> str:
        """Return the string with each erased name replaced by its token."""
        whole = self._of(text)
        if whole is not None and (name in NAMING or not whole.is_word):
            return whole.token
        if not any(tombstone.length <= len(text) for tombstone in self.by_digest.values()):
            return text
        words = [match.span() for match in _WORD.finditer(text)]
        most = max(tombstone.words for tombstone in self.by_digest.values())
        pieces, position, index = [], 0, 0
        while index < len(words):
            start = words[index][0]
            for last in range(min(index + most, len(words)) - 1, index - 1, -1):
                end = words[last][1]
                found = self._of(text[start:end])
                if found is not None and (not found.is_word or text[end : end + 1] == "/"):
                    pieces += [text[position:start], found.token]
                    position, index = end, last
                    break
            index += 1
        return text if not pieces else "".join([*pieces, text[position:]])

    def with_names(self, names: Iterable[str], words: Iterable[str]) -> "tuple[Tombstones, dict[str, str]]":
        """Return a copy with tombstones added for further names, and the token of each name.

        Args:
            names: the names to erase.
            words: the subset of `names` that are also terms in the data.
        """
        tombstones, tokens, common = dict(self.by_digest), {}, set(words)
        for name in names:
            made = Tombstone(PREFIX + secrets.token_hex(8), len(name), _count(name), name in common)
            tokens[name] = tombstones.setdefault(self._digest(name), made).token
        return Tombstones(self.key, tombstones), tokens

    def _of(self, text: str) -> Tombstone | None:
        if not any(tombstone.length == len(text) for tombstone in self.by_digest.values()):
            return None
        return self.by_digest.get(self._digest(text))

    @lru_cache(maxsize=65_536)  # noqa: B019  # the object lives as long as the run, and words in cards repeat
    def _digest(self, name: str) -> str:
        return hmac.digest(self.key, b"forgotten " + name.encode("utf-8", "surrogatepass"), "sha256").hex()


def walk(value: Any, replace: Replace, name: str = "") -> Any:
    """Return JSON with `replace` applied to every string except keys.

    An erased account also loses its `fullname`, and its `account_key` becomes the token.
    """
    if isinstance(value, str):
        return replace(value, name)
    if isinstance(value, list):
        return [walk(item, replace, name) for item in value]
    if not isinstance(value, dict):
        return value
    changed = {key: walk(item, replace, key) for key, item in value.items()}
    erased = [key for key in ("author", "name", "user") if _is_token(changed.get(key))]
    token = changed[erased[0]] if erased else None
    for key in erased:
        changed = (
            _without_own(changed, own_pattern([value[key]]), changed[key]) if value[key] != changed[key] else changed
        )
    if token is not None and "fullname" in changed:
        changed["fullname"] = None
        changed |= {key: token for key in ("account_key",) if changed.get(key) is not None}
    return changed


def own_pattern(names: Iterable[str]) -> re.Pattern[str]:
    """Return the pattern that finds a person's names in their own repositories' text, even inside longer words.

    For example, a Space's subdomain joins the owner's name and the Space's name, in lower case and with hyphens.
    """
    forms = {form for name in names for form in (name, re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")) if form}
    return re.compile("|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True)))


def _without_own(value: Any, pattern: re.Pattern[str], token: str) -> Any:
    if isinstance(value, str):
        # a value that still equals a name is a term, such as a tag
        return value if value.startswith(PREFIX) or pattern.fullmatch(value) else pattern.sub(token, value)
    if isinstance(value, list):
        return [_without_own(item, pattern, token) for item in value]
    if isinstance(value, dict):
        return {key: _without_own(item, pattern, token) for key, item in value.items()}
    return value


def _is_token(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(PREFIX) and "/" not in value


def read_tombstones(path: Path, key: Callable[[], bytes]) -> Tombstones:
    """Return the tombstones in a file; empty if the file does not exist.

    Args:
        path: the file.
        key: returns the home's secret; called only if the file exists.

    Raises:
        TombstonesError: if the file is damaged, or was written with another secret.
    """
    if not path.exists():
        return Tombstones(b"")
    secret = key()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        tombstones = Tombstones(secret, {digest: Tombstone(**one) for digest, one in content["names"].items()})
        is_same = content["check"] == tombstones._digest("")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TombstonesError(
            f"{path} is damaged ({error}); restore it, or erased names will be written again"
        ) from error
    if not is_same:
        raise TombstonesError(
            f"{path} was written with another secret, so erased names would be written again; restore the home's secret"
        )
    return tombstones


def write_tombstones(path: Path, tombstones: Tombstones) -> None:
    """Write the tombstones to a file, replacing its content."""
    content = {"check": tombstones._digest(""), "names": {d: vars(one) for d, one in tombstones.by_digest.items()}}
    write_beside(path, lambda beside: beside.write_text(json.dumps(content, indent=1), encoding="utf-8"))


def _count(name: str) -> int:
    return min(len(_WORD.findall(name)), _MOST_WORDS) or 1
