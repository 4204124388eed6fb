"""Unlisted ids are requested once, however spelled, whether a Space or a derived model references them."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from hub_assets.hub.collect.collection import land
from hub_assets.hub.http.client import HubClient
from hub_assets.lake.parts import Lake
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.population import Population
from hub_assets_tests.hub.made import PLENTY, WEEK, listed, rows, served
from hub_assets_tests.hub.tables import ALIASES, plan_of


def hub(week: date, *names: str) -> Population:
    """Return a Hub with a single Space that references these models."""
    models = pa.table(
        {"_id": ["1", "2"], "id": ["lab/Listed", "lab/new"], "createdAt": ["2024-01-01T00:00:00.000Z"] * 2}
    )
    spaces = pa.table({"_id": ["9"], "id": ["lab/space"], "models": [list(names)]})
    return Population("made", week, {"model": models, "space": spaces}, renames={"model": {"lab/old": "lab/new"}})


@pytest.fixture
def client() -> Iterator[HubClient]:
    with served(build_app(hub(WEEK, "LAB/listed", "lab/old", "Lab/Old", "gone/a"), quota=PLENTY)) as made:
        yield made


def test_id_listed_in_another_case_is_not_requested(tmp_path: Path, client: HubClient) -> None:
    lake = Lake(tmp_path)
    listed(client, lake)
    bases = pa.array(["gone/b", "gone/c", "gone/B", "lab/LISTED", "LAB/OLD", "no id", "../etc", "gone/c", "gone/c"])
    # ids referenced by Spaces come first, then the most used base models
    assert [alias.text for alias in plan_of(lake, ALIASES, WEEK)] == ["Lab/Old", "gone/a"]
    with_bases = plan_of(lake, ALIASES, WEEK, first=bases)
    assert [alias.text for alias in with_bases] == [
        "LAB/OLD",
        "gone/a",
        "gone/c",
        "gone/B",
    ]


def test_base_models_are_looked_up_once_regardless_of_case(tmp_path: Path, client: HubClient) -> None:
    lake = Lake(tmp_path)
    listed(client, lake)
    land(client, lake, ALIASES, WEEK, first=pa.array(["lab/old", "gone/b"]))
    found = {row["repo_id"].lower(): (row["outcome"], row["target_id"]) for row in rows(lake, ALIASES.name)}
    assert found == {"lab/old": ("moved", "lab/new"), "gone/a": ("gone", None), "gone/b": ("gone", None)}
    assert len(plan_of(lake, ALIASES, WEEK, first=pa.array(["GONE/b", "lab/OLD"]))) == 0
    next_week = WEEK + timedelta(weeks=1)
    with served(build_app(hub(next_week, "LAB/Old"), quota=PLENTY)) as later:
        listed(later, lake, next_week)
    assert "LAB/Old" not in [alias.text for alias in plan_of(lake, ALIASES, next_week)]
