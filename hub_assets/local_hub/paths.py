"""What a path of the API asks for, without regard to what there is.

Ids have one or two parts, and revisions may hold slashes, so that the parts of a path cannot simply be counted.
"""

import re
from typing import Final

from hub_assets.local_hub.fields import REPO_TYPES, RepoType

PLURALS: Final[dict[str, RepoType]] = {f"{kind}s": kind for kind in REPO_TYPES}
"""How paths name the types of repositories."""

REPO_PATH: Final = re.compile(
    r"(?P<id>[^/]+(/(?!(revision|commits|discussions)(/|$))[^/]+)?)"
    r"(/(?P<what>revision|commits|discussions)(/(?P<rev>[^\r\n]+))?)?"
)
"""What follows `/api/models/`: an id, perhaps what of it (`what`), and a revision or number (`rev`)."""

CARD_PATH: Final = re.compile(r"/((?P<plural>datasets|spaces)/)?(?P<id>[^/]+(/[^/]+)?)/raw/main/README\.md")
"""Where the card of a repository is; models stand at the top."""


def kind_of(path: str) -> str:
    """Return what a path asks for, by the names of `Counters.by_kind`."""
    if CARD_PATH.fullmatch(path):
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
