"""Corrected downloads conserve totals, are negative only where the counts leave no choice, and track the truth."""

from datetime import timedelta

import numpy as np
import pytest

from hub_assets.warehouse.sql_project import Project
from hub_assets_tests.trust.made import START, Observatory, World, world

SIZES = {"model": 300, "dataset": 30, "space": 30}


def flows_of(observatory: Observatory, key: str) -> dict[int, tuple[int, int]]:
    """Return a model's raw and corrected downloads by week number."""
    rows = observatory.rows(f"""
        with moved as (
            select flow_date, sum(amount)::bigint as amount from core__flow_corrections
            where repo_key = '{key}' group by flow_date
        )
        select
            (raw.snapshot_date - date '{START}') // 7,
            coalesce(raw.n_new_downloads, 0),
            coalesce(raw.n_new_downloads, 0) + coalesce(moved.amount, 0)
        from int_hub__listing_changes as raw
        left join moved on raw.snapshot_date = moved.flow_date
        where raw.repo_key = '{key}'
    """)
    return {week: (reported, corrected) for week, reported, corrected in rows}


def observed(project: Project, hub: World) -> Observatory:
    observatory = Observatory(project)
    observatory.observe(hub)
    return observatory


@pytest.fixture(scope="module")
def faulty(project: Project) -> tuple[World, World, Observatory]:
    """The true Hub; the same Hub with a two-week stall, a partial listing and two rollbacks; and its observatory."""
    truth, hub = world(16, 5, SIZES), world(16, 5, SIZES)  # type: ignore[arg-type]
    model = hub.kinds["model"]
    for week in (8, 9):
        model.all_time[week], model.downloads[week] = model.all_time[7], model.downloads[7]
    model.listed[12, 60:] = False
    weekly = np.diff(truth.kinds["model"].all_time, axis=0)
    rows = np.flatnonzero(truth.kinds["model"].listed.all(axis=0) & (weekly.min(axis=0) > 100))
    model.add(14, rows[:20], -(model.all_time[14] - model.all_time[12])[rows[:20]])
    model.add(15, rows[:20], -(model.all_time[15] - model.all_time[14])[rows[:20]] - 50)
    return truth, hub, observed(project, hub)


def test_amounts_add_up_to_zero_for_every_repository(faulty: tuple[World, World, Observatory]) -> None:
    _, _, observatory = faulty
    uneven = "select 1 from core__flow_corrections group by snapshot_date, repo_type, repo_key having sum(amount) <> 0"
    assert observatory.rows(uneven) == []
    assert {rule for (rule,) in observatory.rows("select distinct rule from core__flow_corrections")} == {
        "backlog",
        "rollback",
    }


def test_totals_are_the_last_count_minus_the_first(faulty: tuple[World, World, Observatory]) -> None:
    _, hub, observatory = faulty
    model = hub.kinds["model"]
    for row in np.flatnonzero(model.listed[[0, -1]].all(axis=0)):
        flows = flows_of(observatory, f"model{row:06d}")
        assert sum(corrected for _, corrected in flows.values()) == model.all_time[-1, row] - model.all_time[0, row]


def test_stalled_weeks_get_their_share_of_the_backlog(faulty: tuple[World, World, Observatory]) -> None:
    truth, hub, observatory = faulty
    model = hub.kinds["model"]
    rows = np.flatnonzero(model.listed[:13].all(axis=0) & (truth.kinds["model"].all_time[0] > 20_000))[:20]
    assert len(rows) >= 5
    for row in rows:
        flows = flows_of(observatory, f"model{row:06d}")
        backlog = flows[10][0]
        assert [flows[week][0] for week in (8, 9)] == [0, 0]
        assert all(abs(flows[week][1] - backlog / 3) <= 1 for week in (8, 9, 10))


def test_repositories_that_a_partial_listing_left_out_are_spread(faulty: tuple[World, World, Observatory]) -> None:
    _, hub, observatory = faulty
    model = hub.kinds["model"]
    row = next(row for row in range(60, 300) if model.listed[[11, 13], row].all() and model.all_time[11, row] > 10_000)
    flows = flows_of(observatory, f"model{row:06d}")
    total = model.all_time[13, row] - model.all_time[11, row]
    assert flows[12][0] == 0
    assert flows[13][0] == total
    assert abs(flows[12][1] - total / 2) <= 1


def test_rollbacks_are_taken_from_the_weeks_before(faulty: tuple[World, World, Observatory]) -> None:
    _, _, observatory = faulty
    negative = observatory.rows(f"""
        select repo_key, flow_date, sum(n) from (
            select repo_key, snapshot_date as flow_date, n_new_downloads as n from int_hub__listing_changes
            union all select repo_key, flow_date, amount from core__flow_corrections
        ) where flow_date > date '{START}' group by all having sum(n) < 0
    """)
    assert negative == [], "rollbacks that eight weeks of downloads cover must not make a week negative"


def test_weekly_flows_state_both_and_mark_suspect_weeks(faulty: tuple[World, World, Observatory]) -> None:
    _, _, observatory = faulty
    rows = observatory.rows("""
        select repo_type, sum(n_new_downloads), sum(n_corrected_downloads) from mart__weekly_flows
        where snapshot_date = (select max(snapshot_date) from mart__weekly_flows) group by repo_type
    """)
    assert all(reported == corrected for _, reported, corrected in rows)
    suspect = observatory.rows("""
        select flow_date, suspicions from mart__weekly_flows
        where snapshot_date = (select max(snapshot_date) from mart__weekly_flows) and repo_type = 'model' and is_suspect
        order by flow_date
    """)
    assert [(week - START) // timedelta(weeks=1) for week, _ in suspect][:4] == [8, 9, 10, 12]
    assert dict(suspect)[START + timedelta(weeks=8)] == "frozen, stall"
