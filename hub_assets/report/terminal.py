"""The summary of a published week, as tables and sentences for a terminal."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from hub_assets.report.text import visible
from hub_assets.vocabulary import REPO_TYPES
from hub_assets.warehouse.database import connect

WIDTH: Final = 116
"""Number of terminal columns that the tables need for a Hub as large as the study's."""
STATISTICS: Final = {
    "n": "n",
    "mean": "mean",
    "std": "std",
    "min": "min",
    "p25": "25%",
    "p50": "50%",
    "p75": "75%",
    "max": "max",
    "share_zero": "zeros",
}
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Section:
    """A part of the summary: a query for one week, and the function that renders the query's rows."""

    select: str
    render: Callable[[Rows], list[RenderableType]]


def week_summary(warehouse: Path, snapshot_date: date) -> RenderableType:
    """Return the summary of a week; sections without rows are left out."""
    with connect(warehouse, read_only=True) as connection:
        results: list[Rows] = [
            connection.sql(section.select, params={"week": snapshot_date}).to_arrow_table().to_pylist()
            for section in SECTIONS
        ]
    rendered = (section.render(rows) for section, rows in zip(SECTIONS, results, strict=True) if rows)
    return Group(*(item for items in rendered for item in items))


def _activity(rows: Rows) -> list[RenderableType]:
    return [_activity_table(repo_type, _of_type(rows, repo_type)) for repo_type in _types(rows)]


def _activity_table(repo_type: str, rows: Rows) -> RenderableType:
    known = [row for row in rows if row["n"] > 0]
    unknown = [row["variable"] for row in rows if row["n"] == 0]
    table = _table(f"Activity of {repo_type}s", *STATISTICS.values())
    for row in known:
        numbers = (_percent(row[name]) if name == "share_zero" else _number(row[name]) for name in STATISTICS)
        table.add_row(row["variable"], *numbers)
    note = Text(f"Unknown this week: {', '.join(unknown)}", style="dim") if unknown else Text()
    return Group(table, note)


def _coverage(rows: Rows) -> list[RenderableType]:
    table = _table(
        "Histories", "listed", "known", "gated", "disabled", "gone", "off", "failed", "not asked", "days old"
    )
    for row in rows:
        gone = row["n_gone"] + row["n_moved"]
        closed = (row["n_gated"], row["n_disabled"], gone, row["n_discussions_off"])
        table.add_row(
            f"{row['kind']} of {row['repo_type']}s",
            f"{row['n_listed']:,}",
            _percent(row["share_known"]),
            *(f"{n:,}" for n in (*closed, row["n_failed"], row["n_not_asked"])),
            _number(row["p50_age_days"]),
        )
    return [table, Text()]


