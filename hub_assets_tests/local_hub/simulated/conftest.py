"""Simulated weeks that several tests look at; they are never changed."""

import pytest

from hub_assets.local_hub.simulated import REFERENCE, Simulation, simulate


@pytest.fixture(scope="package")
def small() -> Simulation:
    """A hundredth of the study's Hub in the week that is calibrated."""
    return simulate(REFERENCE)


@pytest.fixture(scope="package")
def tenth() -> Simulation:
    """A tenth of it."""
    return simulate(REFERENCE, scale=0.1)
