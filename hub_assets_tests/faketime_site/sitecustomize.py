"""Lets `time.sleep` work under libfaketime 0.9.10 (Debian's), which hands the kernel a negative time for it.

It does so where the monotonic clock is left alone, as it must be (https://github.com/wolfcw/libfaketime/issues/426).
Python imports this module at start where its folder is on PYTHONPATH; nothing else may stand in that folder.
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
