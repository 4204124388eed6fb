"""A week's main tables as text for a terminal."""

from datetime import date
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from hub_assets.report.text import visible
from hub_assets.warehouse.database import connect

REPO_TYPES = ("model", "dataset", "space")
WIDTH = 116
"""Columns that the tables need at the study's size."""
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
    """Return a week's numbers.

    They are the activity tables (the study's Tables 2 to 4), coverage, licenses, usage, who is who, what the statistics
    say of the study's claims, and the figures of its section 4.1.1 beside the week's.
    """
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
        unmapped = rows(
            "select * from stats__license_shares where snapshot_date = $week and not is_mapped order by n desc"
        )
        coverage = rows("select * from mart__history_coverage where snapshot_date = $week order by kind, repo_type")
        usage = rows("select * from mart__usage_resolution where snapshot_date = $week")
        identities = rows("select * from mart__identity_summary where snapshot_date = $week")
        pairs = rows("select * from mart__identity_pairs where snapshot_date = $week and generator = 'all'")
        tails = rows(
            "select tails.*, held.share_80, held.share_99, held.gini from stats__tail_fits as tails "
            "left join (select snapshot_date, repo_type, variable, any_value(gini) as gini, "
            "max(share_of_repos) filter (target_share = 0.8) as share_80, "
            "max(share_of_repos) filter (target_share = 0.99) as share_99 "
            "from stats__concentration group by all) as held "
            "using (snapshot_date, repo_type, variable) where snapshot_date = $week and tails.n_known > 0"
        )
        tests = rows("select * from stats__license_tests where snapshot_date = $week and u_a is not null")
        cores = rows(
            "select * from network__collaboration_cores where snapshot_date = $week and network = 'all' "
            "and edge_rule = 'first_author' and bots = 'out' order by k"
        )
        networks = rows(
            "select * from network__summary where snapshot_date = $week and network = 'all' "
            "and edge_rule = 'first_author' and bots = 'out' and n_developers > 0"
        )
        organizations = rows(
            "select * from network__top_organizations where snapshot_date = $week and network = 'all' "
            "and ranking = 'usage' and kind <> 'individual' qualify rank() over (order by n_models desc) <= 5 "
            "order by n_models desc, organization"
        )
        published = rows(
            "select * from mart__published_comparison "
            "where snapshot_date = $week and figure = 'Section 4.1.1' and ours is not null order by place"
        )
    types = [kind for kind in REPO_TYPES if any(row["repo_type"] == kind for row in activity)]
    return Group(
        *(_activity_table(kind, [row for row in activity if row["repo_type"] == kind]) for kind in types),
        *_coverage_table([row for row in coverage if row["share_asked"] > 0]),
        _license_table(types, licenses, {row["repo_type"]: row["share_of_repos"] for row in unlicensed}),
        *([_unmapped_line(unmapped)] if unmapped else []),
        *(_usage_line(row) for row in usage),
        *(_identity_line(row) for row in identities),
        *(_pairs_line(row) for row in pairs),
        *([Text(), _claims_table(types, tails)] if tails else []),
        *([_tests_table(tests)] if tests else []),
        *(_network_line(row) for row in networks),
        *([_cores_table(cores)] if cores else []),
        *([_organisations_line(organizations)] if organizations else []),
        *([Text(), _published_table(published)] if published else []),
    )


def _activity_table(repo_type: str, rows: list[dict[str, Any]]) -> RenderableType:
    known = [row for row in rows if row["n"] > 0]
    unknown = [row["variable"] for row in rows if row["n"] == 0]
    table = _table(f"Activity of {repo_type}s", *STATISTICS.values())
    for row in known:
        numbers = (_percent(row[name]) if name == "share_zero" else _number(row[name]) for name in STATISTICS)
        table.add_row(row["variable"], *numbers)
    note = Text(f"Not known this week: {', '.join(unknown)}", style="dim") if unknown else Text()
    return Group(table, note)


def _coverage_table(rows: list[dict[str, Any]]) -> list[RenderableType]:
    if not rows:
        return []
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


