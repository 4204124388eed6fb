"""Processes with the same token share a rate-limit window, and a process that dies wastes only the slots it held."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hub_assets.hub.http.pacing import RequestPacer
from hub_assets.hub.http.shared_window import OwnWindow, SharedWindow
from hub_assets.hub.http.window import RequestSlot, WindowEstimate
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.limiter import Quota
from hub_assets.local_hub.server import running
from hub_assets.local_hub.simulated import REFERENCE, simulated

CALLS, SECONDS, WINDOWS = 100, 2.0, 6
ASK = """
import sys, threading, time
from hub_assets.hub.http.client import HubClient
client = HubClient(sys.argv[1], token="hf_together", attempts=1)
end = time.monotonic() + float(sys.argv[2])
def ask():
    while time.monotonic() < end:
        client.get("/api/models?limit=1")
threads = [threading.Thread(target=ask, daemon=True) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join(max(end - time.monotonic(), 0) + 0.1) for thread in threads]
"""


def asking(url: str, seconds: float) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", ASK, url, str(seconds)])


@pytest.mark.parametrize(
    ("window", "kills"),
    [
        ("first_call", True),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in (("aligned", False), ("aligned", True))),
        pytest.param("first_call", False, marks=pytest.mark.slow),
    ],
)
def test_two_processes_share_the_quota_of_their_token(window: str, kills: bool) -> None:
    quota = Quota(CALLS, SECONDS, window=window)  # type: ignore[arg-type]
    app = build_app(simulated(REFERENCE, scale=0.001), quota=quota)
    with running(app) as url:
        processes = [asking(url, WINDOWS * SECONDS) for _ in range(2)]
        deadline = time.monotonic() + 120
        while app.state.counters.requests == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        began = time.monotonic()
        if kills:
            time.sleep(1.2 * SECONDS)
            processes[0].send_signal(signal.SIGKILL)
        for process in processes:
            process.wait(WINDOWS * SECONDS + 120)
        windows = (time.monotonic() - began) / SECONDS
    assert app.state.counters.throttled == 0
    # the first window is spent learning, and the last is cut short; a killed process leaves at most one window unfilled
    assert app.state.counters.requests >= 0.95 * CALLS * (int(windows) - (2 if kills else 1))


def test_processes_share_what_they_learn(tmp_path: Path) -> None:
    first, second = (RequestPacer(window_state=SharedWindow(tmp_path / "window.json")) for _ in range(2))
    slot = first.acquire()
    with SharedWindow(tmp_path / "window.json").opened() as share:
        assert (share.estimate.in_flight, share.estimate.probe_is_out) == (1, True)
    first.lose(slot)
    second.lose(second.acquire())
    with SharedWindow(tmp_path / "window.json").opened() as share:
        assert (share.estimate.in_flight, share.estimate.probe_is_out) == (0, False)


def test_slots_of_dead_process_count_until_next_response(tmp_path: Path) -> None:
    take = (
        "import os, sys; from pathlib import Path; from hub_assets.hub.http.shared_window import SharedWindow\n"
        "from hub_assets.hub.http.pacing import RequestPacer\n"
        "pacer = RequestPacer(window_state=SharedWindow(Path(sys.argv[1])))\n"
        "pacer.acquire(); os.kill(os.getpid(), 9)"
    )
    path = tmp_path / "window.json"
    alive = SharedWindow(path)
    with alive.opened() as share:
        assert share.slots == []
    assert subprocess.run([sys.executable, "-c", take, str(path)]).returncode == -signal.SIGKILL
    with alive.opened() as share:
        assert (share.estimate.in_flight, len(share.estimate.unplaced)) == (0, 1)
        assert not share.estimate.probe_is_out


def test_window_is_reset_when_all_processes_are_dead(tmp_path: Path) -> None:
    path = tmp_path / "window.json"
    leave = (
        "import sys; from pathlib import Path; from hub_assets.hub.http.shared_window import SharedWindow\n"
        "with SharedWindow(Path(sys.argv[1])).opened() as share:\n"
        "    share.estimate.remaining, share.estimate.ends_at = 0, 1e300"
    )
    subprocess.run([sys.executable, "-c", leave, str(path)], check=True)
    assert b"1e+300" in path.read_bytes()
    with SharedWindow(path).opened() as share:
        assert share.estimate == WindowEstimate()


def test_new_process_adopts_estimate_of_process_without_slots(tmp_path: Path) -> None:
    path = tmp_path / "window.json"
    first = SharedWindow(path)
    with first.opened() as share:
        share.estimate.remaining = 0
    with SharedWindow(path).opened() as share:
        assert share.estimate.remaining == 0


@pytest.mark.parametrize("content", ["{", "3 5\n{}", "2 2745614147\n{}", "x"])
def test_invalid_file_is_reset(tmp_path: Path, content: str) -> None:
    path = tmp_path / "window.json"
    path.write_text(content)
    first = SharedWindow(path)
    with first.opened() as share:
        share.estimate.remaining, share.estimate.in_flight = 3, 1
        share.estimate.answered_at.extend([0.5, 1.5, 2.5])
        share.slots.append(RequestSlot(1.0, 0, None, True))
    other = SharedWindow(path)
    with other.opened() as share:
        assert share.estimate.remaining == 3
        assert list(share.estimate.answered_at) == [1.5, 2.5]
        assert share.slots == []
        share.estimate.remaining = 2
    with first.opened() as share:
        assert share.estimate.remaining == 2
        assert share.slots == [RequestSlot(1.0, 0, None, True)]


def test_changes_are_dropped_on_exception(tmp_path: Path) -> None:
    window = SharedWindow(tmp_path / "window.json")
    with window.opened() as share:
        share.estimate.remaining = 3
    with pytest.raises(KeyboardInterrupt), window.opened() as share:  # noqa: PT012
        share.estimate.remaining = 99
        raise KeyboardInterrupt
    with window.opened() as share:
        assert share.estimate.remaining == 3


def test_own_window_keeps_estimate_in_memory() -> None:
    window = OwnWindow()
    with window.opened() as share:
        share.estimate.remaining = 5
    with window.opened() as share:
        assert share.estimate.remaining == 5
