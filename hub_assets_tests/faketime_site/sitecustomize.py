"""Makes `time.sleep` work under Debian's libfaketime 0.9.10, which passes a negative time to the kernel.

This bug occurs if the monotonic clock is not faked, which we need (https://github.com/wolfcw/libfaketime/issues/426).
Python imports this module at startup if its folder is on PYTHONPATH, so the folder must not contain anything else.
"""

import select
import time
from typing import SupportsIndex


def _sleep(seconds: float | SupportsIndex, /) -> None:
    seconds = float(seconds)
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    select.select([], [], [], seconds)


time.sleep = _sleep
