"""The server's lists of repositories, organizations and families, compared with pandas on the same tables."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pandas as pd
import pyarrow as pa
import pytest

from hub_assets.local_hub.server import running
from hub_assets.report.serve.app import build_app
from hub_assets.search.index import build
from hub_assets.vocabulary import REPO_TYPES
from hub_assets_tests.browser.test_explorers import WEEK
from hub_assets_tests.report.serve.conftest import Client, Served, copied


def results(client: Client, path: str, **given: Any) -> list[dict[str, Any]]:
    status, _, body = client.get(f"{path}?{urlencode(given)}")
    assert status == 200, body
    found: list[dict[str, Any]] = json.loads(body)["results"]
    return found


def frame(served: Served, table: str) -> pd.DataFrame:
    return pd.DataFrame(served.rows(f"select * from {table}"))


@pytest.mark.parametrize(
    ("plural", "given", "condition", "measure"),
    [
        ("models", {}, "n_likes >= 0", "trending_score"),
        ("models", {"sort_by": "likes", "k": 100}, "n_likes >= 0", "n_likes"),
        ("models", {"sort_by": "downloads", "min_downloads": 50, "k": 5}, "n_downloads >= 50", "n_downloads"),
        (
            "models",
            {"min_param_count": 10**9, "max_param_count": 10**10, "license": "permissive"},
            "n_parameters >= 1e9 and n_parameters <= 1e10 and license_group == 'permissive'",
            "trending_score",
        ),
        ("models", {"task": "no such task"}, "task == 'no such task'", "trending_score"),
        ("datasets", {"min_likes": 3}, "n_likes >= 3", "trending_score"),
        ("spaces", {"sort_by": "likes", "k": 3}, "n_likes >= 0", "n_likes"),
    ],
)
def test_trending_repositories_have_the_largest_values(
    client: Client, served: Served, plural: str, given: dict[str, Any], condition: str, measure: str
) -> None:
    wanted = frame(served, f"mart__{plural}").query(condition).set_index("repo_id")[measure]
    found = results(client, f"/trending/{plural}", **given)
    k = given.get("k", 10)
    assert len(found) == min(k, len(wanted))
    name = {"n_likes": "likes", "n_downloads": "downloads"}.get(measure, measure)
    largest = wanted.sort_values(ascending=False, na_position="last").head(k)
    assert [row[name] for row in found] == [None if pd.isna(value) else value for value in largest]
    assert [wanted[row["id"]] for row in found] == pytest.approx(largest.tolist(), nan_ok=True)
    assert len({row["id"] for row in found}) == len(found)


def test_an_id_that_the_index_has_twice_is_listed_once(served: Served, tmp_path: Path) -> None:
    mine = copied(served, tmp_path / "mine")
    folder = mine.folder / "search" / str(WEEK)
    parts = []
    for repo_type in REPO_TYPES:
        with pa.memory_map(str(folder / repo_type / "documents.arrow")) as file:
            parts.append(pa.ipc.open_file(file).read_all())
    build(pa.concat_tables([*parts, parts[0]]), folder)
    published = mine.published
    with running(build_app(published)) as url:
        found = results(Client(url), "/search/models", query="speech", k=20)
    published.close()
    assert found
    assert len({row["id"] for row in found}) == len(found)


@pytest.mark.parametrize("query", ["", "a", "GOOGLE", "no such name"])
def test_organizations_are_found_by_a_part_of_their_name(client: Client, served: Served, query: str) -> None:
    table = frame(served, "mart__organizations")
    sums = table.groupby(["organization", "kind"], as_index=False)[["n_repos", "n_downloads"]].sum()
    named = sums[sums["organization"].str.lower().str.contains(query.lower(), regex=False)]
    named = named.sort_values(["n_repos", "organization", "kind"], ascending=[False, True, True]).head(7)
    found = results(client, "/organizations", query=query, k=7)
    assert [(row["organization"], row["kind"], row["n_repos"]) for row in found] == list(
        named[["organization", "kind", "n_repos"]].itertuples(index=False, name=None)
    )
    assert [row["n_downloads"] or 0 for row in found] == named["n_downloads"].tolist()


@pytest.mark.parametrize("query", ["", "model-1", "MODEL-11", "meta", "no such name"])
def test_families_are_found_by_a_part_of_an_id(client: Client, served: Served, query: str) -> None:
    nodes = frame(served, "network__family_nodes")
    lowered = nodes["repo_id"].str.lower()
    named = nodes[lowered.str.contains(query.lower(), regex=False)]
    exact = (lowered[named.index] == query.lower()).sum()
    found = results(client, "/families", query=query, k=9)
    assert len(found) == min(9, len(named))
    assert all(row["repo_id"].lower() == query.lower() for row in found[:exact])
    others = named[lowered[named.index] != query.lower()]["n_descendants"].sort_values(ascending=False)
    assert [row["n_descendants"] for row in found[exact:]] == others.head(9 - exact).tolist()
    of = nodes.set_index("node")["repo_id"]
    assert all(of[row["node"]] == row["repo_id"] for row in found)


def test_neighbors_are_those_of_the_edges(client: Client, served: Served) -> None:
    nodes = frame(served, "network__family_nodes").set_index("node")
    models = frame(served, "mart__models").set_index("repo_key")
    edges = frame(served, "mart__base_model_edges").query("not is_self_loop and base_repo_id != '(no id)'")
    edges["base"] = edges["base_repo_key"].fillna("id:" + edges["base_repo_id"].str.lower())
    largest = nodes.sort_values(["n_children", "repo_id"], ascending=False).head(5)
    for node, row in largest.iterrows():
        children = edges[edges["base"] == node]
        found = results(client, "/families/derivatives", repo_id=row["repo_id"].upper(), k=100)
        assert {each["node"] for each in found} == set(children["repo_key"])
        sizes = [
            (models["n_downloads"].get(each["node"]) or 0) + nodes["n_downloads_descendants"][each["node"]]
            for each in found
        ]
        assert sizes == sorted(sizes, reverse=True)
        child = children.iloc[0]
        bases = results(client, "/families/bases", repo_id=nodes["repo_id"][child["repo_key"]], k=100)
        assert {each["node"] for each in bases} == set(edges.loc[edges["repo_key"] == child["repo_key"], "base"])
        relation = child["relation"]
        narrowed = results(client, "/families/derivatives", repo_id=row["repo_id"], k=100, relation=relation)
        assert {each["node"] for each in narrowed} == set(children.loc[children["relation"] == relation, "repo_key"])
        assert all(each["license_group"] == models["license_group"].get(each["node"], "unknown") for each in narrowed)
