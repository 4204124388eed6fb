"""Shares a run's calls among the response tables. Keeping a crawl within its limit belongs in `crawl`.

Tables whose requests count against the same rate limit (bucket) share its calls. Requests for files count against a
rate limit of their own, so the budget share of a table of files is, in effect, a share of the run's time.
"""

from collections.abc import Sequence
from typing import Final

from hub_assets.hub.collect.raw_table import ResponseTable

DEFAULT_HOURS: Final = 24.0
"""Default budget of a run: the calls that the Hub's rate limit allows in this many hours."""


def budget_calls(calls: int | None, hours: float | None, quota: int, window: float) -> int | None:
    """Return the number of calls that a run may make; None means no limit.

    Args:
        calls: the number of calls; takes precedence over `hours`.
        hours: if `calls` is None, the budget is the number of calls that the rate limit allows in this many hours.
        quota: calls per window.
        window: seconds per window.
    """
    return calls if calls is not None or hours is None else int(hours * 3600 / window * quota)


def calls_left(tables: Sequence[ResponseTable], table: ResponseTable, budget: int | None, spent: int) -> int | None:
    """Return how many calls a table may make: its own share plus any calls that earlier tables did not use.

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
