"""Decides when and in which namespace each simulated repository is created, and when it matures or disappears.

The Hub grows by one percent a week and reaches the study's size in the week of `REFERENCE`. Its true values are closest
to the published values in that week, and near them in other weeks. Around that week, one in twenty repositories gets a
commit each week; in the first years, one in fifty does. Times are seconds since 1970, UTC. Properties of repositories
belong in `repositories`.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

import numpy as np

from hub_assets.local_hub.simulated.famous_models import WITHDRAWN, WITHDRAWN_AT, known_models
from hub_assets.local_hub.simulated.rng import Flags, Floats, Ints, Rng
from hub_assets.vocabulary import REPO_TYPES, RepoType

REFERENCE: Final = date(2026, 11, 16)
"""The Monday at whose start (00:00 UTC) the Hub has the study's size."""
WEEK: Final = 7 * 24 * 3600
GROWTH: Final = 0.01
"""Weekly growth rate, at which the Hub doubles in 70 weeks."""
FLOOR: Final = int(datetime(2022, 3, 2, 23, 29, 4, tzinfo=UTC).timestamp())
"""The `createdAt` that the Hub reports for repositories that are older than the field itself."""
_STOCK: Final = int(datetime(2019, 7, 1, tzinfo=UTC).timestamp())
"""Repositories that steady growth would place before this time are created in the half year before it instead."""
_GONE: Final = 0.03
"""Share of the repositories created before REFERENCE that were deleted before it."""
_NEW: Final[dict[RepoType, float]] = {"model": 0.228, "dataset": 0.2, "space": 0.23}
"""Probability that a repository is the first in its namespace."""


def moment(day: date) -> int:
    """Return the start of a day (UTC) in seconds since 1970."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


@dataclass(frozen=True)
class Timeline:
    """Repositories of one type, in order of creation, including deleted ones.

    The first `settled` repositories were created before REFERENCE.

    `created` is the time of creation. `ripe` is the time at which a repository has the values that the quantile
    functions assign to its rank: REFERENCE, or a random later time for repositories created after REFERENCE. `gone` is
    the time of deletion (infinity if never), and `namespace` the repository's namespace.
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
    """All repositories, and the time of each namespace's first repository."""

    timeline: dict[RepoType, Timeline]
    born: Ints


def demography(sizes: dict[RepoType, int], now: int, seed: int) -> Demography:
    """Build the timeline of all repositories created before `now` or REFERENCE, whichever is later.

    Namespaces follow Simon's model (1955): some repositories are the first of their namespace, and the others join the
    namespace of an earlier repository of any type. As a result, the number of repositories per namespace follows a
    power law, and large namespaces grow faster.

    Args:
        sizes: number of repositories listed at REFERENCE, by type.
        now: the time of the snapshot.
        seed: seed of the rng.
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
    """Return the creation times of all repositories before `until`; `settled` of them were created before REFERENCE."""
    reference = moment(REFERENCE)
    count = int(settled * np.exp(GROWTH * (until - reference) / WEEK)) + 1
    which = np.arange(count)
    size = (which + rng.uniform("birth", which)) / settled
    stock = np.exp(GROWTH * (_STOCK - reference) / WEEK)
    weeks = np.where(size > stock, np.log(size) / GROWTH, (_STOCK - reference) / WEEK - 26 * (1 - size / stock))
    created: Ints = np.floor(reference + weeks * WEEK).astype(np.int64)
    return created[: np.searchsorted(created, until)]


def _ends(rng: Rng, created: Ints, settled: int, listed: int, known: dict[int, str]) -> Floats:
    """Return deletion times; exactly `listed` of the first `settled` repositories exist at REFERENCE."""
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
    # about as many repositories are deleted in the four years after REFERENCE as before it
    later = (which < settled) & ~early & (chance < 2 * _GONE)
    after = reference + WEEK * 200 * rng.uniform("gone after", which)
    ends[:settled] = np.where(early, created + life, np.where(later, after, np.inf))[:settled]
    ends[list(fixed)] = list(fixed.values())
    return ends


def _settle(rng: Rng, created: list[Ints], first: list[Flags]) -> tuple[list[Ints], Ints]:
    """Return the namespace of each repository, and the time of each namespace's first repository."""
    times, founds = np.concatenate(created), np.concatenate(first)
    order = np.argsort(times, kind="stable")
    founds = founds[order]
    founds[0] = True
    # a repository's random numbers must not depend on the number of repositories of other types
    kinds = np.concatenate([np.full(len(times), number) for number, times in enumerate(created)])[order]
    positions = np.concatenate([np.arange(len(times)) for times in created])[order]
    sequence = np.arange(len(order))
    # skip the oldest fifth; otherwise, the first namespace would contain a twentieth of the Hub
    parent = np.floor((0.2 + 0.8 * rng.uniform("copies", kinds, positions)) * sequence).astype(np.int64)
    root = np.where(founds, sequence, parent)
    while not np.array_equal(above := root[root], root):
        root = above
    number = np.cumsum(founds) - 1
    namespace = np.empty(len(order), np.int64)
    namespace[order] = number[root]
    return np.split(namespace, np.cumsum([len(times) for times in created])[:-1]), times[order][founds]
