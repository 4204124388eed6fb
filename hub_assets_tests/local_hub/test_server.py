import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import httpx2
import pytest

from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.server import running, running_apart, serve
from hub_assets.local_hub.simulated import simulated
from hub_assets_tests.local_hub.conftest import PLENTY, WEEK


def hosts() -> list[str]:
    """Return this machine's loopback addresses."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return ["127.0.0.1"]
    return ["127.0.0.1", "::1"]


SERVE = f"""
import sys
from datetime import date
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.limiter import Quota
from hub_assets.local_hub.server import serve
from hub_assets.local_hub.simulated import simulated

app = build_app(simulated(date.fromisoformat("{WEEK}")), quota=Quota(9, 9))
serve(app, sys.argv[1], 0, lambda url: print(url, flush=True))
print("done", flush=True)
"""


def test_servers_run_side_by_side_and_stop() -> None:
    threads = threading.active_count()
    app = build_app(simulated(WEEK), quota=PLENTY)
    with running(app) as one, running(app) as other:
        assert one != other
        assert {httpx2.get(f"{url}/api/models?limit=1").status_code for url in (one, other)} == {200}
    assert threading.active_count() == threads
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{one}/api/models")


def test_a_server_stops_with_its_block_despite_a_pending_response() -> None:
    app = build_app(simulated(WEEK), quota=PLENTY, latency=30)
    with running(app) as url, pytest.raises(httpx2.ReadTimeout):
        httpx2.get(f"{url}/api/models", timeout=0.2)


@pytest.mark.slow
def test_server_in_its_own_process_stops_with_its_block() -> None:
    with running_apart(partial(build_app, simulated(WEEK), quota=PLENTY)) as url:
        assert httpx2.get(f"{url}/api/models?limit=1", timeout=60).status_code == 200
        (server,) = multiprocessing.active_children()
        assert server.pid != os.getpid()
    assert not server.is_alive()
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{url}/api/models")


def test_app_that_cannot_be_made_is_an_error() -> None:
    with pytest.raises(EOFError), running_apart(partial(simulated, None)):  # type: ignore[arg-type]
        pass


APART = f"""
import time
from datetime import date
from functools import partial
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.limiter import Quota
from hub_assets.local_hub.server import running_apart
from hub_assets.local_hub.simulated import simulated

if __name__ == "__main__":
    with running_apart(partial(build_app, simulated(date.fromisoformat("{WEEK}")), quota=Quota(9, 9))) as url:
        print(url, flush=True)
        time.sleep(300)
"""


@pytest.mark.slow
def test_server_in_its_own_process_ends_when_its_client_is_killed(tmp_path: Path) -> None:
    (tmp_path / "client.py").write_text(APART)
    with subprocess.Popen([sys.executable, tmp_path / "client.py"], stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout
        url = client.stdout.readline().strip()
        try:
            assert httpx2.get(f"{url}/api/models?limit=1", timeout=60).status_code == 200
        finally:
            client.kill()
    for _ in range(100):
        try:
            httpx2.get(f"{url}/api/models?limit=1", timeout=60)
        except httpx2.TransportError:
            break
        time.sleep(0.1)
    else:
        pytest.fail("the server still answers")


@pytest.mark.slow
@pytest.mark.parametrize("host", hosts())
def test_serve_prints_its_address_and_stops_quietly_when_interrupted(host: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, host], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as hub:
        assert hub.stdout
        url = hub.stdout.readline().strip()
        assert httpx2.get(f"{url}/api/models?limit=1").headers["RateLimit"].startswith('"api";r=8;t=')
        hub.send_signal(signal.SIGINT)
        out, err = hub.communicate(timeout=120)
    assert (hub.returncode, out, err) == (0, "done\n", "")


def test_a_port_in_use_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        serve(build_app(simulated(WEEK), quota=PLENTY), "127.0.0.1", taken.getsockname()[1], print)
