import csv
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_assets.archives.catalog import ARCHIVES, Upload
from hub_assets.archives.choosing import Choice, choose, gaps, monday_of, weeks_between
from hub_assets.vocabulary import REPO_TYPES, RepoType

START = datetime(2025, 9, 1, 13, 7, tzinfo=UTC)
"""A Monday."""
WEEK = START.date()


def daily(days: int, rows: int = 10_000, growth: int = 10) -> list[Upload]:
    """Return one batch of three listings per day, uploaded a minute apart; every day adds `growth` rows to each."""
    return [
        Upload(
            repo_type,
            (START + timedelta(days=day)).date(),
            START + timedelta(days=day, minutes=minute),
            f"r{day}",
            f"{repo_type}s.parquet",
            digest=f"{repo_type}{day}",
            rows=rows + growth * day,
            newest_at=START + timedelta(days=day, minutes=minute - 1),
        )
        for day in range(days)
        for minute, repo_type in enumerate(REPO_TYPES)
    ]


def changed(uploads: Sequence[Upload], repo_type: RepoType, days: Sequence[int], **values: object) -> list[Upload]:
    batches = {(START + timedelta(days=day)).date() for day in days}
    return [
        replace(one, **values) if one.repo_type == repo_type and one.batch in batches else one  # type: ignore[arg-type]
        for one in uploads
    ]


def without(uploads: Sequence[Upload], repo_type: RepoType, days: Sequence[int]) -> list[Upload]:
    batches = {(START + timedelta(days=day)).date() for day in days}
    return [one for one in uploads if not (one.repo_type == repo_type and one.batch in batches)]


def days_of(choices: Sequence[Choice]) -> list[int | None]:
    return [None if one.upload is None else (one.upload.batch - WEEK).days for one in choices]


def test_a_week_is_its_last_complete_day() -> None:
    choices = choose(daily(14), [WEEK])
    assert days_of(choices) == [6, 6, 6]
    assert {choice.status for choice in choices} == {"complete"}
    assert days_of(choose(without(daily(14), "space", [6]), [WEEK])) == [5, 5, 5]


def test_a_truncated_listing_is_passed_over_even_if_it_lasts_six_days() -> None:
    cut = changed(daily(28), "space", range(8, 14), rows=1_000)
    assert (
        days_of(choose(cut, weeks_between(WEEK, WEEK + timedelta(weeks=3)))) == [6] * 3 + [7] * 3 + [20] * 3 + [27] * 3
    )
    # if all of a week's Spaces files are truncated, its Spaces are missing, and the choice gives the reason
    choices = choose(changed(daily(28), "space", range(7, 14), rows=2_600), [WEEK + timedelta(weeks=1)])
    assert [choice.status for choice in choices] == ["partial", "partial", "missing"]
    assert "26% of the running median" in (choices[2].why or "")


def test_a_purge_that_stays_is_not_a_truncated_listing() -> None:
    purged = [replace(one, rows=9_300) if one.batch >= WEEK + timedelta(days=9) else one for one in daily(28)]
    choices = choose(purged, weeks_between(WEEK, WEEK + timedelta(weeks=3)))
    assert days_of(choices) == [6] * 3 + [13] * 3 + [20] * 3 + [27] * 3


def test_a_repeat_from_an_earlier_week_does_not_represent_the_week() -> None:
    stale = changed(daily(14), "model", range(7, 14), digest="model6")
    choices = choose(stale, [WEEK + timedelta(weeks=1)])
    assert [choice.status for choice in choices] == ["missing", "partial", "partial"]
    assert "repeats the upload of 2025-09-07" in (choices[0].why or "")
    within = choose(changed(daily(14), "model", [13], digest="model12"), [WEEK + timedelta(weeks=1)])
    assert [choice.status for choice in within] == ["suspect", "complete", "complete"]


def test_old_content_is_suspect_but_a_quiet_listing_is_not() -> None:
    old = changed(daily(14), "dataset", [13], newest_at=START + timedelta(days=5))
    assert [choice.status for choice in choose(old, [WEEK + timedelta(weeks=1)])] == ["complete", "suspect", "complete"]
    quiet = [replace(one, newest_at=one.at - timedelta(days=4)) for one in daily(14)]
    assert choose(quiet, [WEEK + timedelta(weeks=1)])[0].status == "complete"


def test_gaps_are_of_each_type() -> None:
    holes = without(daily(28), "dataset", range(3, 12))
    [gap] = gaps(holes)
    assert (gap.repo_type, round(gap.days)) == ("dataset", 10)
    assert [choice.status for choice in choose(holes, [WEEK + timedelta(weeks=1)])] == ["complete"] * 3
    assert [one.status for one in choose(without(daily(28), "dataset", range(7, 14)), [WEEK + timedelta(weeks=1)])] == [
        "partial",
        "missing",
        "partial",
    ]


