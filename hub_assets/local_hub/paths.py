"""Parses API paths without looking at the data.

Ids have one or two segments, and revisions may contain slashes, so a path cannot be split by counting segments.
"""

import re
from typing import Final

from hub_assets.vocabulary import REPO_TYPES, Bucket, RepoType

PLURALS: Final[dict[str, RepoType]] = {f"{kind}s": kind for kind in REPO_TYPES}
"""Repository types by the plural names that paths use."""

REPO_PATH: Final = re.compile(
    r"(?P<id>[^/]+(/(?!(revision|commits|discussions)(/|$))[^/]+)?)"
    r"(/(?P<what>revision|commits|discussions)(/(?P<rev>[^\r\n]+))?)?"
)
"""The part after `/api/models/`: an id, and optionally a resource (`what`) and a revision or number (`rev`)."""

CARD_PATH: Final = re.compile(
    r"/((?P<plural>datasets|spaces)/)?(?P<id>[^/]+(/[^/]+)?)/(?P<how>raw|resolve)/(?P<rev>[^/]+)/README\.md"
)
"""Path of a repository's card; model cards have no prefix."""
CACHED_CARD_PATH: Final = re.compile(
    r"/api/resolve-cache/(?P<plural>models|datasets|spaces)/(?P<id>[^/]+(/[^/]+)?)/(?P<rev>[^/]+)/README\.md"
)
"""Path that `resolve` redirects to; the slash in an id is percent-encoded."""
_RESOLVED: Final = re.compile(r"/((datasets|spaces)/)?[^/]+(/[^/]+)?/resolve/.*|/api/resolve-cache/.*")


def bucket_of(path: str) -> Bucket:
    """Return the rate-limit bucket that requests for a path count against."""
    return "resolvers" if _RESOLVED.fullmatch(path) else "api"


def kind_of(path: str) -> str:
    """Return a path's request type, as counted in `Counters.by_kind`."""
    if CARD_PATH.fullmatch(path) or CACHED_CARD_PATH.fullmatch(path):
        return "card"
    parts = path.strip("/").split("/")
    if path == "/api/whoami-v2":
        return "whoami"
    if parts[:2] in (["api", "users"], ["api", "organizations"]):
        return "account"
    if parts[0] != "api" or len(parts) < 2 or parts[1] not in PLURALS:
        return "other"
    if len(parts) == 2:
        return "listing"
    match = REPO_PATH.fullmatch("/".join(parts[2:]))
    if match is None:
        return "other"
    return "history" if match["what"] in ("commits", "discussions") else "info"
