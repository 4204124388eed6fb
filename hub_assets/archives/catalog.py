"""The known archives, and the definition of an upload to one. Finding and choosing uploads do not belong here."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final, Literal, cast

from hub_assets.errors import UserError
from hub_assets.vocabulary import RepoType

Layout = Literal["revisions", "folders"]


class UnknownArchive(UserError):
    """No archive has this name."""


@dataclass(frozen=True)
class Archive:
    """A dataset repository on the Hub that stores listings.

    - `revisions`: every upload replaces `<type>s.parquet`, so a past listing is a past revision of the file
    - `folders`: every upload adds `<type>s/<YYYY-MM-DD>/<file>.parquet`, so the newest revision contains all
      listings. The date is the start of a week; the content is from the end of that week, up to seven days later, and
      sometimes repeats an earlier upload.
    """

    name: str
    repo_id: str
    license: str
    layout: Layout

    def type_of(self, path: str) -> tuple[RepoType, date | None] | None:
        """Return a listing file's type, and its date if the path contains one; None for other files."""
        match = _PATHS[self.layout].fullmatch(path)
        if match is None:
            return None
        try:
            repo_type = cast(RepoType, match["type"])
            return repo_type, date.fromisoformat(match["day"]) if "day" in match.groupdict() else None
        except ValueError:
            return None


_PATHS: Final[dict[Layout, re.Pattern[str]]] = {
    "revisions": re.compile(r"(?P<type>model|dataset|space)s\.parquet"),
    "folders": re.compile(r"(?P<type>model|dataset|space)s/(?P<day>\d{4}-\d\d-\d\d)/[^/]+\.parquet"),
}

ARCHIVES: Final = {
    archive.name: archive
    for archive in (
        Archive("hub-stats", "cfahlgren1/hub-stats", "Apache-2.0", "revisions"),
        Archive("weekly-snapshots", "hfmlsoc/hub_weekly_snapshots", "ODbL-1.0", "folders"),
    )
}


def archive_of(name: str) -> Archive:
    """Return an archive by name.

    Raises:
        UnknownArchive: if no archive has that name.
    """
    if name not in ARCHIVES:
        raise UnknownArchive(f"there is no archive {name!r}; choose one of {', '.join(ARCHIVES)}")
    return ARCHIVES[name]


@dataclass(frozen=True)
class Upload:
    """A listing of one type in an archive.

    - `batch`: the day of the upload, or the date in its path; a batch's listings were collected together
    - `at`: when the content was taken (UTC): the commit's time; for `folders`, the creation time of the newest row or
      the end of the week, whichever is earlier
    - `revision`, `path`: where the file is; the revision is a commit id and never changes
    - `size`, `digest`: size in bytes, and SHA-256
    - `rows`, `newest_at`: number of rows and newest creation time, from the Parquet footer

    `size` and all later fields are None if unknown.
    """

    repo_type: RepoType
    batch: date
    at: datetime
    revision: str
    path: str = ""
    size: int | None = None
    digest: str | None = None
    rows: int | None = None
    newest_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.at.utcoffset() != UTC.utcoffset(None):
            raise ValueError(f"{self.at} is not in UTC")
