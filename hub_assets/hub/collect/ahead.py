"""Runs an iterator in a thread of its own, some items ahead of its reader. What the items are belongs elsewhere."""

import queue
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Final, TypeVar

T = TypeVar("T")

_POLL_SECONDS: Final = 0.1


def ahead(items: Iterator[T], n: int) -> Iterator[T]:
    """Yield the items, at most n of which wait to be yielded; an exception comes after the items before it.

    If the reader stops early, the thread ends with the item that it is making. It is not waited for, because an item
    may take hours while the Hub is down, and it does not keep the process alive.
    """
    waiting: queue.Queue[tuple[T] | BaseException | None] = queue.Queue(n)
    is_stopped = threading.Event()

    def put(item: tuple[T] | BaseException | None) -> None:
        is_put = False
        while not is_put and not is_stopped.is_set():
            with suppress(queue.Full):
                waiting.put(item, timeout=_POLL_SECONDS)
                is_put = True

    def make() -> None:
        try:
            for item in items:
                put((item,))
                if is_stopped.is_set():
                    return
            put(None)
        except BaseException as error:
            put(error)

    threading.Thread(target=make, name="ahead", daemon=True).start()
    try:
        while (item := waiting.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item[0]
    finally:
        is_stopped.set()
