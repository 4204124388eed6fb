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


def has_lived_since(pid: int, moment: float) -> bool:
    """Return whether a process lives that bore its number at a moment (seconds since 1970), not a later one with it."""
    mark = process_mark(pid)
    began = mark.partition("@")[2] if mark else None
    if not began:
        return mark is not None
    booted = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime"))
    return float(booted.split()[1]) + int(began) / os.sysconf("SC_CLK_TCK") <= moment + 1
