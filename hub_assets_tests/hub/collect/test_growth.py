from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_assets.hub.collect.growth import SLOW_LOOKS, Growth


def threads_after(rates: Callable[[int], list[float]], looks: int) -> list[int]:
    """Return the number of threads after each look; `rates` returns the rates with so many threads, by look."""
    growth, n, found = Growth(), 4, []
    for look in range(looks):
        if growth.pays(rates(n)[look]):
            growth.doubled()
            n = min(64, 2 * n)
        found.append(n)
    return found


def test_threads_double_while_each_waits_for_its_response() -> None:
    assert threads_after(lambda n: [n / 0.15] * 6, 6) == [8, 16, 32, 64, 64, 64]


@given(st.lists(st.floats(48, 70), min_size=200, max_size=200))
def test_threads_are_not_added_to_a_bottleneck(rates: list[float]) -> None:
    assert threads_after(lambda _: rates, 200)[-1] == 8


def test_slow_start_and_hiccups_add_few_threads() -> None:
    hiccups = [20.0, *([60.0] * 5 + [0.0] * (SLOW_LOOKS - 1)) * 10]
    assert threads_after(lambda _: hiccups, len(hiccups))[-1] == 16


@pytest.mark.parametrize(("looks", "threads"), [(SLOW_LOOKS - 1, 8), (SLOW_LOOKS + 20, 64)])
def test_slower_hub_is_asked_by_more_threads(looks: int, threads: int) -> None:
    """Responses take 10 ms at first, and one core is the bottleneck; then they take a second."""
    assert threads_after(lambda n: [300.0] * 20 + [float(n)] * looks, 20 + looks)[-1] == threads
