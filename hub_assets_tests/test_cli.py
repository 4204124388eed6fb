"""The command as people use it: what it prints, how it exits, and one clear sentence for a mistake."""

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
from hub_assets.home import Home
from hub_assets.hub.collect.listings import land_listing
from hub_assets.hub.http.client import HubClient
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.limiter import Quota
from hub_assets.local_hub.server import running
from hub_assets.local_hub.simulated import simulated
from hub_assets.processes import process_mark
from hub_assets.warehouse.database import connect
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


def test_the_demo_says_what_it_did_and_that_it_is_simulated(golden: Golden) -> None:
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
def test_a_demo_can_be_run_again(tmp_path: Path) -> None:
    home = tmp_path / "[/bold] it's \u200b*"  # neither markup, nor SQL, nor a pattern
    for options in ([], ["--page-size", "100"]):
        result = run("demo", "--home", home, "--week", "2025-03-05", "--scale", "0.002", *options)
        assert result.exit_code == 0, result.output
        assert "week of 2025-03-03" in result.output
        assert weeks_in(home) == [date(2025, 3, 3)]


def weeks_in(home: Path) -> list[date]:
    with connect(Home(home).warehouse, read_only=True) as connection:
        found = connection.execute("select distinct snapshot_date from mart__repo_activity").fetchall()
    return [week for (week,) in found]


def test_a_home_that_another_run_writes_to_is_waited_for_and_then_named(tmp_path: Path) -> None:
    with running(build_app(simulated(WEEK, scale=0.001), quota=Quota(1000, 1))) as url:
        other = started(write, str(tmp_path), 600.0, "another run")
        pid = other.pid
        appeared(tmp_path / "another run.in")
        result = run("snapshot", "--home", tmp_path, HF_ENDPOINT=url, HUB_ASSETS_WAIT="0")
        other.kill()
        ended(other)
    assert_mistake(result, f"another run (process {pid}, since", "wait for it or stop it", exit_code=1)
    assert not Home(tmp_path).dagster.exists()


