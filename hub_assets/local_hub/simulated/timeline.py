"""When the simulated Hub's repositories come, in whose namespace, and how old they are: its demography.

The Hub grows by one percent a week and reaches the study's size in the week of `REFERENCE`, whose true values are near
to the published ones; those of other weeks are near to them. In a week around it one repository in twenty gets a
commit, in the first years one in fifty. Times are seconds since 1970, UTC. What the repositories are stands in
`repositories`.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

import numpy as np

from hub_assets.local_hub.fields import REPO_TYPES, RepoType
from hub_assets.local_hub.simulated.famous_models import WITHDRAWN, WITHDRAWN_AT, known_models
from hub_assets.local_hub.simulated.rng import Flags, Floats, Ints, Rng

REFERENCE: Final = date(2026, 11, 16)
"""The week in which the Hub has the study's size: its state on this Monday, 00:00 UTC."""
WEEK: Final = 7 * 24 * 3600
GROWTH: Final = 0.01
"""Weekly; doubles the Hub in 70 weeks."""
FLOOR: Final = int(datetime(2022, 3, 2, 23, 29, 4, tzinfo=UTC).timestamp())
"""Repositories older than the Hub's `createdAt` have this one."""
_STOCK: Final = int(datetime(2019, 7, 1, tzinfo=UTC).timestamp())
"""Those that by growth alone would be older than this came in the half year before."""
_GONE: Final = 0.03
"""Share of the repositories created before REFERENCE that were deleted before it."""
_NEW: Final[dict[RepoType, float]] = {"model": 0.228, "dataset": 0.2, "space": 0.23}
"""Chance that a repository is the first one of its namespace."""


def moment(day: date) -> int:
    """Return the beginning of a day."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


@dataclass(frozen=True)
class Timeline:
    """Repositories of one type that are ever created before some time, in the order of their creation.

    Those before `settled` were created before REFERENCE.

    `created` is when; `ripe` when a repository has what its place on the quantile_functions says: at REFERENCE, or at some age
    if it is created later; `gone` when it is deleted, infinity if never; `namespace` whose it is.
    """

    kind: RepoType
    created: Ints
    ripe: Ints
    gone: Floats
    namespace: Ints
    settled: int

    def __len__(self) -> int:
        return len(self.created)


@dataclass(frozen=True)
class Demography:
    """All repositories, and when each namespace had its first."""

    timeline: dict[RepoType, Timeline]
    born: Ints


def demography(sizes: dict[RepoType, int], now: int, seed: int) -> Demography:
    """Make all repositories that are created before `now`, or REFERENCE if that is later.

    Namespaces come about as in Simon's model (1955): some repositories are the first of theirs, the others belong to
    the namespace of an earlier repository, whichever its type. So the number of repositories of a namespace follows
    a power law, and who has many gets more.

    Args:
        sizes: repositories listed at REFERENCE.
        now: until when.
        seed: of the rng.
    """
    reference = moment(REFERENCE)
    until = max(now, reference)
    rng = {kind: Rng(seed, f"era of {kind}s") for kind in REPO_TYPES}
    settled = {kind: round(sizes[kind] / (1 - _GONE)) for kind in REPO_TYPES}
    created = {kind: _births(rng[kind], settled[kind], until) for kind in REPO_TYPES}
    first = {kind: rng[kind].happens("new namespace", _NEW[kind], np.arange(len(created[kind]))) for kind in REPO_TYPES}
    known = known_models(created["model"])
    first["model"][list(known)] = True
    namespaces, born = _settle(Rng(seed, "namespace"), [created[kind] for kind in REPO_TYPES], list(first.values()))
    timeline = {}
    for kind, namespace in zip(REPO_TYPES, namespaces, strict=True):
        which = np.arange(len(namespace))
        grown = created[kind] + (-60 * WEEK * np.log(rng[kind].uniform("ripe", which))).astype(np.int64) + WEEK
        timeline[kind] = Timeline(
            kind,
            created[kind],
            np.where(which < settled[kind], reference, grown),
            _ends(rng[kind], created[kind], settled[kind], sizes[kind], known if kind == "model" else {}),
            namespace,
            settled[kind],
        )
    return Demography(timeline, born)


def _births(rng: Rng, settled: int, until: int) -> Ints:
    """Return when the repositories come that are created before `until`, `settled` of them before REFERENCE."""
    reference = moment(REFERENCE)
    count = int(settled * np.exp(GROWTH * (until - reference) / WEEK)) + 1
    which = np.arange(count)
    size = (which + rng.uniform("birth", which)) / settled
    stock = np.exp(GROWTH * (_STOCK - reference) / WEEK)
    weeks = np.where(size > stock, np.log(size) / GROWTH, (_STOCK - reference) / WEEK - 26 * (1 - size / stock))
    created: Ints = np.floor(reference + weeks * WEEK).astype(np.int64)
    return created[: np.searchsorted(created, until)]


def _ends(rng: Rng, created: Ints, settled: int, listed: int, known: dict[int, str]) -> Floats:
    """Return when repositories are deleted; of the first `settled` exactly `listed` are there at REFERENCE."""
    fixed = {row: WITHDRAWN_AT if name == WITHDRAWN else np.inf for row, name in known.items()}
    reference = moment(REFERENCE)
    which = np.arange(len(created))
    chance = rng.uniform("gone", which)
    chance[list(fixed)] = 1
    ends = created + WEEK * (1.0 + 150 * rng.uniform("gone at", which))
    ends[chance >= _GONE] = np.inf
    early = np.zeros(len(created), dtype=bool)
    lost = settled - listed - sum(end < reference for end in fixed.values())
    if lost > 0:
        early[np.argpartition(chance[:settled], lost - 1)[:lost]] = True
    life = rng.uniform("gone before", which) * (reference - created)
    # and as many again in the years after
    later = (which < settled) & ~early & (chance < 2 * _GONE)
    after = reference + WEEK * 200 * rng.uniform("gone after", which)
    ends[:settled] = np.where(early, created + life, np.where(later, after, np.inf))[:settled]
    ends[list(fixed)] = list(fixed.values())
    return ends


def _settle(rng: Rng, created: list[Ints], first: list[Flags]) -> tuple[list[Ints], Ints]:
    """Return the namespace of each repository, and when each namespace was born."""
    times, founds = np.concatenate(created), np.concatenate(first)
    order = np.argsort(times, kind="stable")
    founds = founds[order]
    founds[0] = True
    # the rng of a repository must not depend on how many there will be of other types
    kinds = np.concatenate([np.full(len(times), number) for number, times in enumerate(created)])[order]
    places = np.concatenate([np.arange(len(times)) for times in created])[order]
    sequence = np.arange(len(order))
    # not from the oldest fifth, else the first namespace would hold a twentieth of the Hub
    parent = np.floor((0.2 + 0.8 * rng.uniform("copies", kinds, places)) * sequence).astype(np.int64)
    root = np.where(founds, sequence, parent)
    while not np.array_equal(above := root[root], root):
        root = above
    number = np.cumsum(founds) - 1
    namespace = np.empty(len(order), np.int64)
    namespace[order] = number[root]
    return np.split(namespace, np.cumsum([len(times) for times in created])[:-1]), times[order][founds]
