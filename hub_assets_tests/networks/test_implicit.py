"""Networks with implicit edges: the same numbers as networkx's, and as those of a network that lists all edges."""

import math
import random
from collections import defaultdict
from dataclasses import replace

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hub_assets.networks.centrality import centrality_table, summary_table
from hub_assets.networks.cores import core_table
from hub_assets.networks.graph import Graph
from hub_assets.networks.measures import measures
from hub_assets.networks.null_models import null_table, rewired
from hub_assets_tests.networks.made import edges
from hub_assets_tests.networks.test_measures import known_measures

Repo = dict[int, int]
"""Commits of each developer; 0 for a developer who is only a target."""
UNLISTED = {"communities", "modularity", "leiden_communities", "leiden_modularity"}

developers = st.integers(0, 9)
repos = st.lists(st.dictionaries(developers, st.sampled_from([0, 1, 1, 2, 30]), max_size=10), max_size=4)


def rows_of(large: list[Repo]) -> pa.Table:
    cells = [(f"repo {place}", f"{who}", n) for place, repo in enumerate(large) for who, n in repo.items()]
    names = ("repo_key", "developer", "n_commits")
    types = (pa.string(), pa.string(), pa.int64())
    return pa.table([pa.array(c, t) for c, t in zip(zip(*cells, strict=True), types, strict=True)], names)


def expanded(all_repos: list[Repo]) -> pa.Table:
    """Return the edges as the study defines them: a commit leads to each other contributor of the repository."""
    weights: dict[tuple[int, int], list[float]] = defaultdict(lambda: [0, 0])
    for repo in all_repos:
        for source, n in repo.items():
            for target in repo.keys() - {source}:
                if n:
                    weights[source, target][0] += n
                    weights[source, target][1] += n / (len(repo) - 1)
    return edges((f"{source}", f"{target}", *both) for (source, target), both in weights.items())


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(large=repos.filter(any), small=repos)
@example(large=[{0: 1, 1: 0}], small=[{0: 1, 1: 1}])
@example(large=[dict.fromkeys(range(6), 1)], small=[])
@example(large=[{0: 1}, {1: 2, 2: 0, 3: 1}], small=[{2: 1, 3: 1}, {7: 1, 8: 1}])
@example(large=[{0: 5, 1: 1}, {1: 5, 2: 1}, {2: 5, 0: 1}], small=[{3: 1, 4: 0}])
def test_every_number_matches_networkx_and_the_listed_network(large: list[Repo], small: list[Repo]) -> None:
    graph, listed = Graph.of(expanded(small), rows_of(large)), Graph.of(expanded(large + small))
    reference = listed.to_networkx()
    assert graph.names == listed.names
    assert graph.n_edges == reference.size()
    # finding communities takes listed edges
    known = known_measures(reference) | dict.fromkeys(UNLISTED, math.nan)
    assert measures(graph) == pytest.approx(known, nan_ok=True, rel=1e-9, abs=1e-12)

    contributions = pa.concat_tables([rows_of(large), rows_of([*large, *small])]).drop_columns("n_commits")
    ours, theirs = (centrality_table(each, contributions) for each in (graph, listed))
    unknown = ["community", "leiden_community"]
    assert all(ours[name].null_count == len(ours) for name in unknown)
    pagerank = ours["pagerank"].to_pylist()
    assert pagerank == pytest.approx(theirs["pagerank"].to_pylist(), abs=1e-10)
    exact = [*unknown, "pagerank"]
    assert ours.drop_columns(exact) == theirs.drop_columns(exact)
    known_cores = nx.core_number(reference)
    assert ours["core_number"].to_pylist() == [known_cores[name] for name in graph.names.to_pylist()]
    assert ours["strength"].to_pylist() == [reference.degree(name, weight="weight") for name in graph.names.to_pylist()]
    # developers without edges are not in the listed network; whoever loads a network counts them
    (summary,), (wanted,) = (
        summary_table(replace(each, n_isolates=0), table).to_pylist()
        for each, table in ((graph, ours), (listed, theirs))
    )
    assert summary == pytest.approx(wanted, nan_ok=True, abs=1e-10)

    of_cores, of_listed = (core_table(each, contributions) for each in (graph, listed))
    assert of_cores.num_rows == of_listed.num_rows
    for one, other in zip(of_cores.to_pylist(), of_listed.to_pylist(), strict=True):
        assert one == {
            name: None if name in UNLISTED or value is None else pytest.approx(value, rel=1e-9, abs=1e-12)
            for name, value in other.items()
        }


def test_a_repository_with_very_many_developers() -> None:
    """20,000 developers have 400 million edges, which would take tens of gigabytes; two of them also meet elsewhere."""
    n = 20_000
    graph = Graph.of(expanded([{0: 1, 1: 0}, {0: 3, n: 1}]), rows_of([dict.fromkeys(range(n), 1)]))
    found = measures(graph)
    assert (found["nodes"], found["edges"], found["weak_components"]) == (n + 1, n * (n - 1) + 2, 1)
    assert found["reciprocity"] == 1
    # everybody but developer 0 and the one outside closes all their triangles
    outer = (n - 1) * (n - 2) / (n * (n - 1))
    assert found["average_clustering_unweighted"] == pytest.approx((n - 1 + outer) / (n + 1), rel=1e-9)
    (only,) = (row for row in core_table(graph, rows_of([{0: 1, 1: 1}])).to_pylist() if row["is_max_k"])
    assert (only["k"], only["nodes"], only["edges"]) == (2 * (n - 1), n, n * (n - 1))


def test_nothing_is_compared_with_rewired_networks() -> None:
    graph = Graph.of(expanded([]), rows_of([dict.fromkeys(range(9), 1)]))
    rows = null_table(graph, draws=3).to_pylist()
    assert {row["n_draws"] for row in rows} == {0}
    assert all(row[name] is None for row in rows for name in ("null_mean", "null_std", "z"))
    values = {row["measure"]: row["value"] for row in rows if row["is_max_k"]}
    assert values == {
        "average_clustering_unweighted": pytest.approx(1),
        "reciprocity": 1,
        "rich_club": 1,
        "modularity": None,
        "leiden_modularity": None,
    }


def test_conversions_do_not_lose_implicit_edges() -> None:
    graph = Graph.of(expanded([{0: 1, 1: 1}]), rows_of([{1: 1, 2: 1}]))
    for convert in (
        Graph.to_igraph,
        Graph.links_to_igraph,
        Graph.to_networkx,
        lambda it: rewired(it, random.Random(0)),
    ):
        with pytest.raises(ValueError, match="implicit edges"):
            convert(graph)


def test_classes_are_as_few_as_numbers_of_commits() -> None:
    graph = Graph.of(expanded([]), rows_of([{who: 1 + who % 3 for who in range(60)}]))
    assert graph.implicit is not None
    assert graph.implicit.weights.shape == (4, 4)
    assert np.array_equal(graph.implicit.sizes, [0, 20, 20, 20])
