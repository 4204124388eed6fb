"""Networks with a model whose edges are implicit: what the assets read from the warehouse."""

from datetime import date
from typing import Any

import duckdb
import pytest

from hub_assets.assets.networks import RULES, collaborations
from hub_assets.networks.centrality import centrality_table, summary_table
from hub_assets.resources import project

WEEK = date(2026, 11, 16)


def test_implicit_edges_are_measured_except_under_the_rule_that_needs_dates() -> None:
    """Ann, bob and cy work on a large model; ann and dan on a small one."""
    tables: dict[str, list[dict[str, Any]]] = {
        "int_hub__collaboration_developers": [{"network": "all", "developer_id": who} for who in ("a", "b", "c", "d")],
        "int_hub__collaboration_edges": [
            {
                "network": "all",
                "edge_rule": rule,
                "source_id": "a",
                "target_id": "d",
                "weight": 2,
                "fractional_weight": 2,
            }
            for rule in RULES
        ],
        "int_hub__collaborations": [
            {"repo_key": repo, "developer_id": who} for repo, people in (("1", "abc"), ("2", "ad")) for who in people
        ],
        "int_hub__implicit_collaborations": [
            {"edge_rule": rule, "repo_key": "1", "developer_id": who, "n_commits": n}
            for rule in RULES
            for who, n in (("a", 3), ("b", 1), ("c", 1 if rule == "all_authors" else 0))
        ],
        "int_hub__model_networks": [{"network": "all", "repo_key": repo} for repo in ("1", "2")],
        "mart__repo_activity": [{"repo_type": "model", "repo_key": repo, "n_commits": 5} for repo in ("1", "2")],
    }
    models = {model.name: model for model in project().models}
    with duckdb.connect() as connection:
        for name, rows in tables.items():
            connection.execute(
                f"create table {name} ({', '.join(f'{column.name} {column.type}' for column in models[name].columns)})"
            )
            fixed = {column.name for column in models[name].columns} & {"snapshot_date", "includes_bots"}
            for row in rows:
                values = dict.fromkeys(fixed, False) | {"snapshot_date": WEEK} | row
                marks = ", ".join("?" * len(values))
                connection.execute(f"insert into {name} ({', '.join(values)}) values ({marks})", [*values.values()])
        found = {each.edge_rule: each for each in collaborations(connection, WEEK)}
    assert list(found) == list(RULES)
    assert found["prior_contributors"].graph is None
    for rule, n_edges in (("first_author", 5), ("all_authors", 7)):
        graph = found[rule].graph
        assert graph is not None
        central = centrality_table(graph, found[rule].contributions)
        (row,) = found[rule].named(summary_table(graph, central)).to_pylist()
        known = {
            "n_models": 2,
            "n_models_implicit": 1,
            "n_developers": 4,
            "n_isolates": 0,
            "nodes": 4,
            "edges": n_edges,
        }
        assert {name: row[name] for name in known} == known
        assert dict(zip("abcd", central["strength"].to_pylist(), strict=True)) == pytest.approx(
            # each commit counts once per other developer, at both ends
            {"a": 2 + 6 + 1, "b": 3 + 2, "c": 3 + 1, "d": 2}
            if rule == "first_author"
            else {"a": 10, "b": 6, "c": 6, "d": 2}
        )
