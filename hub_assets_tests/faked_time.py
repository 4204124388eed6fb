"""Running a command, or the tests, on another day and in another zone, with libfaketime (Debian's `faketime`).

`python -m hub_assets_tests.faked_time '2031-06-01 00:10' Asia/Kolkata pytest -n 2 hub_assets_tests/local_hub`
"""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


def environment_at(moment: datetime, zone: str) -> dict[str, str]:
    """Return the environment in which a process, and all that it starts, lives from a moment on, in a zone."""
    return os.environ | {
        "TZ": zone,
        "LD_PRELOAD": str(LIBRARY),
        # an offset, which all processes share; with a time to start at, each would begin there again
        "FAKETIME": f"{(moment - datetime.now(UTC)).total_seconds():+.0f}",
        # timeouts of locks and events are the kernel's business, which knows nothing of another clock
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": str(Path(__file__).with_name("faketime_site")),
    }


if __name__ == "__main__":
    _at, _zone, *_command = sys.argv[1:]
    if LIBRARY is None:
        sys.exit("libfaketime is not installed; Debian's package is called faketime")
    os.execvpe(_command[0], _command, environment_at(datetime.fromisoformat(_at).replace(tzinfo=UTC), _zone))
