"""Raw tables built from a simulated week match those of a real crawl."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from hub_assets.hub.collect.collection import land
from hub_assets.hub.collect.crawl import Budget
from hub_assets.hub.sources.listings import LISTINGS
from hub_assets.lake.parts import Lake
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.simulated import REFERENCE, Simulation, simulate
from hub_assets_tests.hub.made import PLENTY, listed, rows, served
from hub_assets_tests.hub.tables import ACCOUNTS as ACCOUNT_TABLE
from hub_assets_tests.hub.tables import HISTORIES
from hub_assets_tests.identities.simulated import ACCOUNTS, raw_tables

Row = dict[str, Any]
TIME_OR_TEXT = {"observed_at", "created_at", "message", "error_code"} | LISTINGS["model"].json_fields
"""Columns that depend on the time of the request or are never read."""


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return simulate(REFERENCE, scale=0.0008)


@pytest.fixture(scope="module")
def crawled(simulation: Simulation, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(tmp_path_factory.mktemp("lake"))
    with served(build_app(simulation.population(), quota=PLENTY)) as client:
        listed(client, lake, REFERENCE)
        for kind in HISTORIES:
            land(client, lake, HISTORIES[kind], REFERENCE)
        land(client, lake, ACCOUNT_TABLE, REFERENCE)
    return lake


@pytest.fixture(scope="module")
def made(simulation: Simulation) -> dict[str, pa.Table]:
    return raw_tables(simulation)


def by(key: str, rows: list[Row]) -> dict[str, Row]:
    return {row[key]: {name: value for name, value in row.items() if name not in TIME_OR_TEXT} for row in rows}


@pytest.mark.parametrize("repo_type", ["model", "dataset", "space"])
def test_listings(made: dict[str, pa.Table], crawled: Lake, repo_type: str) -> None:
    table = f"raw_hub__{repo_type}s"
    found = by("_id", made[table].to_pylist())
    assert len(found) > 50
    assert found == by("_id", rows(crawled, table))


@pytest.mark.parametrize("kind", HISTORIES)
def test_histories(made: dict[str, pa.Table], crawled: Lake, kind: str) -> None:
    table = f"raw_hub__{kind}"
    pages = sorted((row for row in rows(crawled, table) if row["outcome"] == "ok"), key=lambda row: row["page"])
    seen: dict[str, list[Row]] = {}
    for row in pages:
        seen.setdefault(row["repo_key"], []).extend(item | {"author_type": None} for item in row[kind])
    found = {row["repo_key"]: row for row in made[table].to_pylist()}
    assert len(seen) > 300
    assert sum(map(len, seen.values())) > 50
    for key, items in seen.items():
        assert [item | {"author_type": None} for item in found[key][kind]] == items
    one = next(row for row in pages if row["is_last"] and row["page"] == 0)
    same = {name for name in one if found[one["repo_key"]][name] == one[name]}
    assert same >= {
        "repo_type",
        "repo_id",
        "listed_sha",
        "fetch_number",
        "page",
        "is_last",
        "history_version",
        "sample_share",
        "n_fetched",
    }
    assert same >= {"outcome", "status", "attempts", "calls", "n_total", "snapshot_date"}


def test_accounts(made: dict[str, pa.Table], crawled: Lake) -> None:
    found, true = (by("author", answers) for answers in (made[ACCOUNTS].to_pylist(), rows(crawled, ACCOUNTS)))
    assert {row["outcome"] for row in found.values()} == {"ok", "gone"}
    for answers in (found, true):
        for row in answers.values():
            row["organizations"] = {one["account_key"]: one["name"] for one in row["organizations"] or []}
    assert found == true


def test_accounts_are_not_looked_up_unless_requested(simulation: Simulation, made: dict[str, pa.Table]) -> None:
    without = raw_tables(simulation, with_accounts=False)
    assert len(without[ACCOUNTS]) == 0
    assert without[ACCOUNTS].schema == made[ACCOUNTS].schema
    assert without["raw_hub__commits"].equals(made["raw_hub__commits"])


def test_requested_names_are_looked_up_first_even_if_they_are_not_authors(
    simulation: Simulation, tmp_path: Path
) -> None:
    lake, population = Lake(tmp_path), simulation.population()
    assert population.members is not None
    organization = population.members["org"][0].as_py()
    with served(build_app(population, quota=PLENTY)) as client:
        listed(client, lake, REFERENCE)
        first = pa.array([organization, "nobody-at-all", "no handle"])
        for _ in range(2):
            land(client, lake, ACCOUNT_TABLE, REFERENCE, first=first, budget=Budget(calls=10))
    asked = {row["author"]: (row["outcome"], row["account_type"]) for row in rows(lake, ACCOUNTS)}
    assert asked == {organization: ("ok", "org"), "nobody-at-all": ("gone", None)}
