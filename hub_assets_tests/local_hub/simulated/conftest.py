"""Simulated weeks shared by several tests, which never change them."""

import pytest

from hub_assets.local_hub.simulated import REFERENCE, Simulation, simulate


@pytest.fixture(scope="package")
def small() -> Simulation:
    """A hundredth of the study's Hub, in the calibrated week."""
    return simulate(REFERENCE)


@pytest.fixture(scope="package")
def tenth() -> Simulation:
    """A tenth of the study's Hub, in the calibrated week."""
    return simulate(REFERENCE, scale=0.1)