def _licenses(rows: Rows) -> list[RenderableType]:
    table = Table("type", "license", title="Licenses", title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.add_column("repositories", justify="right")
    table.add_column("of licensed", justify="right")
    for repo_type in _types(rows):
        of_type = _of_type(rows, repo_type)
        unlicensed = sum(row["share_of_repos"] for row in of_type if row["license"] == "none")
        table.add_row(repo_type, "(none)", _percent(unlicensed) + " of all", "")
        for row in of_type:
            if row["license"] != "none":
                table.add_row("", Text(visible(row["license"])), _number(row["n"]), _percent(row["share_of_licensed"]))
    return [table]


def _unmapped_licenses(rows: Rows) -> list[RenderableType]:
    examples = ", ".join(f"{visible(row['license'])} ({row['n']:,} {row['repo_type']}s)" for row in rows[:5])
    return [Text(f"Licenses without a group, counted as other: {examples}{', ...' if len(rows) > 5 else ''}.")]


def _usage_line(row: dict[str, Any]) -> Text:
    line = f"{row['n_spaces']:,} Spaces use {row['n_models_named']:,} models; {row['n_edges_by_alias']:,} of "
    line += f"{row['n_edges']:,} references use an old id. "
    reasons = {"moved": "n_ids_moved", "gone": "n_ids_gone", "not asked": "n_ids_not_asked"}
    counts = ", ".join(f"{row[name]:,} {reason}" for reason, name in reasons.items() if row[name])
    return Text(line + f"{row['n_models_unresolved']:,} ids match no listed model ({counts or 'none'}).")


def _identity_line(row: dict[str, Any]) -> Text:
    line = f"{row['n_names']:,} author strings resolve to {row['n_developers']:,} developers "
    line += f"({row['n_names_merged']:,} merged); {row['n_bots']:,} are bots"
    return Text(f"{line} and {row['n_generic_names']:,} are generic.")


def _pairs_line(row: dict[str, Any]) -> Text:
    n_accepted = row["n_accepted_by_rule"] + row["n_accepted_by_person"]
    n_rejected = row["n_rejected_by_rule"] + row["n_rejected_by_person"]
    line = f"Of {row['n_pairs']:,} pairs of author strings, {n_accepted:,} are accepted "
    line += f"({row['n_accepted_by_person']:,} by reviewers) and {n_rejected:,} rejected; "
    line += f"{row['n_for_review']:,} are left for hub-assets identities review."
    conflicts = f" {row['n_conflicts']:,} more were accepted but not merged because of conflicts."
    return Text(line + (conflicts if row["n_conflicts"] else ""))


def _claims(rows: Rows) -> list[RenderableType]:
    """Show three claims side by side: activity is concentrated, it is right-skewed, and its tail is a power law."""
    table = _table(
        "Unequal, skewed, a power law?", "80% in", "99% in", "Gini", "skewness", "skewed", "x_min", "alpha", "tail"
    )
    for repo_type in _types(rows):
        for row in _of_type(rows, repo_type):
            table.add_row(
                f"{repo_type} {row['variable']}",
                _percent(row["share_80"]),
                _percent(row["share_99"]),
                _number(row["gini"], 3),
                _number(row["skewness"]),
                {True: "yes", False: "no", None: "-"}[row["is_right_skewed"]],
                _number(row["x_min"]),
                _number(row["alpha"]),
                _verdict(row),
            )
    return [Text(), table]


def _verdict(row: dict[str, Any]) -> str:
    if row["verdict"] != "contradicted":
        labels = {"supported": "power law", "not_tested": "not tested", "too_few": "too few", "undecided": "undecided"}
        return labels[row["verdict"]]
    preferred = str(row["preferred"]).replace("truncated_power_law", "cutoff")
    return "not plausible" if preferred in ("power_law", "undecided") else f"{preferred} better"


def _license_tests(rows: Rows) -> list[RenderableType]:
    """Show effect sizes for pairs of license groups of models, with Holm-corrected p-values."""
    pairs = list(dict.fromkeys((row["group_a"], row["group_b"]) for row in rows))
    table = _table("License groups of models: rank-biserial r (p)", *(f"{a} vs. {b}" for a, b in pairs))
    for variable in dict.fromkeys(row["variable"] for row in rows):
        cells = {(row["group_a"], row["group_b"]): row for row in rows if row["variable"] == variable}
        table.add_row(variable, *(_effect(cells[pair]) if pair in cells else "-" for pair in pairs))
    return [table]


def _effect(row: dict[str, Any]) -> str:
    p = "< 0.001" if row["p_holm"] < 0.001 else f"{row['p_holm']:.3f}"
    return f"{row['rank_biserial']:+.3f} ({p})"


def _network_line(row: dict[str, Any]) -> Text:
    line = f"Of {row['n_developers']:,} model developers, {row['n_isolates']:,} ({_percent(row['share_isolates'])}) "
    return Text(line + f"work alone; the other {row['nodes']:,} are connected by {row['edges']:,} edges.")


def _cores(rows: Rows) -> list[RenderableType]:
    """Show the k-cores in a table similar to the study's Table 6."""
    table = _table(
        "Collaboration cores", "developers", "edges", "density", "reciprocity", "modularity", "clustering", "models"
    )
    for row in rows:
        table.add_row(
            f"k = {row['k']}{' (maximal)' if row['is_max_k'] else ''}",
            _number(row["nodes"]),
            _number(row["edges"]),
            *(_number(row[name], 3) for name in ("density", "reciprocity", "modularity", "average_clustering")),
            _number(row["n_repos"]),
        )
    return [table]


def _organizations(rows: Rows) -> list[RenderableType]:
    top = ", ".join(f"{visible(row['organization'])} {row['n_models']:,}" for row in rows[:8])
    return [Text(f"Top organizations among the most-used models: {top}.")]


def _published(rows: Rows) -> list[RenderableType]:
    table = _table("Compared with the study (October 2023)", "published", "this week")
    marks = {"about": "about ", "below": "below "}
    for row in rows:
        is_share = "rank" not in row["quantity"]
        shown = _percent if is_share else _number
        table.add_row(row["quantity"], f"{marks.get(row['relation'], '')}{shown(row['published'])}", shown(row["ours"]))
    return [Text(), table]


def _types(rows: Rows) -> list[str]:
    return [repo_type for repo_type in REPO_TYPES if any(row["repo_type"] == repo_type for row in rows)]


def _of_type(rows: Rows, repo_type: str) -> Rows:
    return [row for row in rows if row["repo_type"] == repo_type]


def _lines(line: Callable[[dict[str, Any]], Text]) -> Callable[[Rows], list[RenderableType]]:
    """Return a renderer that writes one line per row."""
    return lambda rows: [line(row) for row in rows]


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1))
    table.add_column("", no_wrap=True)
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _number(value: float | None, digits: int = 2) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.{digits}f}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.2%}"


