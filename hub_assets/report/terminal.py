"""A week's main tables as text for a terminal."""

from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from hub_assets.warehouse.database import connect

REPO_TYPES = ("model", "dataset", "space")
STATISTICS = {
    "n": "n",
    "mean": "mean",
    "std": "std",
    "min": "min",
    "p25": "25 %",
    "p50": "50 %",
    "p75": "75 %",
    "max": "max",
    "share_zero": "zeros",
}


def week_summary(warehouse: Path, snapshot_date: date) -> RenderableType:
    """Return the activity tables (the study's Tables 2 to 4), licenses and usage of one published week."""
    with connect(warehouse, read_only=True) as connection:

        def rows(select: str) -> list[dict[str, Any]]:
            return list(connection.sql(select, params={"week": snapshot_date}).to_arrow_table().to_pylist())

        activity = rows("select * from mart__activity_summary where snapshot_date = $week")
        licenses = rows(
            "select * from stats__license_shares where snapshot_date = $week and license <> 'none' "
            "qualify row_number() over (partition by repo_type order by n desc, license) <= 5 order by n desc, license"
        )
        unlicensed = rows(
            "select repo_type, share_of_repos from stats__license_shares "
            "where snapshot_date = $week and license = 'none'"
        )
        usage = rows("select * from mart__usage_resolution where snapshot_date = $week")
    types = [kind for kind in REPO_TYPES if any(row["repo_type"] == kind for row in activity)]
    return Group(
        *(_activity_table(kind, [row for row in activity if row["repo_type"] == kind]) for kind in types),
        _license_table(types, licenses, {row["repo_type"]: row["share_of_repos"] for row in unlicensed}),
        *(_usage_line(row) for row in usage),
    )


def _activity_table(repo_type: str, rows: list[dict[str, Any]]) -> RenderableType:
    known = [row for row in rows if row["n"] > 0]
    unknown = [row["variable"] for row in rows if row["n"] == 0]
    table = Table(title=f"Activity of {repo_type}s", title_justify="left", title_style="bold")
    table.add_column("")
    for row in known:
        table.add_column(row["variable"], justify="right")
    for name, label in STATISTICS.items():
        table.add_row(label, *(_percent(row[name]) if name == "share_zero" else _number(row[name]) for row in known))
    note = Text(f"Not known this week: {', '.join(unknown)}", style="dim") if unknown else Text()
    return Group(table, note)


def _license_table(types: list[str], rows: list[dict[str, Any]], unlicensed: dict[str, float]) -> Table:
    table = Table("type", "license", title="Licenses", title_justify="left", title_style="bold")
    table.add_column("repositories", justify="right")
    table.add_column("of licensed", justify="right")
    for repo_type in types:
        table.add_row(repo_type, "(none)", _percent(unlicensed.get(repo_type, 0.0)) + " of all", "")
        for row in rows:
            if row["repo_type"] == repo_type:
                table.add_row("", row["license"], _number(row["n"]), _percent(row["share_of_licensed"]))
    return table


def _usage_line(row: dict[str, Any]) -> Text:
    return Text(
        f"{row['n_spaces']:,} spaces name {row['n_models_named']:,} models; "
        f"{row['n_models_unresolved']:,} of these ids are not listed (renamed, deleted or never there)."
    )


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.2%}"
