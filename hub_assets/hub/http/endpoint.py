"""The address of a Hub. Requests, links and redirects must stay below its own path plus `/api/`, except for cards.

A path, here and in journals, is relative to the endpoint's own path and includes the query: `/api/models?limit=5`.
Every request goes to the endpoint with such a path appended, never to a URL taken from a response, so no response can
decide which host receives the token. Sending requests belongs in `client`.
"""

import re
from typing import Final
from urllib.parse import unquote, urljoin, urlsplit

import httpx2

from hub_assets.hub.http.errors import HubUnusable, Misconfigured

DEFAULT_ENDPOINT: Final = "https://huggingface.co"
API: Final = "/api/"
_CARD: Final = re.compile(r"/(?:(?:datasets|spaces)/)?[^/?#]+(?:/[^/?#]+)?/resolve/[^/?#]+/README\.md")
"""The path of a repository's card; model cards have no prefix."""
OUTSIDE: Final = "OutsideApi"
"""Error code for a path that was not requested because it is not below `/api/`."""
_READABLE: Final = re.compile(r"[!-\[\]-~]{1,8000}")
"""Printable ASCII without the backslash, which some clients treat as a slash."""
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*:", re.I)
_ORIGIN: Final = re.compile(r"https?://[^/]", re.I)
_PORTS: Final = {"http": 80, "https": 443}
_DECODINGS: Final = 3
"""Maximum rounds of percent-decoding. A path that is still encoded after that is treated as malicious."""


class Endpoint:
    """The address of a Hub.

    Args:
        address: a URL, which may have its own path, such as `https://proxy/artifactory/api/huggingfaceml/hf`.

    Raises:
        Misconfigured: if it is not a valid Hub address.
    """

    def __init__(self, address: str) -> None:
        try:
            url = httpx2.URL(address.strip().rstrip("/"))
            origin = (url.scheme, url.raw_host.decode("ascii"), url.port or _PORTS.get(url.scheme, 0))
            is_address = url.scheme in _PORTS and bool(url.host) and not url.query and not url.fragment
        except (httpx2.InvalidURL, ValueError):
            is_address = False
        if not is_address:
            # the address may contain a password
            shown = "The value of HF_ENDPOINT" if "@" in address else repr(address)
            raise Misconfigured(f"{shown} is not a valid Hub address; use an address like {DEFAULT_ENDPOINT}", url="")
        if url.userinfo:
            raise Misconfigured("The Hub's address contains a user name; remove it and set HF_TOKEN instead", url="")
        self._origin = origin
        self._prefix = url.raw_path.decode("ascii").rstrip("/")
        self.url = f"{url.scheme}://{url.netloc.decode('ascii')}{self._prefix}"

    def url_of(self, path: str) -> str:
        """Return the URL of a path.

        Raises:
            HubUnusable: if the path is neither below `/api/` nor a card, or if a server along the way might resolve it
                to a different path.
        """
        if not (_is_allowed(path) and _READABLE.fullmatch(path) and _has_no_dots(path)):
            raise HubUnusable(f"{path[:200]!r} is not below {API}; not requested", url=self.url, code=OUTSIDE)
        return self.url + path

    def path_of(self, reference: str, path: str) -> str:
        """Return the path that a link or redirect in the response to `path` points to.

        Raises:
            HubUnusable: if it points to anything but the endpoint's own `/api/` or a card, or cannot be parsed.
        """
        target = self._followed(reference, path)
        if target is None:
            where = f"The Hub's response points to {reference[:200]!r}, which is not below {self.url}{API}"
            raise HubUnusable(f"{where}; not followed", url=self.url + path, code=OUTSIDE)
        return target

    def has(self, url: httpx2.URL) -> bool:
        """Return whether a URL belongs to the Hub's API."""
        origin = (url.scheme, url.raw_host.decode("ascii"), url.port or _PORTS.get(url.scheme, 0))
        return origin == self._origin and url.raw_path.decode("ascii").startswith(self._prefix + API)

    def _followed(self, reference: str, path: str) -> str | None:
        has_scheme = _SCHEME.match(reference) is not None
        if not _READABLE.fullmatch(reference) or (has_scheme and not _ORIGIN.match(reference)):
            return None
        try:
            parts = urlsplit(urljoin(self.url + path, reference))
            origin = (parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme, 0))
        except ValueError:
            return None
        if origin != self._origin or "@" in parts.netloc or not parts.path.startswith(self._prefix + "/"):
            return None
        if not _is_allowed(parts.path.removeprefix(self._prefix)):
            return None
        if not (_has_no_dots(reference) and _has_no_dots(parts.path)):
            return None
        return parts.path.removeprefix(self._prefix) + (f"?{parts.query}" if parts.query else "")


def _is_allowed(path: str) -> bool:
    return path.startswith(API) or _CARD.fullmatch(path) is not None


def _has_no_dots(path: str) -> bool:
    """Return whether a path has no `.` or `..` segment and no control character at any level of percent-encoding."""
    path = re.split(r"[?#]", path, maxsplit=1)[0]
    for _ in range(_DECODINGS):
        parts = re.split(r"[/\\]", path)
        # some servers strip everything after a semicolon before they check for dots
        if any(part.partition(";")[0] in (".", "..") for part in parts) or re.search(r"[\x00-\x1f\x7f]", path):
            return False
        decoded = unquote(path)
        if decoded == path:
            return True
        path = decoded
    return False
