"""Which models spaces use, and which they use together: degrees, edges, and summaries of both.

Both networks are those of the study's section 3.3. Models are given with what they are called and the network (all, or
a sub-field) that they are in; who developed them is SQL's business.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from hub_assets.networks import schemas

Ints = npt.NDArray[np.int64]

OFTEN: Final = 1_000
"""Degree from which on the study names models."""
_CELLS: Final = 10_000_000
"""Pairs of models at a time: some 200 MB, however many a space uses."""

EDGES: Final = pa.schema(
    [
        *(
            pa.field(name, pa.dictionary(pa.int32(), pa.string()), nullable=False)
            for name in ("repo_key_a", "repo_key_b")
        ),
        pa.field("weight", pa.int64(), nullable=False),
    ]
)
"""An edge of co-usage: the keys of two models, in their order, and as weight the number of Spaces that use both."""


def co_usage_table(uses: pa.Table, models: pa.Table) -> pa.Table:
    """Count with which other models spaces use a model: the rows of `schemas.MODEL_CO_USAGE`, without the week.

    Models are joined when a space uses both; the weight is the number of such spaces. In a sub-field, these are its
    models alone.

    Args:
        uses: rows of `mart__usage_edges` (`space_key`, `model_key`), each pair once.
        models: rows of `network__model_usage` (`network`, `repo_key`, `repo_id`).

    Returns:
        For each model `degree`, the other models that some space uses with it (0 if it is alone wherever it is used),
        and `weighted_degree`, the weights' sum. `rank` is by degree within the network; of equals, many of which are
        one space's, that of the greater weighted degree comes first, then the one whose id sorts first.
    """
    parts = [_without_week(schemas.MODEL_CO_USAGE).empty_table()]
    for members in _by_network(models):
        incidence = _incidence(uses, members["repo_key"])
        degree, weighted = _degrees(incidence)
        rows = members.select(["network", "repo_key", "repo_id"])
        rows = rows.append_column("degree", pa.array(degree)).append_column("weighted_degree", pa.array(weighted))
        keys = [("degree", "descending"), ("weighted_degree", "descending"), ("repo_id", "ascending")]
        rows = rows.sort_by([*keys, ("repo_key", "ascending")])
        parts.append(rows.append_column("rank", pa.array(np.arange(1, len(rows) + 1))))
    return pa.concat_tables([part.cast(parts[0].schema) for part in parts])


def co_usage_edges(uses: pa.Table) -> pa.RecordBatchReader:
    """Return the edges of the co-usage network, of which there may be too many to be held at once.

    Args:
        uses: rows of `mart__usage_edges` (`space_key`, `model_key`), each pair once.

    Returns:
        Batches of `EDGES`, each pair of models once, in the order of their keys.
    """
    keys = pc.unique(uses["model_key"])
    keys = keys.take(pc.array_sort_indices(keys)).cast(pa.string())

    def batches() -> Iterator[pa.RecordBatch]:
        for start, shared in _shared(_incidence(uses, pa.chunked_array([keys]))):
            shared.sort_indices()
            pairs = shared.tocoo()
            first, second = pairs.row + start, pairs.col
            once = first < second
            names = (pa.DictionaryArray.from_arrays(side[once].astype(np.int32), keys) for side in (first, second))
            yield pa.record_batch([*names, pairs.data[once].astype(np.int64)], schema=EDGES)

    return pa.RecordBatchReader.from_batches(EDGES, batches())


def usage_nodes(models: pa.Table, spaces: pa.Table) -> pa.Table:
    """Return the nodes of the bipartite network of models and the Spaces that use them.

    Args:
        models: `repo_key`, `repo_id`, `n_spaces`.
        spaces: `repo_key`, `repo_id`.

    Returns:
        `repo_key`, `repo_id`, `n_spaces` (null for Spaces) and `kind`, `model` or `space`.
    """
    parts = [
        rows.select([name for name in ("repo_key", "repo_id", "n_spaces") if name in rows.column_names]).append_column(
            "kind", pa.repeat(kind, len(rows))
        )
        for kind, rows in (("model", models), ("space", spaces))
    ]
    return pa.concat_tables(parts, promote_options="default")


def usage_summary_table(uses: pa.Table, usage: pa.Table, co_usage: pa.Table) -> pa.Table:
    """Summarise the degrees of models in both networks: the rows of `schemas.USAGE_SUMMARY`, without the week.

    Args:
        uses: rows of `mart__usage_edges` (`space_key`, `model_key`), each pair once.
        usage: rows of `network__model_usage` (`network`, `repo_key`, `n_spaces`).
        co_usage: rows of `network__model_co_usage` (`network`, `repo_key`, `degree`).

    Returns:
        Per network and ranking (`usage`: the bipartite network of models and spaces; `co_usage`) `n` models and, of
        their degrees, mean, standard deviation (ddof 1), quartiles (linear), extremes, `share_zero` and
        `n_at_least_1000`; `n_edges`; and the components, which are as many in both, with the nodes of the largest:
        models and spaces in `usage`, models in `co_usage`. A network without models has no row.
    """
    rows: list[dict[str, object]] = []
    for members in _by_network(usage):
        network = members["network"][0].as_py()
        incidence = _incidence(uses, members["repo_key"])
        n_models, n_spaces = incidence.shape
        nodes = sparse.block_array([[None, incidence], [sparse.csr_array((n_spaces, n_models)), None]])
        n_components, component = connected_components(nodes, directed=False)
        shared = co_usage.filter(pc.equal(co_usage["network"], network))
        degrees = {"usage": members["n_spaces"], "co_usage": shared["degree"]}
        for ranking, degree in degrees.items():
            values = degree.to_numpy().astype(np.int64)
            counted = component if ranking == "usage" else component[:n_models]
            rows.append(
                {
                    "network": network,
                    "ranking": ranking,
                    "n_edges": int(values.sum()) // (1 if ranking == "usage" else 2),
                    "n_components": int(n_components),
                    "largest_component": int(np.bincount(counted).max()),
                    **_summary(values),
                }
            )
    return pa.Table.from_pylist(rows, _without_week(schemas.USAGE_SUMMARY))


def _summary(degrees: Ints) -> dict[str, object]:
    low, median, high = np.quantile(degrees, [0.25, 0.5, 0.75])
    return {
        "n": len(degrees),
        "mean": float(degrees.mean()),
        "std": float(degrees.std(ddof=1)) if len(degrees) > 1 else None,
        "min": float(degrees.min()),
        "p25": float(low),
        "p50": float(median),
        "p75": float(high),
        "max": float(degrees.max()),
        "share_zero": float((degrees == 0).mean()),
        "n_at_least_1000": int((degrees >= OFTEN).sum()),
    }


def _by_network(models: pa.Table) -> Iterator[pa.Table]:
    for network in pc.unique(models["network"]).to_pylist():
        yield models.filter(pc.equal(models["network"], network))


def _incidence(uses: pa.Table, models: pa.ChunkedArray) -> sparse.csr_array:
    """Return which of these models (rows) which spaces (columns, those that use any of them) use."""
    row = pc.index_in(uses["model_key"].combine_chunks(), models.combine_chunks())
    known = pc.is_valid(row)
    row = row.filter(known).to_numpy()
    column = uses["space_key"].filter(known).combine_chunks().dictionary_encode()
    n_spaces = len(column.dictionary)
    cells = (np.ones(len(row), np.int32), (row, column.indices.to_numpy()))
    return sparse.csr_array(cells, shape=(len(models), n_spaces))


def _shared(incidence: sparse.csr_array) -> Iterator[tuple[int, sparse.csr_array]]:
    """Return the spaces that use models (rows) and models (columns), some rows at a time, after the first one's place.

    A row has no more cells than its model has uses of models, itself among them, in all its spaces.
    """
    transposed = incidence.T.tocsr()
    most = np.append(0, np.cumsum(incidence @ np.diff(transposed.indptr).astype(np.int64)))
    start = 0
    while start < incidence.shape[0]:
        stop = max(int(np.searchsorted(most, most[start] + _CELLS, side="right")) - 1, start + 1)
        yield start, incidence[start:stop] @ transposed
        start = stop


def _degrees(incidence: sparse.csr_array) -> tuple[Ints, Ints]:
    """Return with how many other models a model is used, and how often."""
    n_spaces = np.diff(incidence.indptr).astype(np.int64)
    n_models = np.diff(incidence.tocsc().indptr).astype(np.int64)
    degree = [np.diff(shared.indptr) for _, shared in _shared(incidence)]
    # a model shares each of its spaces with itself
    return np.concatenate([np.empty(0, np.int64), *degree]) - (n_spaces > 0), incidence @ n_models - n_spaces


def _without_week(schema: pa.Schema) -> pa.Schema:
    return pa.schema(list(schema)[1:])