SECTIONS: Final = (
    Section("select * from mart__activity_summary where snapshot_date = $week", _activity),
    Section(
        "select * from mart__history_coverage where snapshot_date = $week and share_asked > 0 order by kind, repo_type",
        _coverage,
    ),
    Section(
        "select * from stats__license_shares where snapshot_date = $week "
        "qualify row_number() over (partition by repo_type, license = 'none' order by n desc, license) <= 5 "
        "order by n desc, license",
        _licenses,
    ),
    Section(
        "select * from stats__license_shares where snapshot_date = $week and not is_mapped order by n desc",
        _unmapped_licenses,
    ),
    Section("select * from mart__usage_resolution where snapshot_date = $week", _lines(_usage_line)),
    Section("select * from mart__identity_summary where snapshot_date = $week", _lines(_identity_line)),
    Section(
        "select * from mart__identity_pairs where snapshot_date = $week and generator = 'all'", _lines(_pairs_line)
    ),
    Section(
        "select tails.*, held.share_80, held.share_99, held.gini from stats__tail_fits as tails "
        "left join (select snapshot_date, repo_type, variable, any_value(gini) as gini, "
        "max(share_of_repos) filter (target_share = 0.8) as share_80, "
        "max(share_of_repos) filter (target_share = 0.99) as share_99 "
        "from stats__concentration group by all) as held "
        "using (snapshot_date, repo_type, variable) where snapshot_date = $week and tails.n_known > 0",
        _claims,
    ),
    Section("select * from stats__license_tests where snapshot_date = $week and u_a is not null", _license_tests),
    Section(
        "select * from network__summary where snapshot_date = $week and network = 'all' "
        "and edge_rule = 'first_author' and not includes_bots and n_developers > 0",
        _lines(_network_line),
    ),
    Section(
        "select * from network__collaboration_cores where snapshot_date = $week and network = 'all' "
        "and edge_rule = 'first_author' and not includes_bots order by k",
        _cores,
    ),
    Section(
        "select * from network__top_organizations where snapshot_date = $week and network = 'all' "
        "and ranking = 'usage' and kind <> 'individual' qualify rank() over (order by n_models desc) <= 5 "
        "order by n_models desc, organization",
        _organizations,
    ),
    Section(
        "select * from mart__published_comparison "
        "where snapshot_date = $week and figure = 'Section 4.1.1' and ours is not null order by place",
        _published,
    ),
)
"""The sections, in the order in which they are printed."""