@pytest.mark.parametrize("kilobytes", [0, 16, 100])
def test_a_full_disk_gets_one_sentence(tmp_path: Path, kilobytes: int) -> None:
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({kilobytes * 1024},) * 2)"
    command = [sys.executable, "-c", f"{limited}; from hub_assets.cli import main; main()", "demo"]
    command += ["--scale", "0.001", "--budget", "0", "--home", str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode in (1, 2), ran.stdout + ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr
    assert re.search("^Error: .*", ran.stderr, re.MULTILINE), ran.stderr


def test_a_plan_says_what_a_budget_covers(tmp_path: Path) -> None:
    with running(build_app(simulated(WEEK, scale=0.002), quota=Quota(1000, 300))) as url:
        for repo_type in ("model", "dataset", "space"):
            land_listing(HubClient(url, False), Home(tmp_path).lake, repo_type, WEEK)
    (all_,) = [line for line in run("plan", "--home", tmp_path).output.splitlines() if "│ all " in line]
    calls = int(all_.split("│")[-2].replace(",", ""))
    assert calls > 2_000
    covered = run("plan", "--home", tmp_path, "--budget", str(calls // 2))
    # half of it for commits, and of the rest no more than up to 85 % for discussions; no author is known yet
    assert covered.output.count("42.5%") == 7
    chosen = run("plan", "--home", tmp_path, "--top", "10", "--repo-type", "model")
    assert [line.split("│")[5].strip() for line in chosen.output.splitlines() if "of models" in line] == ["10", "10"]


@pytest.mark.slow
def test_a_week_is_begun_anew_only_while_no_later_one_builds_on_it(tmp_path: Path) -> None:
    one, two = (build_app(simulated(week, scale=0.001), quota=Quota(10**6, 1)) for week in (BEFORE, WEEK))
    with running(one) as url:
        for options in ([], [], ["--refresh"]):
            result = run("snapshot", "--home", tmp_path, *options, HF_ENDPOINT=url)
            assert result.exit_code == 0, result.output
        asked = one.state.counters.by_kind["history"]
        repos = sum(map(len, one.state.population.repos.values()))
        assert 4 * repos <= asked < 4.2 * repos
        with running(two) as later:
            assert run("snapshot", "--home", tmp_path, HF_ENDPOINT=later).exit_code == 0
        assert_mistake(run("snapshot", "--home", tmp_path, "--refresh", HF_ENDPOINT=url), "2026-11-16", "refresh")
    assert one.state.counters.by_kind["history"] == asked


def test_data_of_another_hub_is_refused(tmp_path: Path) -> None:
    Home(tmp_path).bind("https://huggingface.co", None)
    before = sorted(tmp_path.rglob("*"))
    assert_mistake(run("demo", "--home", tmp_path), "https://huggingface.co", "--home")
    assert sorted(tmp_path.rglob("*")) == before


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
def test_a_mistake_gets_one_sentence(arguments: list[str], word: str, tmp_path: Path) -> None:
    assert_mistake(run(*arguments, HUB_ASSETS_HOME=str(tmp_path)), word)


def test_a_file_of_ids_is_read_whichever_editor_wrote_it(tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "ids.txt"
    list_repos(Home(home).lake, WEEK, {"id": "o/Model"}, {"id": "o/other"})
    lines = "O/MODEL\r\n\r\nhttps://huggingface.co/o/other/tree/main\no/\x1b[31mnone\n"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        file.write_text(lines, encoding, newline="")
        result = run("plan", "--home", home, "--ids", file, "--repo-type", "model")
        assert result.exit_code == 0, result.output
        (told,) = [line.split("│") for line in result.output.splitlines() if "commits of models" in line]
        assert [number.strip() for number in told[2:5]] == ["2", "2", "0"]
        assert r"Skipping 1 ids that are not listed: o/\x1b[31mnone" in result.output
    file.write_bytes(b"o/m\xff")
    assert_mistake(run("plan", "--home", home, "--ids", file), "ids.txt", "UTF-8")
    file.write_text("o/\x1b[31mnone")
    assert_mistake(run("plan", "--home", home, "--ids", file), r"none of the 1 ids", r"o/\x1b[31mnone")


def test_a_recording_that_cannot_be_served_is_refused_in_one_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "evil\x1b[31m\nname"
    folder.mkdir()
    pq.write_table(pa.table({"id": ["o/a"], "gated": ["\x1b[31mno"]}), folder / "models.parquet")
    for command in ("demo", "local-hub"):
        result = run(command, "--replay", folder, "--home", tmp_path / "home")
        assert_mistake(result, "models.parquet, column gated, row 1 of 1: expected false, true, auto or manual, found")
        assert "\x1b" not in result.output
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("day", ["0001-01-03", "2001-01-01", "9999-12-31"])
def test_a_recording_of_a_week_that_nobody_collected(day: str, tmp_path: Path) -> None:
    (tmp_path / day).mkdir()
    pq.write_table(pa.table({"id": ["o/a"]}), tmp_path / day / "models.parquet")
    assert_mistake(run("demo", "--replay", tmp_path, "--home", tmp_path / "home"), "none of the weeks there are")


def test_what_is_left_out_of_a_recording_is_said(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["o/a", "o/a"], "created_at\x1b": ["now", "then"]}), tmp_path / "models.parquet")
    # another Hub's home ends the demo before it has done anything
    Home(tmp_path / "home").bind("https://huggingface.co", None)
    result = run("demo", "--replay", tmp_path, "--home", tmp_path / "home")
    assert_mistake(result, "--home")
    assert r"Columns of models left out because the Hub's API has no such field: 'created_at\x1b'." in result.output
    assert "Models without an _id, for which one is derived from createdAt and id: 2." in result.output
    assert "Models left out because an earlier row has the same _id or id: 1." in result.output


def test_a_week_that_is_still_to_come_is_refused(tmp_path: Path) -> None:
    later = str(datetime.now(UTC).date() + timedelta(weeks=2))
    assert_mistake(run("demo", "--home", tmp_path, "--week", later, "--scale", "0.0001"), "none of the weeks there are")


def test_the_weeks_of_a_command_follow_each_other_though_a_new_one_begins() -> None:
    choice = cli.Choice(None, None, 0.0001, None, None, today=date(2026, 11, 22))
    assert [choice.made(weeks_before=n).week for n in (1, 0)] == [date(2026, 11, 9), date(2026, 11, 16)]


def test_a_hub_that_does_not_answer(tmp_path: Path) -> None:
    result = run("snapshot", "--home", tmp_path, HF_ENDPOINT="http://127.0.0.1:9")
    assert_mistake(result, "127.0.0.1:9", exit_code=1)


def test_an_address_that_is_none(tmp_path: Path) -> None:
    assert_mistake(run("snapshot", "--home", tmp_path, HF_ENDPOINT="huggingface"), "huggingface", "https://")


def test_a_token_that_is_refused_is_not_printed(tmp_path: Path) -> None:
    with running(build_app(simulated(WEEK), quota=Quota(100, 1))) as url:
        result = run("snapshot", "--home", tmp_path, HF_ENDPOINT=url, HF_TOKEN="hf_invalid_secret")
    assert_mistake(result, "token")
    assert "hf_invalid_secret" not in result.output


@pytest.mark.slow
def test_a_snapshot_with_a_token_leaves_it_nowhere(tmp_path: Path) -> None:
    secret = "hf_a_very_secret_word"
    with running(build_app(simulated(WEEK), quota=Quota(1000, 1))) as url:
        result = run("snapshot", "--home", tmp_path, "--budget", "300", HF_ENDPOINT=url + "/", HF_TOKEN=secret)
    assert result.exit_code == 0, result.output
    assert secret not in result.output
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert_mistake(run("local-hub", "--port", str(taken.getsockname()[1])), "--port")


def test_the_local_hub_serves_until_it_is_interrupted() -> None:
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
def test_dev_opens_the_ui_on_a_home(tmp_path: Path) -> None:
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


def test_a_run_whose_process_is_dead_is_reported_as_failed(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    with cli._instance(home) as instance:
        add_started_run(instance, "of-the-dead", mark=f"{process.pid}@1")
        add_started_run(instance, "of-the-living", mark=process_mark(os.getpid()) or "")
        # a run of the daemon bears no mark; its first event names its process
        add_started_run(instance, "daemon-of-the-dead", pid=process.pid)
        add_started_run(instance, "daemon-of-the-living", pid=os.getpid())
        add_started_run(instance, "daemon-before-this-process", pid=os.getpid(), at=1_000_000_000.0)
        add_started_run(instance, "daemon-that-has-told-nothing")
    with cli._instance(home) as instance:
        failed = {run.run_id for run in instance.get_runs() if run.status == DagsterRunStatus.FAILURE}
    assert failed == {"of-the-dead", "daemon-of-the-dead", "daemon-before-this-process"}


def test_what_is_logged_and_told_is_text_alone(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "a model\x1b[31m\u202e [red]b[/] :bug:\n✓ warehouse__published"
    with cli._warnings_shown():
        logging.getLogger("hub_assets.hub.collect.crawl").warning("The Hub does not answer well (%s)", evil)
    for level in (logging.INFO, logging.WARNING):
        cli._print_event(EventLogEntry(None, level, evil, "run", time.time()))  # type: ignore[no-untyped-call]
    seen = capsys.readouterr().out
    assert seen.count(r"a model\x1b[31m\u202e [red]b[/] :bug:") == 3
    assert not set(seen) & set("\x1b\u202e")
    # what the Hub says never begins a line as what we say does
    assert all(line.startswith("  ") for line in seen.splitlines() if "✓" in line)


def test_an_error_is_one_line_that_is_escaped_and_cut() -> None:
    message = cli.Failed("no\x1b[31m\n" + "x" * 10_000).format_message()
    assert message.startswith(r"no\x1b[31m\nxxx")
    assert len(message) == 2_000
    assert message.endswith("…")
    assert (cli.Failed.exit_code, cli.Mistake.exit_code) == (1, 2)


def add_started_run(
    instance: DagsterInstance, run_id: str, *, mark: str | None = None, pid: int | None = None, at: float | None = None
) -> None:
    tags = {} if mark is None else {cli.PROCESS_TAG: mark}
    run = DagsterRun("weekly_snapshot", run_id=run_id, status=DagsterRunStatus.STARTED, tags=tags)
    instance.add_run(run)
    if pid is not None:
        data = EngineEventData(metadata={"pid": MetadataValue.text(str(pid))})
        event = DagsterEvent(DagsterEventType.ENGINE_EVENT.value, run.job_name, event_specific_data=data)
        entry = EventLogEntry(None, "info", "", run_id, at or time.time(), None, run.job_name, event)  # type: ignore[no-untyped-call]
        instance.handle_new_event(entry)
