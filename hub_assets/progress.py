"""Where long work tells how it goes, for whoever watches in the same process: a logger of its own.

Assets tell, the command shows; neither knows of the other.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hub_assets.hub.collect.crawl import Progress

_logger = logging.getLogger(__name__)
_logger.propagate = False


def tell(progress: Progress) -> None:
    """Tell of progress; nothing is done if nobody watches."""
    _logger.debug("%s", progress, extra={"progress": progress})


@contextmanager
def watched(watch: Callable[[Progress], None]) -> Iterator[None]:
    """Let `watch` know of all progress that is told in this process until the block ends."""

    class Watching(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            watch(record.__dict__["progress"])

    handler = Watching()
    _logger.addHandler(handler)
    _logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        _logger.removeHandler(handler)
        _logger.setLevel(logging.NOTSET)
