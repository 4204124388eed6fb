"""The command as users run it: its output, its exit codes, and one clear sentence for each mistake."""

import contextlib
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from dagster import (
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    EventLogEntry,
    MetadataValue,
)
from dagster._core.events import EngineEventData

from hub_assets import cli
from hub_assets.cli.guard import CommandFailed
from hub_assets.cli.jobs import run_present_week
from hub_assets.cli.population import PopulationChoice
from hub_assets.errors import HubAssetsError, UserError
from hub_assets.home import Home
from hub_assets.hub.collect.listing import land_listing
from hub_assets.hub.http.client import HubClient
from hub_assets.hub.sources.listings import LISTINGS
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.limiter import Quota
from hub_assets.local_hub.server import running
from hub_assets.local_hub.simulated import simulated
from hub_assets.processes import process_mark
from hub_assets.report.text import safe_console
from hub_assets.resources import CrawlResource, HubResource
from hub_assets.run_tags import PROCESS_TAG
from hub_assets.runs import open_instance, print_event, warnings_printed
from hub_assets.warehouse.database import connect
from hub_assets.warehouse.spark import SparkError
from hub_assets_tests.golden import Golden
from hub_assets_tests.hub.collect.test_plan import list_repos
from hub_assets_tests.killing import ended, started
from hub_assets_tests.test_lock import appeared, write

BEFORE, WEEK = date(2026, 11, 9), date(2026, 11, 16)


def run(*arguments: str | Path, **environment: str) -> Result:
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments], env=environment)


def assert_mistake(result: Result, *words: str, exit_code: int = 2) -> None:
    assert result.exit_code == exit_code, result.output
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit)
    (sentence,) = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    for word in words:
        assert word in sentence


