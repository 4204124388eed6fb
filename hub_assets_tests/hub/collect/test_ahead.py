"""Items that a thread makes ahead of their reader."""

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_assets.hub.collect.ahead import ahead


@given(st.lists(st.integers() | st.none()), st.integers(1, 4))
def test_the_items_come_in_order(items: list[int | None], n: int) -> None:
    assert list(ahead(iter(items), n)) == items


def test_an_exception_comes_after_the_items_before_it() -> None:
    def failing() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("third")

    reader = ahead(failing(), 1)
    assert [next(reader), next(reader)] == [1, 2]
    with pytest.raises(ValueError, match="third"):
        next(reader)


def test_at_most_n_items_wait_and_the_thread_ends_with_its_reader() -> None:
    made: list[int] = []
    is_ended = threading.Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                made.append(len(made))
                yield made[-1]
        finally:
            is_ended.set()

    reader = ahead(endless(), 3)
    assert [next(reader), next(reader)] == [0, 1]
    assert not is_ended.wait(0.5)
    assert len(made) == 6  # two are read, three wait, and one is in the thread's hand
    reader.close()  # type: ignore[attr-defined]
    assert is_ended.wait(10)
