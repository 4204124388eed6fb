"""The server's maps, compared with pandas on the same rows."""

import json
from typing import Any
from urllib.parse import urlencode

import duckdb
import numpy as np
import pandas as pd
import pytest

from hub_assets_tests.report.serve.conftest import Client, Served


def expected(repos: pd.DataFrame, measure: str, top: int, most: int) -> dict[str, Any]:
    """Return the numbers of a map, computed by pandas from the selected repositories."""
    repos = repos.assign(value=repos[measure].fillna(0).astype(int))
    sums = repos.groupby("organization")["value"].sum().loc[lambda sums: sums > 0]
    shares = sums / sums.sum()
    results = []
    for organization in sorted(sums.index, key=lambda name: (-sums[name], name))[:top]:
        own = repos[repos["organization"] == organization]
        largest = own[own["value"] > 0].sort_values("value", ascending=False, kind="stable").head(most)
        results.append(
            {
                "organization": organization,
                "kind": own["kind"].min(),
                "country": min(own["country"].dropna(), default=None),
                "n_repos": len(own),
                "n_with_value": int((own["value"] > 0).sum()),
                "total": int(sums[organization]),
                "share": pytest.approx(shares[organization]),
                "largest": largest["value"].tolist(),
            }
        )
    values = np.sort(repos["value"].to_numpy().astype(float))
    # half the mean absolute difference, relative to the mean
    gini = np.abs(values[:, None] - values).mean() / (2 * values.mean()) if values.any() else None
    return {
        "n_selected": len(repos),
        "n_known": int(repos[measure].notna().sum()),
        "n_organizations": len(sums),
        "n_shown": sum(row["n_repos"] for row in results),
        "total": int(sums.sum()),
        "hhi": pytest.approx((shares**2).sum()) if len(sums) else None,
        "gini": None if gini is None else pytest.approx(gini),
        "results": results,
    }


@pytest.mark.parametrize(
    ("plural", "given", "condition"),
    [
        ("models", {}, "true"),
        ("models", {"measure": "n_likes", "top": 50}, "true"),
        ("models", {"measure": "n_derivatives", "top": 1}, "true"),
        ("models", {"license": "permissive", "top": 5}, "license_group = 'permissive'"),
        ("models", {"kind": "company", "task": "(none)"}, "kind = 'company' and task is null"),
        ("models", {"org": "google"}, "lower(organization) = 'google'"),
        ("models", {"skip": "google, META"}, "lower(organization) not in ('google', 'meta')"),
        ("models", {"task": "no such task"}, "false"),
        ("models", {"theme": "(any)", "size": "(any)"}, "len(themes) > 0 and size_class is not null"),
        ("models", {"theme": "(none)"}, "len(themes) = 0"),
        ("datasets", {"language": "de"}, "list_contains(languages, 'de')"),
        ("datasets", {"from": "2024-01-01", "measure": "n_downloads_all_time"}, "created_date >= date '2024-01-01'"),
    ],
)
def test_a_map_agrees_with_pandas(
    client: Client, served: Served, plural: str, given: dict[str, Any], condition: str
) -> None:
    with duckdb.connect(str(served.warehouse), read_only=True) as connection:
        repos = connection.sql(f"from mart__{plural} where {condition}").df()
        every = connection.sql(f"select repo_id, * exclude (repo_id) from mart__{plural}").df().set_index("repo_id")
    measure = given.get("measure", "n_downloads")
    status, _, body = client.get(f"/map/{plural}?{urlencode(given)}")
    assert status == 200, body
    found = json.loads(body)
    for row in found["results"]:
        values = [one["value"] for one in row["largest"]]
        assert [every.loc[one["repo_id"], measure] for one in row["largest"]] == values
        assert {every.loc[one["repo_id"], "organization"] for one in row["largest"]} == {row["organization"]}
        row["largest"] = values
    wanted = expected(repos, measure, given.get("top", 20), 400 if "org" in given else 40)
    assert {name: found[name] for name in wanted} == wanted
    assert found["total_of_all_listed"] == every[measure].sum()
    assert bool(found["results"]) == (condition != "false")
