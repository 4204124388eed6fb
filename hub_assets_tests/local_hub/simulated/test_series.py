"""Series over weeks: listings show what the answer key says, except for planted faults and noise."""

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import duckdb
import networkx as nx
import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import stats

from hub_assets.local_hub.simulated.courses import LIFE_WEEKS
from hub_assets.local_hub.simulated.rng import Floats
from hub_assets.local_hub.simulated.series import WINDOW_DAYS, Counted, Faults, Series, some_faults
from hub_assets.local_hub.simulated.series_files import concentration, write_series
from hub_assets.local_hub.simulated.timeline import REFERENCE, WEEK, moment
from hub_assets.statistics.concentration import gini

SCALE = 0.004
WEEKS = 60
FAULTS = Faults(gaps=frozenset({30, 31}), stalls={40: 0.9, 41: 0.9}, cuts={50: 0.26})


@pytest.fixture(scope="module")
def models() -> list[Counted]:
    """All weeks of the models of a small series."""
    return list(Series(SCALE, WEEKS, seed=1, faults=FAULTS, kinds=("model",)).counted())


def test_a_seed_determines_the_series() -> None:
    one, again, other = (list(Series(0.001, 3, seed=seed).counted()) for seed in (1, 1, 2))
    assert [each.kind for each in one] == ["model", "dataset", "space"] * 3
    for a, b in zip(one, again, strict=True):
        assert np.array_equal(a.downloads_all_time, b.downloads_all_time)
    assert sum(each.true_new.sum() for each in one) != sum(each.true_new.sum() for each in other)


def test_faults_do_not_change_the_truth(models: list[Counted]) -> None:
    whole = list(Series(SCALE, WEEKS, seed=1, kinds=("model",)).counted())
    for shown, true in zip(models, whole, strict=True):
        assert np.array_equal(shown.true_all_time, true.true_all_time)
        assert np.array_equal(true.downloads_all_time, true.true_all_time)
        assert np.array_equal(true.downloads, true.true_window)
        assert true.is_listed.all()


def test_weeks_without_a_fault_show_the_truth_and_the_backlog_comes_after_a_stall(models: list[Counted]) -> None:
    for each in models:
        is_whole = each.number not in FAULTS.stalls
        assert np.array_equal(each.downloads_all_time, each.true_all_time) == is_whole
        assert each.is_listed.mean() == pytest.approx(
            0 if each.number in FAULTS.gaps else FAULTS.cuts.get(each.number, 1), abs=0.05
        )
    shown = {each.number: dict(zip(each.rows, each.downloads_all_time, strict=True)) for each in models}
    busy = [row for row, n in zip(models[39].rows, models[39].true_new, strict=True) if n > 100 and row in shown[42]]
    frozen = np.mean([shown[41][row] == shown[39][row] for row in busy])
    assert 0.7 < frozen < 0.98
    flows = [sum(shown[b][row] - shown[a][row] for row in busy) for a, b in pairwise(range(38, 44))]
    assert flows[1] + flows[2] < flows[0] < flows[3]


def test_the_window_adds_up_thirty_days(models: list[Counted]) -> None:
    new = np.zeros((WEEKS, models[-1].rows.max() + 1))
    for each in models:
        new[each.number, each.rows] = each.true_new
    for each in models[6:]:
        four, five = (new[each.number - k : each.number + 1, each.rows].sum(axis=0) for k in (3, 4))
        assert (four <= each.true_window).all()
        assert (each.true_window <= five).all()
    last = models[-1]
    assert last.true_window.sum() == pytest.approx(last.expected_window.sum(), rel=0.2)


def test_counts_scatter_around_expected_values() -> None:
    series = Series(0.002, 40, seed=5, is_stationary=True, kinds=("model",))
    weeks = list(series.counted())
    expected = series.courses["model"].level * WINDOW_DAYS
    assert all(np.allclose(each.expected_window, expected) for each in weeks)
    assert all(len(each.rows) == len(series.courses["model"]) for each in weeks)
    for low, high in ((0.5, 5), (5, 500), (500, np.inf)):
        some = (expected > low) & (expected <= high)
        means = np.mean([each.true_window[some] for each in weeks[::5]], axis=0)
        assert np.sum(means) == pytest.approx(np.sum(expected[some]), rel=0.25)


def test_releases_reach_half_their_peak_after_their_half_life() -> None:
    courses = Series(0.02, 2, kinds=("model",)).courses["model"]
    own = np.flatnonzero((courses.level > 0) & np.isfinite(courses.half_life))
    own = own[~np.isin(courses.namespace[own], courses.organizations.namespace)][:50]
    assert len(own) == 50
    for row in own:
        peak = courses.created[row] + courses.peak[row] * WEEK
        half = peak + courses.half_life[row] * WEEK
        if courses.gone[row] > half:
            at_peak, at_half = courses.rate(peak)[row], courses.rate(half)[row]
            assert at_peak == pytest.approx(courses.level[row], rel=1e-6)
            assert at_half == pytest.approx(at_peak / 2, rel=1e-6)
            assert courses.rate((courses.created[row] + peak) / 2)[row] < at_peak


