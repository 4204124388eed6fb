"""The choice of the upload that represents each week, and the reasons why some weeks have none.

A week is represented by its last complete batch. A batch is complete if it has all three listings, and each of them is
whole and does not repeat an upload from before the week. A week is never represented by an upload from another week. If
no batch of a week is complete, each type is represented by its own last usable upload, and the week is partial.

The public functions are pure: finding and fetching uploads do not belong here.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Final, Literal

from hub_assets.archives.catalog import Upload
from hub_assets.vocabulary import REPO_TYPES, RepoType

WINDOW: Final = 7
"""Number of earlier uploads, and of later uploads, with which an upload is compared."""
LEAST_SHARE: Final = 0.95
"""Minimum number of rows in a whole listing, as a share of the running median. The Hub grows by about 1% a week.
The largest known purge removed 5.6% of a listing for good; only later uploads distinguish such a purge from a
truncated file."""
LATE: Final = timedelta(days=3)
"""If more time than this lies between the newest row and the upload, the content may be old."""
LATE_FACTOR: Final = 4
"""The limit is `LATE` or this multiple of the longest such time among earlier uploads, whichever is longer, because
some listings gain a row only every few days. With random arrivals, one upload in 330 exceeds the limit."""
LEAST_LAGS: Final = 3
"""Number of earlier uploads that are needed to tell whether an upload's content is old."""
GAP_FACTOR: Final = 2
"""A gap is a period without uploads that is longer than this multiple of the median interval between uploads."""

Status = Literal["complete", "suspect", "partial", "missing"]


@dataclass(frozen=True)
class Choice:
    """The upload that represents a repository type in one week.

    - `complete`: from a batch with all three listings
    - `suspect`: complete, but there is a reason not to trust it
    - `partial`: from a batch without all three listings
    - `missing`: `upload` is None

    `why` names the problem; None if there is none.
    """

    week: date
    repo_type: RepoType
    upload: Upload | None
    status: Status
    why: str | None = None


@dataclass(frozen=True)
class Gap:
    """A period without a usable upload of a type, between two uploads."""

    repo_type: RepoType
    after: datetime
    before: datetime

    @property
    def days(self) -> float:
        """Length in days."""
        return (self.before - self.after) / timedelta(days=1)


@dataclass(frozen=True)
class _Judged:
    """An upload, with the reasons why it cannot represent a week or cannot be trusted, if any."""

    upload: Upload
    unusable: str | None = None
    suspect: str | None = None


def choose(uploads: Iterable[Upload], weeks: Sequence[date]) -> list[Choice]:
    """Choose the upload of each week and type.

    Args:
        uploads: all known uploads, including `WINDOW` of each type before and after the weeks.
        weeks: Mondays.

    Returns:
        For each week, one choice per type, in the order of `REPO_TYPES`.
    """
    by_week: dict[date, list[_Judged]] = defaultdict(list)
    for listed in _by_type(uploads).values():
        for judged in _judge(listed):
            by_week[monday_of(judged.upload.at)].append(judged)
    return [choice for week in weeks for choice in _choose_week(week, by_week.get(week, []))]


def gaps(uploads: Iterable[Upload]) -> list[Gap]:
    """Return the unusually long periods without a usable upload of a type, oldest first."""
    found = []
    for repo_type, listed in _by_type(uploads).items():
        usable = [judged.upload.at for judged in _judge(listed) if judged.unusable is None]
        between = [Gap(repo_type, after, before) for after, before in pairwise(usable)]
        usual = max(round(median([gap.days for gap in between])), 1) if between else 0
        found += [gap for gap in between if round(gap.days, 1) > GAP_FACTOR * usual]
    return sorted(found, key=lambda gap: (gap.after, gap.repo_type))


def monday_of(moment: datetime) -> date:
    """Return the Monday of the week (UTC) in which a moment lies."""
    day = moment.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())


def _by_type(uploads: Iterable[Upload]) -> dict[RepoType, list[Upload]]:
    """Return the uploads of each type, oldest first, keeping only the last one of each batch."""
    last: dict[tuple[RepoType, date], Upload] = {}
    for upload in sorted(uploads, key=lambda upload: (upload.at, upload.batch)):
        last[upload.repo_type, upload.batch] = upload
    ordered: dict[RepoType, list[Upload]] = {repo_type: [] for repo_type in REPO_TYPES}
    for upload in sorted(last.values(), key=lambda upload: (upload.at, upload.batch)):
        ordered[upload.repo_type].append(upload)
    return ordered


