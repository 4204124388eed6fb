"""The address of a Hub, and where it lets requests, links and redirects lead: below its own path plus `/api/`.

A path, here and in journals, is what follows the endpoint's own path, with its query: `/api/models?limit=5`. A request
is always sent to the endpoint with such a path appended, never to a URL that an answer gave, so that no answer decides
which host gets the token. Sending belongs to `client`.
"""

import re
from typing import Final
from urllib.parse import unquote, urljoin, urlsplit

import httpx2

from hub_assets.hub.http.errors import HubUnusable, Misconfigured

DEFAULT_ENDPOINT: Final = "https://huggingface.co"
API: Final = "/api/"
OUTSIDE: Final = "OutsideApi"
"""The code of the error about a path that was not asked, because it is not below `/api/`."""
_READABLE: Final = re.compile(r"[!-\[\]-~]{1,8000}")
"""Printable ASCII without the backslash, which some clients take for a slash."""
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*:", re.I)
_ORIGIN: Final = re.compile(r"https?://[^/]", re.I)
_PORTS: Final = {"http": 80, "https": 443}
_DECODINGS: Final = 3
"""A path that is still encoded after so many is up to something."""


class Endpoint:
    """The address of a Hub.

    Args:
        address: with or without a path of its own, such as `https://proxy/artifactory/api/huggingfaceml/hf`.

    Raises:
        Misconfigured: if it is not an address of a Hub.
    """

    def __init__(self, address: str) -> None:
        try:
            url = httpx2.URL(address.strip().rstrip("/"))
            origin = (url.scheme, url.raw_host.decode("ascii"), url.port or _PORTS.get(url.scheme, 0))
            is_address = url.scheme in _PORTS and bool(url.host) and not url.query and not url.fragment
        except (httpx2.InvalidURL, ValueError):
            is_address = False
        if not is_address:
            # it may be a password that does not belong there
            shown = "What is set in HF_ENDPOINT" if "@" in address else repr(address)
            raise Misconfigured(f"{shown} is not the address of a Hub; set one like {DEFAULT_ENDPOINT}", url="")
        if url.userinfo:
            raise Misconfigured("The Hub's address has a user name in it; leave it out and set HF_TOKEN", url="")
        self._origin = origin
        self._prefix = url.raw_path.decode("ascii").rstrip("/")
        self.url = f"{url.scheme}://{url.netloc.decode('ascii')}{self._prefix}"

    def url_of(self, path: str) -> str:
        """Return the URL to ask for a path.

        Raises:
            HubUnusable: if the path is not below `/api/`, or may not be for the servers on the way.
        """
        if not (path.startswith(API) and _READABLE.fullmatch(path) and _has_no_dots(path)):
            raise HubUnusable(f"{path[:200]!r} is not a path below {API}; it was not asked", url=self.url, code=OUTSIDE)
        return self.url + path

    def path_of(self, reference: str, path: str) -> str:
        """Return the path that a link or a redirect leads to, found in the answer to `path`.

        Raises:
            HubUnusable: if it leads anywhere but below the endpoint's own `/api/`, or cannot be read.
        """
        found = self._followed(reference, path)
        if found is None:
            where = f"The Hub's answer leads to {reference[:200]!r}, which is not below {self.url}{API}"
            raise HubUnusable(f"{where}; it was not followed", url=self.url + path, code=OUTSIDE)
        return found

    def has(self, url: httpx2.URL) -> bool:
        """Say whether a URL is one of the Hub's API."""
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
        if origin != self._origin or "@" in parts.netloc or not parts.path.startswith(self._prefix + API):
            return None
        if not (_has_no_dots(reference) and _has_no_dots(parts.path)):
            return None
        return parts.path.removeprefix(self._prefix) + (f"?{parts.query}" if parts.query else "")


def _has_no_dots(path: str) -> bool:
    """Say whether no part of a path is `.` or `..`, or hides a control character, however often it is decoded."""
    path = re.split(r"[?#]", path, maxsplit=1)[0]
    for _ in range(_DECODINGS):
        parts = re.split(r"[/\\]", path)
        # some servers drop what follows a semicolon before they look for dots
        if any(part.partition(";")[0] in (".", "..") for part in parts) or re.search(r"[\x00-\x1f\x7f]", path):
            return False
        decoded = unquote(path)
        if decoded == path:
            return True
        path = decoded
    return False
