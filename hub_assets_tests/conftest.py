"""What all tests share: no real Hub, no real home, and the recorded data if it is at hand."""

import atexit
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hub_assets_tests.golden import Golden

# before huggingface_hub is imported, which reads these once: keep tests, and the processes they start, away from the
# user's token, caches, home and proxies
_OWN = Path(tempfile.mkdtemp(prefix="hub_assets_tests_"))
atexit.register(shutil.rmtree, _OWN, ignore_errors=True)
for _name in ("HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "DAGSTER_HOME"):
    os.environ.pop(_name, None)
# a proxy would be asked for this machine's own servers
for _name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
    os.environ.pop(_name, None)
    os.environ.pop(_name.upper(), None)
os.environ |= {
    "HF_HOME": str(_OWN / "huggingface"),
    "HUB_ASSETS_HOME": str(_OWN / "home"),
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_XET": "1",  # the local Hub serves LFS only
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


@pytest.fixture(scope="session")
def golden(tmp_path_factory: pytest.TempPathFactory) -> "Golden":
    """A home with one whole week, made once for all processes; take a copy to change it."""
    from hub_assets_tests.golden import golden_in

    folder = tmp_path_factory.getbasetemp()
    # the processes of pytest-xdist have a folder each in the session's
    return golden_in(folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder)
