"""A server: code location, webserver and daemon with a real PostgreSQL, set up with the files in `deployment`.

A weekly run is launched from the queue, and its process dies partway through; the home and the database are backed up
and restored elsewhere; a home from an earlier version is upgraded and used. The tests need the programs in
Debian's `postgresql`.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy
import yaml

from hub_assets.home import FORMAT, Home, format_of
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.limiter import Quota
from hub_assets.local_hub.server import running
from hub_assets.local_hub.simulated import simulated
from hub_assets.resources import project
from hub_assets.runs import clean_up, instance_databases
from hub_assets.upkeep.retention import apply, kept
from hub_assets.upkeep.verify import verify
from hub_assets_tests.integration.home_week import tables_of
from hub_assets_tests.integration.test_daemon import (
    CommitsAsked,
    is_ready,
    launch,
    retry_of,
    run_of,
    steps_done,
    until,
    worker_of,
)

WEEK = date(2026, 11, 16)
FOLDER = Path(str(files("hub_assets.deployment")))
ARCHIVES = Path(__file__).parents[1] / "homes"


def program(name: str) -> str:
    """Return the path of a PostgreSQL program, which on Debian is not in PATH."""
    found = [shutil.which(name), *map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True))]
    chosen = next((path for path in found if path), None)
    if chosen is None:
        pytest.skip(f"{name} of PostgreSQL is not installed (Debian: postgresql)")
    return chosen


def as_user() -> list[str]:
    """Return a command prefix that switches from root to another user, because the server refuses to run as root."""
    return ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@dataclass
class Server:
    """A dedicated database server for these tests."""

    port: int
    folder: Path

    def environment(self, database: str) -> dict[str, str]:
        """Return the settings that `deployment/dagster.yaml` reads."""
        return {
            "DAGSTER_POSTGRES_HOST": "127.0.0.1",
            "DAGSTER_POSTGRES_USER": "dagster",
            "DAGSTER_POSTGRES_PASSWORD": "secret",
            "DAGSTER_POSTGRES_DB": database,
            "PGPASSWORD": "secret",
        }

    def run(self, name: str, *arguments: str) -> None:
        connection = ["--host=127.0.0.1", f"--port={self.port}", "--username=dagster"]
        command = [program(name), *connection, *arguments]
        subprocess.run(command, check=True, env=os.environ | {"PGPASSWORD": "secret"}, timeout=120)

    def count(self, database: str, select: str) -> int:
        address = f"postgresql+psycopg2://dagster:secret@127.0.0.1:{self.port}/{database}"
        engine = sqlalchemy.create_engine(address)
        with engine.connect() as connection:
            found = connection.execute(sqlalchemy.text(select)).scalar_one()
        engine.dispose()
        return int(found)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    # outside pytest's own folder, which other users cannot enter
    folder = Path(tempfile.mkdtemp(prefix="hub_assets_postgres_"))
    if os.getuid() == 0:
        shutil.chown(folder, "postgres")
    port, data, password = free_port(), folder / "data", folder / "password"
    password.write_text("secret")
    password.chmod(0o644)
    init = ["--auth=scram-sha-256", "--username=dagster", f"--pwfile={password}", "--no-sync", "-E", "UTF8"]
    subprocess.run([*as_user(), program("initdb"), "-D", str(data), *init], check=True, stdout=subprocess.DEVNULL)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    control = [*as_user(), program("pg_ctl"), "-D", str(data), "-w", "-t", "120"]
    subprocess.run([*control, "-l", str(folder / "log"), "-o", options, "start"], check=True, stdout=subprocess.DEVNULL)
    try:
        yield Server(port, folder)
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=False, stdout=subprocess.DEVNULL)
        shutil.rmtree(folder, ignore_errors=True)


def prepare(home: Home, server: Server) -> None:
    """Copy `deployment/dagster.yaml` into a home, replacing only its fixed port with the test server's port."""
    settings = yaml.safe_load((FOLDER / "dagster.yaml").read_text())
    settings["storage"]["postgres"]["postgres_db"]["port"] = server.port
    home.dagster.mkdir(parents=True, exist_ok=True)
    (home.dagster / "dagster.yaml").write_text(yaml.safe_dump(settings))


@contextlib.contextmanager
def serving(home: Home, environment: dict[str, str]) -> Iterator[int]:
    """Run the three processes of `deployment/systemd`, and yield the UI's port."""
    code, ui = free_port(), free_port()
    workspace = yaml.safe_load((FOLDER / "workspace.yaml").read_text())
    workspace["load_from"][0]["grpc_server"]["port"] = code
    file = home.root.parent / f"{home.root.name}.workspace.yaml"
    file.write_text(yaml.safe_dump(workspace))
    environment = (
        os.environ
        | environment
        | {
            "HUB_ASSETS_HOME": str(home.root),
            "DAGSTER_HOME": str(home.dagster),
            "HUB_ASSETS_CODE_HOST": "127.0.0.1",
        }
    )
    python = Path(sys.executable).parent
    commands: list[list[str | Path]] = [
        [python / "dagster", "api", "grpc", "-h", "127.0.0.1", "-p", str(code), "-m", "hub_assets.definitions"],
        [python / "dagster-webserver", "-h", "127.0.0.1", "-p", str(ui), "-w", file],
        [python / "dagster-daemon", "run", "-w", file],
    ]
    health: list[str | Path] = [python / "dagster", "api", "grpc-health-check", "-p", str(code)]
    processes: list[subprocess.Popen[bytes]] = []
    log = home.root.parent / f"{home.root.name}.log"
    try:
        with log.open("wb") as output:
            for command in commands:
                processes.append(
                    subprocess.Popen(
                        command, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
                    )
                )
                if len(processes) == 1:
                    until(lambda: subprocess.run(health, env=environment, capture_output=True).returncode == 0, 300)
        until(lambda: is_ready(ui), 300)
        yield ui
    except BaseException:
        print(*(line for line in log.read_text(errors="replace").splitlines()[-80:]), sep="\n")
        raise
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


