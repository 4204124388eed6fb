"""Synthetic networks: large ones shaped like the Hub's, and small ones with given edges."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]

SIZES = np.arange(2, 15)
"""Team sizes; the largest is the team of the study's innermost core, one repository with 14 developers."""
RECIPROCATED = 0.71
"""Share of pairs with edges in both directions, which yields the study's reciprocity of 0.83."""


def edges(rows: Iterable[tuple[Any, ...]]) -> pa.Table:
    """Return an edge table of rows (source, target, weight=1, fractional_weight=weight)."""
    full = [(*row, *[1] * (3 - len(row))) for row in rows]
    full = [(*row, *row[2:3] * (4 - len(row))) for row in full]
    return pa.table(
        {
            "source": pa.array([row[0] for row in full], pa.string()),
            "target": pa.array([row[1] for row in full], pa.string()),
            "weight": pa.array([row[2] for row in full], pa.int64()),
            "fractional_weight": pa.array([row[3] for row in full], pa.float64()),
            "n_repos": pa.array([1] * len(full), pa.int64()),
        }
    )


def contributions(*repos: str) -> pa.Table:
    """Return contributions: one repository per string of space-separated names."""
    pairs = [(f"repo {place}", name) for place, names in enumerate(repos) for name in names.split()]
    return pa.table(
        {
            "repo_key": pa.array([repo for repo, _ in pairs], pa.string()),
            "developer": pa.array([name for _, name in pairs], pa.string()),
        }
    )


def hub_like(n_developers: int, n_edges: int, seed: int = 0) -> pa.Table:
    """Return the edges of a network like the study's: small teams, a few large ones, a hub, and a dense core.

    Developers work in teams of 2 to 14 (small teams are the most common), and all members of a team work with each
    other. Two in five teams are isolated. In each of the others, one member also belongs to another team; in a fifth of
    these teams, that member is always the same developer, who therefore works with a tenth of all developers. Extra
    teams of developers with adjacent numbers supply the missing edges.

    Args:
        n_developers: approximate number of developers with an edge.
        n_edges: approximate number of edges; should be at least twice `n_developers`.
        seed: seed of the random draws.
    """
    rng = np.random.default_rng(seed)
    shares = SIZES**-4.2 / (SIZES**-4.2).sum()
    sizes = rng.choice(SIZES, n_developers, p=shares)
    is_alone = rng.random(len(sizes)) < 0.4
    ends = np.cumsum(np.where(is_alone, sizes, sizes - 1)) + 1
    n_teams = int(np.searchsorted(ends, n_developers, side="right"))
    sizes, is_alone, ends = sizes[:n_teams], is_alone[:n_teams], ends[:n_teams]
    starts = np.append(1, ends)[:-1]
    earlier = (starts * rng.random(n_teams) ** rng.choice([1, 3], n_teams)).astype(np.int64)
    known = np.where(rng.random(n_teams) < 0.2, 0, earlier)
    firsts = np.where(is_alone, starts, known)
    links = [_cliques(np.arange(1, 15)[None, :])]
    for size in SIZES:
        at = np.flatnonzero(sizes == size)
        others = starts[at, None] + is_alone[at, None] + np.arange(size - 1)
        links.append(_cliques(np.column_stack([firsts[at], others])))
    keys = np.unique(np.concatenate(links))
    wanted = int(n_edges / (1 + RECIPROCATED))
    while len(keys) < wanted:
        more = []
        for n_members, share in ((2, 0.5), (3, 0.25), (4, 0.12), (6, 0.08), (8, 0.05)):
            n_more = int((wanted - len(keys)) * share / 3) + 1
            nearby = (n_developers * rng.random(n_more) ** 3).astype(np.int64)
            team = nearby[:, None] + np.column_stack([np.zeros(n_more), rng.integers(1, 40, (n_more, n_members - 1))])
            more.append(_cliques(np.minimum(team, n_developers - 1).astype(np.int64)))
        fresh = np.setdiff1d(np.concatenate(more), keys)
        keys = np.concatenate([keys, rng.permutation(fresh)[: wanted - len(keys)]])
    low, high = np.divmod(keys, 2**32)
    luck = rng.random(len(keys))
    is_forth, is_back = luck < (1 + RECIPROCATED) / 2, (luck < RECIPROCATED) | (luck >= (1 + RECIPROCATED) / 2)
    sources = np.concatenate([low[is_forth], high[is_back]])
    targets = np.concatenate([high[is_forth], low[is_back]])
    weights = np.minimum(rng.zipf(1.8, len(sources)), 20_000)
    names = pa.array(np.char.mod("%08x", np.arange(n_developers)), pa.string())
    return pa.table(
        {
            "source": names.take(pa.array(sources)),
            "target": names.take(pa.array(targets)),
            "weight": weights,
            "fractional_weight": weights / rng.integers(1, 14, len(sources)),
            "n_repos": np.minimum(weights, rng.integers(1, 4, len(sources))),
        }
    )


def _cliques(teams: Ints) -> Ints:
    """Return the pairs within each row of developers as 64-bit keys; the upper half is the lower developer number."""
    one, other = np.triu_indices(teams.shape[1], 1)
    low, high = np.minimum(teams[:, one], teams[:, other]).ravel(), np.maximum(teams[:, one], teams[:, other]).ravel()
    return np.asarray((low * 2**32 + high)[low < high], np.int64)
