"""Fixtures for all tests. They keep tests away from the real Hub and the user's home, and find recorded data."""

import atexit
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from hub_assets_tests.golden import Golden

# a busy machine must not make tests fail; `benchmarks` measures speed
settings.register_profile("thorough", deadline=None)
settings.register_profile("brief", deadline=None, max_examples=25)
settings.load_profile("brief")

# keep tests and their subprocesses away from the user's token, caches, home and proxies; huggingface_hub reads these
# variables once, when it is imported
_OWN = Path(tempfile.mkdtemp(prefix="hub_assets_tests_"))
atexit.register(shutil.rmtree, _OWN, ignore_errors=True)
for _name in (
    *("HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "DAGSTER_HOME"),
    *("HUB_ASSETS_LAKE", "HUB_ASSETS_ENGINE", "SPARK_REMOTE"),
):
    os.environ.pop(_name, None)
# with these variables, requests to servers on this machine would go through the proxy
for _name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
    os.environ.pop(_name, None)
    os.environ.pop(_name.upper(), None)
os.environ |= {
    "HF_HOME": str(_OWN / "huggingface"),
    "HUB_ASSETS_HOME": str(_OWN / "home"),
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HUB_ASSETS_EMBEDDER": "none",  # embedding takes seconds; `search` tests it
    "HF_HUB_DISABLE_XET": "1",  # the local Hub supports only LFS
}
# in this zone, days start at a different time than in UTC, so local time mistaken for UTC shows up on every machine
os.environ.setdefault("TZ", "Asia/Kolkata")
time.tzset()

REAL_DATA = Path(os.environ.get("HUB_ASSETS_REAL_DATA") or Path(__file__).parents[2] / "shared" / "real")


SLOW_FIXTURES = {"golden", "any_home", "collected"}
"""Fixtures that take over half a minute: a whole week, and a crawl of 3,500 repositories by two processes."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need a slow fixture as slow."""
    for item in items:
        if isinstance(item, pytest.Function) and not SLOW_FIXTURES.isdisjoint(item.fixturenames):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of recorded Hub data, which the project does not ship; set HUB_ASSETS_REAL_DATA to its path."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"no recorded data in {REAL_DATA}; set HUB_ASSETS_REAL_DATA to its folder")
    return REAL_DATA


@pytest.fixture(scope="session")
def golden(pytestconfig: pytest.Config) -> "Golden":
    """A home with one complete week, shared by all processes; copy it before changing it."""
    from hub_assets_tests.golden import golden_in

    return golden_in(pytestconfig.rootpath / ".pytest_cache" / "golden")
