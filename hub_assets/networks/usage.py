"""Networks of models used by Spaces, and of models used together: degrees, edges and summaries.

Both networks are defined in the study's section 3.3. SQL supplies each model's id and networks (all models, or a
sub-field), and resolves its developers.
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
"""Minimum degree of the models that the study lists by name."""
_CELLS: Final = 10_000_000
"""Pairs of models per batch: some 200 MB, regardless of how many models a Space uses."""

EDGES: Final = pa.schema(
    [
        *(
            pa.field(name, pa.dictionary(pa.int32(), pa.string()), nullable=False)
            for name in ("repo_key_a", "repo_key_b")
        ),
        pa.field("weight", pa.int64(), nullable=False),
    ]
)
"""A co-usage edge: the sorted keys of two models and, as its weight, the number of Spaces that use both."""


def co_usage_table(uses: pa.Table, models: pa.Table) -> pa.Table:
    """Compute each model's degree in the co-usage network: rows of `schemas.MODEL_CO_USAGE`, without the week.

    An edge connects two models that a Space uses together; its weight is the number of Spaces that use both. The
    network of a sub-field contains only its own models.

    Args:
        uses: rows of `mart__usage_edges` (`space_key`, `model_key`), each pair once.
        models: rows of `network__model_usage` (`network`, `repo_key`, `repo_id`).

    Returns:
        For each model, `degree` is the number of models used together with it (0 if it is always used alone), and
        `weighted_degree` the sum of the weights. `rank` orders the models of a network by degree, then by
        weighted degree and id; ties in degree are common because a Space connects all models that it uses.
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
    """Return the edges of the co-usage network in batches, because they may not fit in memory.

    Args:
        uses: rows of `mart__usage_edges` (`space_key`, `model_key`), each pair once.

    Returns:
        Batches of `EDGES`, sorted by key, with each pair of models once.
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
    """Return the nodes of the bipartite network of models and Spaces.

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
    """Summarize the degrees of models in both networks: the rows of `schemas.USAGE_SUMMARY`, without the week.

    Args:
        uses: rows of `mart__usage_edges` (`space_key`, `model_key`), each pair once.
        usage: rows of `network__model_usage` (`network`, `repo_key`, `n_spaces`).
        co_usage: rows of `network__model_co_usage` (`network`, `repo_key`, `degree`).

    Returns:
        One row per network and ranking: `usage` (the bipartite network of models and Spaces) or `co_usage` (models that
        share Spaces). Each row has the number of models (`n`); the mean, standard deviation (ddof 1), quartiles
        (linear) and extremes of the models' degrees, with `share_zero` and `n_at_least_1000`; the number of edges; the
        number of components, which is the same in both rankings; and the size of the largest component (models and
        Spaces in `usage`, models in `co_usage`). A network without models has no row.
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
    """Return the incidence matrix of these models (rows) and the Spaces that use any of them (columns)."""
    row = pc.index_in(uses["model_key"].combine_chunks(), models.combine_chunks())
    known = pc.is_valid(row)
    row = row.filter(known).to_numpy()
    column = uses["space_key"].filter(known).combine_chunks().dictionary_encode()
    n_spaces = len(column.dictionary)
    cells = (np.ones(len(row), np.int32), (row, column.indices.to_numpy()))
    return sparse.csr_array(cells, shape=(len(models), n_spaces))


def _shared(incidence: sparse.csr_array) -> Iterator[tuple[int, sparse.csr_array]]:
    """Yield, in blocks of rows, the matrix of the number of Spaces that each pair of models shares.

    Each block comes with the index of its first row. A model's row has no more nonzero cells than the sum, over its
    Spaces, of the number of models that each one uses.
    """
    transposed = incidence.T.tocsr()
    most = np.append(0, np.cumsum(incidence @ np.diff(transposed.indptr).astype(np.int64)))
    start = 0
    while start < incidence.shape[0]:
        stop = max(int(np.searchsorted(most, most[start] + _CELLS, side="right")) - 1, start + 1)
        yield start, incidence[start:stop] @ transposed
        start = stop


def _degrees(incidence: sparse.csr_array) -> tuple[Ints, Ints]:
    """Return the degree and the weighted degree of each model."""
    n_spaces = np.diff(incidence.indptr).astype(np.int64)
    n_models = np.diff(incidence.tocsc().indptr).astype(np.int64)
    degree = [np.diff(shared.indptr) for _, shared in _shared(incidence)]
    # the diagonal counts each model with itself
    return np.concatenate([np.empty(0, np.int64), *degree]) - (n_spaces > 0), incidence @ n_models - n_spaces


def _without_week(schema: pa.Schema) -> pa.Schema:
    return pa.schema(list(schema)[1:])
