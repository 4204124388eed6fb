"""Limits on what a home keeps: they are shown and enforced, but never on data or materializations."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner

from hub_assets import cli
from hub_assets.home import Home
from hub_assets.resources import project
from hub_assets.runs import open_instance
from hub_assets.upkeep.retention import FILE, Limits, LimitsError, apply, kept, limits_of
from hub_assets.upkeep.verify import verify
from hub_assets.warehouse.database import connect
from hub_assets_tests.golden import WEEK, Golden
from hub_assets_tests.integration.home_week import raw_rows_of, tables_of

NOW = datetime(2026, 11, 25, tzinfo=UTC)


@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["a", "b", "c"]))
def thing(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    context.log.info("working")
    if context.partition_key == "c":
        raise ValueError("failed")
    return dg.MaterializeResult(metadata={"rows": 3})


@contextmanager
def runs_of(home: Home, *partitions: str) -> Iterator[dg.DagsterInstance]:
    with open_instance(home) as instance:
        for partition in partitions:
            dg.materialize([thing], partition_key=partition, instance=instance, raise_on_error=False)
        yield instance


def age(home: Home, weeks: float) -> None:
    """Make all finished runs look as if they had ended the given number of weeks ago."""
    with sqlite3.connect(home.dagster / "history" / "runs.db") as connection:
        moment = datetime.now(UTC).replace(tzinfo=None) - timedelta(weeks=weeks)
        connection.execute("update runs set update_timestamp = ?", [f"{moment:%Y-%m-%d %H:%M:%S.%f}"])


def begin(home: Home, week: date) -> Path:
    """Make a week the home's newest by beginning its listing."""
    folder = home.lake.folder("raw_hub__models", week)
    folder.mkdir(parents=True)
    (folder / "journal-1.log").write_bytes(b"{")
    return folder


@pytest.mark.slow
def test_events_of_old_runs_go_and_what_the_ui_plots_stays(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with runs_of(home, "a") as instance:
        (old,) = instance.get_runs()
    age(home, 9)
    with runs_of(home, "b") as instance:
        pass
    before = {part.what: part for part in kept(home, datetime.now(UTC))}
    assert (before["events"].n_over, before["compute logs"].n_over, before["runs"].n_over) == (1, 1, 0)
    (line,) = apply(home, project(), datetime.now(UTC))
    assert line.startswith("events and logs of 1 runs, and 0 run records")
    after = {part.what: part for part in kept(home, datetime.now(UTC))}
    assert after["events"].size < before["events"].size
    assert after["events"].n_over == after["compute logs"].n_over == 0
    assert not (home.dagster / "storage" / old.run_id).exists()
    assert list(apply(home, project(), datetime.now(UTC))) == []
    with open_instance(home) as instance:
        assert len(instance.get_runs()) == 2
        assert instance.get_materialized_partitions(thing.key) == {"a", "b"}
        records = instance.fetch_materializations(thing.key, limit=10).records
        assert [record.asset_materialization.metadata["rows"].value for record in records] == [3, 3]  # type: ignore[union-attr]
        assert not instance.all_logs(old.run_id, dg.DagsterEventType.STEP_START)


def test_records_of_runs_that_made_nothing_go_later(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with runs_of(home, "a", "c") as instance:
        statuses = {run.status for run in instance.get_runs()}
    assert statuses == {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE}
    age(home, 25)
    list(apply(home, project(), datetime.now(UTC)))
    with open_instance(home) as instance:
        assert len(instance.get_runs()) == 2
    age(home, 27)
    list(apply(home, project(), datetime.now(UTC)))
    with open_instance(home) as instance:
        (left,) = instance.get_runs()
        assert left.status == dg.DagsterRunStatus.SUCCESS
        assert instance.get_materialized_partitions(thing.key) == {"a"}


@pytest.mark.slow
def test_files_and_intermediate_rows_go_and_data_stays(golden: Golden, tmp_path: Path) -> None:
    home = Home(golden.copy(tmp_path / "home"))
    raw, published = raw_rows_of(home), tables_of(home.warehouse)
    assert list(apply(home, project(), NOW)) == []
    assert [part.n_over for part in kept(home, NOW)] == [0] * 6
    # time alone removes no data: a home that no longer collects keeps its figures
    assert [line.split(" of ")[0] for line in apply(home, project(), NOW + timedelta(weeks=500))] == ["events and logs"]
    begun = begin(home, WEEK + timedelta(weeks=110))
    lines = list(apply(home, project(), NOW + timedelta(weeks=500)))
    assert [line.split(" of ")[0] for line in lines] == ["intermediate rows", "exports", "figures"]
    shutil.rmtree(begun)
    assert not (home.exports / str(WEEK)).exists()
    assert not (home.figures / str(WEEK)).exists()
    with connect(home.build, read_only=True) as connection:
        assert connection.execute("select count(*) from int_hub__repositories").fetchall() == [(0,)]
        ((n,),) = connection.execute("select count(*) from mart__repo_activity").fetchall()
        assert n > 0
    assert raw_rows_of(home) == raw
    assert tables_of(home.warehouse) == published
    assert list(verify(home, project())) == []


def test_a_home_has_limits_of_its_own(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert limits_of(home) == Limits()
    (home.exports / "2026-01-05").mkdir(parents=True)
    (home.exports / "notes").mkdir()
    begin(home, date(2026, 11, 23))
    (tmp_path / FILE).write_text("exports_weeks = 0\n")
    assert list(apply(home, project(), NOW + timedelta(weeks=500))) == []
    (tmp_path / FILE).write_text("exports_weeks = 4\n")
    assert limits_of(home).exports_weeks == 4
    assert [line.split(":")[0] for line in apply(home, project(), NOW)] == ["exports of 1 weeks"]
    assert (home.exports / "notes").exists()
    for text in ("exports = 4", "exports_weeks = -1", "exports_weeks = 1.5", "exports_weeks = true", "exports_weeks"):
        (tmp_path / FILE).write_text(text)
        with pytest.raises(LimitsError, match=r"retention\.toml"):
            limits_of(home)


def test_status_shows_sizes_and_limits(tmp_path: Path) -> None:
    home = Home(tmp_path)
    (home.exports / str(date(2020, 1, 6))).mkdir(parents=True)
    begin(home, date(2026, 11, 23))
    result = CliRunner().invoke(cli.main, ["status", "--home", str(tmp_path)], env=os.environ | {"COLUMNS": "100"})
    assert result.exit_code == 0, result.output
    for words in ("events", "8 weeks", "exports", "52 weeks", "1 weeks", "lake", "always"):
        assert words in result.output
    cleaned = CliRunner().invoke(cli.main, ["status", "--home", str(tmp_path), "--clean"])
    assert "Removed exports of 1 weeks" in cleaned.output
    assert not list(home.exports.iterdir())
