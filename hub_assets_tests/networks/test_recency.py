"""PageRank of families: compared with networkx, and the effect of age."""

from pathlib import Path

import networkx as nx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_assets.networks.recency import temporal_pagerank

NAMES = "abcdefg"


def ranks_of(edges: list[tuple[str, str]], ages: dict[str, int | None], half_life: float = 365.0) -> dict[str, float]:
    table = temporal_pagerank(
        pa.table(
            {
                "node": pa.array([a for a, _ in edges], pa.string()),
                "base_node": pa.array([b for _, b in edges], pa.string()),
            }
        ),
        pa.table({"node": pa.array(list(ages), pa.string()), "age": pa.array(list(ages.values()), pa.int64())}),
        half_life=half_life,
    )
    return dict(zip(table["node"].to_pylist(), table["pagerank"].to_pylist(), strict=True))


def second(edges: list[tuple[str, str]], ages: dict[str, int | None], half_life: float) -> dict[str, float]:
    graph = nx.DiGraph()
    graph.add_nodes_from(ages)
    graph.add_edges_from((a, b) for a, b in edges if a != b)
    known = {node: age for node, age in ages.items() if age is not None}
    start = {node: 2 ** (-known[node] / half_life) if node in known else 0 for node in graph}
    return dict(nx.pagerank(graph, 0.85, personalization=start, dangling=start, tol=1e-13, max_iter=10_000))


@given(
    st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES + "XY")), max_size=20),
    st.lists(st.one_of(st.none(), st.integers(0, 2000)), min_size=len(NAMES), max_size=len(NAMES)),
)
@settings(max_examples=60)
def test_against_networkx(edges: list[tuple[str, str]], ages: list[int | None]) -> None:
    of = dict(zip(NAMES, [0, *ages[1:]], strict=True))
    assert ranks_of(edges, of, 300.0) == pytest.approx(second(edges, of, 300.0), abs=1e-9)


def test_against_networkx_on_the_model_atlas(real_data: Path) -> None:
    rows = pq.read_table(
        real_data / "model_atlas" / "model_atlas_edges.parquet", columns=["child", "parent"]
    ).to_pylist()
    edges = [(row["child"], row["parent"].rstrip("/")) for row in rows if row["child"] and row["parent"]]
    ages: dict[str, int | None] = {node: 0 for pair in edges for node in pair}
    found = ranks_of(edges, ages)
    assert len(found) > 30_000
    assert found == pytest.approx(second(edges, ages, 365.0), abs=1e-10)


def test_recent_releases_weigh_more() -> None:
    edges = [("a", "old"), ("b", "old"), ("c", "new"), ("d", "new")]
    found = ranks_of(edges, {"a": 1000, "b": 1000, "c": 1, "d": 1, "old": 1000, "new": 1000})
    assert found["new"] > 3 * found["old"]
    assert sum(found.values()) == pytest.approx(1)


def test_without_ages_ranks_are_0_and_without_models_there_are_no_rows() -> None:
    assert set(ranks_of([("a", "b")], {"a": None}).values()) == {0.0}
    assert ranks_of([], {}) == {}


@pytest.mark.parametrize(("half_life", "damping"), [(0.0, 0.85), (1.0, 1.0)])
def test_impossible_options_are_refused(half_life: float, damping: float) -> None:
    nothing = pa.table(
        {"node": pa.array([], pa.string()), "base_node": pa.array([], pa.string()), "age": pa.array([], pa.int64())}
    )
    with pytest.raises(ValueError, match="half_life"):
        temporal_pagerank(nothing, nothing, half_life=half_life, damping=damping)
