"""One module per raw table, and one for all three listings: what to request and how to parse it.

Any module that defines `TABLE` adds a response table; the assets, the budget and the plan include it automatically.
"""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from hub_assets.hub.collect.raw_table import RawTable, ResponseTable
from hub_assets.hub.sources.listings import LISTINGS


@cache
def response_tables() -> tuple[ResponseTable, ...]:
    """Return all response tables, in the order in which a run collects them."""
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    tables = [module.TABLE for module in modules if hasattr(module, "TABLE")]
    return tuple(sorted(tables, key=lambda table: (table.position, table.name)))


def raw_tables() -> tuple[RawTable, ...]:
    """Return all raw tables, listings first."""
    return (*LISTINGS.values(), *response_tables())
