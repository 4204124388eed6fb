"""Exports read back by igraph, networkx and Arrow."""

import math
from pathlib import Path
from typing import Any

import igraph
import networkx as nx
import pyarrow.parquet as pq

Attributes = dict[str, Any]


def check_export(stem: Path, label: str | None = None) -> None:
    """Check that igraph and networkx read from GraphML the same network that the Parquet files contain.

    Args:
        stem: the path of the export without suffixes.
        label: the node column used as label; by default the ids.
    """
    nodes, edges = (pq.read_table(stem.with_name(f"{stem.name}.{part}.parquet")) for part in ("nodes", "edges"))
    graphml = stem.with_name(f"{stem.name}.graphml")
    key, (one, other) = nodes.column_names[0], edges.column_names[:2]
    rows: dict[str, Attributes] = {}
    for row in nodes.to_pylist():
        rows[row[key]] = _known({"label": row[label or key]} | {name: row[name] for name in nodes.column_names[1:]})
    links = [((row.pop(one), row.pop(other)), _known(row)) for row in edges.to_pylist()]

    by_networkx = nx.read_graphml(graphml)
    assert dict(by_networkx.nodes(data=True)) == rows
    is_directed = by_networkx.is_directed()
    found = [((source, target), _known(data, but="id")) for source, target, data in by_networkx.edges(data=True)]
    assert _counted(found, is_directed) == _counted(links, is_directed)
    again = nx.node_link_graph(nx.node_link_data(by_networkx, edges="edges"), edges="edges")
    assert nx.utils.graphs_equal(again, by_networkx)

    by_igraph = igraph.Graph.Read_GraphML(str(graphml))
    assert by_igraph.is_directed() == is_directed
    names = by_igraph.vs["id"]
    assert {vertex["id"]: _known(vertex.attributes(), but="id") for vertex in by_igraph.vs} == rows
    found = [((names[edge.source], names[edge.target]), _known(edge.attributes())) for edge in by_igraph.es]
    assert _counted(found, is_directed) == _counted(links, is_directed)
    assert by_igraph.is_weighted() == ("weight" in edges.column_names)


def _known(attributes: Attributes, but: str = "") -> Attributes:
    """Return the known values; igraph reads omitted GraphML values as NaN or empty text."""
    return {
        name: value
        for name, value in attributes.items()
        if name != but and value not in (None, "") and not (isinstance(value, float) and math.isnan(value))
    }


def _counted(links: list[tuple[tuple[str, str], Attributes]], is_directed: bool) -> list[Any]:
    return sorted((ends if is_directed else tuple(sorted(ends)), sorted(data.items())) for ends, data in links)
