"""Facts about the Hub that several packages share: its repository types, the form of its handles, and its rate limits.

Facts that only one package needs belong in that package.
"""

from typing import Final, Literal

RepoType = Literal["model", "dataset", "space"]
REPO_TYPES: Final[tuple[RepoType, ...]] = ("model", "dataset", "space")

Bucket = Literal["api", "resolvers"]
"""What the Hub's rate limit counts separately: calls to its API, and requests for repository files, such as cards."""

HANDLE: Final = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,95}"
"""Pattern of a user's or organization's handle."""
