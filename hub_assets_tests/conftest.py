"""What all tests share: no real Hub, no real home, and the recorded data if it is at hand."""

import os
from pathlib import Path

import pytest

REAL_DATA = Path(os.environ.get("HUB_ASSETS_REAL_DATA") or Path(__file__).parents[2] / "shared" / "real")


@pytest.fixture(autouse=True, scope="session")
def _own_environment(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep tests, and the processes they start, away from the user's token, caches and home."""
    for name in ("HF_TOKEN", "HF_ENDPOINT", "DAGSTER_HOME"):
        os.environ.pop(name, None)
    os.environ["HF_HOME"] = str(tmp_path_factory.mktemp("huggingface"))
    os.environ["HUB_ASSETS_HOME"] = str(tmp_path_factory.mktemp("home"))
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of recorded Hub data that is not shipped; named by HUB_ASSETS_REAL_DATA."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"there is no recorded data in {REAL_DATA}; name its folder with HUB_ASSETS_REAL_DATA")
    return REAL_DATA
