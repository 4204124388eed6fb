"""Formats a week's claims as tables for a terminal. Judging claims belongs in `judging`."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from hub_assets.errors import UserError
from hub_assets.report.text import visible
from hub_assets.warehouse.database import connect

_TITLES: Final = {"holds": "Claims that hold", "differs": "Claims that differ", "not testable": "Not testable"}


class NoClaims(UserError):
    """The week has no judged claims; the message says what to do."""


def claims_of_week(warehouse: Path, week: date | None, status: str | None = None) -> RenderableType:
    """Return a summary of a week's claims, and a table for each status.

    Args:
        warehouse: the published database.
        week: any date in the week; None for the newest one.
        status: the only status to show; None for all.

    Raises:
        NoClaims: if the warehouse does not exist, or has no judged claims for the week.
        WarehouseError: if the warehouse cannot be read.
    """
    if not warehouse.exists():
        raise NoClaims(f"{warehouse} does not exist; run hub-assets snapshot first, or choose a home with --home")
    monday = week and week - timedelta(days=week.weekday())
    with connect(warehouse, read_only=True) as connection:
        rows = _rows(connection, monday)
    if not rows:
        when = f"the week of {monday}" if monday else "any week"
        raise NoClaims(f"{warehouse} has no claims judged in {when}; run hub-assets rebuild, or choose another --week")
    shown = [name for name in _TITLES if status in (None, name)]
    holds, differs, untested = (sum(row["status"] == name for row in rows) for name in _TITLES)
    head = Text(
        f"Of {len(rows)} published claims, {holds} hold in the week of {rows[0]['snapshot_date']}, {differs} differ "
        f"and {untested} cannot be tested.\n"
    )
    return Group(head, *(_table(name, [row for row in rows if row["status"] == name]) for name in shown))


def _rows(connection: duckdb.DuckDBPyConnection, week: date | None) -> list[dict[str, Any]]:
    try:
        found = connection.sql(
            "select * from stats__claims where snapshot_date = "
            "coalesce(cast($week as date), (select max(snapshot_date) from stats__claims)) order by source, claim",
            params={"week": week},
        )
    except duckdb.CatalogException:
        return []
    rows: list[dict[str, Any]] = found.to_arrow_table().to_pylist()
    return rows


def _table(status: str, rows: list[dict[str, Any]]) -> Table:
    last = "why not" if status == "not testable" else "source"
    table = Table(title=_TITLES[status], title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.add_column("claim", ratio=3)
    table.add_column("this week", justify="right")
    table.add_column("published", justify="right")
    table.add_column("n", justify="right")
    table.add_column(last, ratio=2)
    for row in rows:
        why = row["reason"] if status == "not testable" else row["source"]
        ours, published = (_value(row[name], row["unit"]) for name in ("ours", "published"))
        relation = "" if row["relation"] == "equals" else f"{row['relation']} "
        n = "" if row["n"] is None else f"{row['n']:,}"
        table.add_row(visible(row["statement"]), ours, f"{relation}{published}".strip(), n, visible(why))
    return table


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    match unit:
        case "share":
            return f"{value:.1%}"
        case "count":
            return f"{value:,.0f}"
        case "ratio":
            return f"{value:.1f} times"
        case _:
            return f"{value:.2f}"
