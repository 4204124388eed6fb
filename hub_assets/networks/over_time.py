"""The network of developers as it was in past months, from the months in which its edges came about.

The study names it as what it could not look at.
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
    """Measure a network as of the end of each month: rows of `schemas.COLLABORATION_OVER_TIME`, without which it is.

    Args:
        growth: `month` (a date in it), `source`, `target`, and `weight`, what is added to the edge in that month;
            self-loops as in any edge table. An edge is there from the first month on that adds to it.
        until: a day in the month up to which there are rows, if growth ends before: what did not change is as it was.

    Returns:
        A row for each month (its first day) from the first of growth to the last: `n_developers`, `n_isolates` and
        `share_isolates`, as far as they have an edge or a self-loop by then; what `measures` gives of the whole
        network (the 1-core), in which greedy communities are not looked for above 50,000 edges; and `max_k`. There is
        no clustering by fractional weights: of how many others a model is shared with changes as they join, so that
        each who does would change all earlier edges.

    Raises:
        ValueError: if a weight is not above 0, or anything is null.
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
