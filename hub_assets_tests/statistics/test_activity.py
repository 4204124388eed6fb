"""The study's activity statistics: their rows, and their values for a Hub with known true values."""

import csv
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

import dbt_like_sql
from hub_assets.local_hub.simulated import REFERENCE, simulate
from hub_assets.local_hub.simulated.calibration import true_activity
from hub_assets.statistics import schemas
from hub_assets.statistics.activity import (
    LEAST_USED,
    LICENSE_GROUPS,
    VARIABLES,
    concentration_table,
    correlation_table,
    license_test_table,
    lorenz_table,
    tail_table,
)
from hub_assets.statistics.concentration import gini
from hub_assets.vocabulary import REPO_TYPES

TABLES = {
    concentration_table: schemas.CONCENTRATION,
    lorenz_table: schemas.LORENZ,
    correlation_table: schemas.CORRELATIONS,
    license_test_table: schemas.LICENSE_TESTS,
    tail_table: schemas.TAIL_FITS,
}
Activity = Mapping[str, pa.Table]


def groups() -> dict[str, str]:
    path = Path(dbt_like_sql.__file__).parent / "seeds" / "license_groups.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return {row["license"]: row["license_group"] for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def activity() -> Activity:
    """A tenth of the study's Hub, in the form of `mart__repo_activity`."""
    simulation, known = simulate(REFERENCE, scale=0.1), groups()
    tables: dict[str, pa.Table] = {}
    for repo_type in REPO_TYPES:
        found = true_activity(simulation, repo_type)
        columns: dict[str, Any] = {name: found[name] for name in VARIABLES[repo_type]}
        tags = simulation.repos[repo_type]["tags"].to_pylist()
        first = [next((tag[8:] for tag in row if tag.startswith("license:")), None) for row in tags]
        columns["license"] = pa.array(first, pa.string())
        columns["license_group"] = pa.array([known.get(name, "other") if name else "none" for name in first])
        tables[repo_type] = pa.table(columns)
    return tables


def made(n: int, **columns: Any) -> Activity:
    """Return models with the given columns; all other values are 0."""
    usual: dict[str, Any] = {name: pa.array([0] * n, pa.int64()) for name in VARIABLES["model"]}
    usual |= {"license": pa.nulls(n, pa.string()), "license_group": pa.repeat("none", n)}
    return {"model": pa.table(usual | columns)}


def rows(table: pa.Table, **where: Any) -> list[dict[str, Any]]:
    return [row for row in table.to_pylist() if where.items() <= row.items()]


@pytest.mark.parametrize("make", TABLES)
def test_every_table_has_its_schema_for_any_input(make: Any) -> None:
    nothing = {"model": made(0)["model"].slice(0, 0)}
    one = made(1, n_likes=[3])
    unknown = made(3, n_likes=pa.nulls(3, pa.int64()))
    for activity in ({}, nothing, one, unknown, made(5)):
        assert make(activity).schema.equals(pa.schema(list(TABLES[make])[1:]))


def test_each_variable_has_a_row_for_each_target(activity: Activity) -> None:
    table = concentration_table(activity)
    assert len(table) == 3 * sum(map(len, VARIABLES.values()))
    for row in table.to_pylist():
        values = activity[row["repo_type"]][row["variable"]].to_numpy()
        assert row["n"] == len(values)
        largest = np.sort(values)[::-1][: row["n_repos"]]
        assert largest.sum() >= row["target_share"] * values.sum() * (1 - 1e-12)
        assert largest[:-1].sum() < row["target_share"] * values.sum()
        assert row["gini"] == pytest.approx(gini(values))
        for name in ("share_of_repos", "gini", "hhi", "top_1_share", "top_10_share"):
            assert row[f"{name}_low"] <= row[f"{name}_high"]


@pytest.mark.parametrize("make", [concentration_table, lorenz_table, tail_table])
def test_every_variable_comes_with_its_coverage(make: Any) -> None:
    table = make(made(5, n_likes=[1, 2, None, 0, None]))
    for row in rows(table, variable="n_likes"):
        assert (row["n_listed"], row["share_known"]) == (5, 0.6)
        assert row.get("n_known", row["n"]) == 3
    for row in rows(table, variable="n_commits"):
        assert (row["n_listed"], row["share_known"]) == (5, 1)


def test_pairs_of_variables_and_groups_come_with_their_coverage() -> None:
    likes, commits = [1, 2, None, 0, 4, 4], [2, None, 1, 5, 6, 7]
    activity = made(6, n_likes=likes, n_commits=commits, license_group=["permissive"] * 2 + ["none"] * 4)
    (row,) = rows(correlation_table(activity), license_group="none", variable_x="n_likes", variable_y="n_commits")
    assert (row["n"], row["n_listed"], row["share_known"]) == (3, 4, 0.75)
    (row,) = rows(license_test_table(activity), variable="n_likes", group_a="permissive", group_b="none")
    assert (row["n_a"], row["n_listed_a"], row["n_b"], row["n_listed_b"]) == (2, 2, 3, 4)
    assert row["share_known"] == pytest.approx(5 / 6)


