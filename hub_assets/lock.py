"""Locks that allow each home one collector and one builder at a time, whether a command, a daemon or Dagster starts it.

Collecting writes to the lake; building writes to the two databases. The locks are separate so that a 24-hour crawl does
not block rebuilding a mart. A process that holds the collecting lock may wait for the building lock, but never the
reverse; otherwise two processes could deadlock. The operating system releases a lock when its process dies. What a
writer does with the home does not belong here.
"""

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from filelock import FileLock, Timeout

from hub_assets.errors import HubAssetsError

Activity = Literal["collecting", "building"]
WAIT_MINUTES: Final = 60.0
TELL_SECONDS: Final = 30.0


class HomeBusy(HubAssetsError):
    """Another process was still writing to the home when the wait timed out."""


@contextmanager
def one_writer(
    root: Path, activity: Activity, what: str, tell: Callable[[str], None], wait_minutes: float = WAIT_MINUTES
) -> Iterator[None]:
    """Hold the lock of a home for collecting or building. Calls from the same thread can be nested.

    Args:
        root: the home's folder.
        activity: which of the two locks.
        what: describes this writer in the messages of processes that wait for it.
        tell: receives a message that names the current writer, immediately and then every 30 s.
        wait_minutes: how long to wait for another writer.

    Raises:
        HomeBusy: if another writer still holds the lock after that time.
        OSError: if the folder is not writable.
    """
    root.mkdir(parents=True, exist_ok=True)
    path = root / f".{activity}.lock"
    lock = FileLock(path, is_singleton=True)  # a singleton is reentrant
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
                    f"{holder_of(root, activity)} is still {activity} in {root}; wait for it or stop it, then try again"
                ) from None
            holder = holder_of(root, activity)
            tell(f"Waiting up to {seconds_left / 60:.0f} minutes for {holder}, which is {activity} in {root}.")
            timeout = min(seconds_left, TELL_SECONDS)
    try:
        if not is_nested:
            since = datetime.now(UTC).isoformat(" ", "seconds").removesuffix("+00:00")
            with contextlib.suppress(OSError):  # on a full disk, work without recording who holds the lock
                path.write_text(json.dumps({"what": what, "pid": os.getpid(), "since": since}))
        yield
    finally:
        lock.release()


def holder_of(root: Path, activity: Activity) -> str:
    """Return a description of the process that holds, or last held, one of a home's locks, for messages."""
    path = root / f".{activity}.lock"
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        return f"{holder['what']} (process {holder['pid']}, since {holder['since']} UTC)"
    except (OSError, ValueError, KeyError, TypeError):
        return "another run"
