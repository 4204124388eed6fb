"""Telling whether a process that left its mark is still alive."""

import os
from pathlib import Path


def process_mark(pid: int) -> str | None:
    """Return what tells a process from a later one with its number (where /proc says when it began); None if dead."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    stat = Path(f"/proc/{pid}/stat")
    try:
        return f"{pid}@{stat.read_text().rpartition(')')[2].split()[19]}"
    except FileNotFoundError:  # no /proc here, or it has died just now
        return f"{pid}@"


def is_alive(mark: str) -> bool:
    """Return whether the process of a mark lives."""
    return process_mark(int(mark.partition("@")[0])) == mark
