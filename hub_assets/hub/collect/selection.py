"""Selects the repositories whose histories are fetched in a week. Planning the fetches belongs in `plan`."""

from dataclasses import dataclass
from typing import Any, Final

from hub_assets.errors import UserError
from hub_assets.vocabulary import REPO_TYPES, RepoType

ROTATION_WEEKS: Final = 8
RECHECK_WEEKS: Final = 12


class PlanError(UserError):
    """The selection is contradictory or cannot be planned; the message is a single sentence for the user."""


@dataclass(frozen=True)
class Selection:
    """The listed repositories to fetch: all of them, or those chosen by `top`, `sample` or `ids`.

    Args:
        repo_types: the types to fetch.
        top: how many of the most-liked repositories of each type to fetch.
        sample: the share of each type's repositories to fetch, drawn by a hash of the key. The same repositories are
            drawn every week, and a larger sample contains every smaller one. Estimates of totals weight each repository
            by 1 / share.
        ids: repository ids as people write them (see `ids.read_id`).
        rotation_weeks: every repository's discussions are read at least once in this many weeks, provided that each
            week's budget covers the repositories due in that week.
        recheck_weeks: repositories that could not be read are requested again after this many weeks.

    Raises:
        PlanError: if more than one of `top`, `sample` and `ids` is set, or a value is out of range.
    """

    repo_types: tuple[RepoType, ...] = REPO_TYPES
    top: int | None = None
    sample: float | None = None
    ids: tuple[str, ...] = ()
    rotation_weeks: int = ROTATION_WEEKS
    recheck_weeks: int = RECHECK_WEEKS

    def __post_init__(self) -> None:
        if (self.top is not None) + (self.sample is not None) + bool(self.ids) > 1:
            raise PlanError("top, sample and ids cannot be combined; set only one of them")
        if self.sample is not None and not 0 < self.sample <= 1:
            raise PlanError(f"sample is {self.sample}, but must be greater than 0 and at most 1")
        if self.top is not None and self.top < 1:
            raise PlanError("top must be at least 1")
        unknown_types = set(self.repo_types) - set(REPO_TYPES)
        if unknown_types:
            raise PlanError(
                f"unknown repository type {', '.join(sorted(unknown_types))}; choose from {', '.join(REPO_TYPES)}"
            )

    @property
    def sample_share(self) -> float | None:
        """The probability that a repository is selected, or None if repositories are chosen by rank or id."""
        return None if self.top is not None or self.ids else self.sample or 1.0

    def to_json(self) -> dict[str, Any]:
        """Return the selection for the manifest, with the number of ids instead of the ids themselves."""
        return {**vars(self), "ids": len(self.ids)}


EVERYTHING: Final = Selection()
