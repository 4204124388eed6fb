"""Usage and co-usage, compared with a double loop, networkx, pandas, and a real network."""

from collections import defaultdict
from itertools import combinations
from pathlib import Path
from typing import Any

import networkx as nx
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub_assets.networks import schemas, usage
from hub_assets.networks.usage import co_usage_edges, co_usage_table, usage_summary_table
from hub_assets.statistics.tails import fit_tail

Uses = set[tuple[str, str]]
USES = st.sets(st.tuples(st.sampled_from("stuvwx"), st.sampled_from("abcdefgh")), max_size=40)
NAMES = {"model_key": pa.string(), "space_key": pa.string()}


def table_of(uses: Uses) -> pa.Table:
    rows = [{"space_key": space, "model_key": model} for space, model in uses]
    return pa.Table.from_pylist(rows, pa.schema(NAMES))


def usage_of(uses: pa.Table, network: str = "all") -> pa.Table:
    """Return the rows of `network__model_usage` for all models in use; each id equals the key."""
    counted = uses.group_by("model_key").aggregate([("space_key", "count")])
    keys, n_spaces = counted["model_key"], counted["space_key_count"]
    return pa.table({"network": pa.repeat(network, len(keys)), "repo_key": keys, "repo_id": keys, "n_spaces": n_spaces})


@pytest.mark.parametrize("cells", [1, 7, 10_000_000])
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(uses=USES, cv=st.frozensets(st.sampled_from("abcdefgh")))
def test_co_usage_matches_a_double_loop(
    monkeypatch: pytest.MonkeyPatch, cells: int, uses: Uses, cv: frozenset[str]
) -> None:
    monkeypatch.setattr(usage, "_CELLS", cells)
    models_of = defaultdict(set)
    for space, model in uses:
        models_of[space].add(model)
    weights: dict[tuple[str, str], int] = defaultdict(int)
    for models in models_of.values():
        for a, b in combinations(sorted(models), 2):
            weights[a, b] += 1
    edges = co_usage_edges(table_of(uses)).read_all().to_pylist()
    assert [((row["repo_key_a"], row["repo_key_b"]), row["weight"]) for row in edges] == sorted(weights.items())

    in_use = usage_of(table_of(uses))
    of_cv = in_use.filter(pc.is_in(in_use["repo_key"], pa.array(sorted(cv), pa.string())))
    of_cv = of_cv.set_column(0, "network", pa.repeat("cv", len(of_cv)))
    found = co_usage_table(table_of(uses), pa.concat_tables([in_use, of_cv])).to_pylist()
    for network, members in (("all", frozenset("abcdefgh")), ("cv", cv)):
        expected = []
        for model in {model for _, model in uses} & members:
            mine = [n for pair, n in weights.items() if model in pair and members >= set(pair)]
            expected.append((-len(mine), -sum(mine), model))
        rows = [row for row in found if row["network"] == network]
        assert [(-row["degree"], -row["weighted_degree"], row["repo_id"]) for row in rows] == sorted(expected)
        assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))


@settings(max_examples=30, deadline=None)
@given(uses=USES.filter(bool))
def test_the_summary_matches_pandas_and_networkx(uses: Uses) -> None:
    in_use = usage_of(table_of(uses))
    together = co_usage_table(table_of(uses), in_use)
    used, joined = usage_summary_table(table_of(uses), in_use, together).to_pylist()
    bipartite = nx.Graph([((0, space), (1, model)) for space, model in uses])
    projected = nx.projected_graph(bipartite, [node for node in bipartite if node[0]])
    for row, graph, ranking in ((used, bipartite, "usage"), (joined, projected, "co_usage")):
        degrees = pd.Series([degree for (is_model, _), degree in graph.degree if is_model], dtype=float)
        described = degrees.describe()
        assert (row["network"], row["ranking"], row["n"]) == ("all", ranking, len(degrees))
        for name, label in zip(
            ("mean", "min", "p25", "p50", "p75", "max"), ("mean", "min", "25%", "50%", "75%", "max"), strict=True
        ):
            assert row[name] == pytest.approx(described[label], rel=1e-12)
        assert row["std"] == (pytest.approx(described["std"]) if len(degrees) > 1 else None)
        assert row["share_zero"] == (degrees == 0).mean()
        assert row["n_edges"] == graph.number_of_edges()
        assert row["n_components"] == nx.number_connected_components(graph)
        assert row["largest_component"] == max(map(len, nx.connected_components(graph)))


