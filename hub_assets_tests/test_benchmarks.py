"""The benchmarks run without errors on a tiny Hub. Their speed is not tested."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hub_assets_tests.benchmarks.__main__ import main, run_one, selected
from hub_assets_tests.benchmarks.processes import Timed
from hub_assets_tests.benchmarks.records import Aim, Measurement, Peer, compare, growth
from hub_assets_tests.benchmarks.report import Run
from hub_assets_tests.benchmarks.stage import Benchmark, Stage, all_benchmarks

WORKS = {
    "population: first start",
    "population: next start",
    "calibration",
    "series: 104 weeks",
    "server: listing pages",
    "server: histories",
    "listing crawl",
    "everything after the listing",
    "marts: SQL alone",
    "marts: in Dagster, checked",
    "snapshot",
    "crawl: no limit",
    "crawl: both kinds",
    "crawl: both kinds, 150 ms latency",
    "bare calls",
    "crawl: 333 calls a second",
    "crawl: 150 ms latency",
    "crawl: windows of 20 s",
    "identities: end to end",
    "identities: names compared",
    "search: embedding",
    "search: queries of 100,000 vectors",
    "search: queries of 3,000,000 vectors",
    "statistics: all but tails",
    "statistics: marts",
    "statistics: figures",
    "statistics: with marts, figures",
    "statistics: tails",
    "statistics: three tails",
    "statistics: goodness of fit",
    "networks: edges",
    "networks: tables 6-9",
    "networks: over time",
    "networks: all measures",
    "networks: core numbers",
    "networks: clustering",
    "networks: greedy communities",
    "networks: null models",
    "networks: greedy communities, large",
    "networks: Leiden instead of greedy",
}
GROUPS = (
    *("archives", "listings", "histories", "enrichment", "reference", "rules", "repositories", "organizations"),
    *("identity_candidates", "identities", "activity", "usage", "families", "collaboration", "explorers"),
    *("statistics", "trust", "quality", "change", "figures", "report", "search", "checks without assets"),
)
PEERS = {
    "listing crawl": ["HfApi, same fields", "HfApi, as published"],
    "marts: SQL alone": ["pandas, same tables", "pandas, figures only"],
    "marts: in Dagster, checked": ["pandas, same tables", "pandas, figures only"],
    "crawl: both kinds": ["HfApi, one thread"],
    "crawl: both kinds, 150 ms latency": ["HfApi, one thread"],
    "identities: names compared": ["loop, scaled up"],
    "statistics: all but tails": ["pandas, scipy"],
    "statistics: three tails": ["powerlaw"],
    "networks: edges": ["the published loop"],
    "networks: core numbers": ["networkx"],
    "networks: clustering": ["networkx"],
    "networks: greedy communities": ["networkx"],
}


@pytest.mark.slow
def test_command_runs_all_benchmarks_with_correct_results(tmp_path: Path) -> None:
    path = tmp_path / "benchmarks.json"
    command = [sys.executable, "-m", "hub_assets_tests.benchmarks", "--scale", "0.002", "--json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, cwd=Path(__file__).parents[1])
    assert done.returncode == 0, done.stdout + done.stderr
    written: dict[str, Any] = json.loads(path.read_text())
    assert written["is_right"]
    assert written["broken"] == []
    found = {each["work"]: each for each in written["measurements"]}
    assert found.keys() == WORKS | {f"snapshot: {group}" for group in GROUPS}
    for work, each in found.items():
        assert work in done.stdout
        assert each["scale"] == 0.002
        assert each["size"] > 0
        assert each["seconds"] > 0
        assert each["per_second"] == pytest.approx(each["size"] / each["seconds"])
        assert 20 * 2**20 < each["peak_bytes"] < 4 * 2**30
        assert [peer["name"] for peer in each["peers"]] == PEERS.get(work, [])
        for peer in each["peers"]:
            assert peer["name"] in done.stdout
            assert peer["ratio_seconds"] == pytest.approx(peer["seconds"] / each["seconds"])
            assert peer["ratio_memory"] == pytest.approx(peer["peak_bytes"] / each["peak_bytes"])
    assert found["marts: SQL alone"]["size"] == found["listing crawl"]["size"] == found["snapshot"]["size"]
    assert found["marts: SQL alone"]["answers"]["compared"] > 50
    assert found["identities: end to end"]["answers"]["compared"] == 4
    assert found["identities: names compared"]["answers"]["compared"] > 0
    calibration, accuracy, embedding, queries = written["tables"]
    assert {"quantity", "published", "reached"} <= calibration["rows"][0].keys()
    assert {"who decides", "accepted", "precision", "recall"} <= accuracy["rows"][0].keys()
    assert {"time", "formula", "hours"} <= embedding["rows"][0].keys()
    assert {"vectors", "p95 in ms"} <= queries["rows"][0].keys()
    for table in written["tables"]:
        assert table["title"] in done.stdout
    assert written["environment"].keys() >= {"date", "python", "cores", "memory_gib", "versions"}


def test_list_contains_every_benchmark() -> None:
    output = CliRunner().invoke(main, ["--list"]).output
    names = [line.split("  ")[0] for line in output.splitlines()]
    assert names == [
        *("population", "calibration", "series", "server", "listing crawl", "marts"),
        *("histories", "pacing", "identities", "statistics", "networks", "snapshot", "search", "engines"),
    ]
    assert all(each.summary for each in all_benchmarks())


def test_benchmark_with_other_needs_runs_only_by_name() -> None:
    found = all_benchmarks()
    names = [each.name for each in found]
    assert [each.name for each in selected(found, ())] == [name for name in names if name != "engines"]
    assert [each.name for each in selected(found, ("engines", "marts"))] == ["marts", "engines"]
    assert "needs Java 17" in CliRunner().invoke(main, ["--list"]).output


def test_unknown_benchmark_is_a_usage_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--only", "spelling", "--json", str(tmp_path / "b.json")])
    assert result.exit_code == 2
    assert "spelling" in result.output
    assert "marts" in result.output


def test_growth_is_the_exponent_between_the_smallest_and_the_largest_size() -> None:
    runs = [Measurement("w", size, size**1.5, 1, grows=True) for size in (10_000, 100, 1_000)]
    (found,) = growth([*runs, Measurement("constant", 1, 1, 1), Measurement("once", 5, 1, 1, grows=True)])
    assert found.work == "w"
    assert found.exponent == pytest.approx(1.5)
    assert not found.aim.is_met


def test_aims_are_ceilings_or_floors_at_full_scale_or_relative_to_peers() -> None:
    assert Aim("seconds", 3, 3).is_met
    assert not Aim("seconds", 3.1, 3).is_met
    assert Aim("rate", 61, 60, is_floor=True).is_met
    assert not Aim("rate", 59, 60, is_floor=True).is_met
    slow = Measurement("w", 1, 9, 1, aims=[Aim("seconds", 9, 3)])
    run = Run(measurements=[(0.1, slow), (1.0, slow)])
    assert [scale for scale, *_ in run.aims] == [1.0]
    assert run.is_right
    ours, theirs = Timed(None, seconds=2.0, peak=1), Timed(None, seconds=3.0, peak=1)
    ahead = ours.ahead_of(theirs, 1.5)
    assert ahead.is_met
    assert not ours.ahead_of(theirs, 1.6).is_met
    run = Run(measurements=[(0.1, Measurement("w", 1, 2, 1, aims=[ahead]))])
    assert [scale for scale, *_ in run.aims] == [0.1]


def test_peers_that_are_ahead_are_named_with_the_reason() -> None:
    peers = [Peer("a loop", 1, 1, "it stores nothing"), Peer("a slow loop", 3, 1, "it sleeps"), Peer("a list", 1.5, 1)]
    run = Run(measurements=[(0.1, Measurement("listing", 1, 2, 1, peers=peers))])
    assert run.peers_ahead == [
        "listing (scale 0.1): the peer “a loop” took only 50% as long, but it stores nothing",
        "listing (scale 0.1): the peer “a list” took only 75% as long",
    ]


def test_different_result_is_a_failure() -> None:
    ours: dict[str, float | None] = {"mean": 0.1 + 0.2, "std": None, "n": 3, "more": 1}
    theirs: dict[str, float | None] = {"mean": 0.3, "std": None, "n": 4, "other": 1}
    answers = compare(ours, theirs)
    assert answers.compared == 5
    assert [each.partition(":")[0] for each in answers.differences] == ["n", "more", "other"]
    assert not Run(measurements=[(1.0, Measurement("w", 1, 1, 1, answers=answers))]).is_right
    assert Run(measurements=[(1.0, Measurement("w", 1, 1, 1, answers=compare(ours, ours)))]).is_right


def test_failing_benchmark_does_not_stop_the_others(tmp_path: Path) -> None:
    def breaks(stage: Stage) -> list[Measurement]:
        raise RuntimeError("broken")

    run = Run()
    run_one(Benchmark("it", 1, breaks), Stage(1.0, tmp_path), run)
    run_one(Benchmark("other", 2, lambda _: [Measurement("w", 1, 1, 1)]), Stage(1.0, tmp_path), run)
    assert run.broken == [(1.0, "it", "RuntimeError: broken")]
    assert [each.work for _, each in run.measurements] == ["w"]
    assert not run.is_right
