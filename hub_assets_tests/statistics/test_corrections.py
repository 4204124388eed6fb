"""Holm's correction, compared with documented examples and its definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_assets.statistics.corrections import holm

P_VALUES = st.lists(st.floats(0, 1), max_size=30)


@pytest.mark.parametrize(
    ("raw", "adjusted"),
    [
        # R: p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.05), "holm")
        ([0.01, 0.02, 0.03, 0.04, 0.05], [0.05, 0.08, 0.09, 0.09, 0.09]),
        # from the documentation of pingouin's multicomp
        ([0.50, 0.003, 0.32, 0.054, 0.0003], [0.64, 0.012, 0.64, 0.162, 0.0015]),
        # the worked example in Wikipedia, "Holm-Bonferroni method"
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        # R keeps missing values in position and does not count them: p.adjust(c(0.01, NA, 0.5), "holm")
        ([0.01, np.nan, 0.5], [0.02, np.nan, 0.5]),
        ([0.6, 0.7], [1, 1]),
        ([0.0, 0.0], [0, 0]),
        ([np.nan], [np.nan]),
        ([], []),
    ],
)
def test_documented_examples(raw: list[float], adjusted: list[float]) -> None:
    np.testing.assert_allclose(holm(raw), adjusted, rtol=1e-12)


@given(P_VALUES)
def test_adjusted_values_keep_their_order_and_never_decrease(raw: list[float]) -> None:
    adjusted = holm(raw)
    assert (adjusted >= np.array(raw)).all()
    assert (adjusted <= 1).all()
    assert (adjusted <= np.minimum(np.array(raw) * len(raw), 1)).all()  # Bonferroni's correction is at least as large
    assert (np.diff(adjusted[np.argsort(raw, kind="stable")]) >= 0).all()


@given(P_VALUES, st.floats(0, 1))
def test_rejections_match_holms_procedure(raw: list[float], level: float) -> None:
    rejected = set()
    for step, place in enumerate(sorted(range(len(raw)), key=lambda place: raw[place])):
        if min(raw[place] * (len(raw) - step), 1) > level:
            break
        rejected.add(place)
    assert set(np.flatnonzero(holm(raw) <= level)) == rejected
