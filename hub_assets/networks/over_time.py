"""The developer network at the end of past months, derived from the month of each contribution.

The study leaves this to future work.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hub_assets.networks import schemas
from hub_assets.networks.cores import core_numbers
from hub_assets.networks.graph import Graph, encoded, floats
from hub_assets.networks.implicit import Implicit
from hub_assets.networks.measures import FEWER_EDGES, NAN, measures
from hub_assets.networks.tables import table_of

_NOTHING: Final = pa.table(
    {
        "month": pa.array([], pa.date32()),
        "repo_key": pa.array([], pa.string()),
        "developer": pa.array([], pa.string()),
        "n_commits": pa.array([], pa.int64()),
    }
)


def over_time_table(growth: pa.Table, until: date | None = None, implicit: pa.Table | None = None) -> pa.Table:
    """Measure a network at the end of each month: rows of `schemas.COLLABORATION_OVER_TIME`, without the key columns.

    Args:
        growth: `month` (any date in it), `source`, `target`, and `weight`, the amount added to the edge in that month.
            Self-loops are allowed. An edge exists from its first month in the table.
        until: a day in the last month to report. If growth ends earlier, the last results are repeated.
        implicit: contributions to repositories whose edges are implicit: `month`, `repo_key`, `developer` and
            `n_commits`, as for `Implicit.of`, except that `n_commits` counts only the commits of that month.

    Returns:
        One row per month (its first day), from the first to the last month of growth or contributions, or to the month
        of `until` if that is later. The columns are `n_developers`, `n_isolates` and `share_isolates` of developers
        with an edge or self-loop so far; the `measures` of the whole network (the 1-core), with greedy communities up
        to 50,000 edges, and no communities once edges are implicit; and `max_k`. Clustering by fractional weights is
        omitted because these weights depend on each model's number of developers, so a new developer would change all
        earlier edges.

    Raises:
        ValueError: if a weight is not positive, or a value is null.
    """
    return table_of(_rows(growth, until, _NOTHING if implicit is None else implicit), schemas.COLLABORATION_OVER_TIME)


def _rows(growth: pa.Table, until: date | None, implicit: pa.Table) -> Iterator[dict[str, Any]]:
    if len(growth) + len(implicit) == 0:
        return
    names, (sources, targets, _) = encoded(growth["source"], growth["target"], implicit["developer"])
    months, implicit_months = _months(growth), _months(implicit)
    every_month = np.concatenate([months, implicit_months])
    edges, edge = np.unique(sources * len(names) + targets, return_inverse=True)
    sources, targets = np.divmod(edges, len(names))
    added, weights = floats(growth["weight"]), np.zeros(len(edges))
    is_there = np.zeros(len(edges), np.bool_)
    row: dict[str, Any] = {}
    last = every_month.max() if until is None else max(every_month.max(), np.datetime64(until, "M"))
    for month in np.arange(every_month.min(), last + 1):
        if (every_month == month).any():
            is_new = months == month
            is_there[edge[is_new]] = True
            np.add.at(weights, edge[is_new], added[is_new])
            large = _implicit(implicit.filter(pa.array(implicit_months <= month)), names)
            now = Graph.joining(names, sources[is_there], targets[is_there], [weights[is_there], None], large)
            row = _measured(now)
        yield {"month": month.astype("datetime64[D]").item(), **row}


def _months(rows: pa.Table) -> npt.NDArray[np.datetime64]:
    months: npt.NDArray[np.datetime64] = rows["month"].cast(pa.date32()).to_numpy().astype("datetime64[M]")
    if np.isnat(months).any():
        raise ValueError("a month is null")
    return months


def _implicit(contributions: pa.Table, names: pa.StringArray) -> Implicit | None:
    """Return the edges that follow from the contributions of all months so far, or None if there are none."""
    if len(contributions) == 0:
        return None
    so_far = contributions.group_by(["repo_key", "developer"], use_threads=False).aggregate([("n_commits", "sum")])
    return Implicit.of(so_far.rename_columns({"n_commits_sum": "n_commits"}), names)


def _measured(graph: Graph) -> dict[str, Any]:
    n_developers = graph.n_nodes + graph.n_isolates
    return {
        "n_developers": n_developers,
        "n_isolates": graph.n_isolates,
        "share_isolates": graph.n_isolates / n_developers if n_developers else NAN,
        **measures(graph, FEWER_EDGES),
        "max_k": int(core_numbers(graph).max(initial=0)),
    }
