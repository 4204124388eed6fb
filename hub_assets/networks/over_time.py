"""The developer network at the end of past months, derived from the month of each contribution.

The study names this as future work.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from hub_assets.networks import schemas
from hub_assets.networks.cores import core_numbers
from hub_assets.networks.graph import Graph, encoded, floats
from hub_assets.networks.measures import FEWER_EDGES, NAN, measures
from hub_assets.networks.tables import table_of


def over_time_table(growth: pa.Table, until: date | None = None) -> pa.Table:
    """Measure a network at the end of each month: rows of `schemas.COLLABORATION_OVER_TIME`, without the key columns.

    Args:
        growth: `month` (any date in it), `source`, `target`, and `weight`, the amount added to the edge in that month.
            Self-loops are allowed. An edge exists from the first month that adds to it.
        until: a day in the last month to report. If growth ends earlier, its last values are repeated.

    Returns:
        One row per month (its first day), from the first to the last month of growth: `n_developers`, `n_isolates` and
        `share_isolates` of developers with an edge or self-loop so far; the `measures` of the whole network (the
        1-core), with greedy communities up to 50,000 edges; and `max_k`. Clustering by fractional weights is omitted
        because these weights depend on each model's number of developers, so a new developer would change all earlier
        edges.

    Raises:
        ValueError: if a weight is not positive, or a value is null.
    """
    return table_of(_rows(growth, until), schemas.COLLABORATION_OVER_TIME)


def _rows(growth: pa.Table, until: date | None) -> Iterator[dict[str, Any]]:
    if len(growth) == 0:
        return
    names, (sources, targets) = encoded(growth["source"], growth["target"])
    months = growth["month"].cast(pa.date32()).to_numpy().astype("datetime64[M]")
    if np.isnat(months).any():
        raise ValueError("a month is null")
    edges, edge = np.unique(sources * len(names) + targets, return_inverse=True)
    sources, targets = np.divmod(edges, len(names))
    added, weights = floats(growth["weight"]), np.zeros(len(edges))
    is_there = np.zeros(len(edges), np.bool_)
    row: dict[str, Any] = {}
    last = months.max() if until is None else max(months.max(), np.datetime64(until, "M"))
    for month in np.arange(months.min(), last + 1):
        is_new = months == month
        if is_new.any():
            is_there[edge[is_new]] = True
            np.add.at(weights, edge[is_new], added[is_new])
            now = Graph.joining(names, sources[is_there], targets[is_there], [weights[is_there], None])
            row = _measured(now)
        yield {"month": month.astype("datetime64[D]").item(), **row}


def _measured(graph: Graph) -> dict[str, Any]:
    n_developers = graph.n_nodes + graph.n_isolates
    return {
        "n_developers": n_developers,
        "n_isolates": graph.n_isolates,
        "share_isolates": graph.n_isolates / n_developers if n_developers else NAN,
        **measures(graph, FEWER_EDGES),
        "max_k": int(core_numbers(graph).max(initial=0)),
    }
