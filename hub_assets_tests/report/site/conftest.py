"""The site of the golden week, made once per process."""

from pathlib import Path

import pytest

from hub_assets.home import Home
from hub_assets_tests.golden import Golden
from hub_assets_tests.report.site.made import Parsed, built, parsed, two_weeks


@pytest.fixture(scope="session")
def two_week_home(golden: Golden, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with the golden week and an invented week before it, which tests must not change."""
    return two_weeks(golden, tmp_path_factory.mktemp("two_weeks"))


@pytest.fixture(scope="session")
def site(two_week_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the golden week's site."""
    return built(two_week_home, tmp_path_factory.mktemp("site")).index.parent


@pytest.fixture(scope="session")
def pages(site: Path) -> dict[str, Parsed]:
    """Every page of the site, by its slug."""
    return {path.stem: parsed(path) for path in sorted(site.glob("*.html"))}