def test_lifetimes_are_exponential() -> None:
    courses = Series(0.02, 2, kinds=("model",)).courses["model"]
    lives = (courses.gone - courses.created) / WEEK
    assert stats.kstest(lives, "expon", args=(0, LIFE_WEEKS)).pvalue > 0.01


def test_some_organizations_rise_and_the_others_do_not() -> None:
    series = Series(0.005, 104)
    found = series.courses["model"].organizations
    start, end = moment(series.mondays[0]), moment(REFERENCE)
    grown = found.factor(end, found.namespace) / found.factor(start, found.namespace)
    assert sorted(np.flatnonzero(grown > 1.5)) == sorted(np.flatnonzero(found.gain > 0))
    assert (grown[found.gain == 0] == 1).all()
    assert found.country.null_count > 0


def test_families_have_one_root_each() -> None:
    courses = Series(0.005, 2, kinds=("model",)).courses["model"]
    graph = nx.DiGraph((int(base), row) for row, base in enumerate(courses.base) if base >= 0)
    assert nx.is_directed_acyclic_graph(graph)
    for tree in nx.weakly_connected_components(graph):
        (origin,) = (node for node in tree if graph.in_degree(node) == 0)
        assert {int(courses.root[node]) for node in tree} == {origin}


@pytest.mark.parametrize("values", [np.ones(200), np.arange(1, 201.0), np.array([0.0] * 150 + [1, 2, 3, 4] * 15)])
def test_concentration_in_the_answer_key_agrees_with_other_formulas(values: Floats) -> None:
    found = concentration(values)
    n, total = len(values), values.sum()
    differences = np.abs(values[:, None] - values[None, :]).sum()
    assert found["gini"] == pytest.approx(differences / (2 * n * total))
    assert found["gini"] == pytest.approx(gini(values))
    assert found["hhi"] == pytest.approx(((values / total) ** 2).sum())
    assert found["share_of_top_10"] == pytest.approx(np.sort(values)[-10:].sum() / total)
    assert found["share_of_top_1000"] is None


def test_drawn_faults_spare_the_first_half_year_and_stay_apart() -> None:
    for seed in range(20):
        faults = some_faults(104, seed)
        weeks = [*faults.gaps, *faults.stalls, *faults.cuts]
        assert len(weeks) == len(set(weeks))
        assert min(weeks) >= 26
        assert max(weeks) < 104
        assert len(faults.gaps) == 7
    assert some_faults(20, 1) == Faults()


def test_the_files_contain_the_listings_and_the_answer_key(tmp_path: Path) -> None:
    series = Series(0.001, 12, seed=3, faults=Faults(gaps=frozenset({4}), stalls={8: 1.0}))
    written = write_series(tmp_path / "series", series)
    with pytest.raises(FileExistsError):
        write_series(tmp_path / "series", series)
    weeks = sorted(path.stem for path in (written.folder / "weeks").glob("*.parquet"))
    assert weeks == [str(monday) for number, monday in enumerate(series.mondays) if number != 4]
    assert written.n_rows == sum(pq.read_metadata(path).num_rows for path in written.folder.glob("weeks/*.parquet"))
    with duckdb.connect() as connection:
        connection.execute(f"create view listed as from '{written.folder}/weeks/*.parquet'")
        connection.execute(f"create view repositories as from '{written.folder}/repositories.parquet'")
        connection.execute(f"create view answers as from '{written.folder}/truth/weeks.parquet'")
        orphans = "select count(*) from listed anti join repositories using (repo_type, repo_key)"
        assert connection.execute(orphans).fetchone() == (0,)
        counted = connection.execute(
            "select count(*) from (select snapshot_date, repo_type, count(*) as n from listed group by all) "
            "join answers using (snapshot_date, repo_type) where n = n_repos"
        ).fetchone()
        assert counted == (3 * 11,)
        assert connection.execute("select count(*) from answers where is_gap").fetchone() == (3,)
        # in the stalled week nothing moved
        frozen = connection.execute(
            "select max(abs(now.n_downloads_all_time - before.n_downloads_all_time)) from listed as now "
            "join listed as before using (repo_key) where now.snapshot_date = ? and before.snapshot_date = ?",
            [series.mondays[8], series.mondays[8] - timedelta(weeks=1)],
        ).fetchone()
        assert frozen == (0,)
        roots = connection.execute(
            "select count(*) from repositories where root_repo_key is null "
            "or (base_repo_key is null and root_repo_key <> repo_key)"
        ).fetchone()
        assert roots == (0,)
        lives = pq.read_table(written.folder / "truth" / "releases.parquet")
        assert len(lives) == sum(map(len, series.courses.values()))
