"""Faults planted into listings with known counters: at least 95% are found, and 95% of the findings are right."""

from collections import Counter
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from hub_assets.local_hub.simulated import simulated
from hub_assets.vocabulary import REPO_TYPES
from hub_assets.warehouse.sql_project import Project
from hub_assets_tests.trust.made import Observatory, World, world

Found = set[tuple[Any, ...]]


def planted(hub: World, rng: np.random.Generator) -> tuple[Found, Found]:
    """Plant faults of every kind, and return the week flags and anomalies that they should raise."""
    doubts: Found = set()
    anomalies: Found = set()
    model, dataset, space = (hub.kinds[repo_type] for repo_type in REPO_TYPES)

    def doubt(repo_type: str, week: int, *rules: str) -> None:
        doubts.update((repo_type, hub.date_of(week), rule) for rule in rules)

    def odd(kind: Any, week: int, rule: str, rows: Any) -> None:
        anomalies.update(
            (kind.repo_type, hub.date_of(week), rule, f"{kind.repo_type}{row:06d}") for row in np.atleast_1d(rows)
        )

    # faults of single repositories come first, because later faults hide or repeat their traces in the counters
    old = [np.flatnonzero(kind.listed.all(axis=0) & (kind.all_time[0] > 2000)) for kind in (model, dataset)]
    for kind, rows in zip((model, dataset), old, strict=True):
        picked = rng.permutation(rows)[:40]
        for row, week in zip(picked[:12], rng.integers(9, 20, 12).tolist(), strict=True):
            kind.ids[week:, row] = f"renamed/{row}"
            odd(kind, week, "renamed", row)
        for row in picked[12:20]:
            # in a week in which the type's counters are trusted, and eight weeks away from its stalls
            week = 12 if kind is model else 10
            weekly = np.diff(kind.all_time[week - 8 : week, row]).sum()
            kind.add(week, row, 10_000 + 3 * weekly)
            odd(kind, week, "spike", row)
        for row in picked[20:26]:
            week = 14
            kind.add(week, row, -(np.diff(kind.all_time[week - 1 : week + 1, row])[0] + 1500))
            if kind.all_time[week, row] >= 0:
                odd(kind, week, "rollback", row)
    free = np.flatnonzero(~model.listed.any(axis=0))
    for new, row in zip(free, rng.permutation(np.setdiff1d(old[0], []))[-len(free) :], strict=False):
        week = 15
        kept = {name: getattr(model, name)[week:, row].copy() for name in ("all_time", "downloads", "likes")}
        if model.ids[0, row] != model.ids[-1, row] or kept["all_time"][0] < 1000:
            continue
        for name, values in kept.items():
            getattr(model, name)[week:, new] = values
        model.created[new] = week - 1
        model.ids[:, new] = f"{model.ids[0, row].split('/')[0]}/moved{new}"
        model.listed[week:, new], model.listed[week:, row] = True, False
        odd(model, week, "moved", new)
    # faults of whole listings
    model.freeze(20)
    doubt("model", 20, "stall", "frozen")
    doubt("model", 21, "backlog")
    dataset.freeze(21, rng.random(len(dataset.created)) < 0.6)
    doubt("dataset", 21, "frozen")
    doubt("dataset", 22, "backlog")
    space.listed[23, 100:] = False
    doubt("space", 23, "partial")
    model.listed[24, int(len(model.created) * 0.26) :] = False
    doubt("model", 24, "partial")
    dataset.repeat(26)
    doubt("dataset", 26, "repeat", "stall", "frozen")
    doubt("dataset", 27, "backlog")
    falls = np.flatnonzero(model.listed[30] & (rng.random(len(model.created)) < 0.1))
    withdrawn = (model.all_time[29, falls] - model.all_time[27, falls]) + (
        model.all_time[30, falls] - model.all_time[29, falls]
    )
    model.add(30, falls, -withdrawn)
    doubt("model", 30, "rollback")
    fell = model.all_time[30, falls] - model.all_time[29, falls]
    odd(model, 30, "rollback", falls[(fell <= -1000)])
    purged = np.flatnonzero(dataset.listed[33] & (rng.random(len(dataset.created)) < 0.07))
    quiet = purged[(dataset.all_time[32, purged] < 10_000) & (dataset.likes[32, purged] < 100)]
    dataset.listed[33:, quiet] = False
    doubt("dataset", 33, "purge")
    loved = np.argsort(space.likes[35])[-10:]
    space.likes[:, loved] += 200
    lost = space.likes[34, loved] // 2
    space.likes[35:, loved] -= lost
    doubt("space", 35, "like_purge")
    odd(space, 35, "likes_lost", loved[lost >= 60])
    dataset.downloads[38:] = dataset.downloads[38:] * 5 // 2
    doubt("dataset", 38, "level")
    return doubts, anomalies


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_planted_faults_are_found(project: Project, seed: int) -> None:
    hub = world(42, seed)
    doubts, anomalies = planted(hub, np.random.default_rng(seed))
    observatory = Observatory(project)
    observatory.observe(hub)
    # a repository that the world itself deletes is a true finding that was not planted
    found = {anomaly for anomaly in observatory.anomalies() if anomaly[2] != "vanished"}
    for wanted, got in ((doubts, observatory.doubts()), (anomalies, found)):
        precision, recall = len(wanted & got) / len(got), len(wanted & got) / len(wanted)
        kinds = Counter(rule for _, _, rule, *_ in wanted)
        wrong, missed = sorted(got - wanted), sorted(wanted - got)
        assert min(precision, recall) >= 0.95, f"{kinds}\nwrong: {wrong}\nmissed: {missed}"


@pytest.mark.slow
def test_clean_simulated_hub_raises_no_alarm_in_40_weeks(project: Project) -> None:
    observatory = Observatory(project)
    first = date(2026, 2, 2)
    for number in range(40):
        week = first + timedelta(weeks=number)
        population = simulated(week, scale=0.006, seed=3)
        for repo_type in REPO_TYPES:
            observatory.add_population(population, repo_type, week)
        observatory.build(week)
    assert observatory.doubts() == set()
    assert {
        anomaly for anomaly in observatory.anomalies() if anomaly[2] in ("spike", "rollback", "likes_lost")
    } == set()
    judged = dict(observatory.rows("select severity, count(*) from core__week_quality group by severity"))
    assert judged["ok"] > 5 * judged["unknown"], "the rules must be able to judge most weeks"


@pytest.mark.slow
def test_clean_weeks_raise_no_alarm(project: Project) -> None:
    observatory = Observatory(project)
    observatory.observe(world(12, 7, {"model": 400, "dataset": 300, "space": 200}))
    assert observatory.doubts() == set()
    assert {rule for _, _, rule, _ in observatory.anomalies()} <= {"vanished"}
