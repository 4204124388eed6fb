"""One writer per home at a time, however it was started: the command, `dagster dev`, `dagster asset materialize`.

The lock is the operating system's and dies with its process. What a writer does does not belong here.
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

WAIT_MINUTES: Final = 60.0
TELL_SECONDS: Final = 30.0


class HomeBusy(Exception):
    """Somebody else was writing to the home for as long as we waited."""


@contextmanager
def one_writer(
    root: Path, what: str, tell: Callable[[str], None], wait_minutes: float = WAIT_MINUTES
) -> Iterator[None]:
    """Be the only writer of a home. Within one thread this can be nested.

    Args:
        root: the home's folder.
        what: the writer's name, shown to others that wait.
        tell: receives a message that names the writer we wait for, at once and every 30 s.
        wait_minutes: how long to wait for another writer.

    Raises:
        HomeBusy: if another writer is not done by then.
        OSError: if the folder cannot be written.
    """
    root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(root / ".lock", is_singleton=True)  # a singleton can be taken again by whoever has it
    is_nested = lock.is_locked
    deadline, patience = time.monotonic() + 60 * wait_minutes, 0.0
    while True:
        try:
            lock.acquire(timeout=patience)
            break
        except Timeout:
            left = deadline - time.monotonic()
            if left <= 0:
                raise HomeBusy(
                    f"{root} is still being written by {_holder(root)}; wait for it or stop it, then try again"
                ) from None
            tell(f"Waiting up to {left / 60:.0f} minutes for {_holder(root)}, which is writing to {root}.")
            patience = min(left, TELL_SECONDS)
    try:
        if not is_nested:
            since = datetime.now(UTC).isoformat(" ", "seconds").removesuffix("+00:00")
            with contextlib.suppress(OSError):  # a full disk: who it is remains unknown
                (root / ".lock").write_text(json.dumps({"what": what, "pid": os.getpid(), "since": since}))
        yield
    finally:
        lock.release()


def _holder(root: Path) -> str:
    try:
        holder = json.loads((root / ".lock").read_text(encoding="utf-8"))
        return f"{holder['what']} (process {holder['pid']}, since {holder['since']} UTC)"
    except (OSError, ValueError, KeyError, TypeError):
        return "another run"
