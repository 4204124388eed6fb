"""Run a command or the tests at another time and in another time zone, using libfaketime (Debian's `faketime`).

`python -m hub_assets_tests.faked_time '2031-06-01 00:10' Asia/Kolkata pytest -n 2 hub_assets_tests/local_hub`
"""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


def environment_at(moment: datetime, zone: str) -> dict[str, str]:
    """Return an environment that makes a process and its children see a given time in a given zone."""
    return os.environ | {
        "TZ": zone,
        "LD_PRELOAD": str(LIBRARY),
        # an offset applies to all processes; with an absolute time, the clock would restart in each of them
        "FAKETIME": f"{(moment - datetime.now(UTC)).total_seconds():+.0f}",
        # the kernel handles timeouts of locks and events and does not see the fake clock
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": str(Path(__file__).with_name("faketime_site")),
    }


if __name__ == "__main__":
    _at, _zone, *_command = sys.argv[1:]
    if LIBRARY is None:
        sys.exit("libfaketime is not installed; on Debian, install the package faketime")
    os.execvpe(_command[0], _command, environment_at(datetime.fromisoformat(_at).replace(tzinfo=UTC), _zone))
