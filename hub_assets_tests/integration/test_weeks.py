"""Weeks over real HTTP: the Dagster job against the local Hub, and the published result.

A complete week takes at least ten seconds. Most tests need only a few assets and materialize them in a copy of a home
that already has a week, so that publishing finds all other tables.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, Literal

import dagster as dg
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hub_assets.assets.statistics import STATISTICS
from hub_assets.definitions import build_defs
from hub_assets.home import Home
from hub_assets.hub.collect.listing import land_listing
from hub_assets.hub.http.client import HubClient
from hub_assets.hub.sources.listings import LISTINGS
from hub_assets.lake.parts import Lake
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.faults import Faults
from hub_assets.local_hub.limiter import Quota
from hub_assets.local_hub.population import Population
from hub_assets.local_hub.replay import replay
from hub_assets.local_hub.server import running
from hub_assets.local_hub.simulated import simulated
from hub_assets.resources import CrawlResource, HomeResource, HubResource
from hub_assets.warehouse.database import connect
from hub_assets_tests.golden import WEEK, Golden, hub_of
from hub_assets_tests.integration.home_week import FILES_FOR_PEOPLE, failures_of
from hub_assets_tests.networks.reading import check_export

NO_HISTORIES = CrawlResource(budget_calls=0)
ONE, TWO, THREE = date(2026, 11, 9), date(2026, 11, 16), date(2026, 11, 23)
KINDS = ("model", "dataset", "space")
LISTING = [f"{layer}_hub__{kind}s" for layer in ("raw", "stg") for kind in KINDS]
LISTED = [*LISTING, "warehouse__published"]
ACTIVITY = [*LISTED, "int_hub__repositories", "mart__repo_activity", "mart__activity_summary"]
"""Parts of a week: listings and their staging, publishing, and the activity of repositories."""


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:  # with an instance on disk, each run takes twice as long
        yield instance


def materialize(
    home: Path,
    population: Population,
    instance: dg.DagsterInstance,
    *,
    quota: Quota | None = None,
    faults: Faults | None = None,
    page_size: int = 1000,
    attempts: int = 4,
    outage_backoff_hours: float = 6.0,
    crawl: CrawlResource = NO_HISTORIES,
    only: Collection[str] = (),
    without: tuple[str, ...] = FILES_FOR_PEOPLE,
) -> tuple[dg.ExecuteInProcessResult, Any]:
    """Run the weekly job, or part of it, for a population's week; return the result and the server's counters.

    Unless `only` lists the assets to run, assets whose names begin with an entry of `without` are left out. Statistics
    are also left out if there are no histories, because they would show little. Each takes a third of the time.
    """
    app = build_app(population, quota=quota or Quota(100_000, 300), faults=faults)
    with running(app) as url:
        hub = HubResource(
            endpoint=url,
            use_token=False,
            page_size=page_size,
            attempts=attempts,
            backoff=0.01,
            outage_backoff_hours=outage_backoff_hours,
        )
        defs = build_defs(hub=hub, home=HomeResource(root=str(home)), crawl=crawl)
        job = defs.resolve_job_def("weekly_snapshot")
        without_histories = (*STATISTICS, "network__model_co_usage", "network__usage_summary")
        left_out = without + (without_histories if crawl is NO_HISTORIES else ())
        result = job.execute_in_process(
            instance=instance,
            partition_key=str(population.week),
            asset_selection=[
                key
                for key in job.asset_layer.executable_asset_keys
                if (key.to_user_string() in only if only else not key.to_user_string().startswith(left_out))
            ],
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    return result, app.state.counters


def query(home: Path, select: str) -> list[dict[str, Any]]:
    with connect(Home(home).warehouse, read_only=True) as connection:
        return list(connection.sql(select).to_arrow_table().to_pylist())


def listed(home: Path, table: str, week: date) -> pa.Table:
    files = Home(home).lake.files(table, week)
    return pa.concat_tables([pq.read_table(file) for file in files]).sort_by("_id").drop_columns(["observed_at"])


def people_of(developers: dict[str, Any], names: set[str], repository: dict[str, Any]) -> set[str]:
    """Return the developers behind a repository's names, without bots; generic names differ between repositories."""
    found = (developers[name] for name in names if not developers[name]["is_bot"])
    return {row["developer_id"] + (repository["repo_key"] if row["is_generic"] else "") for row in found}