def test_no_models_in_use() -> None:
    nothing = table_of(set())
    in_use = usage_of(nothing)
    together = co_usage_table(nothing, in_use)
    summary = usage_summary_table(nothing, in_use, together)
    assert (len(together), len(co_usage_edges(nothing).read_all()), len(summary)) == (0, 0, 0)
    assert together.schema.names == schemas.MODEL_CO_USAGE.names[1:]
    assert summary.schema.names == schemas.USAGE_SUMMARY.names[1:]


def test_models_at_a_thousand_or_more_are_counted() -> None:
    uses = table_of(
        {(f"s{n}", model) for model, often in (("a", 999), ("b", 1_000), ("c", 1_001)) for n in range(often)}
    )
    used, joined = usage_summary_table(uses, usage_of(uses), co_usage_table(uses, usage_of(uses))).to_pylist()
    assert (used["n_at_least_1000"], used["max"], joined["n_at_least_1000"]) == (2, 1_001, 0)


def test_a_space_with_five_thousand_models_is_counted_in_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    many, cells = 5_000, 500_000
    monkeypatch.setattr(usage, "_CELLS", cells)
    uses = table_of({("s", f"{n:04}") for n in range(many)} | {("t", "0000"), ("t", "x")})
    found = co_usage_table(uses, usage_of(uses))
    assert found.slice(0, 2).to_pylist() == [
        {"network": "all", "repo_key": key, "repo_id": key, "degree": degree, "weighted_degree": degree, "rank": rank}
        for rank, (key, degree) in enumerate({"0000": many, "0001": many - 1}.items(), 1)
    ]
    assert pc.sum(found["degree"]).as_py() == many * (many - 1) + 2
    sizes = [len(batch) for batch in co_usage_edges(uses)]
    assert sum(sizes) == many * (many - 1) // 2 + 1
    assert max(sizes) <= cells


@pytest.fixture(scope="module")
def real_uses(real_data: Path) -> pa.Table:
    uses = pq.read_table(real_data / "usage" / "github_repo_uses_model.parquet", columns=["github_repo", "model_id"])
    return uses.cast(pa.schema([(name, pa.string()) for name in uses.column_names])).rename_columns(
        ["space_key", "model_key"]
    )


def test_a_real_network_of_usage(real_uses: pa.Table) -> None:
    """The expected values are from the network's README, where they were computed independently."""
    in_use = usage_of(real_uses)
    together = co_usage_table(real_uses, in_use)
    used, joined = usage_summary_table(real_uses, in_use, together).to_pylist()
    assert (used["n"], used["n_edges"], used["p50"], used["max"]) == (1_512, 22_860, 2, 2_014)
    assert (round(used["mean"], 2), round(used["std"], 1)) == (15.12, 80.1)
    assert (used["n_components"], used["largest_component"]) == (196, 9_012)
    assert used["n_at_least_1000"] == 2
    assert (joined["n"], joined["n_edges"], joined["n_components"]) == (1_512, 130_895, 196)
    n_spaces = dict(zip(in_use["repo_id"].to_pylist(), in_use["n_spaces"].to_pylist(), strict=True))
    known = {"spacy/en_core_web_sm": 2_014, "bert-base-uncased": 1_704, "gpt2": 910, "roberta-base": 581}
    assert n_spaces.items() >= known.items()

    edges = co_usage_edges(real_uses).read_all()
    heaviest = edges.sort_by([("weight", "descending")]).slice(0, 2).to_pylist()
    assert len(edges) == 130_895
    assert heaviest == [
        {"repo_key_a": "bert-base-uncased", "repo_key_b": "roberta-base", "weight": 286},
        {"repo_key_a": "bert-base-uncased", "repo_key_b": "gpt2", "weight": 232},
    ]
    assert pc.sum(together["weighted_degree"]).as_py() == 2 * pc.sum(edges["weight"]).as_py()


def test_the_usage_of_real_models_is_not_a_power_law(real_uses: pa.Table) -> None:
    fit: dict[str, Any] = fit_tail(usage_of(real_uses)["n_spaces"].to_numpy())
    assert (fit["x_min"], round(fit["alpha"], 3), round(fit["ks"], 3)) == (1, 1.614, 0.049)
    assert fit["ratio_lognormal"] < 0
    assert fit["p_lognormal"] < 1e-6
    assert fit["preferred"] != "power_law"
