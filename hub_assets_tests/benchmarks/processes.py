"""Work in processes of its own: how long it takes there and how much memory that process holds at most.

Linux alone says both (/proc) and lets a process be held to a core. What the work is does not belong here.
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
    """What measured work is timed by: `with clock:` around what counts, leaving out imports, preparation and checks."""

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
    """What came of measured work; `peak` is in bytes."""

    result: T
    seconds: float
    peak: int

    def measurement(
        self,
        work: str,
        size: int,
        *,
        peers: Sequence[Peer] = (),
        aims: Sequence[Aim] = (),
        answers: Answers | None = None,
        grows: bool = False,
    ) -> Measurement:
        """Return it as a measurement; the arguments are those of `Measurement`."""
        return Measurement(work, size, self.seconds, self.peak, peers=peers, aims=aims, answers=answers, grows=grows)

    def peer(self, name: str) -> Peer:
        """Return it as a peer."""
        return Peer(name, self.seconds, self.peak)


def measure(function: Callable[Concatenate[Clock, P], T], *args: P.args, **kwargs: P.kwargs) -> Timed[T]:
    """Run a function in a fresh process, where nothing that it prints is seen.

    Args:
        function: one at the top of a module; it is given a clock and must enter it.
        args: its other arguments.
        kwargs: likewise.

    Returns:
        What it returned, the seconds within the clock, and the process's peak memory by the end of them. What the
        process imported before is in the memory, not in the seconds.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_timed, function, args, kwargs).result()


def _timed(function: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Timed[T]:
    # stdout is for the tables; DuckDB's progress bars do not pass through sys.stdout
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    clock = Clock()
    result = function(clock, *args, **kwargs)
    if not clock.peak:
        raise RuntimeError(f"{function.__qualname__} did not enter its clock")
    return Timed(result, clock.seconds, clock.peak)


@dataclass(frozen=True)
class Server:
    """A server that runs: where it listens, how long it took to, and its process."""

    url: str
    seconds: float
    pid: int

    @property
    def peak(self) -> int:
        """Bytes of memory that it has held at most."""
        return peak_memory(self.pid)


@contextmanager
def serving(command: Sequence[str | Path], *, home: Path, core: int | None = None) -> Iterator[Server]:
    """Run a `hub-assets` command that serves, until the block ends.

    Args:
        command: its arguments. It prints a line that ends with its address once it can be asked.
        home: its HUB_ASSETS_HOME.
        core: the only core it may use; any by default.

    Raises:
        RuntimeError: if it ends before that.
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
                os.sched_setaffinity(process.pid, {core})  # it has one thread yet; those to come inherit this
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
    """Return the bytes that a process, by default this one, has held at most since it began.

    Not `ru_maxrss`: a process inherits that from the one that started it.
    """
    status = Path(f"/proc/{pid or 'self'}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def cores() -> list[int]:
    """Return the cores that this process may use, in their order."""
    return sorted(os.sched_getaffinity(0))
