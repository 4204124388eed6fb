"""Processes that can be killed at a moment of one's choice, and that start in a few milliseconds."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from typing import Any

_CONTEXT = multiprocessing.get_context("forkserver")
# a child is a copy of a process that has imported these and done nothing else
_CONTEXT.set_forkserver_preload(
    [
        "pytest",
        "hypothesis",
        "hub_assets.hub.collect.histories",
        "hub_assets.hub.collect.listings",
        "hub_assets_tests.hub.made",
    ]
)


def started(function: Callable[..., None], *args: Any) -> ForkServerProcess:
    """Run a function of a module in a process of its own."""
    process = _CONTEXT.Process(target=function, args=args)
    process.start()
    return process


def ended(process: ForkServerProcess, by_signal: int | None = signal.SIGKILL, seconds: float = 60) -> None:
    """Wait for the end of a process, which must come by a signal, or be a good one."""
    process.join(seconds)
    assert process.exitcode == (-by_signal if by_signal else 0)
    process.close()


def deadly(owner: Any, name: str, moment: str, count: int) -> None:
    """Let this process kill itself before or after the count-th call of a function from now on."""
    function, left = getattr(owner, name), count

    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0 and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*args, **kwargs)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, call)