@pytest.mark.parametrize("command", ["demo", "snapshot", "plan", "dev", "local-hub"])
def test_every_command_has_help_with_an_example(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"hub-assets {command}" in result.output.split("Example", 1)[1]


def test_demo_reports_its_results_and_that_they_are_simulated(golden: Golden) -> None:
    for words in (
        "week of 2026-11-16",
        "Activity of models",
        "Licenses",
        "simulated",
        "warehouse.duckdb",
        "dev --home",
    ):
        assert words in golden.output
    assert weeks_in(golden.home) == [WEEK]
    plan = run("plan", "--home", golden.home, "--repo-type", "model")
    assert plan.exit_code == 0, plan.output
    assert "commits of models" in plan.output
    assert "Enterprise Plus" in plan.output


@pytest.mark.slow
def test_demo_can_run_twice(tmp_path: Path) -> None:
    home = tmp_path / '[/bold] it\'s "a" \u200b*'  # must not be read as markup, SQL or a pattern
    for options in ([], ["--page-size", "100"]):
        result = run("demo", "--home", home, "--week", "2025-03-05", "--scale", "0.002", *options)
        assert result.exit_code == 0, result.output
        assert "week of 2025-03-03" in result.output
        assert weeks_in(home) == [date(2025, 3, 3)]


def weeks_in(home: Path) -> list[date]:
    with connect(Home(home).warehouse, read_only=True) as connection:
        found = connection.execute("select distinct snapshot_date from mart__repo_activity").fetchall()
    return [week for (week,) in found]


@pytest.mark.slow
def test_a_busy_home_is_reported_with_its_writer(tmp_path: Path) -> None:
    with running(build_app(simulated(WEEK, scale=0.001), quota=Quota(1000, 1))) as url:
        other = started(write, str(tmp_path), 600.0, "another run")
        pid = other.pid
        appeared(tmp_path / "another run.in")
        result = run("snapshot", "--home", tmp_path, HF_ENDPOINT=url, HUB_ASSETS_WAIT="0")
        other.kill()
        ended(other)
    assert_mistake(result, f"another run (process {pid}, since", "wait for it or stop it", exit_code=1)
    assert not Home(tmp_path).warehouse.exists()


@pytest.mark.parametrize("kilobytes", [16, *(pytest.param(n, marks=pytest.mark.slow) for n in (0, 100))])
def test_full_disk_gets_one_sentence(tmp_path: Path, kilobytes: int) -> None:
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({kilobytes * 1024},) * 2)"
    command = [sys.executable, "-c", f"{limited}; from hub_assets.cli import main; main()", "demo"]
    command += ["--scale", "0.001", "--budget", "0", "--home", str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode in (1, 2), ran.stdout + ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr
    assert re.search("^Error: .*", ran.stderr, re.MULTILINE), ran.stderr


@pytest.mark.slow
def test_plan_shows_what_a_budget_covers(tmp_path: Path) -> None:
    with running(build_app(simulated(WEEK, scale=0.002), quota=Quota(1000, 300))) as url:
        for repo_type in ("model", "dataset", "space"):
            land_listing(HubClient(url, False), Home(tmp_path).lake, LISTINGS[repo_type], WEEK)
    (total,) = [line for line in run("plan", "--home", tmp_path).output.splitlines() if "│ total " in line]
    calls = int(total.split("│")[-2].replace(",", ""))
    assert calls > 2_000
    covered = run("plan", "--home", tmp_path, "--budget", str(calls // 2))
    # half of the budget for commits, 85% for commits and discussions together; no author is known yet
    assert covered.output.count("42.5%") == 7
    chosen = run("plan", "--home", tmp_path, "--top", "10", "--repo-type", "model")
    assert [line.split("│")[5].strip() for line in chosen.output.splitlines() if "of models" in line] == ["10", "10"]


@pytest.mark.slow
def test_refresh_starts_the_week_over_unless_a_later_week_builds_on_it(tmp_path: Path) -> None:
    first, second = (build_app(simulated(week, scale=0.001), quota=Quota(10**6, 1)) for week in (BEFORE, WEEK))
    with running(first) as url:
        for options in ([], ["--refresh"]):
            result = run("snapshot", "--home", tmp_path, *options, HF_ENDPOINT=url)
            assert result.exit_code == 0, result.output
        n_calls = first.state.counters.by_kind["history"]
        repos = sum(map(len, first.state.population.repos.values()))
        assert 4 * repos <= n_calls < 4.2 * repos
        with running(second) as later:
            assert run("snapshot", "--home", tmp_path, HF_ENDPOINT=later).exit_code == 0
        assert_mistake(run("snapshot", "--home", tmp_path, "--refresh", HF_ENDPOINT=url), "2026-11-16")
    assert first.state.counters.by_kind["history"] == n_calls


@pytest.mark.slow
def test_a_home_refuses_data_from_another_hub(tmp_path: Path) -> None:
    Home(tmp_path).bind("https://huggingface.co", None)
    before = sorted(tmp_path.rglob("*"))
    assert_mistake(run("demo", "--home", tmp_path), "https://huggingface.co", "--home")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["demo", "--replay", "/nowhere/at/all"], "/nowhere/at/all"),
        (["demo", "--quota", "many"], "many"),
        (["demo", "--quota", "0/5"], "0/5"),
        (["demo", "--week", "soon"], "soon"),
        (["demo", "--week", "2099-01-05"], "2099-01-05"),
        (["demo", "--week", "2021-01-04"], "2021-01-04"),
        (["demo", "--page-size", "0"], "page-size"),
        (["demo", "--weeks", "200000"], "--weeks"),
        (["demo", "--population", "replay"], "--replay"),
        (["demo", "--replay", ".", "--scale", "1"], "--scale"),
        (["local-hub", "--scale", "1e9"], "20,000,000"),
        (["local-hub", "--scale", "0"], "--scale"),
        (["demo", "--home", "/proc/nothing"], "/proc/nothing"),
        (["demo", "--home", "/tmp/a?b"], "cannot be a home"),
        (["demo", "--home", "/tmp/a\\b"], "cannot be a home"),
        (["demo", "--budget", "soon"], "soon"),
        (["demo", "--sample", "2"], "--sample"),
        (["demo", "--top", "5", "--sample", "0.5"], "top, sample and ids"),
        (["demo", "--ids", "/dev/null"], "/dev/null"),
        (["plan"], "snapshot"),
        (["local-hub", "--fault", "earthquake"], "earthquake"),
        (["local-hub", "--replay", "/nowhere/at/all"], "/nowhere/at/all"),
    ],
)
def test_a_usage_error_prints_one_sentence(arguments: list[str], word: str, tmp_path: Path) -> None:
    assert_mistake(run(*arguments, HUB_ASSETS_HOME=str(tmp_path)), word)


