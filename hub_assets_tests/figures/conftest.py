"""Made-up tables in which every value is known."""

from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest

from hub_assets.figures.style import LICENSE_GROUPS
from hub_assets.statistics.activity import VARIABLES as KNOWN
from hub_assets.statistics.schemas import CORRELATIONS
from hub_assets_tests.figures.made_up import repos, table, tail_fits


@pytest.fixture(scope="session")
def activity() -> dict[str, pa.Table]:
    """Activity of several hundred repositories of each type."""
    return {repo_type: repos(repo_type, n) for repo_type, n in (("model", 900), ("dataset", 500), ("space", 300))}


@pytest.fixture(scope="session")
def fits() -> pa.Table:
    """A tail fit for every activity variable of every repository type."""
    every = [(repo_type, variable) for repo_type, variables in KNOWN.items() for variable in variables]
    return tail_fits(*({"repo_type": repo_type, "variable": variable} for repo_type, variable in every))


@pytest.fixture(scope="session")
def correlations() -> pa.Table:
    """Coefficients from -1 to 1 for every pair of variables, per repository type and per license group of models."""
    rng = np.random.default_rng(5)
    groups = [(repo_type, "all") for repo_type in KNOWN] + [("model", group) for group in LICENSE_GROUPS]
    rows = [
        {"repo_type": repo_type, "license_group": group, "variable_x": x, "variable_y": y, "n": 1_000}
        | {"pearson": rng.uniform(-1, 1), "pearson_p_holm": 10.0 ** rng.uniform(-6, 0)}
        for repo_type, group in groups
        for x, y in combinations(KNOWN[repo_type], 2)
    ]
    return table(rows, CORRELATIONS)