@given(st.lists(st.tuples(st.sampled_from(REPO_TYPES), st.integers(0, 40), st.integers(0, 23)), max_size=60))
def test_no_week_is_ever_represented_by_another(made: list[tuple[RepoType, int, int]]) -> None:
    uploads = []
    for repo_type, day, hour in made:
        at = datetime(2025, 9, 1, hour, tzinfo=UTC) + timedelta(days=day)
        uploads.append(Upload(repo_type, at.date(), at, f"{day}-{hour}"))
    weeks = weeks_between(WEEK, WEEK + timedelta(days=41))
    for week, found in groupby(choose(uploads, weeks), key=lambda choice: choice.week):
        choices = list(found)
        assert [choice.repo_type for choice in choices] == list(REPO_TYPES)
        assert all(choice.upload is None or monday_of(choice.upload.at) == week for choice in choices)
        assert (len({choice.upload.batch for choice in choices if choice.upload}) == 1) or "complete" not in {
            choice.status for choice in choices
        }
        for choice in choices:
            listed = [one for one in uploads if one.repo_type == choice.repo_type and monday_of(one.at) == week]
            assert (choice.upload is None) == (not listed)


def calendar(real_data: Path) -> list[Upload]:
    """Return the recorded uploads to hub-stats: the last one per day and repository type."""
    with (real_data / "modelpulse" / "C_snapshots.csv").open() as file:
        return [
            Upload(repo_type, date.fromisoformat(row["day"]), datetime.fromisoformat(at).astimezone(UTC), row["day"])
            for row in csv.DictReader(file)
            for repo_type in REPO_TYPES
            if (at := row[f"{repo_type}s_ts"])
        ]


def test_the_real_calendar(real_data: Path) -> None:
    weeks = weeks_between(date(2024, 7, 29), date(2026, 10, 4))
    choices = choose(calendar(real_data), weeks)
    by_status = {
        status: {
            repo_type: [str(one.week) for one in choices if (one.status, one.repo_type) == (status, repo_type)]
            for repo_type in REPO_TYPES
        }
        for status in ("missing", "partial", "suspect")
    }
    gone = ["2024-08-12", "2025-06-30", "2026-04-06", "2026-05-25", "2026-06-01"]
    without_models = ["2024-08-05", "2025-06-09", "2025-06-16", "2025-06-23"]
    models_alone = ["2025-11-10", "2025-11-17"]
    assert by_status["missing"]["model"] == sorted(gone + without_models)
    assert by_status["missing"]["dataset"] == by_status["missing"]["space"] == sorted(gone + models_alone)
    assert by_status["partial"] == {"model": models_alone, "dataset": without_models, "space": without_models}
    assert by_status["suspect"] == {repo_type: [] for repo_type in REPO_TYPES}
    assert len(choices) == 3 * 114
    chosen = {(str(one.week), one.repo_type): one.upload.at for one in choices if one.upload}
    # the last day before a gap represents its week, and a week with a Sunday upload keeps that upload
    assert f"{chosen['2026-03-30', 'model']:%Y-%m-%d %H:%M}" == "2026-04-01 13:19"
    assert f"{chosen['2025-07-07', 'space']:%Y-%m-%d %H:%M}" == "2025-07-13 13:09"
    assert all(monday_of(at) == date.fromisoformat(week) for (week, _), at in chosen.items())


def test_the_real_gaps(real_data: Path) -> None:
    found = {
        (gap.repo_type, str(gap.after.date()), str(gap.before.date())): round(gap.days * 24)
        for gap in gaps(calendar(real_data))
    }
    models = {(after, before) for repo_type, after, before in found if repo_type == "model"}
    assert models >= {
        *(("2024-08-03", "2024-08-19"), ("2025-06-03", "2025-07-09")),
        *(("2026-04-01", "2026-04-18"), ("2026-05-23", "2026-06-11")),
    }
    assert found["dataset", "2025-11-03", "2025-11-24"] == 509


@pytest.mark.parametrize(
    ("name", "path", "expected"),
    [
        ("hub-stats", "models.parquet", ("model", None)),
        ("hub-stats", "daily_papers.parquet", None),
        ("hub-stats", "models/2024-07-24/models.parquet", None),
        ("weekly-snapshots", "spaces/2024-07-24/spaces.parquet", ("space", date(2024, 7, 24))),
        ("weekly-snapshots", "spaces/2024-13-24/spaces.parquet", None),
        ("weekly-snapshots", "daily_papers/2024-07-24/daily_papers.parquet", None),
    ],
)
def test_files_of_an_archive(name: str, path: str, expected: object) -> None:
    assert ARCHIVES[name].type_of(path) == expected