def test_an_ids_file_is_read_in_any_encoding_that_editors_write(tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "ids.txt"
    list_repos(Home(home).lake, WEEK, {"id": "o/Model"}, {"id": "o/other"})
    lines = "O/MODEL\r\n\r\nhttps://huggingface.co/o/other/tree/main\no/\x1b[31mnone\n"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        file.write_text(lines, encoding, newline="")
        result = run("plan", "--home", home, "--ids", file, "--repo-type", "model")
        assert result.exit_code == 0, result.output
        (cells,) = [line.split("│") for line in result.output.splitlines() if "commits of models" in line]
        assert [number.strip() for number in cells[2:5]] == ["2", "2", "0"]
        assert r"Skipping 1 ids that are not listed: o/\x1b[31mnone" in result.output
    file.write_bytes(b"o/m\xff")
    assert_mistake(run("plan", "--home", home, "--ids", file), "ids.txt", "UTF-8")
    file.write_text("o/\x1b[31mnone")
    assert_mistake(run("plan", "--home", home, "--ids", file), r"none of the 1 ids", r"o/\x1b[31mnone")


def test_an_invalid_recording_is_rejected_in_one_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "evil\x1b[31m\nname"
    folder.mkdir()
    pq.write_table(pa.table({"id": ["o/a"], "gated": ["\x1b[31mno"]}), folder / "models.parquet")
    for command in ("demo", "local-hub"):
        result = run(command, "--replay", folder, "--home", tmp_path / "home")
        assert_mistake(result, "models.parquet, column gated, row 1 of 1: expected false, true, auto or manual, found")
        assert "\x1b" not in result.output
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("day", ["0001-01-03", "2001-01-01", "9999-12-31"])
def test_a_recording_from_an_unsupported_week(day: str, tmp_path: Path) -> None:
    (tmp_path / day).mkdir()
    pq.write_table(pa.table({"id": ["o/a"]}), tmp_path / day / "models.parquet")
    assert_mistake(run("demo", "--replay", tmp_path, "--home", tmp_path / "home"), "outside the supported weeks")


def test_rows_and_columns_left_out_of_a_recording_are_reported(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["o/a", "o/a"], "created_at\x1b": ["now", "then"]}), tmp_path / "models.parquet")
    # the home of another Hub makes the demo stop before it does anything
    Home(tmp_path / "home").bind("https://huggingface.co", None)
    result = run("demo", "--replay", tmp_path, "--home", tmp_path / "home")
    assert_mistake(result, "--home")
    assert r"Columns of models left out because the Hub's API has no such field: 'created_at\x1b'." in result.output
    assert "was derived from createdAt and id: 2." in result.output
    assert "Models left out because an earlier row has the same _id or id: 1." in result.output


def test_a_future_week_is_refused(tmp_path: Path) -> None:
    future = str(datetime.now(UTC).date() + timedelta(weeks=2))
    assert_mistake(
        run("demo", "--home", tmp_path, "--week", future, "--scale", "0.0001"), "outside the supported weeks"
    )


def test_the_weeks_of_a_command_stay_consecutive_when_a_new_week_begins() -> None:
    choice = PopulationChoice(None, None, 0.0001, None, None, today=date(2026, 11, 22))
    assert [choice.load(weeks_before=n).week for n in (1, 0)] == [date(2026, 11, 9), date(2026, 11, 16)]


@pytest.mark.slow
def test_a_hub_that_does_not_respond(tmp_path: Path) -> None:
    result = run("snapshot", "--home", tmp_path, HF_ENDPOINT="http://127.0.0.1:9")
    assert_mistake(result, "127.0.0.1:9", exit_code=1)


def test_an_invalid_endpoint(tmp_path: Path) -> None:
    assert_mistake(run("snapshot", "--home", tmp_path, HF_ENDPOINT="huggingface"), "huggingface", "https://")


def test_a_rejected_token_is_not_printed(tmp_path: Path) -> None:
    with running(build_app(simulated(WEEK), quota=Quota(100, 1))) as url:
        result = run("snapshot", "--home", tmp_path, HF_ENDPOINT=url, HF_TOKEN="hf_invalid_secret")
    assert_mistake(result, "token", "Set a valid HF_TOKEN, or unset it.")
    assert "hf_invalid_secret" not in result.output


@pytest.mark.slow
def test_a_snapshot_never_stores_or_prints_the_token(tmp_path: Path) -> None:
    secret = "hf_a_very_secret_word"
    with running(build_app(simulated(WEEK), quota=Quota(1000, 1))) as url:
        result = run("snapshot", "--home", tmp_path, "--budget", "300", HF_ENDPOINT=url + "/", HF_TOKEN=secret)
    assert result.exit_code == 0, result.output
    assert secret not in result.output
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


def test_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert_mistake(run("local-hub", "--port", str(taken.getsockname()[1])), "--port")


