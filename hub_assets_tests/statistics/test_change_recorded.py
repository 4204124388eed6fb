"""The statistics of change on data recorded by others: 18 months of daily downloads, two listings, a list of systems.

None of it has all-time counts of models, so relative adoption, half-lives and survival are not tested here.
"""

import csv
from collections import Counter
from collections.abc import Iterator
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from hub_assets.statistics.concentration import concentration
from hub_assets.statistics.concentration_over_time import concentration_over_time
from hub_assets.statistics.prediction import rank_correlation_with_interval
from hub_assets.statistics.trends import trend
from hub_assets.trust.rules import Rules
from hub_assets.trust.stalls import stalled, trailing_ratio
from hub_assets_tests.statistics.recorded import carried

Floats = npt.NDArray[np.float64]


def rules() -> Rules:
    with (files("dbt_like_sql") / "seeds" / "trust_rules.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return Rules.of_seed(
        pa.table({"rule": [row["rule"] for row in rows], "threshold": [float(row["threshold"]) for row in rows]})
    )


@pytest.fixture(scope="module")
def daily(real_data: Path) -> tuple[list[date], list[str], Floats]:
    """Days, tasks and downloads by day and task."""
    with (real_data / "modelpulse" / "hub_daily_by_task.csv").open() as file:
        rows = list(csv.DictReader(file))
    tasks = [name for name in rows[0] if name != "day"]
    counts = np.array([[float(row[task]) for task in tasks] for row in rows])
    return [date.fromisoformat(row["day"]) for row in rows], tasks, counts


@pytest.fixture(scope="module")
def series(daily: tuple[list[date], list[str], Floats]) -> list[dict[str, Any]]:
    """Concentration among tasks by day; the rule decides which days stalled."""
    days, tasks, counts = daily
    total = counts.sum(axis=1)
    unknown = np.zeros(len(days))
    is_stalled = stalled(trailing_ratio(total, rules()), unknown, unknown, rules())
    table = pa.table(
        {
            "snapshot_date": pa.array(np.repeat(np.array(days, "datetime64[D]"), len(tasks))),
            "repo_type": ["model"] * counts.size,
            "n_new_downloads": counts.ravel().astype(np.int64),
        }
    )
    quality = pa.table(
        {
            "snapshot_date": pa.array(np.array(days, "datetime64[D]")),
            "repo_type": ["model"] * len(days),
            "rule": ["stall"] * len(days),
            "severity": np.where(is_stalled, "error", "ok"),
        }
    )
    return list(concentration_over_time(table, quality, ["n_new_downloads"], []).to_pylist())


def usable(series: list[dict[str, Any]]) -> Iterator[bool]:
    for row in series:
        yield not row["is_suspect"] and row["hhi"] is not None


def test_days_of_zeros_and_stalls_are_left_out_by_rule(
    daily: tuple[list[date], list[str], Floats], series: list[dict[str, Any]]
) -> None:
    _, _, counts = daily
    is_zero = counts.sum(axis=1) == 0
    is_usable = np.array(list(usable(series)))
    assert (len(series), is_zero.sum()) == (491, 4)
    assert not is_usable[is_zero].any()
    # 16 days are in stalls; the rule lacks history for the third day, but that day has no downloads to divide
    assert (is_usable.sum(), sum(row["is_suspect"] for row in series)) == (474, 16)
    assert all(
        row["hhi"] == pytest.approx(concentration(c, (), ())["hhi"])
        for row, c in zip(series[50:60], counts[50:60], strict=True)
    )
    # the backlog followed the stall: without the rule, that day would count twice
    low = counts.sum(axis=1)[is_usable]
    assert low.min() > 0.3 * np.median(low)


def test_published_claims_about_tasks_hold(
    daily: tuple[list[date], list[str], Floats], series: list[dict[str, Any]]
) -> None:
    """Model Pulse: downloads of rerankers grew almost tenfold in a year, and only fill-mask shrank."""
    days, tasks, counts = daily
    is_usable = np.array(list(usable(series)))
    when = np.array([day.toordinal() for day in days])
    first, last = ((when >= end - 28) & (when <= end) & is_usable for end in (when[-1] - 365, when[-1]))
    growth = dict(zip(tasks, counts[last].mean(axis=0) / counts[first].mean(axis=0), strict=True))
    assert (first.sum(), last.sum()) >= (15, 15)
    assert 7 < growth["text-ranking"] < 13
    assert [task for task, factor in growth.items() if factor < 1] == ["fill-mask"]


@pytest.mark.slow
def test_weekly_trend_skips_suspect_days(
    daily: tuple[list[date], list[str], Floats], series: list[dict[str, Any]]
) -> None:
    days, tasks, counts = daily
    is_usable = np.array(list(usable(series)))
    when = np.array([float(day.toordinal()) for day in days])
    found = {}
    for place, task in enumerate(tasks):
        share = np.where(is_usable, counts[:, place] / np.maximum(counts.sum(axis=1), 1), np.nan)
        found[task] = trend(when[::7], share[::7])
    assert {row["n"] for row in found.values()} == {67}
    assert found["sentence-similarity"]["slope_low"] > 0
    # the one task whose downloads shrank
    assert found["fill-mask"]["slope"] == pytest.approx(-0.0425, abs=0.002)
    assert found["fill-mask"]["slope_high"] < 0


