"""Loading the code location is quick and touches neither the network nor the disk."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

LOAD = """
import json, sys
written, connected, homes = [], [], []
def watch(event, values):
    if event == "open" and isinstance(values[1], str) and set(values[1]) & set("wax+"):
        written.append(str(values[0]))
    if event in ("os.mkdir", "os.rename", "os.remove", "shutil.copyfile"):
        written.append(f"{event} {values}")
    if event in ("socket.connect", "socket.getaddrinfo"):
        connected.append(str(values))
    if event in ("open", "os.listdir", "os.scandir") and str(values[0]).startswith(sys.argv[1]):
        homes.append(str(values[0]))
sys.addaudithook(watch)
import hub_assets.definitions
at_import = list(homes)
hub_assets.definitions.build_defs().get_repository_def()
heavy = {"scipy", "matplotlib", "igraph", "networkx", "pandas", "rapidfuzz", "starlette"} & sys.modules.keys()
print(json.dumps([written, connected, at_import, sorted(heavy)]))
"""


@pytest.mark.slow
def test_loading_writes_nothing_calls_nobody_and_imports_heavy_libraries_late(tmp_path: Path) -> None:
    home = tmp_path / "home"
    environment = os.environ | {"HUB_ASSETS_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", LOAD, str(home)]
    loaded = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    written, connected, read_at_import, heavy = json.loads(loaded.stdout)
    assert [path for path in written if path != "/dev/null"] == []
    assert connected == []
    assert read_at_import == []
    assert heavy == []
    assert not home.exists()