@pytest.mark.slow
def test_a_server_runs_a_week_survives_a_kill_and_is_restored_elsewhere(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: dict[str, float] = {}

    @contextlib.contextmanager
    def timed(what: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        times[what] = round(time.monotonic() - began, 1)

    server.run("createdb", "dagster")
    home = Home(tmp_path / "home")
    prepare(home, server)
    for name, value in server.environment("dagster").items():
        monkeypatch.setenv(name, value)
    population = simulated(WEEK, scale=0.001)
    hub = CommitsAsked(build_app(population, quota=Quota(150, 2), latency=0.1))
    repos = sum(map(len, population.repos.values()))
    with running(hub) as url:
        environment = server.environment("dagster") | {"HF_ENDPOINT": url, "HF_HOME": os.environ["HF_HOME"]}
        with timed("start"):
            ui = (context := serving(home, environment)).__enter__()
        try:
            with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
                with timed("killed run"):
                    first = launch(ui, WEEK)
                    until(lambda: len(hub.asked) > repos // 2, 600)
                    os.kill(worker_of(instance, first), signal.SIGKILL)
                with timed("retry"):
                    retry = until(lambda: retry_of(instance, first), 300)
                    until(lambda: run_of(instance, retry).is_finished, 1800)
                assert run_of(instance, first).status == dg.DagsterRunStatus.FAILURE
                assert run_of(instance, retry).status == dg.DagsterRunStatus.SUCCESS
                assert steps_done(instance, first) & steps_done(instance, retry) == set()
        finally:
            context.__exit__(None, None, None)
    assert not (home.dagster / "history").exists()  # runs and events are in PostgreSQL
    assert server.count("dagster", "select count(*) from event_logs") > 500
    assert list(verify(home, project())) == []

    command = [sys.executable, "-m", "hub_assets"]
    backups, dump = tmp_path / "backups", tmp_path / "dagster.dump"
    with timed("backup"):
        subprocess.run([*command, "backup", "--home", str(home.root), str(backups)], check=True)
        server.run("pg_dump", "--format=custom", f"--file={dump}", "dagster")
    restored = Home(tmp_path / "restored")
    with timed("restore"):
        subprocess.run([*command, "restore", str(backups), "--home", str(restored.root)], check=True)
        server.run("createdb", "restored")
        server.run("pg_restore", "--dbname=restored", str(dump))
    assert tables_of(restored.warehouse) == tables_of(home.warehouse)
    monkeypatch.setenv("DAGSTER_POSTGRES_DB", "restored")
    with dg.DagsterInstance.from_config(str(restored.dagster)) as instance:
        assert run_of(instance, retry).status == dg.DagsterRunStatus.SUCCESS
        materialized = instance.get_materialized_partitions(dg.AssetKey("warehouse__published"))
        assert materialized == {str(WEEK)}
    # retention limits apply to PostgreSQL as well, and materializations are kept
    databases = instance_databases(restored)
    (address,) = databases
    assert address.endswith("/restored")
    assert clean_up(restored) == []
    later = datetime.now(UTC) + timedelta(weeks=27)
    assert {part.what: part.n_over for part in kept(restored, later, databases)}["events"] == 2
    assert any(line.startswith("events and logs of 2 runs") for line in apply(restored, project(), later, databases))
    with dg.DagsterInstance.from_config(str(restored.dagster)) as instance:
        assert instance.get_materialized_partitions(dg.AssetKey("warehouse__published")) == {str(WEEK)}
    print(times)


@pytest.mark.slow
def test_a_home_of_an_earlier_version_is_upgraded_on_a_server(server: Server, tmp_path: Path) -> None:
    server.run("createdb", "upgraded")
    root = tmp_path / "home"
    root.mkdir()
    with tarfile.open(ARCHIVES / "format_1.tar.xz") as archive:
        archive.extractall(root, filter="data")
    subprocess.run([sys.executable, "-m", "hub_assets", "upgrade", "--home", str(root)], check=True)
    assert format_of(root) == FORMAT
    home = Home(root)
    prepare(home, server)
    assert not [problem for problem in verify(home, project()) if problem.where.is_relative_to(home.lake.root)]
    with serving(home, server.environment("upgraded")) as ui:
        assert is_ready(ui)
