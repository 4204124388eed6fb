"""A graph has its table's edges minus self-loops, whatever the row order; igraph and networkx get the same edges."""

import random

import igraph
import networkx as nx
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_assets.networks.graph import Graph
from hub_assets_tests.networks.made import edges

TABLES = st.dictionaries(
    st.tuples(st.sampled_from("abcdéf"), st.sampled_from("abcdéf")), st.integers(1, 10**6), max_size=20
).map(lambda found: [(*pair, weight) for pair, weight in found.items()])


def test_nodes_are_sorted_self_loops_dropped_and_isolates_counted() -> None:
    graph = Graph.of(edges([("z", "a", 3, 0.5), ("b", "b", 7), ("a", "z", 1), ("a", "a", 9), ("c", "c", 1)]))
    assert graph.names.to_pylist() == ["a", "z"]
    assert (graph.n_nodes, graph.n_edges, graph.n_isolates) == (2, 2, 2)
    assert list(zip(graph.sources, graph.targets, graph.weights, strict=True)) == [(0, 1, 1.0), (1, 0, 3.0)]
    assert graph.fractional_weights is not None
    assert graph.fractional_weights.tolist() == [1, 0.5]
    assert graph.degrees.tolist() == [2, 2]


@settings(deadline=None, max_examples=60)
@given(TABLES, st.randoms(use_true_random=False))
def test_the_graph_does_not_depend_on_row_order(rows: list[tuple[str, str, int]], rng: object) -> None:
    graph = Graph.of(edges(rows))
    rng.shuffle(rows)  # type: ignore[attr-defined]
    other = Graph.of(edges(rows))
    assert other.table() == graph.table()
    assert (other.names, other.n_isolates) == (graph.names, graph.n_isolates)


@settings(deadline=None, max_examples=60)
@given(TABLES)
def test_igraph_and_networkx_get_the_same_edges(rows: list[tuple[str, str, int]]) -> None:
    graph = Graph.of(edges(rows))
    reference = nx.DiGraph()
    reference.add_weighted_edges_from(rows)
    loops = list(nx.nodes_with_selfloops(reference))
    reference.remove_edges_from([(name, name) for name in loops])
    isolates = list(nx.isolates(reference))
    reference.remove_nodes_from(isolates)
    assert graph.n_isolates == len(isolates)
    assert set(graph.to_networkx().edges.data("weight")) == set(reference.edges.data("weight"))
    assert set(graph.to_networkx()) == set(reference)
    assert graph.names.to_pylist() == sorted(reference)
    names = graph.names.to_pylist()
    found = graph.to_igraph()
    assert found.is_directed()
    assert found.vcount() == len(reference)
    assert {(names[edge.source], names[edge.target], edge["weight"]) for edge in found.es} == set(
        reference.edges.data("weight")
    )
    plain = graph.edges_to_igraph()
    assert plain.is_directed()
    assert plain.get_edgelist() == found.get_edgelist()
    assert plain.es.attributes() == []
    links = graph.links_to_igraph()
    assert not links.is_directed()
    expected = {frozenset(pair) for pair in reference.edges}
    assert [frozenset(names[end] for end in pair) for pair in links.get_edgelist()] == sorted(
        expected, key=lambda pair: sorted(pair)
    )
    assert dict(zip(names, graph.in_degrees.tolist(), strict=True)) == dict(reference.in_degree)
    assert dict(zip(names, graph.out_degrees.tolist(), strict=True)) == dict(reference.out_degree)


@settings(deadline=None, max_examples=60)
@given(TABLES, st.sets(st.sampled_from("abcdéf")))
def test_a_subgraph_is_induced_by_its_nodes(rows: list[tuple[str, str, int]], kept: set[str]) -> None:
    graph = Graph.of(edges(rows))
    part = graph.subgraph(np.array([name in kept for name in graph.names.to_pylist()], np.bool_))
    expected = graph.to_networkx().subgraph(kept)
    assert set(part.to_networkx()) == set(expected)
    assert set(part.to_networkx().edges.data("weight")) == set(expected.edges.data("weight"))
    assert part.names.to_pylist() == sorted(expected)


def test_igraph_uses_the_weights() -> None:
    """Weights must be Python numbers, because igraph ignores NumPy integers."""
    table = edges([("a", "b", 1), ("a", "c", 9), ("b", "a", 1), ("c", "a", 1)])
    found = Graph.of(table).to_igraph()
    weighted, unweighted = found.pagerank(weights="weight"), found.pagerank()
    assert weighted[2] > 3 * weighted[1]
    assert unweighted[2] == pytest.approx(unweighted[1])
    found.es["weight"] = table["weight"].to_numpy()
    assert isinstance(found.es["weight"][0], np.integer)
    assert found.pagerank(weights="weight") == pytest.approx(unweighted)


def test_a_table_without_fractional_weights_is_a_graph_without() -> None:
    graph = Graph.of(edges([("a", "b", 2)]).select(["source", "target", "weight"]))
    assert graph.fractional_weights is None
    assert graph.subgraph(np.array([True, True])).fractional_weights is None
    assert graph.table().to_pydict() == {"source": ["a"], "target": ["b"], "weight": [2.0]}


def test_all_string_types_are_accepted() -> None:
    table = edges([("b", "a", 2), ("a", "b", 1)])
    for kind in (pa.large_string(), pa.dictionary(pa.int32(), pa.string())):
        casted = table.set_column(0, "source", table["source"].cast(kind))
        assert Graph.of(casted).table() == Graph.of(table).table()


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ([("a", "b"), ("b", "a"), ("a", "b")], "two edges"),
        ([("a", "b", 0)], "not positive"),
        ([("a", "b", -1)], "not positive"),
        ([("a", "b", 1, 0.0)], "not positive"),
        ([("a", "b", 1, float("nan"))], "not positive"),
        ([("a", "b", None)], "weight is null"),
        ([(None, "b")], "name is null"),
    ],
)
def test_an_invalid_edge_table_is_refused(rows: list[tuple[object, ...]], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        Graph.of(edges(rows))


def test_an_empty_table_is_a_graph() -> None:
    graph = Graph.of(edges([]))
    assert (graph.n_nodes, graph.n_edges, graph.n_isolates) == (0, 0, 0)
    assert graph.to_networkx().size() == 0
    assert graph.to_igraph().vcount() == graph.links_to_igraph().vcount() == 0
    assert len(graph.table()) == 0


def test_igraph_gets_its_generator_back() -> None:
    """Other code that uses igraph in this process still gets Python's own random number generator."""
    from hub_assets.networks.communities import leiden_communities

    leiden_communities(Graph.of(edges([("a", "b")])))
    random.seed(1)
    one = igraph.Graph.Erdos_Renyi(20, 0.3).get_edgelist()
    random.seed(1)
    assert igraph.Graph.Erdos_Renyi(20, 0.3).get_edgelist() == one
