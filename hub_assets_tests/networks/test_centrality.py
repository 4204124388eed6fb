"""Degrees, PageRank and their summary, compared with networkx and NumPy."""

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_assets.networks import schemas
from hub_assets.networks.centrality import centrality_table, pagerank, summary_table
from hub_assets.networks.graph import Graph
from hub_assets.networks.tables import without_network
from hub_assets_tests.networks.made import contributions, edges, hub_like

TABLES = st.dictionaries(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef")), st.integers(1, 1000), max_size=20
).map(lambda found: edges([(*pair, weight) for pair, weight in found.items()]))


@settings(deadline=None, max_examples=60)
@given(TABLES)
def test_degrees_and_pagerank_match_networkx(table: pa.Table) -> None:
    graph = Graph.of(table)
    reference = graph.to_networkx()
    found = centrality_table(graph, contributions())
    assert found.schema.equals(without_network(schemas.DEVELOPER_CENTRALITY))
    ranks = nx.pagerank(reference, tol=1e-14, max_iter=2_000) if len(reference) else {}
    cores = nx.core_number(reference)
    strengths = dict(reference.degree(weight="weight"))
    assert found["developer"].to_pylist() == sorted(reference)
    for row in found.to_pylist():
        name = row["developer"]
        assert (row["in_degree"], row["out_degree"]) == (reference.in_degree(name), reference.out_degree(name))
        assert row["degree"] == row["in_degree"] + row["out_degree"]
        assert (row["strength"], row["core_number"]) == (strengths[name], cores[name])
        assert row["pagerank"] == pytest.approx(ranks[name], abs=1e-9)


def test_pagerank_of_a_hub_like_network_matches_networkx() -> None:
    graph = Graph.of(hub_like(1_000, 2_500))
    expected = nx.pagerank(graph.to_networkx(), tol=1e-12, max_iter=1_000)
    found = pagerank(graph)
    assert found.sum() == pytest.approx(1)
    np.testing.assert_allclose(found, [expected[name] for name in graph.names.to_pylist()], atol=1e-10)


def test_the_centrality_of_each_developer() -> None:
    graph = Graph.of(edges([("a", "b", 4), ("b", "a", 1), ("c", "b", 2), ("d", "d", 9), ("x", "y"), ("y", "x")]))
    found = centrality_table(graph, contributions("a b", "a", "b c", "d", "x y", "a e")).to_pylist()
    assert [row["developer"] for row in found] == ["a", "b", "c", "x", "y"]
    assert [row["degree"] for row in found] == [2, 3, 1, 2, 2]
    assert [row["strength"] for row in found] == [5, 7, 2, 2, 2]
    assert [row["core_number"] for row in found] == [2, 2, 1, 2, 2]
    assert [row["n_repos"] for row in found] == [3, 2, 1, 1, 1]
    for name in ("community", "leiden_community"):
        assert [row[name] for row in found] == [0, 0, 0, 1, 1]


def test_large_graphs_have_no_greedy_communities() -> None:
    found = centrality_table(Graph.of(edges([("a", "b"), ("b", "a")])), contributions(), most_edges=1)
    assert found["community"].to_pylist() == [None, None]
    assert found["leiden_community"].to_pylist() == [0, 0]


def test_the_summary_matches_numpy() -> None:
    table = pa.concat_tables([hub_like(300, 700), edges([(f"alone {place}",) * 2 for place in range(100)])])
    graph = Graph.of(table)
    centrality = centrality_table(graph, contributions())
    (row,) = summary_table(graph, centrality).to_pylist()
    assert (row["n_isolates"], row["nodes"], row["edges"]) == (100, graph.n_nodes, graph.n_edges)
    assert row["n_developers"] == graph.n_nodes + 100
    assert row["share_isolates"] == 100 / row["n_developers"]
    assert row["degree_mean"] == pytest.approx(2 * graph.n_edges / graph.n_nodes)
    assert row["pagerank_mean"] == pytest.approx(1 / graph.n_nodes)
    for name in ("degree", "pagerank"):
        frame = centrality.to_pandas()[name]
        for of in ("mean", "median", "max", "std"):
            assert row[f"{name}_{of}"] == pytest.approx(getattr(frame, of)())


@pytest.mark.parametrize(("table", "developers", "share"), [(edges([]), 0, None), (edges([("a", "a")]), 1, 1)])
def test_a_network_of_isolates_has_a_summary(table: pa.Table, developers: int, share: float | None) -> None:
    graph = Graph.of(table)
    found = summary_table(graph, centrality_table(graph, contributions()))
    assert found.schema.equals(without_network(schemas.SUMMARY))
    (row,) = found.to_pylist()
    assert (row["n_developers"], row["n_isolates"], row["share_isolates"]) == (developers, developers, share)
    assert {row[name] for name in row if "degree" in name or "pagerank" in name} == {None}
