"""The response tables under the short names that tests use, and their plans."""

from datetime import date
from typing import Any, Final

import pyarrow as pa

from hub_assets.hub.collect.collection import NOTHING
from hub_assets.hub.collect.raw_table import PlanRequest, ResponseTable
from hub_assets.hub.collect.selection import EVERYTHING, Selection
from hub_assets.hub.sources import accounts, aliases, commits, discussions
from hub_assets.lake.parts import Lake

ACCOUNTS: Final = accounts.TABLE
ALIASES: Final = aliases.TABLE
COMMITS: Final = commits.TABLE
DISCUSSIONS: Final = discussions.TABLE
HISTORIES: Final = {"commits": COMMITS, "discussions": DISCUSSIONS}


def plan_of(
    lake: Lake, table: ResponseTable, week: date, selection: Selection = EVERYTHING, first: pa.Array = NOTHING
) -> Any:
    """Return a table's plan for a week."""
    return table.plan(PlanRequest(lake, week, selection, first))
