"""The simulated Hub over time: the same seed yields the same data, and differences between weeks are consistent."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hub_assets.local_hub.population import PopulationError
from hub_assets.local_hub.simulated import REFERENCE, SMALL, Simulation, simulate, simulated
from hub_assets.vocabulary import REPO_TYPES, RepoType

FLOOR = datetime(2022, 3, 2, 23, 29, 4)
EDGES = [date(2023, 10, 2), REFERENCE - timedelta(weeks=1)]
BETWEEN = [date(2025, 1, 6), REFERENCE, date(2027, 6, 7)]
WEEKS = [*EDGES, *(pytest.param(week, marks=pytest.mark.slow) for week in BETWEEN)]
"""The first week and the one before the calibrated week; slow tests add one between, the calibrated and a later one."""


def rows_of(simulation: Simulation, kind: RepoType) -> dict[str, dict[str, Any]]:
    """Return rows by `_id`."""
    return {row["_id"]: row for row in simulation.repos[kind].to_pylist()}


def commits_of(simulation: Simulation, kind: RepoType) -> dict[str, list[dict[str, Any]]]:
    """Return each repository's commits by `_id`, newest first, with author names."""
    history = simulation.histories[kind]
    users = simulation.authors["user"].to_pylist()
    rows = [row | {"authors": [users[place] for place in row["authors"]]} for row in history.commits.to_pylist()]
    keys = simulation.repos[kind]["_id"].to_pylist()
    return {key: rows[start:end] for key, (start, end) in zip(keys, pairwise(history.commit_offsets), strict=True)}


def discussions_of(simulation: Simulation, kind: RepoType) -> dict[str, list[dict[str, Any]]]:
    history = simulation.histories[kind]
    rows = history.discussions.to_pylist()
    keys = simulation.repos[kind]["_id"].to_pylist()
    return {key: rows[start:end] for key, (start, end) in zip(keys, pairwise(history.discussion_offsets), strict=True)}


def names_of(simulation: Simulation) -> dict[str, str]:
    """Return account names by `_id`."""
    return {row["_id"]: row["name"] for row in simulation.accounts.to_pylist()}


def assert_same(one: Simulation, other: Simulation) -> None:
    assert (one.identity, one.week, one.renames) == (other.identity, other.week, other.renames)
    for kind in REPO_TYPES:
        assert one.repos[kind].equals(other.repos[kind])
        for name in ("commits", "discussions"):
            # compare values, because a file may number the entries of a dictionary differently
            assert getattr(one.histories[kind], name).to_pylist() == getattr(other.histories[kind], name).to_pylist()
        for name in ("commit_offsets", "discussion_offsets"):
            assert np.array_equal(getattr(one.histories[kind], name), getattr(other.histories[kind], name))
    for name in ("accounts", "members", "authors"):
        assert getattr(one, name).equals(getattr(other, name))
    assert one.key.people.equals(other.key.people)
    assert one.key.usage.equals(other.key.usage)


@pytest.mark.slow
def test_all_days_of_a_week_give_the_same_hub_and_another_seed_a_different_one(small: Simulation) -> None:
    assert_same(small, simulate(REFERENCE + timedelta(days=3)))
    other = simulate(REFERENCE, seed=1)
    assert small.identity != other.identity
    for kind in REPO_TYPES:
        assert not small.repos[kind].equals(other.repos[kind])
        assert not small.histories[kind].commits.equals(other.histories[kind].commits)
    assert not set(small.accounts["_id"].to_pylist()) & set(other.accounts["_id"].to_pylist())


@pytest.mark.slow
def test_a_cached_week_is_identical(small: Simulation, tmp_path: Path) -> None:
    first = simulate(REFERENCE, keep=tmp_path / "one")
    (folder,) = (tmp_path / "one").iterdir()
    written = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    again = simulate(REFERENCE, keep=tmp_path / "one")
    simulate(REFERENCE, keep=tmp_path / "other")
    assert_same(small, first)
    assert_same(first, again)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == written
    for path in written:
        assert path.read_bytes() == (tmp_path / "other" / folder.name / path.name).read_bytes(), path.name


