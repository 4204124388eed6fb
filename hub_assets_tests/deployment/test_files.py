"""The deployment files: valid for the programs that read them, and consistent with each other and with the code."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from dagster._core.instance.config import dagster_instance_config
from dagster._core.workspace.config_schema import process_workspace_config

from hub_assets import cli

FOLDER = Path(str(files("hub_assets.deployment")))
UNITS = sorted((FOLDER / "systemd").iterdir())
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICE_KEYS = {
    *("image", "build", "restart", "environment", "volumes", "command", "depends_on", "healthcheck", "ports"),
    "stop_grace_period",
}
HEALTH_KEYS = {"test", "interval", "timeout", "retries", "start_period"}
CONDITIONS = {"service_healthy", "service_started", "service_completed_successfully"}
DURATION = re.compile(r"(\d+(h|m|s|ms))+")


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The variables of `example.env`, which are set in the environment during the test."""
    lines = (FOLDER / "example.env").read_text().splitlines()
    found = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    for name, value in found.items():
        monkeypatch.setenv(name, value or "secret")
    return found


def variables_in(value: Any) -> Iterator[str]:
    """Yield the names of the environment variables that Dagster settings refer to."""
    if isinstance(value, dict):
        if set(value) == {"env"}:
            yield value["env"]
        for item in value.values():
            yield from variables_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from variables_in(item)


def test_the_settings_of_the_instance_are_valid_and_as_shipped_but_for_the_storage(
    settings: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "dagster.yaml").write_text((FOLDER / "dagster.yaml").read_text())
    config, _ = dagster_instance_config(str(tmp_path))
    server = yaml.safe_load((FOLDER / "dagster.yaml").read_text())
    assert set(variables_in(server)) <= settings.keys()
    assert config["storage"].keys() == {"postgres"}
    del server["storage"]
    shipped = yaml.safe_load(Path(str(files("hub_assets") / "instance" / "dagster.yaml")).read_text())
    assert server == shipped


def test_the_workspace_is_valid(settings: dict[str, str]) -> None:
    workspace = yaml.safe_load((FOLDER / "workspace.yaml").read_text())
    assert process_workspace_config(workspace).success
    assert set(variables_in(workspace)) <= settings.keys()


def test_compose_has_four_services_that_wait_for_each_other(settings: dict[str, str]) -> None:
    services = COMPOSE["services"]
    assert services.keys() == {"postgres", "prepare", "code", "webserver", "daemon"}
    for name, service in services.items():
        assert service.keys() <= SERVICE_KEYS, name
        assert service["restart"] in ("no", "always", "on-failure", "unless-stopped")
        for other, wait in service.get("depends_on", {}).items():
            assert other in services
            assert wait["condition"] in CONDITIONS
            assert wait["condition"] != "service_healthy" or "healthcheck" in services[other]
        health = service.get("healthcheck", {})
        assert health.keys() <= HEALTH_KEYS
        assert all(
            DURATION.fullmatch(str(v)) for k, v in health.items() if k in ("interval", "timeout", "start_period")
        )
        for volume in service["volumes"]:
            assert volume.split(":")[0] in COMPOSE["volumes"]
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), "the UI has no login, so only this machine may reach it"
    # code location, webserver and daemon see the home at the same path
    assert len({tuple(services[name]["volumes"]) for name in ("code", "webserver", "daemon")}) == 1
    named = set(re.findall(r"\$\{(\w+)", (FOLDER / "compose.yaml").read_text()))
    assert named <= settings.keys()
    wanted = {*variables_in(yaml.safe_load((FOLDER / "dagster.yaml").read_text())), "HUB_ASSETS_CODE_HOST"}
    assert wanted <= services["code"]["environment"].keys()


def test_the_container_file_copies_what_there_is(tmp_path: Path) -> None:
    top = FOLDER.parents[1]
    if not (top / "pyproject.toml").exists():
        pytest.skip("the package is installed without its repository")
    instructions = (FOLDER / "Containerfile").read_text()
    for line in re.findall(r"^COPY (.+)$", instructions, re.M):
        *sources, _ = line.split()
        for source in sources:
            assert (top / source).exists(), source
    assert set(re.findall(r"^(\w+) ", instructions, re.M)) <= {"FROM", "RUN", "WORKDIR", "COPY", "USER", "ENV", "CMD"}
    assert instructions.index("USER hub-assets") < instructions.index("CMD")


def test_every_unit_is_valid_and_runs_a_program_that_exists(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze"):
        # systemd-analyze requires the programs to exist
        for unit in UNITS:
            text = re.sub(r"^(ExecStart=)\S+", r"\1/bin/true", unit.read_text(), flags=re.M)
            (tmp_path / unit.name).write_text(text.replace("User=hub-assets\n", ""))
        checked = subprocess.run(
            ["systemd-analyze", "verify", *map(str, tmp_path.iterdir())], capture_output=True, text=True, check=False
        )
        assert not [line for line in checked.stderr.splitlines() if "hub-assets" in line], checked.stderr
    settings = (FOLDER / "example.env").read_text()
    for unit in UNITS:
        text = unit.read_text()
        assert set(re.findall(r"^\[(\w+)\]$", text, re.M)) <= {"Unit", "Service", "Install", "Timer"}
        for variable in re.findall(r"\$\{(\w+)\}", text):
            assert f"{variable}=" in settings
        for command in re.findall(r"^ExecStart=/opt/hub-assets/bin/hub-assets (.+)$", text, re.M):
            name = command.split()[0]
            assert CliRunner().invoke(cli.main, [name, "--help"]).exit_code == 0
            for option in re.findall(r"--[a-z-]+", command):
                assert option in CliRunner().invoke(cli.main, [name, "--help"]).output


def test_the_page_names_the_files_and_commands_that_there_are() -> None:
    page = (FOLDER / "README.md").read_text()
    for name in ("compose.yaml", "Containerfile", "example.env", "dagster.yaml", "workspace.yaml"):
        assert f"`{name}`" in page
        assert (FOLDER / name).exists()
    for command in re.findall(r"`hub-assets (\w+)", page):
        assert CliRunner().invoke(cli.main, [command, "--help"]).exit_code == 0, command
