"""PageRank of models within their families, with more weight for recent releases.

Deciding which models descend from which belongs in `families`.
"""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

HALF_LIFE: Final = 365.0
"""Age in days at which a release has half the weight of a new one."""


def temporal_pagerank(
    edges: pa.Table, released: pa.Table, *, half_life: float = HALF_LIFE, damping: float = 0.85
) -> pa.Table:
    """Rank models by how much has been built on them.

    This is PageRank (Page et al. 1999) with restarts that favor recent models. A random walk starts at a model with a
    probability proportional to 2^(-age / half_life) and moves to a base model, chosen uniformly if there are several.
    It restarts with probability 1 - damping, and always after reaching a model without a base.

    Args:
        edges: one row per model and base: `node` and `base_node`. Repeated pairs count once; self-loops are ignored.
        released: one row per node: `node` and `age` in days. Walks never start at a node whose age is null, such as a
            base that is not listed, or at a node that only `edges` names. A negative age counts as 0.
        half_life: age in days at which the probability of a start halves; > 0.
        damping: probability of following an edge, in (0, 1).

    Returns:
        One row per node: `node`, `pagerank` (adds up to 1, or to 0 if no node has an age) and `n_children` (number of
        models that name it as a base).

    Raises:
        ValueError: if `half_life` or `damping` is out of range.
    """
    if not half_life > 0 or not 0 < damping < 1:
        raise ValueError(f"half_life must be positive and damping in (0, 1), got {half_life} and {damping}")
    ends = pa.chunked_array([*released["node"].chunks, *edges["node"].chunks, *edges["base_node"].chunks], pa.string())
    names = pc.unique(ends)
    n = len(names)
    child, base = (pc.index_in(edges[name], names).to_numpy().astype(np.int64) for name in ("node", "base_node"))
    pairs = np.unique((child * n + base)[child != base])
    child, base = pairs // max(n, 1), pairs % max(n, 1)
    start = np.zeros(n)
    age = released["age"].cast(pa.float64()).to_numpy(zero_copy_only=False)
    weight = np.exp2(-np.maximum(age, 0) / half_life)
    start[pc.index_in(released["node"], names).to_numpy()] = np.nan_to_num(weight)
    ranks = _stationary(child, base, start / start.sum() if start.sum() else start, damping)
    return pa.table({"node": names, "pagerank": ranks, "n_children": np.bincount(base, minlength=n)})


def _stationary(child: Integers, base: Integers, start: Floats, damping: float) -> Floats:
    n = len(start)
    n_bases = np.bincount(child, minlength=n)
    up = sparse.csr_array((1 / n_bases[child], (base, child)), shape=(n, n))
    ends = n_bases == 0
    ranks = start
    # each step multiplies the error by the damping factor, so an error of 1e-12 takes 171 steps at 0.85
    for _ in range(int(np.ceil(np.log(1e-12) / np.log(damping)))):
        ranks = damping * (up @ ranks + ranks[ends].sum() * start) + (1 - damping) * start
    return ranks
