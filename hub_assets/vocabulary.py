"""Facts about the Hub that several packages share: its repository types and the form of its handles.

Facts that only one package needs belong in that package.
"""

from typing import Final, Literal

RepoType = Literal["model", "dataset", "space"]
REPO_TYPES: Final[tuple[RepoType, ...]] = ("model", "dataset", "space")

HANDLE: Final = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,95}"
"""Pattern of a user's or organization's handle."""
