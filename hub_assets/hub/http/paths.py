"""What a path that the Hub gave says of a page, where it says it; which paths may be asked belongs to `endpoint`."""

import re
from urllib.parse import parse_qs, urlsplit


def number_in(path: str, name: str) -> int | None:
    """Return a number of a path's query; None if there is none, or none of at most seven digits."""
    value = parse_qs(urlsplit(path).query).get(name, [""])[-1]
    return int(value) if re.fullmatch(r"[0-9]{1,7}", value) else None
