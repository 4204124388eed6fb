"""Whether a crawl would be faster with more threads, judged by the rates at which responses have arrived.

Threads help as long as each waits for its response. On a busy machine or Hub they wait for each other instead: 64 of
them were answered less than half as fast as a few. Starting threads does not belong here.
"""

from typing import Final

PAYS: Final = 1.5
"""The factor by which twice as many threads must speed up the responses; without a bottleneck, it would be 2."""
SLOW_LOOKS: Final = 10
"""Number of consecutive low rates after which earlier rates mean nothing, because the Hub itself has become slower."""


class Growth:
    """The best rates before and since the number of threads was last doubled (responses per second)."""

    def __init__(self) -> None:
        self._before = self._since = 0.0
        self._slow = 0

    def pays(self, rate: float) -> bool:
        """Return whether the latest rate shows that the last doubling paid off, or that none has been tried."""
        self._slow = self._slow + 1 if rate < self._before / 2 else 0
        if self._slow == SLOW_LOOKS:
            self._before = self._since = 0.0
        self._since = max(self._since, rate)
        return rate > PAYS * self._before

    def doubled(self) -> None:
        """Compare later rates with those seen so far."""
        self._before = self._since