def _judge(listed: Sequence[Upload]) -> list[_Judged]:
    """Judge the uploads of one type, oldest first."""
    judged: list[_Judged] = []
    whole: list[int] = []
    lags: list[timedelta] = []
    first_with: dict[str, Upload] = {}
    for position, upload in enumerate(listed):
        following = [one.rows for one in listed[position + 1 : position + 1 + WINDOW] if one.rows is not None]
        truncated = _truncated(upload.rows, whole[-WINDOW:], following)
        if upload.rows is not None and truncated is None:
            whole.append(upload.rows)
        original = first_with.setdefault(upload.digest, upload) if upload.digest else upload
        repeats = f"repeats the upload of {original.batch}" if original is not upload else None
        # a repeat of an upload from the same week can still represent the week
        is_old = repeats is not None and monday_of(original.at) < monday_of(upload.at)
        judged.append(_Judged(upload, truncated or (repeats if is_old else None), repeats or _late(upload, lags)))
    return judged


def _truncated(rows: int | None, before: Sequence[int], after: Sequence[int]) -> str | None:
    """Describe how short a truncated listing is; return None if it is whole or its number of rows is unknown.

    A listing well below the median of the earlier uploads counts as truncated, unless later uploads are just as small,
    which indicates a purge.
    """
    if rows is None or not (before or after):
        return None
    usual = median(before or after)
    recovers = not after or max(after) * LEAST_SHARE > rows
    if rows >= LEAST_SHARE * usual or not recovers:
        return None
    return f"has {rows:,} rows, {rows / usual:.0%} of the running median"


def _late(upload: Upload, lags: list[timedelta]) -> str | None:
    """Return a description of the content's age if it is unusually old, otherwise None; append the age to `lags`."""
    if upload.newest_at is None:
        return None
    lag, before = upload.at - upload.newest_at, lags[-WINDOW:]
    lags.append(lag)
    if len(before) < LEAST_LAGS or lag <= max(LATE, LATE_FACTOR * max(before)):
        return None
    return f"its newest repository was created {lag.days} days before the upload"


def _choose_week(week: date, judged: Sequence[_Judged]) -> list[Choice]:
    batches: dict[date, dict[RepoType, _Judged]] = defaultdict(dict)
    for one in judged:
        if one.unusable is None:
            batches[one.upload.batch][one.upload.repo_type] = one
    complete = [batch for batch, found in batches.items() if len(found) == len(REPO_TYPES)]
    if complete:
        chosen = batches[max(complete)]
        return [_choice(week, repo_type, chosen[repo_type]) for repo_type in REPO_TYPES]
    last = {repo_type: _last(repo_type, batches) for repo_type in REPO_TYPES}
    absent = [f"{repo_type}s" for repo_type in REPO_TYPES if last[repo_type] is None]
    why = f"no batch has all three listings ({', '.join(absent)} missing)" if absent else "no batch has all three"
    return [
        _missing(week, repo_type, judged) if one is None else Choice(week, repo_type, one.upload, "partial", why)
        for repo_type, one in last.items()
    ]


def _last(repo_type: RepoType, batches: Mapping[date, Mapping[RepoType, _Judged]]) -> _Judged | None:
    found = [batches[batch][repo_type] for batch in sorted(batches) if repo_type in batches[batch]]
    return found[-1] if found else None


def _choice(week: date, repo_type: RepoType, judged: _Judged) -> Choice:
    return Choice(week, repo_type, judged.upload, "suspect" if judged.suspect else "complete", judged.suspect)


def _missing(week: date, repo_type: RepoType, judged: Sequence[_Judged]) -> Choice:
    reasons = [
        f"the upload of {one.upload.batch} {one.unusable}"
        for one in judged
        if one.unusable and one.upload.repo_type == repo_type
    ]
    return Choice(week, repo_type, None, "missing", "; ".join(reasons) or "no upload")


def weeks_between(first: date, last: date) -> list[date]:
    """Return the Mondays of all weeks from the week of `first` to the week of `last`."""
    start, end = (day - timedelta(days=day.weekday()) for day in (first, last))
    return [start + timedelta(weeks=n) for n in range((end - start).days // 7 + 1)]
