"""Rewired networks keep only the degrees, and synthetic networks differ from them in the ways they were built to."""

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_assets.networks import schemas
from hub_assets.networks.graph import Graph
from hub_assets.networks.measures import measures, reciprocity
from hub_assets.networks.null_models import MEASURES, null_table, rewired
from hub_assets.networks.tables import without_network
from hub_assets_tests.networks.made import edges, hub_like

PAIRS = st.sets(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")), max_size=30)


def by_measure(table: pa.Table, k: int) -> Mapping[str, dict[str, Any]]:
    return {row["measure"]: row for row in table.to_pylist() if row["k"] == k}


@settings(deadline=None, max_examples=60)
@given(PAIRS, st.integers(0, 100))
def test_rewiring_keeps_degrees_without_loops_or_duplicate_edges(pairs: set[tuple[str, str]], seed: int) -> None:
    graph = Graph.of(edges(sorted(pairs)))
    other = rewired(graph, random.Random(seed))
    assert other.names.equals(graph.names)
    assert other.in_degrees.tolist() == graph.in_degrees.tolist()
    assert other.out_degrees.tolist() == graph.out_degrees.tolist()
    assert (other.sources != other.targets).all()
    ends = list(zip(other.sources.tolist(), other.targets.tolist(), strict=True))
    assert ends == sorted(set(ends))
    assert other.n_edges == graph.n_edges
    again = rewired(graph, random.Random(seed))
    assert ends == list(zip(again.sources.tolist(), again.targets.tolist(), strict=True))


def test_rewiring_changes_most_edges() -> None:
    graph = Graph.of(hub_like(1_000, 2_500))
    copy = rewired(graph, random.Random(1))
    other = rewired(graph, random.Random(2))
    before, after, elsewhere = (set(zip(each.sources, each.targets, strict=True)) for each in (graph, copy, other))
    assert len(before & after) < 0.1 * graph.n_edges
    assert len(after & elsewhere) < 0.1 * graph.n_edges


def test_a_network_of_teams_is_far_from_chance() -> None:
    graph = Graph.of(hub_like(600, 1_500))
    found = null_table(graph, draws=10, seed=3)
    assert found.schema.equals(without_network(schemas.NULL_MODELS))
    assert found == null_table(graph, draws=10, seed=3)
    assert len(found) == len({(row["k"], row["measure"]) for row in found.to_pylist()}) == len(MEASURES) * 4
    rows, measured = by_measure(found, 1), measures(graph)
    for name, row in rows.items():
        assert row["value"] == pytest.approx(measured[name])
        assert row["n_draws"] == 10
        assert row["z"] == pytest.approx((row["value"] - row["null_mean"]) / row["null_std"])
    for name in ("average_clustering_unweighted", "reciprocity", "modularity", "leiden_modularity"):
        assert rows[name]["z"] > 10


def test_random_reciprocity_follows_from_the_degrees() -> None:
    """With equal degrees, the reciprocity of random edges is the density."""
    n = 60
    ring = Graph.of(edges([(f"{one:02d}", f"{(one + step) % n:02d}") for one in range(n) for step in (1, 2, 3, n - 1)]))
    assert reciprocity(ring) == 0.5
    row = by_measure(null_table(ring, draws=40), 1)["reciprocity"]
    assert row["null_mean"] == pytest.approx(4 / (n - 1), abs=4 * row["null_std"] / np.sqrt(40))
    assert row["z"] > 5


def test_a_network_that_cannot_be_rewired_has_no_z() -> None:
    complete = Graph.of(edges([(one, other) for one in "abcd" for other in "abcd" if one != other]))
    for row in null_table(complete, draws=3).to_pylist():
        assert row["null_mean"] == pytest.approx(row["value"])
        assert (row["null_std"], row["z"]) == (0, None)


@pytest.mark.parametrize("draws", [0, 1])
def test_too_few_draws_have_no_standard_deviation(draws: int) -> None:
    graph = Graph.of(edges([("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")]))
    for row in null_table(graph, draws=draws).to_pylist():
        assert (row["null_std"], row["z"], row["n_draws"]) == (None, None, draws)


def test_a_network_without_edges_has_no_null_models() -> None:
    assert null_table(Graph.of(edges([("a", "a")]))).num_rows == 0
