"""Repositories that must not be released: the user's file `withheld.csv`, one row per decision.

A withheld repository has no row in any table of a later release, and its id is removed from other repositories' text.
Releases that are already on the Hub do not change; delete them there.
"""

import csv
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from hub_assets.errors import UserError
from hub_assets.lake.parts import write_beside

COLUMNS: Final = ["repo_id", "why", "decided_on"]


@dataclass(frozen=True)
class Withheld:
    """A decision: the repository's id in any spelling, the reason, and the day."""

    repo_id: str
    why: str
    decided_on: date


def read_withheld(path: Path) -> list[Withheld]:
    """Return all decisions; empty if the file does not exist.

    Raises:
        UserError: if the file cannot be read, because a release must not go out without it.
    """
    if not path.exists():
        return []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, strict=True))
        decisions = [Withheld(row["repo_id"], row["why"], date.fromisoformat(row["decided_on"])) for row in rows]
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise UserError(f"{path} cannot be read ({error}); its columns are {', '.join(COLUMNS)}.") from error
    if any(not decision.repo_id for decision in decisions):
        raise UserError(f"{path} has a row without repo_id; remove the row or name the repository.")
    return decisions


def withhold(path: Path, decision: Withheld) -> None:
    """Add a decision, or replace an earlier one about the same repository.

    Raises:
        UserError: if the id or the reason is empty, or the file cannot be read.
    """
    if not decision.repo_id.strip("/ ") or not decision.why.strip():
        raise UserError(
            "A repository id and a reason are needed, for example: hub-assets withhold namespace/name --why ..."
        )
    others = [known for known in read_withheld(path) if known.repo_id.lower() != decision.repo_id.lower()]

    def write(beside: Path) -> None:
        with beside.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows([row.repo_id, row.why, row.decided_on] for row in [*others, decision])

    write_beside(path, write)