@pytest.mark.parametrize("scale", [0.0004, SMALL, 0.037])
def test_the_size_is_the_studys_times_the_scale(scale: float) -> None:
    repos = simulate(REFERENCE, scale=scale).repos
    published: dict[RepoType, int] = {"model": 348_181, "dataset": 65_761, "space": 156_642}
    assert {kind: len(repos[kind]) for kind in REPO_TYPES} == {k: round(n * scale) for k, n in published.items()}


@pytest.mark.parametrize("week", WEEKS)
def test_rows_belong_to_their_week(week: date) -> None:
    monday = datetime(week.year, week.month, week.day)
    simulation = simulate(week)
    for kind in REPO_TYPES:
        rows, commits = rows_of(simulation, kind), commits_of(simulation, kind)
        assert len(rows) > 100
        for key, row in rows.items():
            assert row["createdAt"] == datetime.fromtimestamp(int(key[:8], 16), UTC).replace(tzinfo=None)
            assert FLOOR <= row["createdAt"] < monday
            assert (len(key), len(row["sha"])) == (24, 40)
            dates = [commit["date"] for commit in commits[key]]
            assert dates == sorted(dates, reverse=True)
            assert dates[0] < monday
            # as on the Hub, commits may be older than the earliest creation date
            assert row["createdAt"] <= dates[-1] or row["createdAt"] == FLOOR
            assert (row["lastModified"], row["sha"]) == (dates[0], commits[key][0]["id"].hex())
            assert len({commit["id"] for commit in commits[key]}) == len(dates)
            assert row.get("downloads", 0) <= row.get("downloadsAllTime", 0)


@pytest.mark.slow
@pytest.mark.parametrize("week", WEEKS)
def test_two_weeks_differ_and_are_consistent(week: date) -> None:
    this, following = simulate(week), simulate(week + timedelta(weeks=1))
    begin = datetime(week.year, week.month, week.day)
    n_changed = n_squashed = n_both = 0
    for kind in REPO_TYPES:
        before, after = rows_of(this, kind), rows_of(following, kind)
        new = [after[key] for key in after.keys() - before.keys()]
        assert new
        assert all(begin <= row["createdAt"] < begin + timedelta(weeks=1) for row in new)
        both = before.keys() & after.keys()
        assert len(both) >= 0.98 * len(before)
        for key in both:
            assert before[key]["createdAt"] == after[key]["createdAt"]
            assert before[key]["likes"] <= after[key]["likes"]
            if before[key]["id"] != after[key]["id"]:
                assert following.renames[kind][before[key]["id"]] == after[key]["id"]

        old_commits, new_commits = commits_of(this, kind), commits_of(following, kind)
        for key in both:
            old, now = [row["id"] for row in old_commits[key]], [row["id"] for row in new_commits[key]]
            fresh = [row for row in new_commits[key] if row["id"] not in set(old)]
            assert all(begin <= row["date"] < begin + timedelta(weeks=1) for row in fresh)
            if now[len(fresh) :] != old:
                assert not set(old) & set(now)
                assert fresh[-1]["title"].startswith("Super-squash")
                n_squashed += 1
            assert bool(fresh) == (before[key]["sha"] != after[key]["sha"])
            n_changed += bool(fresh)
        n_both += len(both)

        old_talks, new_talks = discussions_of(this, kind), discussions_of(following, kind)
        for key in both:
            opened = len(new_talks[key]) - len(old_talks[key])
            assert all(row["createdAt"] >= begin for row in new_talks[key][:opened])
            for then, now_ in zip(old_talks[key], new_talks[key][opened:], strict=True):
                assert then["num"] == now_["num"]
                assert (then["title"], then["createdAt"]) == (now_["title"], now_["createdAt"])
                assert then["status"] == now_["status"] or then["status"] in ("open", "draft")
    # one repository in twenty changes near the calibrated week, fewer in the first years
    assert (0.03 if week.year >= 2026 else 0.01) < n_changed / n_both < 0.07
    assert n_squashed <= 0.002 * n_both
    models = rows_of(this, "model"), rows_of(following, "model")
    both = models[0].keys() & models[1].keys()
    assert any(models[0][key]["downloads"] > models[1][key]["downloads"] for key in both)
    assert any(models[0][key]["downloads"] < models[1][key]["downloads"] for key in both)
    assert all(models[0][key]["downloadsAllTime"] <= models[1][key]["downloadsAllTime"] for key in both)
    accounts = [names_of(one) for one in (this, following)]
    assert accounts[0].keys() <= accounts[1].keys()
    renamed = {key for key in accounts[0] if accounts[0][key] != accounts[1][key]}
    assert len(renamed) < 0.01 * len(accounts[0])


