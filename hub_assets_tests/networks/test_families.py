"""Families of models, compared with networkx on made-up graphs, and checked on a recorded lineage."""

from collections import Counter, defaultdict
from pathlib import Path

import networkx as nx
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_assets.networks import families, schemas
from hub_assets.networks.families import family_tables

Edges = list[tuple[str, str]]
LISTED = "abcdefgh"
MODELS = st.sampled_from(LISTED)
# capital letters are unlisted bases
EDGES = st.lists(st.tuples(MODELS, st.sampled_from([*LISTED, "X", "Y"])), max_size=16)
SCHEMA = pa.schema(
    {
        "repo_key": pa.string(),
        "repo_id": pa.string(),
        "base_repo_key": pa.string(),
        "base_repo_id": pa.string(),
        "is_self_loop": pa.bool_(),
    }
)


def edges_of(edges: Edges, listed: str = LISTED) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "repo_key": child,
                "repo_id": f"n/{child}",
                "base_repo_key": base if base in listed else None,
                "base_repo_id": base if base == "(no id)" else f"n/{base}",
                "is_self_loop": child == base,
            }
            for child, base in edges
        ],
        SCHEMA,
    )


def downloads_of(names: str = LISTED) -> pa.Table:
    return pa.table(
        {"repo_key": list(names), "n_downloads": pa.array([10**place for place in range(len(names))], pa.int64())}
    )


def found_in(edges: Edges) -> tuple[dict[str, dict[str, object]], dict[str, dict[str, int]]]:
    nodes, members = family_tables(edges_of(edges), downloads_of())
    assert nodes.schema.names == schemas.FAMILY_NODES.names[1:]
    below: dict[str, dict[str, int]] = defaultdict(dict)
    for row in members.to_pylist():
        below[row["root_node"]][row["node"]] = row["depth"]
    return {row["node"]: row for row in nodes.to_pylist()}, below


def test_a_merge_belongs_to_both_families_and_counts_once_in_each() -> None:
    nodes, members = found_in([("b", "a"), ("d", "c"), ("e", "b"), ("e", "d"), ("f", "e"), ("f", "b")])
    assert members == {"a": {"b": 1, "e": 2, "f": 2}, "c": {"d": 1, "e": 2, "f": 3}}
    assert [name for name, node in nodes.items() if node["is_root"]] == ["a", "c"]
    assert {name: node["n_roots"] for name, node in nodes.items()} == {"a": 1, "b": 1, "c": 1, "d": 1, "e": 2, "f": 2}
    assert (nodes["e"]["root_node"], nodes["e"]["depth"], nodes["e"]["n_bases"]) == ("a", 2, 2)
    # a model within a family counts its own descendants but is not a root
    assert (nodes["b"]["n_descendants"], nodes["b"]["n_children"], nodes["b"]["is_root"]) == (2, 2, False)
    assert nodes["a"]["n_downloads_descendants"] == 10 + 10**4 + 10**5


def test_a_cycle_is_one_generation_whose_first_id_is_the_root() -> None:
    nodes, members = found_in([("b", "c"), ("c", "b"), ("d", "c"), ("e", "e"), ("f", "f"), ("f", "a")])
    assert members == {"b": {"c": 0, "d": 1}, "a": {"f": 1}}
    assert (nodes["b"]["is_root"], nodes["c"]["is_root"], nodes["c"]["root_node"]) == (True, False, "b")
    assert (nodes["b"]["n_descendants"], nodes["c"]["n_descendants"]) == (2, 2)
    assert nodes["b"]["is_in_cycle"]
    assert not nodes["d"]["is_in_cycle"]
    # a model whose only base is itself has no family; if it also names another base, naming itself has no effect
    assert "e" not in nodes
    assert (nodes["f"]["is_in_cycle"], nodes["f"]["n_bases"]) == (False, 1)


def test_a_cycle_below_a_root_has_no_root_of_its_own() -> None:
    nodes, members = found_in([("b", "c"), ("c", "b"), ("c", "a")])
    assert members == {"a": {"b": 1, "c": 1}}
    assert [name for name, node in nodes.items() if node["is_root"]] == ["a"]


def test_an_unlisted_base_is_one_root_in_every_spelling_and_a_path_is_none() -> None:
    edges = edges_of([("a", "X"), ("b", "Y"), ("c", "(no id)"), ("d", "c")])
    spelled = edges.set_column(3, "base_repo_id", pa.array(["Lab/Base", "lab/base", "(no id)", "n/c"]))
    nodes, members = family_tables(spelled, downloads_of())
    found = {row["node"]: row for row in nodes.to_pylist()}
    assert set(found) == {"id:lab/base", "a", "b", "c", "d"}
    assert (found["id:lab/base"]["n_descendants"], found["id:lab/base"]["is_listed"]) == (2, False)
    assert (found["c"]["is_root"], found["c"]["n_descendants"]) == (True, 1)
    assert len(members) == 3