def test_the_lorenz_curve_ends_at_the_total(activity: Activity) -> None:
    curve = rows(lorenz_table(activity), repo_type="model", variable="n_likes")
    assert len(curve) == 101
    assert (curve[0]["share_of_total"], curve[-1]["share_of_total"]) == (0, pytest.approx(1))
    assert all(one["share_of_total"] <= other["share_of_total"] for one, other in pairwise(curve))


def test_correlations_of_all_and_of_license_groups_of_models(activity: Activity) -> None:
    table = correlation_table(activity)
    pairs = {repo_type: len(names) * (len(names) - 1) // 2 for repo_type, names in VARIABLES.items()}
    assert len(table) == 4 * pairs["model"] + pairs["dataset"] + pairs["space"]
    (row,) = rows(table, repo_type="model", license_group="permissive", variable_x="n_likes", variable_y="n_community")
    members = activity["model"].filter(pa.compute.equal(activity["model"]["license_group"], "permissive"))
    assert row["n"] == len(members)
    expected = stats.pearsonr(members["n_likes"].to_numpy(), members["n_community"].to_numpy()).statistic
    assert row["pearson"] == pytest.approx(expected)


def test_license_groups_differ_as_simulated(activity: Activity) -> None:
    """As in the study, users contribute most to permissive models and least to those without a license."""
    table = license_test_table(activity)
    assert len(table) == len(VARIABLES["model"]) * 3
    for row in table.to_pylist():
        assert row["u_a"] + row["u_b"] == row["n_a"] * row["n_b"]
        assert row["p_holm"] >= row["p_value"]
    for variable in VARIABLES["model"]:
        for group, other in (("permissive", "none"), ("restrictive", "none"), ("permissive", "restrictive")):
            (row,) = rows(table, variable=variable, group_a=group, group_b=other)
            if variable == "n_committers":  # nearly all models have one committer, so the groups do not differ
                assert abs(row["rank_biserial"]) < 0.01
                continue
            assert row["rank_biserial"] > 0
            assert row["p_holm"] < 0.05 or (variable, group, other) == ("n_commits", "restrictive", "none")


def test_rare_licenses_are_left_out() -> None:
    often = ["mit"] * LEAST_USED + ["isc"] * (LEAST_USED - 1) + ["gpl"] * LEAST_USED + [None] * 7
    known = groups()
    activity = made(
        len(often), license=pa.array(often), license_group=[known[name] if name else "none" for name in often]
    )
    (row,) = rows(license_test_table(activity), variable="n_likes", group_a="permissive", group_b="restrictive")
    assert (row["n_a"], row["n_b"], row["rank_biserial"], row["p_value"]) == (LEAST_USED, LEAST_USED, 0, 1)
    (row,) = rows(license_test_table(activity), variable="n_likes", group_a="permissive", group_b="none")
    assert (row["n_a"], row["n_b"]) == (LEAST_USED, 7)


def test_an_empty_group_has_a_row_without_a_test() -> None:
    table = license_test_table(made(4, n_likes=[0, 1, 2, 3]))
    assert {(row["n_a"], row["n_b"], row["u_a"], row["p_value"]) for row in table.to_pylist()} == {
        (0, 0, None, None),
        (0, 4, None, None),
    }
    assert {row["group_a"] for row in table.to_pylist()} | {row["group_b"] for row in table.to_pylist()} == set(
        LICENSE_GROUPS
    )


def test_tails_state_the_verdict_on_each_claim(activity: Activity) -> None:
    small = {"dataset": activity["dataset"].select([*VARIABLES["dataset"], "license", "license_group"])}
    table = tail_table(small)
    assert [row["variable"] for row in table.to_pylist()] == list(VARIABLES["dataset"])
    assert all(row["is_right_skewed"] for row in table.to_pylist())
    assert all(row["verdict"] != "supported" for row in table.to_pylist())
    known = {"power_law", "lognormal", "exponential", "truncated_power_law", "undecided", "too_few"}
    assert {row["preferred"] for row in table.to_pylist()} <= known
    assert all(row["is_plausible"] is None for row in table.to_pylist())
    (likes,) = rows(table, variable="n_likes")
    assert likes["n"] == int((activity["dataset"]["n_likes"].to_numpy() > 0).sum())
    assert likes["alpha"] > 1