def test_events_of_every_kind_occur_within_a_year() -> None:
    earlier, later = simulate(REFERENCE - timedelta(weeks=52)), simulate(REFERENCE)
    before, after = (rows_of(one, "model") for one in (earlier, later))
    both = before.keys() & after.keys()
    assert len(before.keys() - after.keys()) > 10
    assert sum(before[key]["id"] != after[key]["id"] for key in both) > 10
    assert sum(before[key]["gated"] == "false" != after[key]["gated"] for key in both) > 10
    old, new = (commits_of(one, "model") for one in (earlier, later))
    assert sum(not {c["id"] for c in old[key]} & {c["id"] for c in new[key]} for key in both) > 2
    names = [names_of(one) for one in (earlier, later)]
    assert any(names[0][key] != names[1][key] for key in names[0])


@pytest.mark.slow
@pytest.mark.parametrize("week", [REFERENCE - timedelta(weeks=52), REFERENCE + timedelta(weeks=20)])
def test_constant_properties_never_change(week: date) -> None:
    for kind in REPO_TYPES:
        before, after = (rows_of(simulate(day), kind) for day in (week, week + timedelta(weeks=52)))
        moves = {"id", "lastModified", "sha", "likes", "trendingScore", "downloads", "downloadsAllTime"}
        moves |= {"gated", "disabled", "subdomain", "baseModels"}
        for key in before.keys() & after.keys():
            for name in before[key].keys() - moves:
                assert before[key][name] == after[key][name], (key, name)


def test_activity_continues_past_the_calibrated_week() -> None:
    """In the weeks before and after it, likes, discussions and commits arrive at about the same rate."""
    weeks = [simulate(REFERENCE + timedelta(weeks=number), scale=0.03) for number in (-4, 0, 4)]
    for kind in ("model", "space"):
        likes = [sum(week.repos[kind]["likes"].to_pylist()) for week in weeks]
        talks = [len(week.histories[kind].discussions) for week in weeks]
        commits = [len(week.histories[kind].commits) for week in weeks]
        for totals, least in ((likes, 0.4), (talks, 0.5), (commits, 0.5)):
            assert least < (totals[2] - totals[1]) / (totals[1] - totals[0]) < 2


def test_later_models_are_used_and_later_spaces_use_as_many() -> None:
    later = simulate(REFERENCE + timedelta(weeks=104), scale=0.02)
    models, spaces = (later.repos[kind]["createdAt"].to_pylist() for kind in ("model", "space"))
    begin = datetime(REFERENCE.year, REFERENCE.month, REFERENCE.day)
    used = {pair["model"] for pair in later.key.usage.to_pylist()}
    new = {row for row, created in enumerate(models) if created >= begin}
    old = set(range(len(models))) - new
    assert len(used & new) / len(new) > 0.3 * len(used & old) / len(old)
    linking = [bool(names) for names in later.repos["space"]["models"].to_pylist()]
    shares = [
        sum(link for link, created in zip(linking, spaces, strict=True) if (created >= begin) == is_new)
        / sum((created >= begin) == is_new for created in spaces)
        for is_new in (False, True)
    ]
    assert shares[1] == pytest.approx(shares[0], abs=0.05)


