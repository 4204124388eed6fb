"""Whether a crawl would be faster with more threads, judged by the rates at which responses have arrived.

More threads help as long as each one mostly waits for its own response. On a busy machine or Hub, they wait for each
other instead: 64 threads received responses at less than half the rate of a few threads. Starting threads does not
belong here.
"""

from typing import Final

PAYS: Final = 1.5
"""The factor by which doubling the threads must raise the response rate; without a bottleneck, it would be 2."""
SLOW_LOOKS: Final = 10
"""Number of consecutive low rates after which earlier rates are forgotten: the Hub itself must have become slower."""


class Growth:
    """The best rates before and since the number of threads was last doubled (responses per second)."""

    def __init__(self) -> None:
        self._before = self._since = 0.0
        self._slow = 0

    def pays(self, rate: float) -> bool:
        """Return whether to double the threads.

        True if responses are arriving and the last doubling, if any, raised their rate enough.
        """
        self._slow = self._slow + 1 if rate < self._before / 2 else 0
        if self._slow == SLOW_LOOKS:
            self._before = self._since = 0.0
        self._since = max(self._since, rate)
        return rate > PAYS * self._before

    def doubled(self) -> None:
        """Record that the threads were doubled: later rates are compared with the best rate so far."""
        self._before = self._since
