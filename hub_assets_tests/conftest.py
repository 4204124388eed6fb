"""What all tests share: no real Hub, no real home, and the recorded data if it is at hand."""

import atexit
import os
import shutil
import tempfile
import time
from pathlib import Path

import pytest

# before huggingface_hub is imported, which reads these once: keep tests, and the processes they start, away from the
# user's token, caches and home
_OWN = Path(tempfile.mkdtemp(prefix="hub_assets_tests_"))
atexit.register(shutil.rmtree, _OWN, ignore_errors=True)
for _name in ("HF_TOKEN", "HF_ENDPOINT", "DAGSTER_HOME"):
    os.environ.pop(_name, None)
os.environ |= {
    "HF_HOME": str(_OWN / "huggingface"),
    "HUB_ASSETS_HOME": str(_OWN / "home"),
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
# a zone whose days begin elsewhere than UTC's, so that local time taken for UTC shows on every machine
os.environ.setdefault("TZ", "Asia/Kolkata")
time.tzset()

REAL_DATA = Path(os.environ.get("HUB_ASSETS_REAL_DATA") or Path(__file__).parents[2] / "shared" / "real")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of recorded Hub data that is not shipped; named by HUB_ASSETS_REAL_DATA."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"there is no recorded data in {REAL_DATA}; name its folder with HUB_ASSETS_REAL_DATA")
    return REAL_DATA
