"""How a run's calls are shared among the response tables. How a crawl keeps to its limit belongs to `crawl`.

Tables of a bucket share its calls. Requests for files take time but no API calls, so they get a part of the time.
"""

from collections.abc import Sequence
from typing import Final

from hub_assets.hub.collect.raw_table import ResponseTable

DEFAULT_HOURS: Final = 24.0
"""Default budget of a run: the calls that the Hub's rate limit allows in this many hours."""


def budget_calls(calls: int | None, hours: float | None, quota: int, window: float) -> int | None:
    """Return the number of calls that a run may make; None means no limit.

    Args:
        calls: a number of calls; takes precedence.
        hours: or the calls that the rate limit allows in this many hours.
        quota: calls per window.
        window: seconds per window.
    """
    return calls if calls is not None or hours is None else int(hours * 3600 / window * quota)


def calls_left(tables: Sequence[ResponseTable], table: ResponseTable, budget: int | None, spent: int) -> int | None:
    """Return how many calls a table may make: its share, and what the tables before it have left of theirs.

    Args:
        tables: all tables, in the order of collection.
        table: the next table.
        budget: the calls that a run may make in the table's bucket; None for no limit.
        spent: calls that the run has made so far in the table's bucket.
    """
    if budget is None:
        return None
    tables = [each for each in tables if each.bucket == table.bucket]
    before = [each.budget_share for each in tables[: tables.index(table) + 1]]
    # rounded, because sums of shares such as 0.5 + 0.05 + 0.3 + 0.15 are not exact in binary
    share = round(sum(before), 9)
    return max(int(budget * share) - spent, 0)
