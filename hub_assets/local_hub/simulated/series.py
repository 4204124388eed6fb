"""Weeks in a row of the simulated Hub's counters, with what goes wrong with them, and the truth beside it.

Downloads are drawn from the rates in `courses`: each day of each repository has its own noise, so a period of n days
is counted as if its days were independent. What a listing shows is not always that: while the counters stall, it
repeats old values for most repositories, some weeks have no listing, and some listings are cut. Files belong in
`series_files`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from hub_assets.local_hub.simulated.courses import Courses, courses_of, organizations_of
from hub_assets.local_hub.simulated.quantiles import SIZES
from hub_assets.local_hub.simulated.rng import Flags, Floats, Ints
from hub_assets.local_hub.simulated.timeline import REFERENCE, WEEK, demography, moment
from hub_assets.vocabulary import REPO_TYPES, RepoType

NOISE: Final = 0.2
"""Standard deviation of the logarithm of a week's downloads around the expected ones, besides that of counting; an
assumption."""
WINDOW_DAYS: Final = 30
"""Days that the Hub's download counter looks back."""
DAY: Final = 24 * 3600
_SEGMENTS: Final = (5, 2)
"""Days of the two parts of a week: 30 days are four weeks and the last two days of the one before."""
_BURN_IN: Final = 5
"""Weeks before the first one, which fill the window of 30 days."""


@dataclass(frozen=True)
class Faults:
    """What goes wrong with the listings; weeks are numbers from 0.

    Args:
        gaps: weeks without a listing.
        stalls: for each stalled week, the share of the repositories whose counters stand still; in a row, the first
            week's.
        cuts: for each cut listing, the share of the repositories that it has.
    """

    gaps: frozenset[int] = frozenset()
    stalls: Mapping[int, float] = field(default_factory=dict)
    cuts: Mapping[int, float] = field(default_factory=dict)


def some_faults(weeks: int, seed: int) -> Faults:
    """Draw faults as frequent as the archives of 2024 to 2026 have them.

    In 104 weeks: two gaps, of two and five weeks, four stalls of one or two weeks that freeze 60 to 100% of the
    counters, and one listing cut to a quarter.
    """
    rng = np.random.default_rng([seed, 1])
    # the first half year is whole, so that rules which compare with the past have one; faults keep apart
    places = rng.permutation(np.arange(26, weeks - 8, 8))
    if len(places) < 7:
        return Faults()
    gaps = frozenset(range(int(places[0]), int(places[0]) + 2)) | frozenset(range(int(places[1]), int(places[1]) + 5))
    stalls = {}
    for place in places[2:6]:
        frozen = float(rng.uniform(0.6, 1))
        for week in range(int(place), int(place) + int(rng.integers(1, 3))):
            stalls[week] = frozen
    return Faults(gaps, stalls, {int(places[6]): 0.26})


@dataclass(frozen=True)
class Counted:
    """A week of one type: what its listing shows, and the truth. Arrays are over the rows that exist.

    Args:
        week: the Monday on which it is listed.
        number: number of the week, from 0.
        kind: the type.
        rows: rows of the courses that exist, in order of creation.
        is_listed: whether the listing has the row; false everywhere in a gap.
        likes, downloads, downloads_all_time: what the listing shows.
        true_new: downloads since the Monday before.
        true_window, true_all_time: downloads of 30 days and ever, without stalls.
        expected_window: the expected downloads of 30 days; it has no noise.
    """

    week: date
    number: int
    kind: RepoType
    rows: Ints
    is_listed: Flags
    likes: Ints
    downloads: Ints
    downloads_all_time: Ints
    true_new: Ints
    true_window: Ints
    true_all_time: Ints
    expected_window: Floats


