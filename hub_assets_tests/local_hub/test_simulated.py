from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from hub_assets.local_hub.fields import REPO_TYPES, RepoType
from hub_assets.local_hub.population import Population, PopulationError
from hub_assets.local_hub.simulated import simulated

WEEK = date(2026, 11, 16)


def rows_of(population: Population, kind: RepoType) -> dict[str, dict[str, Any]]:
    """Return rows by `_id`."""
    return {row["_id"]: row for row in population.repos[kind].table.to_pylist()}


def license_shares(population: Population, kind: RepoType) -> dict[str | None, float]:
    """Return the share of each license, and of None, among all."""
    tags = population.repos[kind].table["tags"].to_pylist()
    licenses = [next((tag.partition(":")[2] for tag in row if tag.startswith("license:")), None) for row in tags]
    return {name: licenses.count(name) / len(licenses) for name in set(licenses)}


def test_the_same_week_is_the_same_and_another_seed_is_not() -> None:
    one, other = simulated(WEEK), simulated(WEEK + timedelta(days=3))
    for kind in REPO_TYPES:
        assert one.repos[kind].table.equals(other.repos[kind].table)
    assert one.accounts is not None
    assert one.accounts.equals(other.accounts)
    assert (one.identity, one.week, one.renames) == (other.identity, WEEK, other.renames)
    assert not one.repos["model"].table.equals(simulated(WEEK, seed=1).repos["model"].table)


@pytest.mark.parametrize("week", [date(2023, 10, 2), date(2025, 1, 6), WEEK])
def test_rows_are_those_of_their_week(week: date) -> None:
    monday = f"{week}T00:00:00.000Z"
    population = simulated(week)
    for kind in REPO_TYPES:
        rows = rows_of(population, kind)
        assert len(rows) > 400
        for key, row in rows.items():
            created = datetime.fromtimestamp(int(key[:8], 16), UTC)
            assert row["createdAt"] == f"{created:%Y-%m-%dT%H:%M:%S}.000Z"
            assert "2022-03-02T23:29:04.000Z" <= row["createdAt"] <= row["lastModified"] < monday
            assert (len(key), len(row["sha"])) == (24, 40)
            assert row["author"] == (row["id"].partition("/")[0] if "/" in row["id"] else None)


@pytest.mark.parametrize("week", [date(2023, 10, 2), date(2025, 1, 6), WEEK - timedelta(weeks=1)])
def test_two_weeks_differ_and_agree(week: date) -> None:
    this, following = simulated(week), simulated(week + timedelta(weeks=1))
    for kind in REPO_TYPES:
        before, after = rows_of(this, kind), rows_of(following, kind)
        new = [after[key] for key in after.keys() - before.keys()]
        assert new
        assert all(row["createdAt"] >= f"{week}" for row in new)
        both = before.keys() & after.keys()
        assert len(both) >= 0.99 * len(before)
        assert all(before[key]["createdAt"] == after[key]["createdAt"] for key in both)
        assert all(before[key]["likes"] <= after[key]["likes"] for key in both)
        changed = {key for key in both if before[key]["sha"] != after[key]["sha"]}
        assert 0.02 < len(changed) / len(both) < 0.09
        assert changed == {key for key in both if before[key]["lastModified"] != after[key]["lastModified"]}
        assert all(after[key]["lastModified"] >= f"{week}" for key in changed)
        for key in both:
            if before[key]["id"] != after[key]["id"]:
                assert following.renames[kind][before[key]["id"]] == after[key]["id"]
    models = rows_of(this, "model"), rows_of(following, "model")
    both = models[0].keys() & models[1].keys()
    assert any(models[0][key]["downloads"] > models[1][key]["downloads"] for key in both)
    assert any(models[0][key]["downloads"] < models[1][key]["downloads"] for key in both)
    assert all(models[0][key]["downloadsAllTime"] <= models[1][key]["downloadsAllTime"] for key in both)


def test_over_a_year_some_are_renamed_gated_and_gone() -> None:
    before, after = (rows_of(simulated(week), "model") for week in (WEEK - timedelta(weeks=52), WEEK))
    both = before.keys() & after.keys()
    assert len(before.keys() - after.keys()) > 10
    assert sum(before[key]["id"] != after[key]["id"] for key in both) > 10
    assert sum(before[key]["gated"] == "false" != after[key]["gated"] for key in both) > 10


def test_licenses_have_the_published_shares() -> None:
    models, datasets = (license_shares(simulated(WEEK), kind) for kind in ("model", "dataset"))
    assert models[None] == pytest.approx(0.6467, abs=0.02)
    assert datasets[None] == pytest.approx(0.7213, abs=0.04)
    licensed = 1 - models[None]
    published = {"apache-2.0": 0.37, "mit": 0.17, "openrail": 0.14, "creativeml-openrail-m": 0.10}
    for name, share in published.items():
        assert models[name] / licensed == pytest.approx(share, abs=0.03)


def test_likes_and_downloads_have_heavy_tails() -> None:
    rows = rows_of(simulated(WEEK), "model").values()
    for name, zeros in (("likes", 0.7), ("downloads", 0.5)):
        values = sorted(row[name] for row in rows)
        assert values.count(0) > zeros * len(values)
        assert sum(values[-len(values) // 100 :]) > 0.5 * sum(values)
    assert sum(row["safetensors"] is not None for row in rows) / len(rows) == pytest.approx(0.25, abs=0.03)


def test_spaces_name_models_listed_renamed_and_nowhere() -> None:
    population = simulated(WEEK)
    used = [name for row in rows_of(population, "space").values() for name in row["models"]]
    listed = set(population.repos["model"].table["id"].to_pylist())
    renamed = set(population.renames["model"])
    nowhere = set(used) - listed - renamed
    assert "gpt2" in set(used) & renamed
    assert len(set(used) & listed) > 100
    assert len(nowhere) > 10
    assert all(population.redirect("model", name) is None for name in nowhere)
    assert max(map(used.count, set(used))) > 50
    assert all(len(set(row["models"])) == len(row["models"]) for row in rows_of(population, "space").values())


def test_every_author_is_an_account_and_every_old_name_leads_somewhere() -> None:
    population = simulated(WEEK)
    assert population.accounts is not None
    names = set(population.accounts["name"].to_pylist())
    for kind in REPO_TYPES:
        repos = population.repos[kind]
        assert set(repos.table["author"].to_pylist()) - {None} <= names
        for old, new in population.renames[kind].items():
            assert repos.find(old) is None
            assert repos.find(new) is not None


def test_weeks_before_the_first_are_refused() -> None:
    with pytest.raises(PopulationError, match="begins with the week of 2023-10-02, after 2023-09-25"):
        simulated(date(2023, 10, 1))
