"""Facts about the Hub that several rooms share: its repository types, the form of its handles, and its rate limits.

What a single room needs belongs to that room.
"""

from typing import Final, Literal

RepoType = Literal["model", "dataset", "space"]
REPO_TYPES: Final[tuple[RepoType, ...]] = ("model", "dataset", "space")

Bucket = Literal["api", "resolvers"]
"""What the Hub's rate limit counts apart: calls of its API, and requests for files of repositories, such as cards."""

HANDLE: Final = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,95}"
"""Pattern of a user's or organization's handle."""
