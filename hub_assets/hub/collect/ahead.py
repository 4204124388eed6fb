"""Runs an iterator in its own thread, a few items ahead of the reader. What the items are does not matter here."""

import queue
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Final, TypeVar

T = TypeVar("T")

_POLL_SECONDS: Final = 0.1


def ahead(items: Iterator[T], n: int) -> Iterator[T]:
    """Yield an iterator's items while a thread queues up to n more.

    If the iterator raises an exception, all items before it are yielded first.

    If the reader stops early, the thread ends after the item in progress. The reader does not wait for the thread,
    because an item may take hours while the Hub is down, and a daemon thread does not keep the process alive.
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
