"""Facts about the Hub that several packages share: its repository types, the form of its handles, and its rate limits.

Facts that only one package needs belong in that package.
"""

from typing import Final, Literal

RepoType = Literal["model", "dataset", "space"]
REPO_TYPES: Final[tuple[RepoType, ...]] = ("model", "dataset", "space")

Bucket = Literal["api", "resolvers"]
"""The Hub limits the rates of API calls (`api`) and of requests for repository files (`resolvers`) separately."""

HANDLE: Final = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,95}"
"""Pattern of a user's or organization's handle."""
