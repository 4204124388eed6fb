"""Reads numbers from the queries of paths. Deciding which paths may be requested belongs in `endpoint`."""

import re
from urllib.parse import parse_qs, urlsplit


def number_in(path: str, name: str) -> int | None:
    """Return a number from a path's query, or None if it is missing or is not a number of at most seven digits."""
    value = parse_qs(urlsplit(path).query).get(name, [""])[-1]
    return int(value) if re.fullmatch(r"[0-9]{1,7}", value) else None