def test_no_edges_make_no_families() -> None:
    assert [len(table) for table in family_tables(edges_of([]), downloads_of())] == [0, 0]


def test_a_long_chain_counts_descendants_over_64_generations_and_roots_over_all() -> None:
    keys = [f"{place:05d}" for place in range(3_000)]
    table = pa.table(
        {
            "repo_key": keys[1:],
            "repo_id": keys[1:],
            "base_repo_key": keys[:-1],
            "base_repo_id": keys[:-1],
            "is_self_loop": pa.repeat(pa.scalar(value=False), len(keys) - 1),
        },
        schema=SCHEMA,
    )
    nodes, members = family_tables(table, pa.table({"repo_key": keys, "n_downloads": pa.nulls(3_000, pa.int64())}))
    below = nodes["n_descendants"].to_pylist()
    assert (below[0], below[1], below[-2], below[-1]) == (2_999, families.MAX_GENERATIONS, 1, 0)
    assert pc.max(members["depth"]).as_py() == 2_999


def check_against_networkx(
    edges: Edges, nodes: dict[str, dict[str, object]], members: dict[str, dict[str, int]]
) -> None:
    graph = nx.DiGraph((base, child) for child, base in edges if child != base)
    assert set(nodes) == set(graph)
    parts = nx.condensation(graph)
    first = {part: min(data["members"]) for part, data in parts.nodes(data=True)}
    roots = [part for part, degree in parts.in_degree() if degree == 0]
    assert {first[root] for root in roots} == {name for name, node in nodes.items() if node["is_root"]}
    expected = {}
    for root in roots:
        depth = nx.single_source_shortest_path_length(parts, root)
        below = {name: depth[part] for part in depth for name in parts.nodes[part]["members"] if name != first[root]}
        expected[first[root]] = below
    assert {root: below for root, below in expected.items() if below} == members
    for name, node in nodes.items():
        assert node["n_descendants"] == len(nx.descendants(graph, name) - {name})
        assert (node["n_children"], node["n_bases"]) == (graph.out_degree(name), graph.in_degree(name))
        in_families = sum(name in below for below in expected.values())
        assert node["n_roots"] == max(in_families, 1)


@settings(max_examples=150, deadline=None)
@given(edges=EDGES)
def test_families_equal_those_of_networkx(edges: Edges) -> None:
    nodes, members = found_in(edges)

    def plain(node: str) -> str:
        return node.removeprefix("id:n/").upper() if node.startswith("id:") else node

    # capital letters sort before the others, as `n/X` does before `n/a`
    check_against_networkx(
        edges,
        {plain(name): node for name, node in nodes.items()},
        {plain(root): below for root, below in members.items()},
    )


@pytest.mark.slow
def test_a_recorded_lineage_has_the_families_that_networkx_finds(real_data: Path) -> None:
    recorded = pq.read_table(real_data / "model_atlas/model_atlas_edges.parquet")
    recorded = recorded.filter(pc.equal(pc.utf8_slice_codeunits(recorded["origin"], 0, 4), "auto"))
    assert len(recorded) == 21_891
    child, base = recorded["child"], recorded["parent"]
    table = pa.table(
        {
            "repo_key": child,
            "repo_id": child,
            "base_repo_key": base,
            "base_repo_id": base,
            "is_self_loop": pc.equal(child, base),
        }
    )
    edges = list(zip(child.to_pylist(), base.to_pylist(), strict=True))
    everybody = pc.unique(pa.chunked_array([*child.chunks, *base.chunks]))
    nodes, members = family_tables(
        table, pa.table({"repo_key": everybody, "n_downloads": pa.repeat(1, len(everybody))})
    )
    below: dict[str, dict[str, int]] = defaultdict(dict)
    for row in members.to_pylist():
        below[row["root_node"]][row["node"]] = row["depth"]
    by_name = {row["node"]: row for row in nodes.to_pylist()}
    check_against_networkx(edges, by_name, below)

    graph = nx.DiGraph((parent, model) for model, parent in edges if model != parent)
    components = list(nx.weakly_connected_components(graph))
    assert len({row["root_node"] for row in by_name.values()}) >= len(components)
    largest = Counter({root: len(family) for root, family in below.items()}).most_common(10)
    assert [(root, len(nx.descendants(graph, root))) for root, _ in largest] == largest
    assert all(row["n_downloads_descendants"] == row["n_descendants"] for row in by_name.values())