def materialization_of(result: dg.ExecuteInProcessResult, asset: str) -> dg.AssetMaterialization:
    (event,) = [event for event in result.get_asset_materialization_events() if event.asset_key == dg.AssetKey(asset)]
    return event.step_materialization_data.materialization


def metadata_of(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    return {name: value.value for name, value in materialization_of(result, asset).metadata.items()}


def counts_of(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    counts = materialization_of(result, asset).metadata["counts"]
    assert isinstance(counts, dg.TableMetadataValue)
    return {str(record.data["what"]): record.data["rows"] for record in counts.records}


def developers_of(home: Path, week: date) -> dict[str, Any]:
    return {row["author"]: row for row in query(home, f"from core__developers where snapshot_date = date '{week}'")}


def assert_histories_are_true(home: Path, population: Population) -> None:
    """Assert that every repository's published counts match the Hub's."""
    developers = developers_of(home, population.week)
    assert {"system", "SFconvertbot"} <= {author for author, row in developers.items() if row["is_bot"]}
    for kind, repos in population.repos.items():
        history = population.histories[kind]
        assert history.commits is not None
        assert history.discussions is not None
        read = query(
            home, f"from mart__repo_activity where snapshot_date = date '{population.week}' and repo_type = '{kind}'"
        )
        assert {row["commits_outcome"] for row in read} <= {"ok", "not_modified", "gated", "disabled"}
        assert {row["discussions_outcome"] for row in read} <= {"ok", "discussions_off"}
        for row in read:
            place = repos.find(row["repo_id"])
            assert place is not None
            commits, discussions = history.commits.of(place), history.discussions.of(place)
            has_commits = row["commits_outcome"] in ("ok", "not_modified")
            has_discussions = row["discussions_outcome"] == "ok"
            # unreadable histories contribute no developers
            authors = {author for one in history.commits.values("authors", commits) for author in one if has_commits}
            starters = set(history.discussions.values("author", discussions)) - {None} if has_discussions else set()
            names = people_of(developers, {population.author(author)[0] for author in authors}, row)
            starting = people_of(developers, {population.author(author)[0] for author in starters}, row)
            assert row["n_commits"] == (len(commits) if has_commits else None)
            assert row["n_committers"] == (len(names) if has_commits else None)
            assert row["n_discussions"] == (len(discussions) if has_discussions else None)
            assert row["n_disc_starters"] == (len(starting) if has_discussions else None)
            both = has_commits and has_discussions
            assert row["n_community"] == (len(names | starting) if both else None)


@pytest.mark.slow
def test_two_weeks_of_the_simulated_hub(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    first, second = simulated(ONE), simulated(TWO)
    for population in (first, second):
        result, counters = materialize(tmp_path, population, instance)
        assert result.success, failures_of(result)
        assert counters.by_status[429] == 0
    sizes = {
        (ONE, "model"): len(first.repos["model"]),
        (TWO, "model"): len(second.repos["model"]),
        (TWO, "space"): len(second.repos["space"]),
    }
    found = query(tmp_path, "select snapshot_date, repo_type, count(*) as n from mart__repo_activity group by all")
    assert {(row["snapshot_date"], row["repo_type"]): row["n"] for row in found}.items() >= sizes.items()
    (used,) = query(
        tmp_path,
        "select max(n_usage_spaces) as most, count(n_usage_spaces) as known from mart__repo_activity "
        f"where snapshot_date = date '{TWO}' and repo_type = 'model'",
    )
    assert used["most"] > 10
    assert used["known"] == sizes[TWO, "model"]
    (resolution,) = query(tmp_path, f"from mart__usage_resolution where snapshot_date = date '{TWO}'")
    assert 0 < resolution["n_models_unresolved"] < resolution["n_models_named"]
    metadata = metadata_of(result, "raw_hub__models")
    assert metadata["dagster/partition_row_count"] == sizes[TWO, "model"]
    assert metadata["quota"] == 100_000
    for asset in ("mart__repo_activity", "mart__activity_summary"):
        shown = metadata_of(result, asset)
        assert {"dagster/partition_row_count", "dagster/column_schema", "dagster/column_lineage", "preview"} <= set(
            shown
        )


@pytest.mark.slow
def test_two_weeks_with_all_histories(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    for week in (ONE, TWO):
        population = simulated(week, scale=0.003)
        result, counters = materialize(tmp_path, population, instance, crawl=CrawlResource())
        assert result.success, failures_of(result)
        assert counters.by_status[429] == 0
        developers = developers_of(tmp_path, week)
        merged = sum(row["joined_with"] is not None for row in developers.values())
        assert merged > 0
        assert_histories_are_true(tmp_path, population)
    metadata = metadata_of(result, "raw_hub__commits")
    assert metadata["is_complete"] is True
    assert 0 < metadata["calls"] == metadata["planned"] < len(population.repos["model"])
    coverage = query(tmp_path, f"from mart__history_coverage where snapshot_date = date '{TWO}'")
    assert len(coverage) == 6
    assert all(row["n_not_asked"] == 0 and row["share_asked"] == 1 for row in coverage)
    (resolution,) = query(tmp_path, f"from mart__usage_resolution where snapshot_date = date '{TWO}'")
    assert resolution["n_edges_by_alias"] > 0
    assert resolution["n_models_unresolved"] == resolution["n_ids_gone"]
    exported = sorted((Home(tmp_path).exports / str(TWO)).glob("*.graphml"))
    assert {"base_models", "co_usage", "usage", "collaboration_all"} <= {path.stem for path in exported}
    for path in exported:
        check_export(path.with_suffix(""), None if path.stem.startswith("collaboration") else "repo_id")


def test_published_week_matches_the_simulated_hub(golden: Golden) -> None:
    served = hub_of()
    sizes = {kind: len(repos) for kind, repos in served.repos.items()}
    found = query(golden.home, "select repo_type, count(*) as n from mart__repo_activity group by all")
    assert {row["repo_type"]: row["n"] for row in found} == sizes
    assert any(row["joined_with"] is not None for row in developers_of(golden.home, WEEK).values())
    assert_histories_are_true(golden.home, served)
    coverage = query(golden.home, "from mart__history_coverage")
    assert len(coverage) == 6
    assert all(row["n_not_asked"] == 0 and row["share_asked"] == 1 for row in coverage)
    (used,) = query(
        golden.home,
        "select max(n_usage_spaces) as most, count(n_usage_spaces) as known from mart__repo_activity "
        "where repo_type = 'model'",
    )
    assert used["most"] > 10
    assert used["known"] == sizes["model"]
    (resolution,) = query(golden.home, "from mart__usage_resolution")
    assert resolution["n_edges_by_alias"] > 0
    assert resolution["n_models_unresolved"] == resolution["n_ids_gone"] > 0


@pytest.mark.slow
def test_run_ends_with_its_budget_and_the_next_run_continues(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    population = simulated(TWO, scale=0.002)
    result, counters = materialize(tmp_path, population, instance, crawl=CrawlResource(budget_calls=400))
    assert result.success, failures_of(result)
    assert 300 < counters.by_kind["history"] + counters.by_kind["account"] <= 400
    metadata = metadata_of(result, "raw_hub__commits")
    assert metadata["is_complete"] is False
    assert metadata["budget"] == 200
    (check,) = [
        one
        for one in result.get_asset_check_evaluations()
        if (one.asset_key.to_user_string(), one.check_name) == ("raw_hub__commits", "is_complete")
    ]
    assert not check.passed
    assert check.severity == dg.AssetCheckSeverity.WARN
    coverage = query(tmp_path, "from mart__history_coverage where kind = 'commits'")
    assert 150 <= sum(row["n_known"] for row in coverage) <= 200
    assert {row["repo_type"] for row in coverage if row["n_known"]} == {"model", "dataset", "space"}
    result, _ = materialize(tmp_path, population, instance, crawl=CrawlResource(budget_hours=None))
    assert result.success, failures_of(result)
    coverage = query(tmp_path, "from mart__history_coverage")
    assert all(row["n_not_asked"] == 0 for row in coverage)


@pytest.mark.slow
def test_histories_missing_from_a_recording_are_requested_once(
    tmp_path: Path, instance: dg.DagsterInstance, small_week: Path
) -> None:
    for _ in range(2):
        result, counters = materialize(tmp_path / "home", replay(small_week), instance, crawl=CrawlResource())
        assert result.success, failures_of(result)
        assert counters.by_kind["history"] in (0, 4)
    assert counters.by_kind["history"] == 0
    outcomes = query(tmp_path / "home", "select distinct commits_outcome, discussions_outcome from mart__repo_activity")
    assert outcomes == [{"commits_outcome": "not_asked", "discussions_outcome": "not_asked"}]


@pytest.mark.slow
def test_past_weeks_can_be_rebuilt_from_the_lake(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    for population in (simulated(ONE), simulated(TWO)):
        assert materialize(tmp_path, population, instance)[0].success
    before = query(tmp_path, "from mart__repo_activity order by all")
    Home(tmp_path).build.unlink()
    Home(tmp_path).warehouse.unlink()
    for week in (ONE, TWO):
        hub = HubResource(endpoint="http://127.0.0.1:9", use_token=False)
        job = build_defs(hub=hub, home=HomeResource(root=str(tmp_path))).resolve_job_def("rebuild_weeks")
        assert job.execute_in_process(instance=instance, partition_key=str(week)).success
    assert query(tmp_path, "from mart__repo_activity order by all") == before


@pytest.mark.slow
def test_rerun_replaces_the_week(golden: Golden, tmp_path: Path, instance: dg.DagsterInstance) -> None:
    home, count = golden.copy(tmp_path / "home"), "select count(*) as n, count(distinct repo_key) as keys from {}"
    (before,) = query(home, count.format("mart__repo_activity"))
    assert materialize(home, hub_of(), instance, only=ACTIVITY)[0].success
    (row,) = query(home, count.format("mart__repo_activity"))
    assert row["n"] == row["keys"] == before["n"]


FAULTS = [
    "503@3x4",
    "504x3",
    "drop@4x3",
    "not-json@5x2",
    "slow:0.2@5x2",
    "429@6x2",
    "429-no-headers@6x2",
    "429-other@7x2",
    "move",
]


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_tolerable_faults_do_not_change_the_rows(tmp_path: Path, fault: str, plain: dict[str, pa.Table]) -> None:
    # windows are short, because after a 429 the client waits until the window ends
    app = build_app(simulated(TWO), quota=Quota(1000, 1), faults=Faults.parse([fault]))
    with running(app) as url:
        client = HubClient(url, False, attempts=4, backoff=0.01, read_seconds=5)
        for repo_type in ("model", "dataset", "space"):
            manifest = land_listing(
                client, Lake(tmp_path), LISTINGS[repo_type], TWO, page_size=200, flush_bytes=200_000
            )
            assert len(manifest.parts) > 1
    for table, rows in plain.items():
        files = Lake(tmp_path).files(table, TWO)
        found = pa.concat_tables([pq.read_table(file) for file in files]).sort_by("_id")
        assert found.drop_columns(["observed_at"]).equals(rows), table
    if fault == "move":
        assert Lake(tmp_path).manifest("raw_hub__models", TWO).details["counts"]["duplicates"] > 0


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pa.Table]:
    """The rows of an undisturbed listing."""
    lake = Lake(tmp_path_factory.mktemp("plain"))
    with running(build_app(simulated(TWO), quota=Quota(100_000, 300))) as url:
        for repo_type in ("model", "dataset", "space"):
            land_listing(HubClient(url, False), lake, LISTINGS[repo_type], TWO)
    tables = {}
    for table in ("raw_hub__models", "raw_hub__datasets", "raw_hub__spaces"):
        rows = pa.concat_tables([pq.read_table(file) for file in lake.files(table, TWO)])
        tables[table] = rows.sort_by("_id").drop_columns(["observed_at"])
    return tables


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "cause"),
    [("503", "503"), ("drop", "RemoteProtocolError"), ("not-json", "not JSON"), ("429-other", "429")],
)
def test_intolerable_fault_fails_the_run_and_is_reported(
    tmp_path: Path, instance: dg.DagsterInstance, fault: str, cause: str
) -> None:
    faults = Faults.parse([f"{fault}@2"])
    result, _ = materialize(
        tmp_path, hub_of(), instance, faults=faults, attempts=1, outage_backoff_hours=0, only=LISTED
    )
    assert not result.success
    assert cause in failures_of(result)
    assert not Home(tmp_path).warehouse.exists()


@pytest.mark.slow
def test_dirty_responses_are_handled_and_counted(golden: Golden, tmp_path: Path, instance: dg.DagsterInstance) -> None:
    switches = ["row-without-id", "unknown-field", "odd-tag", "expand-refused:downloadsAllTime", "not-json@3x1"]
    home = golden.copy(tmp_path / "home")
    result, _ = materialize(home, hub_of(), instance, faults=Faults.parse(switches), only=ACTIVITY)
    assert result.success, failures_of(result)
    metadata = metadata_of(result, "raw_hub__models")
    counts = counts_of(result, "raw_hub__models")
    pages = -(-len(hub_of().repos["model"]) // 1000)
    assert counts["rows without a key"] == pages
    assert counts["downloadsAllTime: refused by the Hub"] == counts["rows listed"]
    assert counts["tags: items that are not text"] == 2 * pages
    assert any("field without a column" in what for what in counts)
    assert len(metadata["rejected_rows"]) == pages
    retries = [metadata_of(result, f"raw_hub__{name}s")["retries"] for name in ("model", "dataset", "space")]
    assert [found for found in retries if found] == [{"not JSON": 1}]
    ids = query(home, "select repo_id, namespace from mart__repo_activity where repo_id not like '%/%'")
    assert ids
    assert all(row["namespace"] is None for row in ids)


@pytest.mark.slow
def test_empty_first_listing_warns_without_blocking(
    tmp_path: Path, instance: dg.DagsterInstance, small_week: Path
) -> None:
    (small_week / "datasets.parquet").unlink()
    result, _ = materialize(tmp_path / "home", replay(small_week), instance, only=LISTING)
    assert result.success, failures_of(result)
    assert materialization_of(result, "stg_hub__datasets")
    (check,) = [
        evaluation
        for evaluation in result.get_asset_check_evaluations()
        if (evaluation.asset_key.to_user_string(), evaluation.check_name) == ("raw_hub__datasets", "no_collapse")
    ]
    assert not check.passed
    assert check.severity == dg.AssetCheckSeverity.WARN


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_hub_with_one_type_of_repository_is_published(
    tmp_path: Path, instance: dg.DagsterInstance, kind: str
) -> None:
    population = replay(record(tmp_path / "recording" / str(ONE), [f"{kind}s"]))
    result, _ = materialize(tmp_path / "home", population, instance, without=())
    assert result.success, failures_of(result)
    types = query(tmp_path / "home", "select repo_type, count(*) as n from mart__repo_activity group by all")
    assert types == [{"repo_type": kind, "n": 10}]
    assert (Home(tmp_path / "home").report / str(ONE) / "index.html").is_file()


@pytest.fixture
def small_week(tmp_path: Path) -> Path:
    """A recording of ten models and ten datasets."""
    return record(tmp_path / "recording" / str(ONE))


@pytest.fixture(scope="module")
def recorded(
    tmp_path_factory: pytest.TempPathFactory, instance: dg.DagsterInstance
) -> tuple[Path, dg.ExecuteInProcessResult]:
    """A home with the recorded week, which tests must not change, and the run that built it."""
    folder = tmp_path_factory.mktemp("recorded")
    result, _ = materialize(folder / "home", replay(record(folder / "recording" / str(ONE))), instance)
    assert result.success, failures_of(result)
    return folder / "home", result


def record(folder: Path, names: Sequence[str] = ("models", "datasets")) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        rows = pa.table(
            {
                "_id": [f"{n:024x}" for n in range(10)],
                "id": [f"a/{name}-{n}" for n in range(10)],
                "createdAt": ["2026-01-01T00:00:00.000Z"] * 10,
                "likes": list(range(10)),
                "tags": [["license:mit"]] * 10,
            }
        )
        pq.write_table(rows, folder / f"{name}.parquet")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("left", [4, 0])
def test_listing_that_shrinks_by_more_than_half_blocks_publishing(
    tmp_path: Path,
    instance: dg.DagsterInstance,
    recorded: tuple[Path, dg.ExecuteInProcessResult],
    small_week: Path,
    left: int,
) -> None:
    home = Path(shutil.copytree(recorded[0], tmp_path / "home"))
    before = Home(home).warehouse.read_bytes()
    shrunken = small_week.with_name(str(TWO))
    shutil.copytree(small_week, shrunken)
    models = pq.read_table(shrunken / "models.parquet")
    if left:
        pq.write_table(models.slice(0, left), shrunken / "models.parquet")
    else:  # recordings with an empty file are refused
        (shrunken / "models.parquet").unlink()
    result, _ = materialize(home, replay(shrunken), instance, only=ACTIVITY)
    assert "no_collapse" in failures_of(result)
    assert Home(home).warehouse.read_bytes() == before
    pq.write_table(models.slice(0, 5), shrunken / "models.parquet")
    result, _ = materialize(home, replay(shrunken), instance, only=ACTIVITY)
    assert result.success, failures_of(result)
    assert Home(home).warehouse.read_bytes() != before


@pytest.mark.slow
def test_unobserved_columns_are_unknown_rather_than_zero(recorded: tuple[Path, dg.ExecuteInProcessResult]) -> None:
    home, result = recorded
    summary = {
        row["variable"]: row["n"] for row in query(home, "from mart__activity_summary where repo_type = 'model'")
    }
    assert summary["n_likes"] == 10
    assert summary["n_downloads"] == 0
    assert summary["n_usage_spaces"] == 0
    assert counts_of(result, "raw_hub__models")["downloads: not observed"] == 10


@pytest.mark.slow
def test_our_own_lake_can_be_replayed(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    assert materialize(tmp_path / "first", simulated(TWO), instance)[0].success
    again = replay(tmp_path / "first")
    assert again.week == TWO
    assert materialize(tmp_path / "second", again, instance)[0].success
    for table in ("raw_hub__models", "raw_hub__datasets", "raw_hub__spaces"):
        one, two = (listed(tmp_path / home, table, TWO) for home in ("first", "second"))
        assert one.drop_columns(["extra"]).equals(two.drop_columns(["extra"])), table


@pytest.mark.slow
def test_reader_does_not_disturb_a_run(golden: Golden, tmp_path: Path, instance: dg.DagsterInstance) -> None:
    home = golden.copy(tmp_path / "home")
    script = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True); print('open', flush=True); "
        "sys.stdin.readline(); print(c.execute('select count(distinct snapshot_date) from mart__repo_activity')"
        ".fetchone()[0], flush=True)"
    )
    command = [sys.executable, "-c", script, str(Home(home).warehouse)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout
        assert reader.stdin
        assert reader.stdout.readline() == "open\n"
        assert materialize(home, hub_of(THREE), instance, only=ACTIVITY)[0].success
        reader.stdin.write("\n")
        reader.stdin.flush()
        assert reader.stdout.readline() == "1\n"
    assert len(query(home, "select distinct snapshot_date from mart__repo_activity")) == 2


@pytest.mark.slow
def test_small_quota_is_used_without_a_429(tmp_path: Path) -> None:
    app = build_app(simulated(TWO), quota=Quota(20, 1))
    with running(app) as url:
        for repo_type in ("model", "dataset", "space"):
            land_listing(HubClient(url, False), Lake(tmp_path), LISTINGS[repo_type], TWO, page_size=100)
    assert app.state.counters.requests > 2 * 20
    assert app.state.counters.by_status[429] == 0


@contextmanager
def listing_process(home: Path, url: str, page_size: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "hub_assets", "snapshot", "--home", str(home), "--page-size", str(page_size)]
    command += ["--budget", "0"]
    environment = os.environ | {"HF_ENDPOINT": url}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.slow
def test_killed_listing_resumes_at_its_page(tmp_path: Path, plain: dict[str, pa.Table]) -> None:
    population = simulated(TWO)
    app = build_app(population, quota=Quota(20, 0.5))
    pages = {name: -(-len(population.repos[name]) // 50) for name in ("model", "dataset", "space")}
    counters = app.state.counters
    with running(app) as url:
        for kill_at in (30, 60):
            with listing_process(tmp_path, url, 50) as process:
                deadline = time.monotonic() + 120
                while counters.by_kind["listing"] < kill_at and time.monotonic() < deadline:
                    time.sleep(0.01)
                os.kill(process.pid, signal.SIGKILL)
        before = counters.by_kind["listing"]
        with listing_process(tmp_path, url, 50) as process:
            output, _ = process.communicate(timeout=300)
            assert process.returncode == 0, output.decode()
    ((rows, repo_type),) = re.findall(r"resuming after ([\d,]+) (\w+)s", output.decode())
    stored = int(rows.replace(",", "")) // 50
    assert (repo_type, stored > 0) == ("model", True)
    # every run lists the finished datasets again, and contacts the Hub twice
    assert counters.by_kind["listing"] - before <= sum(pages.values()) - stored + 2
    # each kill wastes the page in flight and those not written yet, rarely more than two
    doctors = 10  # listings that the first process requests to examine the Hub
    assert before <= 2 * pages["dataset"] + 2 * 2 + doctors + stored + 10
    assert counters.by_status[429] == 0
    for table, rows in plain.items():
        assert listed(tmp_path, table, TWO).equals(rows), table


@pytest.mark.slow
@pytest.mark.parametrize("window", ["aligned", "first_call"])
def test_real_listing_respects_a_small_quota(
    tmp_path: Path, real_data: Path, window: Literal["aligned", "first_call"]
) -> None:
    app = build_app(replay(real_data / "radar" / RADAR[1]), quota=Quota(20, 2, window=window))
    with running(app) as url:
        began = time.monotonic()
        manifest = land_listing(
            HubClient(url, False), Lake(tmp_path), LISTINGS["model"], date(2026, 8, 24), page_size=100
        )
        seconds = time.monotonic() - began
    assert manifest.rows == 15_156
    assert app.state.counters.requests == 153  # includes the request that was refused because of a field
    assert app.state.counters.by_status[429] == 0
    # at 20 per window, 152 calls fill seven windows of 2 s and start an eighth; the first one may be cut short
    assert seconds >= 12


RADAR = ("2026-08-17", "2026-08-24")


@pytest.mark.slow
def test_two_real_weeks(tmp_path: Path, instance: dg.DagsterInstance, real_data: Path) -> None:
    for day in (RADAR[0], RADAR[1], RADAR[1]):
        result, counters = materialize(tmp_path, replay(real_data / "radar" / day), instance, quota=Quota(1000, 300))
        assert result.success, failures_of(result)
        assert counters.by_status[429] == 0
    for day, rows in zip(RADAR, (9_773, 15_156), strict=True):
        truth = pd.read_parquet(real_data / "radar" / day / "models.parquet")
        assert len(truth) == rows
        summary = {
            row["variable"]: row
            for row in query(
                tmp_path,
                f"from mart__activity_summary where snapshot_date = date '{day}' and repo_type = 'model'",
            )
        }
        for variable, column in (("n_likes", "likes"), ("n_downloads", "downloads")):
            described, ours = truth[column].describe(), summary[variable]
            assert ours["share_zero"] == pytest.approx((truth[column] == 0).mean(), rel=1e-12)
            for name, label in {"n": "count", "mean": "mean", "std": "std", "p25": "25%", "max": "max"}.items():
                assert ours[name] == pytest.approx(described[label], rel=1e-9), (day, variable, name)
        licenses = truth["tags"].explode().dropna()
        tagged = licenses[licenses.str.startswith("license:")]
        shares = query(
            tmp_path,
            f"select license, n from stats__license_shares where snapshot_date = date '{day}' and license <> 'none'",
        )
        expected = tagged.str[8:].str.lower().groupby(level=0).unique().explode().value_counts()
        assert {row["license"]: row["n"] for row in shares} == expected.to_dict()
    assert round(summary["n_likes"]["share_zero"], 4) == 0.8060
    assert round(summary["n_downloads"]["share_zero"], 4) == 0.3562
    (largest,) = query(tmp_path, "select max(n_parameters) as n from mart__repo_activity")
    # the recording also contains 2e16, an impossible number of parameters, which is left out
    assert largest["n"] == 2_779_931_837_184
    assert len(shares) == 52
