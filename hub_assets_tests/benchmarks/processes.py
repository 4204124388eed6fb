"""Measures the time and peak memory of work in separate processes.

This requires Linux, for `/proc` and for pinning processes to a core. The work itself does not belong here.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar

from hub_assets_tests.benchmarks.records import Aim, Answers, Measurement, Peer

P = ParamSpec("P")
T = TypeVar("T")


class Clock:
    """Times the code in `with clock:` blocks; imports, preparation and checks are outside of them."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.peak = 0

    def __enter__(self) -> Self:
        self._began = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._began
        self.peak = peak_memory()


@dataclass(frozen=True)
class Timed(Generic[T]):
    """The result of measured work; `peak` is in bytes."""

    result: T
    seconds: float
    peak: int

    def measurement(
        self,
        work: str,
        size: int,
        *,
        unit: str = "rows",
        peers: Sequence[Peer] = (),
        aims: Sequence[Aim] = (),
        answers: Answers | None = None,
        grows: bool = False,
    ) -> Measurement:
        """Return this as a measurement; the arguments are the same as `Measurement`'s."""
        return Measurement(work, size, self.seconds, self.peak, unit, peers, aims, answers, grows)

    def peer(self, name: str, why: str = "") -> Peer:
        """Return this as a peer; the arguments are the same as `Peer`'s."""
        return Peer(name, self.seconds, self.peak, why)

    def ahead_of(self, peer: "Timed[Any]", times: float = 1.0) -> Aim:
        """Return the target of being at least `times` times as fast as a peer."""
        ratio = peer.seconds / self.seconds
        return Aim("times as fast as the peer", ratio, times, is_floor=True, is_for_every_scale=True)


def measure(function: Callable[Concatenate[Clock, P], T], *args: P.args, **kwargs: P.kwargs) -> Timed[T]:
    """Run a function in a new process, discarding its output.

    Args:
        function: a module-level function, which must enter the clock that it receives.
        args: its other arguments.
        kwargs: its keyword arguments.

    Returns:
        The result, the seconds spent in the clock, and the peak memory of the process until the clock stopped. Imports
        count toward the memory but not the seconds.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_timed, function, args, kwargs).result()


def _timed(function: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Timed[T]:
    # stdout is reserved for the tables, and DuckDB's progress bars bypass sys.stdout
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    clock = Clock()
    result = function(clock, *args, **kwargs)
    if not clock.peak:
        raise RuntimeError(f"{function.__qualname__} did not enter its clock")
    return Timed(result, clock.seconds, clock.peak)


@dataclass(frozen=True)
class Server:
    """A running server: its URL, the seconds until it listened, and its process id."""

    url: str
    seconds: float
    pid: int

    @property
    def peak(self) -> int:
        """Its peak memory in bytes."""
        return peak_memory(self.pid)


@contextmanager
def serving(command: Sequence[str | Path], *, home: Path, core: int | None = None) -> Iterator[Server]:
    """Run a `hub-assets` server command while the block runs.

    Args:
        command: its arguments. Once ready, the command prints a line that ends with its URL.
        home: its HUB_ASSETS_HOME.
        core: the only core it may use; any by default.

    Raises:
        RuntimeError: if it exits before it is ready.
    """
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "hub_assets", *command],
        env=os.environ | {"HUB_ASSETS_HOME": str(home)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            if core is not None:
                os.sched_setaffinity(process.pid, {core})  # the only thread so far; later threads inherit the setting
            assert process.stdout
            url = next((line.split()[-1] for line in process.stdout if " listens at " in line), None)
            if url is None:
                raise RuntimeError(f"hub-assets {' '.join(map(str, command))} ended with {process.wait()}")
            yield Server(url, time.perf_counter() - began, process.pid)
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()


def peak_memory(pid: int | None = None) -> int:
    """Return the peak memory of a process in bytes; the default is this process.

    `ru_maxrss` is useless here, because a process inherits it from its parent.
    """
    status = Path(f"/proc/{pid or 'self'}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def cores() -> list[int]:
    """Return the cores that this process may use, in ascending order."""
    return sorted(os.sched_getaffinity(0))