def _license_table(types: list[str], rows: list[dict[str, Any]], unlicensed: dict[str, float]) -> Table:
    table = Table("type", "license", title="Licenses", title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.add_column("repositories", justify="right")
    table.add_column("of licensed", justify="right")
    for repo_type in types:
        table.add_row(repo_type, "(none)", _percent(unlicensed.get(repo_type, 0.0)) + " of all", "")
        for row in rows:
            if row["repo_type"] == repo_type:
                table.add_row("", Text(visible(row["license"])), _number(row["n"]), _percent(row["share_of_licensed"]))
    return table


def _unmapped_line(rows: list[dict[str, Any]]) -> Text:
    named = ", ".join(f"{visible(row['license'])} ({row['n']:,} {row['repo_type']}s)" for row in rows[:5])
    return Text(f"Licenses that are in no group, and count as other: {named}{', ...' if len(rows) > 5 else ''}.")


def _usage_line(row: dict[str, Any]) -> Text:
    line = f"{row['n_spaces']:,} spaces name {row['n_models_named']:,} models; {row['n_edges_by_alias']:,} of "
    line += f"{row['n_edges']:,} uses are under another id than the listed one. "
    unknown = {"moved elsewhere": "n_ids_moved", "gone": "n_ids_gone", "not asked for": "n_ids_not_asked"}
    counts = ", ".join(f"{row[name]:,} {what}" for what, name in unknown.items() if row[name])
    return Text(line + f"Of the ids {row['n_models_unresolved']:,} lead to no listed model ({counts or 'none'}).")


def _identity_line(row: dict[str, Any]) -> Text:
    line = f"{row['n_names']:,} names of authors are {row['n_developers']:,} developers "
    line += f"({row['n_names_merged']:,} merged), {row['n_bots']:,} are bots"
    return Text(f"{line}, {row['n_generic_names']:,} are borne by many.")


def _pairs_line(row: dict[str, Any]) -> Text:
    n_accepted = row["n_accepted_by_rule"] + row["n_accepted_by_person"]
    n_rejected = row["n_rejected_by_rule"] + row["n_rejected_by_person"]
    line = (
        f"Of {row['n_pairs']:,} pairs of names {n_accepted:,} are taken for one person ({row['n_accepted_by_person']:,}"
    )
    line += f" by people), {n_rejected:,} for two; {row['n_for_review']:,} wait for hub-assets identities review."
    conflicts = f" {row['n_conflicts']:,} more were accepted and not merged: they would join what must stay apart."
    return Text(line + (conflicts if row["n_conflicts"] else ""))


def _claims_table(types: list[str], rows: list[dict[str, Any]]) -> RenderableType:
    """Three claims side by side: few hold most of it, it is right-skewed, its tail is a power law."""
    table = _table(
        "Unequal, skewed, a power law?", "80 % in", "99 % in", "Gini", "skewness", "skewed", "x_min", "alpha", "tail"
    )
    for repo_type in types:
        for row in (row for row in rows if row["repo_type"] == repo_type):
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
    return table


def _verdict(row: dict[str, Any]) -> str:
    if row["verdict"] != "contradicted":
        words = {"supported": "power law", "not_tested": "not tested", "too_few": "too few", "undecided": "undecided"}
        return words[row["verdict"]]
    nearest = str(row["preferred"]).replace("truncated_power_law", "cut-off")
    return "not plausible" if nearest in ("power_law", "undecided") else f"{nearest} nearer"


def _tests_table(rows: list[dict[str, Any]]) -> RenderableType:
    """Effect sizes of license groups in models, with p after Holm's correction."""
    pairs = list(dict.fromkeys((row["group_a"], row["group_b"]) for row in rows))
    table = _table("License groups of models: rank-biserial r (p)", *(f"{a} over {b}" for a, b in pairs))
    for variable in dict.fromkeys(row["variable"] for row in rows):
        cells = {(row["group_a"], row["group_b"]): row for row in rows if row["variable"] == variable}
        table.add_row(variable, *(_effect(cells[pair]) if pair in cells else "-" for pair in pairs))
    return table


def _effect(row: dict[str, Any]) -> str:
    p = "< 0.001" if row["p_holm"] < 0.001 else f"{row['p_holm']:.3f}"
    return f"{row['rank_biserial']:+.3f} ({p})"


def _network_line(row: dict[str, Any]) -> Text:
    line = f"Of {row['n_developers']:,} developers of models {row['n_isolates']:,} ({_percent(row['share_isolates'])}) "
    return Text(line + f"work alone; {row['edges']:,} edges lead between the other {row['nodes']:,}.")


def _cores_table(rows: list[dict[str, Any]]) -> RenderableType:
    """The first of the study's tables of cores."""
    table = _table(
        "Who works with whom", "developers", "edges", "density", "reciprocity", "modularity", "clustering", "models"
    )
    for row in rows:
        table.add_row(
            f"k = {row['k']}{' (greatest)' if row['is_max_k'] else ''}",
            _number(row["nodes"]),
            _number(row["edges"]),
            *(_number(row[name], 3) for name in ("density", "reciprocity", "modularity", "average_clustering")),
            _number(row["n_repos"]),
        )
    return table


def _organisations_line(rows: list[dict[str, Any]]) -> Text:
    named = ", ".join(f"{visible(row['organization'])} {row['n_models']:,}" for row in rows[:8])
    return Text(f"Of the models that most spaces use, most are of: {named}.")


def _published_table(rows: list[dict[str, Any]]) -> RenderableType:
    table = _table("Beside the study's Hub of October 2023", "published", "this week")
    marks = {"about": "about ", "below": "below "}
    for row in rows:
        is_share = "rank" not in row["quantity"]
        shown = _percent if is_share else _number
        table.add_row(row["quantity"], f"{marks.get(row['relation'], '')}{shown(row['published'])}", shown(row["ours"]))
    return table


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
