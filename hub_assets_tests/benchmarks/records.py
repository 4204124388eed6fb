"""Records of benchmark results: measurements with peers, targets and checks, and tables.

Taking measurements belongs in `processes`, and showing them in `report`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

GIB: Final = 2**30
GROWTH_LIMIT: Final = 1.1
"""Largest acceptable growth exponent of the time; 1 means proportional to the rows."""


@dataclass(frozen=True)
class Aim:
    """A figure and its target: a ceiling, or a floor if `is_floor`.

    Targets are checked only at scale 1, unless `is_for_every_scale` is set.
    """

    figure: str
    reached: float
    limit: float
    unit: str = ""
    is_floor: bool = False
    is_for_every_scale: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the figure meets the target."""
        return self.reached >= self.limit if self.is_floor else self.reached <= self.limit


@dataclass(frozen=True)
class Answers:
    """A check of results: how many values were compared, and descriptions of those that differ."""

    compared: int
    differences: tuple[str, ...] = ()


@dataclass(frozen=True)
class Peer:
    """Another implementation of the same work, run on the same data; `peak` is in bytes.

    `why` says what the peer leaves out; it is shown if the peer is faster.
    """

    name: str
    seconds: float
    peak: int
    why: str = ""


@dataclass(frozen=True)
class Measurement:
    """A measured piece of work.

    Args:
        work: its name, the same at every scale.
        size: the number of units processed.
        seconds: its duration.
        peak: the peak memory of its process in bytes.
        unit: what `size` counts.
        peers: other implementations of the same work.
        aims: targets; see `Aim`.
        answers: the comparison with a peer or with known results; a difference is a failure.
        grows: whether to compute how its time grows up to this size.
    """

    work: str
    size: int
    seconds: float
    peak: int
    unit: str = "rows"
    peers: Sequence[Peer] = ()
    aims: Sequence[Aim] = ()
    answers: Answers | None = None
    grows: bool = False

    @property
    def rate(self) -> float:
        """Units per second."""
        return self.size / self.seconds


@dataclass(frozen=True)
class Table:
    """A table to print with the measurements; the keys of the rows are its columns."""

    title: str
    rows: Sequence[Mapping[str, object]]


@dataclass(frozen=True)
class Growth:
    """How the time of a piece of work grows with its size: seconds ~ size ** exponent."""

    work: str
    exponent: float

    @property
    def aim(self) -> Aim:
        """The target for the exponent."""
        return Aim("growth exponent", self.exponent, GROWTH_LIMIT)


def growth(measurements: Sequence[Measurement]) -> list[Growth]:
    """Return the growth of each piece of work that has `grows` set and was measured at two or more sizes, in order."""
    found = []
    for work in dict.fromkeys(each.work for each in measurements if each.grows):
        runs = sorted((each for each in measurements if each.work == work), key=lambda each: each.size)
        small, large = runs[0], runs[-1]
        if large.grows and small.size < large.size:
            found.append(Growth(work, math.log(large.seconds / small.seconds) / math.log(large.size / small.size)))
    return found


def compare(ours: Mapping[str, float | None], theirs: Mapping[str, float | None], tolerance: float = 1e-9) -> Answers:
    """Compare named numbers.

    Args:
        ours: the results.
        theirs: the expected results.
        tolerance: largest relative difference, because the order of a sum affects its rounding.
    """
    names = list(dict.fromkeys([*ours, *theirs]))
    missing = math.nan
    pairs = {name: (ours.get(name, missing), theirs.get(name, missing)) for name in names}
    differing = [(name, *pair) for name, pair in pairs.items() if not _same(*pair, tolerance)]
    return Answers(len(names), tuple(f"{name}: {one} is not {two}" for name, one, two in differing))


def _same(one: float | None, two: float | None, tolerance: float) -> bool:
    if one is None or two is None:
        return one is two
    return math.isclose(one, two, rel_tol=tolerance, abs_tol=tolerance)
