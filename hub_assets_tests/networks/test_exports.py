"""networkx, igraph and Arrow read exports back unchanged; each file is written atomically."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import igraph
import networkx as nx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hub_assets.networks import exports
from hub_assets.networks.base_models import base_model_network
from hub_assets.networks.centrality import centrality_table
from hub_assets.networks.exports import export
from hub_assets.networks.graph import Graph
from hub_assets.networks.usage import co_usage_edges, usage_nodes
from hub_assets_tests.networks.made import contributions, edges, hub_like
from hub_assets_tests.networks.reading import check_export

XML = "{http://graphml.graphdrawing.org/xmlns}"


def test_an_exported_network_is_read_back_unchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "ROWS", 100)  # so that the table is written in several pieces
    graph = Graph.of(hub_like(300, 700))
    nodes = centrality_table(graph, contributions())
    of_nodes, of_edges, graphml = export(tmp_path / "new" / "all.first_author", nodes, graph.table())
    assert [path.name for path in (graphml, of_nodes, of_edges)] == [
        "all.first_author.graphml",
        "all.first_author.nodes.parquet",
        "all.first_author.edges.parquet",
    ]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(
        path.name for path in (graphml, of_nodes, of_edges)
    )
    assert pq.read_table(of_nodes) == nodes
    assert pq.read_table(of_edges) == graph.table()
    check_export(graphml.with_suffix(""))
    assert nx.read_graphml(graphml).is_directed()


def test_usage_exports_keep_ids_labels_and_weights(tmp_path: Path) -> None:
    uses = pa.table({"model_key": ["m1", "m2", "m1", "m2", "m3"], "space_key": ["s1", "s1", "s2", "s2", "s3"]})
    models = pa.table({"repo_key": ["m1", "m2", "m3"], "repo_id": ["lab/1", "lab/2", "3"], "n_spaces": [2, 2, 1]})
    spaces = pa.table({"repo_key": ["s1", "s2", "s3"], "repo_id": ["ann/s", "bo/s", "bo/t"]})
    *_, usage = export(tmp_path / "usage", usage_nodes(models, spaces), uses, label="repo_id", is_directed=False)
    *_, shared = export(tmp_path / "co_usage", models, co_usage_edges(uses), label="repo_id", is_directed=False)
    for graphml in (usage, shared):
        check_export(graphml.with_suffix(""), "repo_id")
    assert nx.read_graphml(usage).nodes["s1"] == {"repo_id": "ann/s", "label": "ann/s", "kind": "space"}
    assert nx.read_graphml(usage).nodes["m3"] == {"repo_id": "3", "label": "3", "kind": "model", "n_spaces": 1}
    assert list(nx.read_graphml(shared).edges(data=True)) == [("m1", "m2", {"weight": 2})]
    assert igraph.Graph.Read_GraphML(str(shared)).es["weight"] == [2]


def test_a_base_is_one_node_regardless_of_spelling(tmp_path: Path) -> None:
    rows = [
        ("1", "bo/a", "2", "bo/b", "finetune"),
        ("1", "bo/a", "2", "bo/b", "merge"),
        ("2", "bo/b", "1", "bo/a", "finetune"),
        ("3", "bo/c", None, "Gone/D", "adapter"),
        ("2", "bo/b", None, "gone/d", "adapter"),
        ("2", "bo/b", None, "GONE/D", "adapter"),
        ("2", "bo/b", "4", "lab/root", "quantized"),
    ]
    names = ["repo_key", "repo_id", "base_repo_key", "base_repo_id", "relation"]
    nodes, links = base_model_network(pa.table([list(column) for column in zip(*rows, strict=True)], names))
    *_, graphml = export(tmp_path / "base_models", nodes, links, label="repo_id")
    check_export(graphml.with_suffix(""), "repo_id")
    found = nx.read_graphml(graphml)
    assert {node: (data["label"], data["is_listed"]) for node, data in found.nodes(data=True)} == {
        "1": ("bo/a", True),
        "2": ("bo/b", True),
        "3": ("bo/c", True),
        "4": ("lab/root", True),
        "gone/d": ("GONE/D", False),
    }
    assert sorted(found.edges.data("relation")) == [
        ("1", "2", "finetune"),
        ("1", "2", "merge"),
        ("2", "1", "finetune"),
        ("2", "4", "quantized"),
        ("2", "gone/d", "adapter"),
        ("3", "gone/d", "adapter"),
    ]


@pytest.mark.parametrize("name", sorted(exports.RESERVED))
def test_an_attribute_with_a_reserved_name_is_refused(tmp_path: Path, name: str) -> None:
    nodes, links = pa.table({"node": ["a", "b"]}), pa.table({"one": ["a"], "other": ["b"]})
    with pytest.raises(ValueError, match=f"the attribute {name}"):
        export(tmp_path / "it", nodes.append_column(name, pa.array(["x", "y"])), links)
    with pytest.raises(ValueError, match=f"the attribute {name}"):
        export(tmp_path / "it", nodes, links.append_column(name, pa.array([1])))
    assert list(tmp_path.iterdir()) == []


def test_attributes_have_their_types_and_odd_names_are_kept(tmp_path: Path) -> None:
    odd = ['<a & "b">\'', "tab\tnew\nline", "é𝔘", " space ", ""]
    nodes = pa.table(
        {
            "id": odd,
            "is_<odd>": [True, False, None, True, True],
            "n": pa.array([1, None, 2**53 + 1, -1, 0]),
            "share": [0.1, float("nan"), None, float("inf"), -1e-300],
            "label": [*reversed(odd[1:]), "bell\x07"],
        }
    )
    links = pa.table({"one": odd[:2], "other": odd[1:3], "weight": pa.array([3, 4])})
    of_nodes, _, graphml = export(tmp_path / "odd", nodes, links, is_directed=False)
    found = nx.read_graphml(graphml)
    assert not found.is_directed()
    assert pq.read_table(of_nodes).drop(["share"]) == nodes.drop(["share"])  # NaN does not equal itself
    expected: dict[str, dict[str, Any]] = {
        row.pop("id"): {name: value for name, value in row.items() if value is not None} for row in nodes.to_pylist()
    }
    del expected[odd[1]]["share"], expected[odd[3]]["share"]
    expected[odd[4]]["label"] = "bell\ufffd"
    assert dict(found.nodes(data=True)) == expected
    assert {frozenset(ends): weight for *ends, weight in found.edges.data("weight")} == {
        frozenset(odd[:2]): 3,
        frozenset(odd[1:3]): 4,
    }
    keys = {
        (key.attrib["for"], key.attrib["attr.name"]): key.attrib["attr.type"]
        for key in ElementTree.parse(graphml).iter(f"{XML}key")
    }
    assert keys == {
        ("node", "is_<odd>"): "boolean",
        ("node", "n"): "long",
        ("node", "share"): "double",
        ("node", "label"): "string",
        ("edge", "weight"): "long",
    }


def test_edges_can_be_batches_with_dictionaries(tmp_path: Path) -> None:
    names = pa.array(["a", "b", "c"])
    schema = pa.schema(
        [(name, pa.dictionary(pa.int32(), pa.string())) for name in ("one", "other")] + [("weight", pa.int64())]
    )
    ends = [pa.DictionaryArray.from_arrays(pa.array(side, pa.int32()), names) for side in ([0, 0], [1, 2])]
    batch = pa.record_batch([*ends, pa.array([5, 6])], schema=schema)
    reader = pa.RecordBatchReader.from_batches(schema, [batch, batch.slice(0, 0)])
    *_, graphml = export(tmp_path / "pairs", pa.table({"id": names}), reader, is_directed=False)
    assert sorted(nx.read_graphml(graphml).edges.data("weight")) == [("a", "b", 5), ("a", "c", 6)]


def test_an_empty_network_is_exported(tmp_path: Path) -> None:
    graph = Graph.of(edges([]))
    *_, graphml = export(tmp_path / "nothing", centrality_table(graph, contributions()), graph.table())
    assert len(nx.read_graphml(graphml)) == 0


@pytest.mark.parametrize(
    ("names", "what"), [(["a"], "unknown node"), (["a", "b", "a"], "duplicated"), (["a", "b", None], "is null")]
)
def test_an_invalid_network_leaves_the_files_unchanged(tmp_path: Path, names: list[str | None], what: str) -> None:
    paths = export(tmp_path / "it", pa.table({"id": ["a", "b"]}), edges([("a", "b")]))
    before = [path.read_bytes() for path in paths]
    with pytest.raises(ValueError, match=what):
        export(tmp_path / "it", pa.table({"id": names}), edges([("b", "a")]))
    assert [path.read_bytes() for path in paths] == before


def test_large_networks_are_exported_as_parquet_only(tmp_path: Path) -> None:
    nodes, links = pa.table({"id": ["a", "b"]}), edges([("a", "b"), ("b", "a")])
    assert [path.suffix for path in export(tmp_path / "it", nodes, links, most_in_graphml=2)][-1] == ".graphml"
    paths = export(tmp_path / "it", nodes, links, most_in_graphml=1)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in paths}
    assert {path.name for path in paths} == {"it.nodes.parquet", "it.edges.parquet"}


def test_a_network_with_implicit_edges_says_so_and_is_no_graphml(tmp_path: Path) -> None:
    nodes, listed = pa.table({"developer": ["a", "b", "c"]}), edges([("a", "b")])
    rows = pa.table({"model": [1, 1], "developer": ["b", "c"], "n_commits": [2, 0]})
    export(tmp_path / "all", nodes, listed)
    of_nodes, of_edges, of_implicit = export(tmp_path / "all", nodes, listed, implicit=rows)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in (of_nodes, of_edges, of_implicit)}
    for path, table in ((of_edges, listed), (of_implicit, rows)):
        assert pq.read_table(path) == table
        assert b"implicit" in pq.read_schema(path).metadata[b"description"]
    *_, graphml = export(tmp_path / "all", nodes, listed, implicit=rows.slice(0, 0))
    assert (graphml.name, of_implicit.exists()) == ("all.graphml", False)
    assert b"description" not in (pq.read_schema(of_edges).metadata or {})
