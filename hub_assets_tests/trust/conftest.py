"""Fixtures shared by the trust tests."""

import pytest

from hub_assets import resources
from hub_assets.warehouse.sql_project import Project


@pytest.fixture(scope="session")
def project() -> Project:
    """All of `dbt_like_sql`."""
    return resources.project()
