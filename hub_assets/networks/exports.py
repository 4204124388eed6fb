"""Network files for Gephi and other programs: GraphML, and Parquet files of nodes and edges.

Choosing what to export does not belong here. Edges are written in batches, so that memory does not limit their number.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final
from xml.sax.saxutils import quoteattr

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hub_assets.lake.parts import write_beside

ROWS: Final = 50_000
"""Number of rows converted to text per batch."""
IMPLICIT: Final = (
    "The edges of the largest repositories are implicit. .edges.parquet lists the edges of all other repositories, and "
    "its weights cover only these. .implicit.parquet has one row per large repository (numbered) and contributor: each "
    "contributor has an edge to every other contributor, with n_commits as its weight, or no edges if n_commits is 0."
)
"""Description of files that do not list all edges."""
RESERVED: Final = frozenset({"id", "key", "source", "target"})
"""Attribute names that break igraph's GraphML reader or networkx's node-link format."""
_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
_NOT_IN_XML: Final = "[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]"


def export(
    stem: Path,
    nodes: pa.Table,
    edges: pa.Table | pa.RecordBatchReader,
    *,
    label: str | None = None,
    is_directed: bool = True,
    most_in_graphml: int | None = None,
    implicit: pa.Table | None = None,
) -> tuple[Path, ...]:
    """Write a network to two Parquet files (nodes and edges) and to GraphML, each atomically.

    Args:
        stem: path of all three files without their suffixes; its folder is created if needed.
        nodes: first the column of node ids (strings), then attributes: strings, numbers, booleans, or dates, which
            become text in GraphML.
        edges: first two columns of node ids, then attributes; most programs recognize an attribute named `weight`.
        label: column of `nodes` to repeat as `label`, which programs display; by default the ids. An existing `label`
            attribute is kept.
        is_directed: whether edges point from the first node to the second.
        most_in_graphml: maximum number of edges for GraphML; larger networks are written to Parquet only.
        implicit: rows that imply further edges, for networks whose edges are not all listed. If there are any, they are
            written to a third Parquet file, both files of edges carry the description `IMPLICIT`, and no GraphML is
            written, because programs would mistake its edges for the complete set.

    Returns:
        The paths of `.nodes.parquet`, `.edges.parquet` and, if written, `.implicit.parquet` and `.graphml`. GraphML
        omits null, NaN and infinite values, and replaces characters that XML does not allow with U+FFFD.

    Raises:
        ValueError: if an id is null or duplicated, an edge refers to an unknown node, or an attribute has a `RESERVED`
            name. Existing files remain unchanged.
    """
    attributes = {*nodes.column_names[1:], *edges.schema.names[2:]}
    if taken := sorted(attributes & RESERVED):
        raise ValueError(f"the attribute {taken[0]} clashes with a name that network programs reserve")
    ids = nodes.column(0).cast(pa.string()).combine_chunks()
    if ids.null_count or len(pc.unique(ids)) < len(ids):
        raise ValueError("a node's id is null or duplicated")
    graphml, of_nodes, of_edges, of_implicit = (
        stem.with_name(f"{stem.name}.{ending}")
        for ending in ("graphml", "nodes.parquet", "edges.parquet", "implicit.parquet")
    )
    reader = edges.to_reader(ROWS) if isinstance(edges, pa.Table) else edges
    described = {"description": IMPLICIT} if implicit else {}
    write_beside(of_edges, lambda beside: _write_edges(beside, reader, ids, described))
    write_beside(of_nodes, lambda beside: pq.write_table(nodes, beside, compression="zstd"))
    if implicit:
        rows = implicit.replace_schema_metadata(described)
        write_beside(of_implicit, lambda beside: pq.write_table(rows, beside, compression="zstd"))
        graphml.unlink(missing_ok=True)
        return of_nodes, of_edges, of_implicit
    of_implicit.unlink(missing_ok=True)
    if most_in_graphml is not None and pq.read_metadata(of_edges).num_rows > most_in_graphml:
        graphml.unlink(missing_ok=True)
        return of_nodes, of_edges
    labeled = nodes
    if "label" not in nodes.column_names:
        labeled = nodes.append_column("label", nodes[label or nodes.column_names[0]].cast(pa.string()))
    write_beside(graphml, lambda beside: _write_graphml(beside, labeled, of_edges, is_directed))
    return of_nodes, of_edges, graphml


def _write_edges(path: Path, edges: pa.RecordBatchReader, ids: pa.StringArray, described: dict[str, str]) -> None:
    with pq.ParquetWriter(path, edges.schema.with_metadata(described), compression="zstd") as writer:
        for batch in edges:
            for end in batch.columns[:2]:
                if not pc.all(pc.is_in(end.cast(pa.string()), ids), min_count=0).as_py():
                    raise ValueError("an edge refers to an unknown node")
            writer.write_batch(batch)


def _write_graphml(path: Path, nodes: pa.Table, edges: Path, is_directed: bool) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file, pq.ParquetFile(edges) as of_edges:
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n')
        for kind, fields in (("node", list(nodes.schema)[1:]), ("edge", list(of_edges.schema_arrow)[2:])):
            for place, field in enumerate(fields):
                name = quoteattr(field.name)
                file.write(f'<key id="{kind[0]}{place}" for="{kind}" attr.name={name} attr.type="{_type(field)}"/>\n')
        file.write(f'<graph edgedefault="{"directed" if is_directed else "undirected"}">\n')
        file.writelines(_elements("node", ["id"], nodes.to_batches(ROWS)))
        file.writelines(_elements("edge", ["source", "target"], of_edges.iter_batches(ROWS)))
        file.write("</graph>\n</graphml>\n")


def _elements(kind: str, ends: list[str], batches: Iterable[pa.RecordBatch]) -> Iterator[str]:
    """Yield rows as elements: the first columns become XML attributes named by `ends`, the others GraphML data."""
    for batch in batches:
        pieces: list[pa.Array | str] = [f"<{kind}"]
        for name, column in zip(ends, batch.columns, strict=False):
            pieces += [f' {name}="', _text(column), '"']
        pieces.append(">")
        for place, column in enumerate(batch.columns[len(ends) :]):
            data = pc.binary_join_element_wise(f'<data key="{kind[0]}{place}">', _text(column), "</data>", "")
            pieces.append(data.fill_null(""))
        rows = pc.binary_join_element_wise(*pieces, f"</{kind}>\n", "")
        yield "".join(rows.to_pylist())


def _text(column: pa.Array) -> pa.Array:
    """Return values as XML text, and null for values to omit."""
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_finite(column), column, None).cast(pa.string())
    text = column.cast(pa.string())
    if pa.types.is_integer(column.type) or pa.types.is_boolean(column.type):
        return text
    for character, escape in _ESCAPES.items():
        text = pc.replace_substring(text, character, escape)
    return pc.replace_substring_regex(text, _NOT_IN_XML, "\ufffd")


def _type(field: pa.Field) -> str:
    if pa.types.is_boolean(field.type):
        return "boolean"
    if pa.types.is_integer(field.type):
        return "long"
    return "double" if pa.types.is_floating(field.type) else "string"
