"""Processes that start in a few milliseconds and can be killed at a chosen moment."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from typing import Any

_CONTEXT = multiprocessing.get_context("forkserver")
# children are forked from a process that has only imported these modules
_CONTEXT.set_forkserver_preload(
    [
        "pytest",
        "hypothesis",
        "hub_assets.hub.sources.commits",
        "hub_assets.hub.collect.listing",
        "hub_assets_tests.hub.made",
    ]
)


def started(function: Callable[..., None], *args: Any) -> ForkServerProcess:
    """Run a module-level function in a separate process that has this process's environment."""
    # the server that forks keeps the environment of its own start, for example a test's variables
    process = _CONTEXT.Process(target=_run, args=(dict(os.environ), function, args))
    process.start()
    return process


def _run(environment: dict[str, str], function: Callable[..., None], args: tuple[Any, ...]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    function(*args)


def ended(process: ForkServerProcess, by_signal: int | None = signal.SIGKILL, seconds: float = 60) -> None:
    """Wait for a process and assert that it died from the signal, or exited with 0 if `by_signal` is None."""
    process.join(seconds)
    assert process.exitcode == (-by_signal if by_signal else 0)
    process.close()


def deadly(owner: Any, name: str, moment: str, count: int) -> None:
    """Make this process kill itself before or after the count-th future call of a function."""
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
