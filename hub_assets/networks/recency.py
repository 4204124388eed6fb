"""PageRank of models in their families, with more weight on what was released recently.

Who descends from whom belongs to `families`.
"""

from typing import Final

import pyarrow as pa

HALF_LIFE: Final = 365.0
"""Days after which a release counts half."""


def temporal_pagerank(
    edges: pa.Table, released: pa.Table, *, half_life: float = HALF_LIFE, damping: float = 0.85
) -> pa.Table:
    """Rank models by what rests on them.

    A random reader starts at a model, recent ones more often (2^(-age / half_life)), and follows base models upward,
    choosing among several with equal chances; with probability 1 - damping, and at a model without a base, the reader
    starts again.

    Args:
        edges: one row per model and base: `node`, `base_node`; repeated pairs count once, self-loops are ignored.
        released: one row per node: `node`, `age` in days (null, as for a base that is not listed: no start there).
            Nodes that only `edges` names are added, without a start.
        half_life: in days, > 0.
        damping: in (0, 1).

    Returns:
        A row per node: `node`, `pagerank` (they add up to 1) and `n_children`.
    """
    raise NotImplementedError