@pytest.mark.slow
def test_local_hub_serves_until_interrupted() -> None:
    command = [sys.executable, "-m", "hub_assets", "local-hub", "--port", "0", "--week", "2025-03-03"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        line = process.stdout.readline()
        with urllib.request.urlopen(line.split()[-1] + "/api/models?limit=2", timeout=10) as answer:
            assert len(json.load(answer)) == 2
            assert answer.headers["Date"].startswith("Mon, 03 Mar 2025 06:30")
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.mark.slow
def test_dev_starts_the_ui_for_a_home(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "hub_assets", "dev", "--home", str(tmp_path), "--port", str(port)]
    ignored = signal.signal(signal.SIGINT, signal.SIG_IGN)
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, start_new_session=True
    ) as process:
        signal.signal(signal.SIGINT, ignored)
        try:
            deadline = time.monotonic() + 180
            while True:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=5) as answer:
                        assert "dagster_version" in json.load(answer)
                    break
                except OSError:
                    assert time.monotonic() < deadline
                    time.sleep(0.2)
            process.terminate()
            assert process.wait(30) is not None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert (tmp_path / "dagster" / "dagster.yaml").read_text().startswith("# Settings of the Dagster instance")


@pytest.mark.slow
def test_a_run_is_marked_as_failed_once_its_process_is_dead(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    with open_instance(home) as instance:
        add_started_run(instance, "dead", mark=f"{process.pid}@1")
        add_started_run(instance, "alive", mark=process_mark(os.getpid()) or "")
        # runs by the daemon are not marked, but their first event names the process
        add_started_run(instance, "daemon-dead", pid=process.pid)
        add_started_run(instance, "daemon-alive", pid=os.getpid())
        add_started_run(instance, "daemon-earlier-process", pid=os.getpid(), at=1_000_000_000.0)
        add_started_run(instance, "daemon-without-events")
    with open_instance(home) as instance:
        failed = {run.run_id for run in instance.get_runs() if run.status == DagsterRunStatus.FAILURE}
    assert failed == {"dead", "daemon-dead", "daemon-earlier-process"}


def test_logs_and_events_reach_the_terminal_as_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "a model\x1b[31m\u202e [red]b[/] :bug:\n✓ warehouse__published"
    console = safe_console(soft_wrap=True)
    with warnings_printed(console):
        logging.getLogger("hub_assets.hub.collect.crawl").warning("The Hub does not respond (%s)", evil)
    for level in (logging.INFO, logging.WARNING):
        print_event(console, EventLogEntry(None, level, evil, "run", time.time()))  # type: ignore[no-untyped-call]
    shown = capsys.readouterr().out
    assert shown.count(r"a model\x1b[31m\u202e [red]b[/] :bug:") == 3
    assert not set(shown) & set("\x1b\u202e")
    # text from the Hub never starts a line the way our own output does
    assert all(line.startswith("  ") for line in shown.splitlines() if "✓" in line)


def test_an_error_is_one_line_escaped_and_cut() -> None:
    message = CommandFailed("no\x1b[31m\n" + "x" * 10_000).format_message()
    assert message.startswith(r"no\x1b[31m\nxxx")
    assert len(message) == 2_000
    assert message.endswith("…")
    assert (HubAssetsError.exit_code, UserError.exit_code) == (1, 2)


def add_started_run(
    instance: DagsterInstance, run_id: str, *, mark: str | None = None, pid: int | None = None, at: float | None = None
) -> None:
    tags = {} if mark is None else {PROCESS_TAG: mark}
    run = DagsterRun("weekly_snapshot", run_id=run_id, status=DagsterRunStatus.STARTED, tags=tags)
    instance.add_run(run)
    if pid is not None:
        data = EngineEventData(metadata={"pid": MetadataValue.text(str(pid))})
        event = DagsterEvent(DagsterEventType.ENGINE_EVENT.value, run.job_name, event_specific_data=data)
        entry = EventLogEntry(None, "info", "", run_id, at or time.time(), None, run.job_name, event)  # type: ignore[no-untyped-call]
        instance.handle_new_event(entry)


def test_a_server_that_does_not_answer_is_found_before_a_crawl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_ASSETS_ENGINE", "spark")
    monkeypatch.setenv("SPARK_REMOTE", "sc://127.0.0.1:1")
    nowhere = HubResource(endpoint="http://127.0.0.1:1", use_token=False)
    with pytest.raises(SparkError, match=r"Spark at sc://127\.0\.0\.1:1 does not answer"):
        run_present_week(nowhere, Home(tmp_path), CrawlResource())
