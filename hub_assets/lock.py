"""One writer per home at a time, whatever starts it: the command, `dagster dev` or `dagster asset materialize`.

The operating system releases the lock when its process dies. What a writer does with the home does not belong here.
"""

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from hub_assets.errors import HubAssetsError

WAIT_MINUTES: Final = 60.0
TELL_SECONDS: Final = 30.0


class HomeBusy(HubAssetsError):
    """Another process was still writing to the home when the wait ended."""


@contextmanager
def one_writer(
    root: Path, what: str, tell: Callable[[str], None], wait_minutes: float = WAIT_MINUTES
) -> Iterator[None]:
    """Hold the write lock of a home. Calls from the same thread can be nested.

    Args:
        root: the home's folder.
        what: describes this writer in the messages of processes that wait for it.
        tell: receives a message that names the current writer, immediately and then every 30 s.
        wait_minutes: how long to wait for another writer.

    Raises:
        HomeBusy: if another writer still holds the lock after that time.
        OSError: if the folder is not writable.
    """
    root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(root / ".lock", is_singleton=True)  # a singleton is reentrant
    is_nested = lock.is_locked
    deadline, timeout = time.monotonic() + 60 * wait_minutes, 0.0
    while True:
        try:
            lock.acquire(timeout=timeout)
            break
        except Timeout:
            seconds_left = deadline - time.monotonic()
            if seconds_left <= 0:
                raise HomeBusy(
                    f"{root} is still being written by {holder_of(root)}; wait for it or stop it, then try again"
                ) from None
            tell(f"Waiting up to {seconds_left / 60:.0f} minutes for {holder_of(root)}, which is writing to {root}.")
            timeout = min(seconds_left, TELL_SECONDS)
    try:
        if not is_nested:
            since = datetime.now(UTC).isoformat(" ", "seconds").removesuffix("+00:00")
            with contextlib.suppress(OSError):  # if the disk is full, the writer stays anonymous
                (root / ".lock").write_text(json.dumps({"what": what, "pid": os.getpid(), "since": since}))
        yield
    finally:
        lock.release()


def holder_of(root: Path) -> str:
    """Return who holds, or last held, the write lock of a home, for messages."""
    try:
        holder = json.loads((root / ".lock").read_text(encoding="utf-8"))
        return f"{holder['what']} (process {holder['pid']}, since {holder['since']} UTC)"
    except (OSError, ValueError, KeyError, TypeError):
        return "another run"