@dataclass(frozen=True)
class Series:
    """Weeks in a row, ending with the week of `end`.

    Args:
        scale: 1.0 is the study's size at REFERENCE.
        weeks: number of weeks.
        end: the last Monday.
        seed: determines everything.
        faults: what goes wrong.
        is_stationary: whether nothing ever changes but for noise; see `courses.courses_of`.
        unevenness: power to which the study's levels of downloads are raised. With 1, a small Hub is more concentrated
            than the study's, because it has as few models at the top and fewer below.
        kinds: the types to count.
    """

    scale: float
    weeks: int = 104
    end: date = REFERENCE
    seed: int = 0
    faults: Faults = field(default_factory=Faults)
    is_stationary: bool = False
    unevenness: float = 1.0
    kinds: tuple[RepoType, ...] = REPO_TYPES

    @property
    def mondays(self) -> list[date]:
        """All weeks, also those without a listing."""
        return [self.end - timedelta(weeks=self.weeks - 1 - number) for number in range(self.weeks)]

    @cached_property
    def courses(self) -> dict[RepoType, Courses]:
        """The repositories of each type that exist at any time until the end, and the truth about them."""
        sizes = {kind: max(round(size * self.scale), 1) for kind, size in SIZES.items()}
        start = self.mondays[0]
        world = demography(sizes, moment(self.end), self.seed)
        organizations = organizations_of(world, start, self.end, self.seed, is_stationary=self.is_stationary)
        return {
            kind: courses_of(
                world,
                kind,
                organizations,
                start,
                self.seed,
                is_stationary=self.is_stationary,
                unevenness=self.unevenness,
            )
            for kind in self.kinds
        }

    def counted(self) -> Iterator[Counted]:
        """Yield each week of each type in order of time. Memory is that of one week, however many there are."""
        counters = {
            kind: _Counter(courses, self, number) for number, (kind, courses) in enumerate(self.courses.items())
        }
        for number in range(-_BURN_IN, self.weeks):
            for counter in counters.values():
                counter.count(number)
                if number >= 0:
                    yield counter.listed(number)


def drawn(rate: Floats, days: int, rng: np.random.Generator) -> Ints:
    """Draw the downloads of some days.

    Args:
        rate: expected downloads per day of each repository.
        days: number of days; their noise is that of as many independent days.
        rng: the source of chance.
    """
    counts = np.zeros(len(rate), np.int64)
    some = np.flatnonzero(rate)
    sigma = NOISE * np.sqrt(7 / days)
    noise = np.exp(sigma * rng.standard_normal(len(some)) - sigma**2 / 2)
    counts[some] = rng.poisson(rate[some] * days * noise)
    return counts


class _Counter:
    """The counters of all repositories of a type, from week to week."""

    def __init__(self, courses: Courses, series: Series, stream: int) -> None:
        self._courses = courses
        self._series = series
        self._stream = stream
        self._start = moment(series.mondays[0])
        n = len(courses)
        # whatever came before the first week is one expected amount
        before = self._start - _BURN_IN * WEEK
        age_days = np.maximum((before - courses.created) / DAY, 0)
        lasting = np.minimum(age_days, 7 * courses.peak + 7 * courses.fading / np.log(2))
        self._all_time = np.floor(courses.level * (lasting + courses.floor * (age_days - lasting))).astype(np.int64)
        self._new = np.zeros(n, np.int64)
        self._recent: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = []
        self._expected: list[tuple[Floats, Floats]] = []
        self._moves = np.ones(n, bool)
        self._shown_window = np.zeros(n, np.int64)
        self._shown_all_time = self._all_time.copy()

    def count(self, number: int) -> None:
        """Add the downloads of the week that ends on a Monday."""
        monday = self._start + number * WEEK
        # the rate changes little within a week, and repositories created within it have a part of it
        rate = self._courses.rate(monday - WEEK / 2)
        rng = np.random.default_rng([self._series.seed, 2, self._stream, number + _BURN_IN])
        first, last = (drawn(rate, days, rng) for days in _SEGMENTS)
        self._recent = [*self._recent[-4:], (first, last)]
        self._expected = [*self._expected[-4:], (rate * _SEGMENTS[0], rate * _SEGMENTS[1])]
        self._new = first + last
        self._all_time += self._new

    def listed(self, number: int) -> Counted:
        """Return the listing of the Monday at which the last week ends."""
        series, courses = self._series, self._courses
        monday = self._start + number * WEEK
        rows = np.flatnonzero(courses.exist(monday))
        rng = np.random.default_rng([series.seed, 3, self._stream, number])
        window = self._recent[0][1] + sum(first + last for first, last in self._recent[1:])
        expected = self._expected[0][1] + sum(first + last for first, last in self._expected[1:])
        if number not in series.faults.stalls:
            self._moves = np.ones(len(courses), bool)
        elif number - 1 not in series.faults.stalls:
            # counters that stand still do so until the stall ends
            self._moves = rng.random(len(courses)) >= series.faults.stalls[number]
        self._shown_window[self._moves] = window[self._moves]
        self._shown_all_time[self._moves] = self._all_time[self._moves]
        is_listed = rng.random(len(rows)) < series.faults.cuts.get(number, 1)
        if number in series.faults.gaps:
            is_listed[:] = False
        return Counted(
            week=series.mondays[number],
            number=number,
            kind=courses.kind,
            rows=rows,
            is_listed=is_listed,
            likes=courses.likes_at(monday)[rows],
            downloads=self._shown_window[rows],
            downloads_all_time=self._shown_all_time[rows],
            true_new=self._new[rows],
            true_window=window[rows],
            true_all_time=self._all_time[rows],
            expected_window=expected[rows],
        )
