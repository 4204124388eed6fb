"""Cycles of base models, compared with networkx."""

import networkx as nx
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_assets.networks import schemas
from hub_assets.networks.base_models import base_model_cycles_table

Edges = list[tuple[str, str | None]]
KEYS = "123456789"
EDGES = st.lists(st.tuples(st.sampled_from(KEYS[:8]), st.sampled_from([*KEYS, None])), max_size=24)


def table_of(edges: Edges) -> pa.Table:
    """Return rows of `mart__base_model_edges` whose ids sort in the reverse order of their keys."""
    rows = [{"repo_key": key, "repo_id": f"n/{9 - int(key)}", "base_repo_key": base} for key, base in edges]
    return pa.Table.from_pylist(
        rows, pa.schema({"repo_key": pa.string(), "repo_id": pa.string(), "base_repo_key": pa.string()})
    )


def test_cycles_that_share_a_model_are_one_and_models_leading_there_are_not_in_it() -> None:
    edges: Edges = [
        ("1", "2"),
        ("2", "1"),
        ("2", "3"),
        ("3", "2"),
        ("4", "1"),
        ("5", "5"),
        ("6", None),
        ("3", "7"),
        ("7", "9"),
    ]
    found = base_model_cycles_table(table_of(edges))
    assert found.schema.names == schemas.BASE_MODEL_CYCLES.names[1:]
    assert found.to_pylist() == [
        {"cycle": "n/6", "repo_key": key, "repo_id": name, "n_models": 3}
        for key, name in (("3", "n/6"), ("2", "n/7"), ("1", "n/8"))
    ]


@settings(max_examples=60, deadline=None)
@given(edges=EDGES)
def test_cycles_match_networkx(edges: Edges) -> None:
    graph = nx.DiGraph((child, base) for child, base in edges if base is not None)
    expected = {frozenset(part) for part in nx.strongly_connected_components(graph) if len(part) > 1}
    rows = base_model_cycles_table(table_of(edges)).to_pylist()
    cycles = {row["cycle"] for row in rows}
    found = {cycle: frozenset(row["repo_key"] for row in rows if row["cycle"] == cycle) for cycle in cycles}
    assert set(found.values()) == expected
    assert len(found) == len(expected)
    assert all(row["n_models"] == len(found[row["cycle"]]) for row in rows)
    assert all(cycle == min(row["repo_id"] for row in rows if row["cycle"] == cycle) for cycle in cycles)
