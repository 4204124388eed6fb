"""The plan of a backfill: what to import for each week, how large it is, and what is left to do.

Running the plan belongs in the `backfill` command; displaying it belongs in `report.backfill`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from hub_assets.archives.catalog import Archive
from hub_assets.archives.choosing import Choice, Gap, choose, gaps
from hub_assets.archives.importing import is_imported
from hub_assets.archives.uploads import Uploads
from hub_assets.lake.parts import Lake

CALLS_PER_FILE: Final = 2
"""Number of calls per file: one request for its address and one for its content."""

State = Literal["listed", "imported", "to import", "gap"]


@dataclass(frozen=True)
class WeekPlan:
    """One week of the plan: the upload chosen for each type, and what is left to do.

    - `listed`: we listed all types ourselves, so the archive is not needed
    - `imported`: the lake holds the chosen listings, and the week's tables were built from them
    - `gap`: the archive has no listing for the week; importing the week records this
    - `to import`: at least one listing must still be downloaded
    """

    week: date
    choices: tuple[Choice, ...]
    state: State

    @property
    def n_bytes(self) -> int:
        """Total size of all chosen files in bytes."""
        return sum(choice.upload.size or 0 for choice in self.choices if choice.upload)

    @property
    def n_files(self) -> int:
        """Number of chosen files."""
        return sum(choice.upload is not None for choice in self.choices)


@dataclass(frozen=True)
class Backfill:
    """The plan of a backfill.

    `gaps` are the periods without a usable upload that affect these weeks. `planning_calls` is the number of calls used
    for planning.
    """

    archive: Archive
    weeks: tuple[WeekPlan, ...]
    gaps: tuple[Gap, ...]
    planning_calls: int

    @property
    def remaining(self) -> list[WeekPlan]:
        """The weeks that are neither listed nor imported."""
        return [week for week in self.weeks if week.state in ("to import", "gap")]

    @property
    def n_bytes(self) -> int:
        """Number of bytes left to download."""
        return sum(week.n_bytes for week in self.remaining)

    @property
    def n_calls(self) -> int:
        """Number of calls left to make."""
        return sum(week.n_files for week in self.remaining) * CALLS_PER_FILE


def plan_backfill(
    uploads: Uploads, lake: Lake, weeks: Sequence[date], archived: Mapping[str, str], is_built: Mapping[date, bool]
) -> Backfill:
    """Plan the import of several weeks.

    Args:
        uploads: the uploads to the archive.
        lake: contains our own listings and earlier imports.
        weeks: consecutive Mondays.
        archived: the tables of archived listings, each mapped to the table of our own listing, in the order of a week's
            choices.
        is_built: whether each week's tables were built from its import; until they are, the week is not done.

    Raises:
        ArchiveUnreachable: if the archive cannot be read.
    """
    found = uploads.find(weeks[0], weeks[-1])
    choices = choose(found, weeks)
    plans = []
    for position, week in enumerate(weeks):
        of_week = tuple(choices[position * len(archived) : (position + 1) * len(archived)])
        if all(lake.manifest(listing, week).complete for listing in archived.values()):
            state: State = "listed"
        elif is_built.get(week, False) and all(
            is_imported(uploads.archive, lake, table, choice) for table, choice in zip(archived, of_week, strict=True)
        ):
            state = "imported"
        else:
            state = "to import" if any(choice.upload for choice in of_week) else "gap"
        plans.append(WeekPlan(week, of_week, state))
    concerned = [gap for gap in gaps(found) if _concerns(gap, weeks)]
    return Backfill(uploads.archive, tuple(plans), tuple(concerned), uploads.calls)


def _concerns(gap: Gap, weeks: Sequence[date]) -> bool:
    first, last = gap.after.date(), gap.before.date()
    return last >= weeks[0] and (first - weeks[-1]).days < 7
