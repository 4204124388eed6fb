"""What a benchmark says: measurements with their peers, aims and answers, and tables. Records and arithmetic only.

How a figure is taken belongs to `processes`, how it is shown to `report`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

GIB: Final = 2**30
GROWTH_LIMIT: Final = 1.1
"""The exponent that time may grow with; 1 is in proportion to the rows."""


@dataclass(frozen=True)
class Aim:
    """A figure, and the limit that is aimed at."""

    figure: str
    reached: float
    limit: float
    unit: str = ""
    is_floor: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the figure is on the right side of the limit."""
        return self.reached >= self.limit if self.is_floor else self.reached <= self.limit


@dataclass(frozen=True)
class Answers:
    """Whether the work and what it is held against gave the same: how many values were compared, and which differ."""

    compared: int
    differences: tuple[str, ...] = ()


@dataclass(frozen=True)
class Peer:
    """Another way of doing the same work, on the same data in the same run; `peak` is in bytes."""

    name: str
    seconds: float
    peak: int


@dataclass(frozen=True)
class Measurement:
    """One piece of work.

    Args:
        work: its name, the same at each scale.
        size: how many `unit` it was done on.
        seconds: how long it took.
        peak: bytes of memory that its process held at most.
        unit: what `size` counts.
        peers: others that did the same.
        aims: what is aimed at where scale is 1; elsewhere they are not judged.
        answers: the comparison with a peer, or with what must come out; a difference is a failure.
        grows: whether its time is held against its size from the smallest scale to the largest.
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
        """Units a second."""
        return self.size / self.seconds


@dataclass(frozen=True)
class Table:
    """Something to be read beside the measurements; the keys of the rows are its columns."""

    title: str
    rows: Sequence[Mapping[str, object]]


@dataclass(frozen=True)
class Growth:
    """How the time of a piece of work grows with its size: seconds ~ size ** exponent."""

    work: str
    exponent: float

    @property
    def aim(self) -> Aim:
        """What is aimed at."""
        return Aim("growth exponent", self.exponent, GROWTH_LIMIT)


def growth(measurements: Sequence[Measurement]) -> list[Growth]:
    """Return the growth of each piece of work that was done on at least two sizes and `grows`, in their order."""
    found = []
    for work in dict.fromkeys(each.work for each in measurements if each.grows):
        runs = sorted((each for each in measurements if each.work == work), key=lambda each: each.size)
        small, large = runs[0], runs[-1]
        if small.size < large.size:
            found.append(Growth(work, math.log(large.seconds / small.seconds) / math.log(large.size / small.size)))
    return found


def compare(ours: Mapping[str, float | None], theirs: Mapping[str, float | None], tolerance: float = 1e-9) -> Answers:
    """Hold named numbers against each other.

    Args:
        ours: what the work gave.
        theirs: what it must give.
        tolerance: how far two numbers may be apart, as a share of the larger one; sums are rounded in other orders.
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
