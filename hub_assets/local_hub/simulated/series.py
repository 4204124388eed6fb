"""Consecutive weeks of the simulated Hub's counters: what faulty listings show, and the true values.

Downloads are drawn from the rates in `courses`, with noise that is independent between repositories and between the two
parts of each week. Listings do not always show the true counts: while counters stall, most repositories keep their old
values; some weeks have no listing; and some listings are truncated. Writing files belongs in `series_files`.
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
"""Standard deviation of the logarithm of a repository's weekly downloads around their expected value, in addition to
counting noise. The value is an assumption."""
WINDOW_DAYS: Final = 30
"""Number of days that the Hub's download counter covers."""
DAY: Final = 24 * 3600
_SEGMENTS: Final = (5, 2)
"""Days in the two parts of a week: 30 days are four weeks and the last two days of the week before them."""
_BURN_IN: Final = 5
"""Weeks to count before the first listed week, to fill the 30-day window."""


@dataclass(frozen=True)
class Faults:
    """Faults of the listings; weeks are numbered from 0.

    Args:
        gaps: weeks without a listing.
        stalls: for each stalled week, the share of repositories whose counters stand still, in [0, 1]; for consecutive
            stalled weeks, only the share of the first week counts.
        cuts: for each week with a truncated listing, the share of repositories that it contains, in [0, 1].
    """

    gaps: frozenset[int] = frozenset()
    stalls: Mapping[int, float] = field(default_factory=dict)
    cuts: Mapping[int, float] = field(default_factory=dict)


def some_faults(weeks: int, seed: int) -> Faults:
    """Draw faults as frequent as those in the archives of 2024 to 2026, or no faults if there are too few weeks.

    There are two gaps, of two and five weeks; four stalls of one or two weeks that freeze 60% to 100% of the counters;
    and one listing with only a quarter of the repositories.
    """
    rng = np.random.default_rng([seed, 1])
    # the first half year has no faults, so that rules have earlier weeks to compare with; after that, faults begin at
    # least 8 weeks apart
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
    """What one week's listing of one type shows, and the true values; arrays have one entry per existing repository.

    Args:
        week: the Monday of the listing.
        number: number of the week, from 0.
        kind: the type.
        rows: rows of the repositories in `Courses`, in order of creation.
        is_listed: whether the listing contains the repository; always false in a gap.
        likes, downloads, downloads_all_time: what the listing shows.
        true_new: downloads since the previous Monday.
        true_window, true_all_time: downloads in the last 30 days and since creation, unaffected by stalls.
        expected_window: expected downloads in the last 30 days, without noise.
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
    """Consecutive weeks, ending with the week of `end`.

    Args:
        scale: size of the Hub at REFERENCE, relative to the Hub in the study.
        weeks: number of weeks.
        end: the last Monday.
        seed: seed that determines all random numbers.
        faults: faults of the listings.
        is_stationary: whether downloads change only because of noise; see `courses.courses_of`.
        unevenness: exponent applied to the study's levels of downloads. With 1, the top 10 or 100 models hold a larger
            share in a small Hub than in the study's, because these models are a larger fraction of the Hub.
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
        """The Mondays of all weeks, including those without a listing."""
        return [self.end - timedelta(weeks=self.weeks - 1 - number) for number in range(self.weeks)]

    @cached_property
    def courses(self) -> dict[RepoType, Courses]:
        """All repositories of each type, with their true parameters.

        They include every repository created before `end` or `REFERENCE`, whichever is later.
        """
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
        """Yield the counts of each type in each week, in chronological order.

        Memory use does not grow with the number of weeks.
        """
        counters = {
            kind: _Counter(courses, self, number) for number, (kind, courses) in enumerate(self.courses.items())
        }
        for number in range(-_BURN_IN, self.weeks):
            for counter in counters.values():
                counter.count(number)
                if number >= 0:
                    yield counter.listed(number)


def drawn(rate: Floats, days: int, rng: np.random.Generator) -> Ints:
    """Draw the downloads of each repository in a period.

    Args:
        rate: expected downloads per day of each repository.
        days: length of the period in days; relative noise shrinks with length, as if each day's noise were independent.
        rng: source of random numbers.
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
        # start with roughly the expected number of downloads before the first counted week
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
        """Add the downloads of the week that ends on the Monday with the given number."""
        monday = self._start + number * WEEK
        # use the rate in mid-week, because it changes little within a week; downloads of repositories created later in
        # the week are counted from the next week on
        rate = self._courses.rate(monday - WEEK / 2)
        rng = np.random.default_rng([self._series.seed, 2, self._stream, number + _BURN_IN])
        first, last = (drawn(rate, days, rng) for days in _SEGMENTS)
        self._recent = [*self._recent[-4:], (first, last)]
        self._expected = [*self._expected[-4:], (rate * _SEGMENTS[0], rate * _SEGMENTS[1])]
        self._new = first + last
        self._all_time += self._new

    def listed(self, number: int) -> Counted:
        """Return the listing of the Monday on which the last counted week ends."""
        series, courses = self._series, self._courses
        monday = self._start + number * WEEK
        rows = np.flatnonzero(courses.exist(monday))
        rng = np.random.default_rng([series.seed, 3, self._stream, number])
        window = self._recent[0][1] + sum(first + last for first, last in self._recent[1:])
        expected = self._expected[0][1] + sum(first + last for first, last in self._expected[1:])
        if number not in series.faults.stalls:
            self._moves = np.ones(len(courses), bool)
        elif number - 1 not in series.faults.stalls:
            # the same counters stand still until the stall ends
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