@pytest.fixture(scope="module")
def radar(real_data: Path) -> pa.Table:
    """The later of two listings of new and trending models, with the downloads of the earlier one."""
    columns = ["_id", "likes", "downloads", "pipeline_tag", "tags"]
    before, now = (
        pq.read_table(real_data / "radar" / week / "models.parquet", columns=columns)
        for week in ("2026-08-17", "2026-08-24")
    )
    earlier = before["downloads"].take(pc.index_in(now["_id"], before["_id"]))
    tags = now["tags"].to_pylist()
    origin = ["derivative" if any(t.startswith("base_model:") for t in given or []) else "original" for given in tags]
    return pa.table(
        {
            "snapshot_date": pa.array(np.repeat(np.datetime64("2026-08-24"), len(now))),
            "repo_type": ["model"] * len(now),
            "n_likes": now["likes"],
            "n_downloads": now["downloads"],
            "n_downloads_earlier": earlier,
            # the listings are 3.6 days apart
            "n_downloads_overlap": np.full(len(now), 1 - 3.6 / 30),
            "task": now["pipeline_tag"],
            "origin": origin,
        }
    )


def test_concentration_of_two_listings(radar: pa.Table) -> None:
    quality = pa.table(
        {"snapshot_date": [date(2026, 8, 24)], "repo_type": ["model"], "rule": ["stall"], "severity": ["unknown"]}
    )
    rows = concentration_over_time(radar, quality, ["n_likes", "n_downloads"], ["task", "origin"]).to_pylist()
    of = {(row["measure"], row["slice_kind"], row["slice"]): row for row in rows}
    likes, downloads = of["n_likes", "all", "all"], of["n_downloads", "all", "all"]
    assert (likes["n"], downloads["n"]) == (15_156, 15_156)
    assert (round(likes["share_zero"], 4), round(downloads["share_zero"], 4)) == (0.8060, 0.3562)
    assert downloads["gini"] == pytest.approx(
        concentration(radar["n_downloads"].to_numpy(), (), (), resamples=0)["gini"]
    )
    assert downloads["gini"] == pytest.approx(0.9945, abs=0.001)
    assert downloads["top_1_share"] == pytest.approx(0.942, abs=0.005)
    # likes are known for all models; the earlier listing's downloads cover most of the total
    assert likes["gini_low"] is None
    assert downloads["share_paired"] > 0.5
    assert downloads["gini_low"] < downloads["gini"] < downloads["gini_high"]
    origins = [of["n_downloads", "origin", name] for name in ("original", "derivative")]
    assert sum(row["n"] for row in origins) == 15_156
    assert sum(row["total"] for row in origins) == downloads["total"]
    assert sum(kind == "task" for _, kind, _ in of) > 40


def test_downloads_in_one_listing_predict_those_in_the_next(radar: pa.Table) -> None:
    x, y = (radar[name].cast(pa.float64()).to_numpy() for name in ("n_downloads_earlier", "n_downloads"))
    found = rank_correlation_with_interval(x, y)
    assert found["n"] > 5_000
    assert 0.7 < found["spearman_low"] < found["spearman_high"] < 0.75


def test_countries_of_the_seed_agree_with_the_openness_index(real_data: Path) -> None:
    """The index and the seed were compiled independently; systems without a country in the seed are not compared."""
    with (files("dbt_like_sql") / "seeds" / "organizations.csv").open(encoding="utf-8") as file:
        seed = {row["namespace"].lower(): row for row in csv.DictReader(file)}
    with (real_data / "openness_index" / "systems.csv").open(encoding="utf-8") as file:
        systems = [row for row in csv.DictReader(file) if row["hub_link"] and row["origin"]]
    verdicts: Counter[str] = Counter()
    for row in systems:
        handle = row["hub_link"].removeprefix("collections/").removeprefix("datasets/").split("/")[0].lower()
        ours = seed.get(handle, {}).get("country") or ""
        verdicts["unknown" if not ours else "same" if ours == row["origin"] else "other"] += 1
    assert len(systems) > 100
    assert verdicts["same"] > 0.85 * (verdicts["same"] + verdicts["other"])
    assert verdicts["unknown"] < 0.1 * len(systems)


CARRIED = {
    "radar": {
        "concentration of n_downloads": 15_156,
        "concentration of n_likes": 15_156,
        "concentration of n_new_downloads": 0,
        "concentration of n_usage_spaces": 0,
        "concentration by task": 8_594,
        "concentration by origin": 15_156,
        "trend": 0,
        "survival": 0,
        "relative adoption": 0,
        "half-life": 0,
        "families": 9_481,
        "PageRank, without ages": 9_500,
        "prediction of later downloads": 9_469,
    },
    "openness_index": {
        "concentration": 0,
        "trend": 0,
        "survival": 0,
        "relative adoption": 0,
        "prediction of later downloads": 0,
        "families": 0,
    },
    "model_atlas": {
        "families": 34_228,
        "PageRank, without ages": 34_232,
        "concentration of children among bases": 12_358,
        "relations": 776,
        "concentration of downloads": 0,
        "relative adoption": 0,
        "prediction of later downloads": 0,
        "trend": 0,
        "survival": 0,
    },
}
"""Units behind each statistic; 0 where the recording lacks what the statistic needs."""
COUNTRIES = {("radar", "concentration by country"), ("openness_index", "attribution to countries")}
"""Statistics whose n grows with the seed of organizations."""


def test_each_recording_carries_what_its_columns_allow(real_data: Path) -> None:
    lines = carried(real_data)
    found: dict[str, dict[str, int]] = {}
    for line in lines:
        if (line.recording, line.statistic) in COUNTRIES:
            assert line.n >= 100
        else:
            found.setdefault(line.recording, {})[line.statistic] = line.n
    assert found == CARRIED
    assert [line.statistic for line in lines if not line.remark] == []
    assert {(line.recording, line.statistic) for line in lines} > COUNTRIES