def test_a_hub_may_lack_a_type() -> None:
    population = simulated(date(2023, 10, 2), scale=2e-5)
    assert sum(len(population.repos[kind]) for kind in REPO_TYPES) < 10


@pytest.mark.slow
def test_a_damaged_cached_week_is_rebuilt(small: Simulation, tmp_path: Path) -> None:
    for name, content in (("models.arrow", b"ARROW1"), ("about.json", b"{"), ("accounts.arrow", None)):
        simulate(REFERENCE, keep=tmp_path)
        (folder,) = tmp_path.iterdir()
        damaged = folder / name
        damaged.unlink()
        if content is not None:
            damaged.write_bytes(content)
        assert_same(simulate(REFERENCE, keep=tmp_path), small)
        assert [folder] == list(tmp_path.iterdir())


def test_scales_that_differ_slightly_give_different_hubs(tmp_path: Path) -> None:
    names = {simulate(REFERENCE, scale=scale, keep=tmp_path).identity for scale in (0.0010000001, 0.0010000002)}
    assert len(names) == len(list(tmp_path.iterdir())) == 2


def test_spaces_reference_listed_renamed_and_missing_models(small: Simulation) -> None:
    population = small.population()
    spaces = rows_of(small, "space").values()
    used = [name for row in spaces for name in row["models"]]
    listed = set(small.repos["model"]["id"].to_pylist())
    renamed = set(small.renames["model"])
    nowhere = set(used) - listed - renamed
    assert "gpt2" in set(used) & renamed
    assert len(set(used) & listed) > 80
    assert len(nowhere) > 10
    assert all(population.redirect("model", name) is None for name in nowhere)
    assert all(len(set(row["models"])) == len(row["models"]) for row in spaces)


def test_the_usage_key_matches_the_references_of_spaces(small: Simulation) -> None:
    ids, keys = (small.repos[kind]["id"].to_pylist() for kind in ("model", "space"))
    true = {(keys[pair["space"]], ids[pair["model"]]) for pair in small.key.usage.to_pylist()}
    renames = {old: new for old, new in small.renames["model"].items() if old != "runwayml/stable-diffusion-v1-5"}
    named = {(row["id"], renames.get(name, name)) for row in rows_of(small, "space").values() for name in row["models"]}
    assert true == {(space, model) for space, model in named if model in set(ids)}


def test_every_author_has_an_account_and_every_old_name_redirects() -> None:
    for week in (REFERENCE, date(2024, 2, 26), date(2024, 9, 30)):
        population = simulated(week)
        assert population.accounts is not None
        names = population.accounts["name"].to_pylist()
        assert len({name.lower() for name in names}) == len(names)
        for kind in REPO_TYPES:
            repos = population.repos[kind]
            assert set(repos.table["author"].to_pylist()) - {None} <= set(names)
            for old, new in population.renames[kind].items():
                assert repos.find(old) is None
                assert repos.find(new) is not None
        assert population.members is not None
        types = dict(zip(names, population.accounts["type"].to_pylist(), strict=True))
        assert {types[name] for name in population.members["user"].to_pylist()} == {"user"}
        assert {types[name] for name in population.members["org"].to_pylist()} == {"org"}


def test_weeks_and_scales_out_of_range_are_rejected() -> None:
    with pytest.raises(PopulationError, match="starts in the week of 2023-10-02; the week of 2023-09-25 is too early"):
        simulate(date(2023, 10, 1))
    with pytest.raises(PopulationError, match="the week of 2099-01-05 is too late"):
        simulate(date(2099, 1, 5))
    for scale in (-1, 0, 1e-6, 1e9, float("nan")):
        with pytest.raises(PopulationError, match="at least one of each type and can have at most 20,000,000"):
            simulate(REFERENCE, scale=scale)
