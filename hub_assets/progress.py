"""Progress of long-running work, reported within one process through a private logger.

Assets report progress and the command displays it; neither knows about the other.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hub_assets.hub.collect.crawl import Progress

_logger = logging.getLogger(__name__)
_logger.propagate = False


def tell(progress: Progress) -> None:
    """Report progress to all watchers, if there are any."""
    _logger.debug("%s", progress, extra={"progress": progress})


@contextmanager
def watched(watch: Callable[[Progress], None]) -> Iterator[None]:
    """Call `watch` with each progress report in this process until the block ends."""

    class Watcher(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            watch(record.__dict__["progress"])

    handler = Watcher()
    _logger.addHandler(handler)
    _logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        _logger.removeHandler(handler)
        _logger.setLevel(logging.NOTSET)
