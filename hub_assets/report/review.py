"""Interactive review of pairs of author strings: selects the pairs, shows them, and runs the review dialog.

The command reads the keys from the terminal. `identities.decisions` defines decisions and stores them.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from hub_assets.errors import UserError
from hub_assets.identities.decisions import (
    SCHEMA,
    decide,
    decision_on,
    locked,
    read_decisions,
    replaced,
    undo,
    write_decisions,
)
from hub_assets.identities.schemas import DEVELOPER_PAIRS
from hub_assets.report.text import visible
from hub_assets.warehouse.database import connect

KEYS: Final = {
    "a": "accept",
    "r": "reject",
    "s": "skip",
    "u": "undo the last decision",
    "w": "add a reason, then decide",
    "q": "quit",
}
_SIDES: Final = {"full name": "full_name", "commits": "n_commits", "degree": "degree"}
_SHARED: Final = {
    "n_shared_repos": "repositories both committed to",
    "n_shared_weeks": "weeks both committed in",
    "n_owned_repos": "repositories owned by one and committed to by the other",
    "n_shared_namespaces": "namespaces in common",
    "has_trailer": "together in a Co-authored-by trailer",
    "is_same_account": "same account",
    "is_same_organization": "shared organization",
    "is_generic": "generic name",
    "is_organization": "includes an organization",
    "is_conflict": "accepted, but not merged because of a conflict",
}


_visible: Final = partial(visible, longest=400)
"""Makes text safe to display. The limit is higher than elsewhere because reviewers need to see the whole text."""


class NoPairs(UserError):
    """The warehouse has no pairs or developers; the message says how to get them."""


def newest_pairs(warehouse: Path) -> pa.Table:
    """Return all pairs of the newest week with the columns of `DEVELOPER_PAIRS`, highest scores first.

    Raises:
        NoPairs: if the warehouse does not exist or has no table of pairs.
        WarehouseBusy: if another process writes to it.
    """
    return _newest_pairs(warehouse, SCHEMA.empty_table(), "true")


def published_weeks(warehouse: Path) -> list[date]:
    """Return the weeks with published developers, oldest first.

    Raises:
        NoPairs: if the warehouse does not exist or has no developers.
        WarehouseBusy: if another process writes to it.
    """
    select = "select distinct snapshot_date from core__developers order by snapshot_date"
    weeks: list[date] = _rows(warehouse, select, SCHEMA.empty_table())["snapshot_date"].to_pylist()
    if not weeks:
        raise NoPairs(f"{warehouse} has no week with developers yet; run hub-assets snapshot first")
    return weeks


def pairs_to_review(warehouse: Path, decisions: pa.Table) -> pa.Table:
    """Return the pairs that need review: undecided pairs, pairs whose evidence changed, and conflicts.

    Args:
        warehouse: the published database with the pairs.
        decisions: the decisions so far; they can be newer than the warehouse.

    Raises:
        NoPairs: if the warehouse does not exist or has no table of pairs.
        WarehouseBusy: if another process writes to it.
    """
    # undoing a decision reopens its pair immediately, before the next run updates the warehouse
    is_undone = "pairs.decided_by = 'person' and pairs.rule is null"
    is_open = f"decided.decision is null and (pairs.decision = 'review' or ({is_undone}))"
    has_changed = "decided.evidence not in ('', coalesce(pairs.evidence, ''))"  # see `stands_on`
    is_conflict = "pairs.is_conflict and decided.decision = 'accepted'"
    return _newest_pairs(warehouse, decisions, f"({is_open} or {has_changed} or {is_conflict})")


def pair_view(
    pair: Mapping[str, Any], decision_before: Mapping[str, str] | None = None, hub: str | None = None
) -> RenderableType:
    """Return a view of a pair: the two names side by side, the evidence, and any earlier decision.

    Args:
        pair: a row of `DEVELOPER_PAIRS`.
        decision_before: the earlier decision on the pair, if any.
        hub: the Hub's address, for links to accounts.
    """
    sides = Table("", box=SIMPLE_HEAD)
    for name in _names(pair):
        sides.add_column(Text(_visible(name)), overflow="fold")
    sides.add_row("account", *(Text(_account(pair, side, hub)) for side in "ab"))
    for label, name in _SIDES.items():
        sides.add_row(label, *(Text(_value(pair[f"{name}_{side}"])) for side in "ab"))
    facts = Table.grid(padding=(0, 2))
    facts.add_column(no_wrap=True)
    facts.add_column(overflow="fold")
    for label, value in _facts(pair):
        facts.add_row(Text(f"  {label}"), Text(_visible(value)))
    points = Table("score term", box=SIMPLE_HEAD, show_footer=True)
    points.columns[0].footer = "score"
    points.add_column("points", justify="right", footer="-" if pair["score"] is None else f"{pair['score']:+g}")
    for term in pair["terms"] or []:
        points.add_row(Text(_visible(term["term"])), f"{term['points']:+g}")
    return Group(sides, facts, points, *([] if decision_before is None else [_earlier(decision_before)]))


def review(
    console: Console,
    pairs: pa.Table,
    path: Path,
    ask: Callable[[], str],
    ask_why: Callable[[], str],
    *,
    decided_by: str,
    now: Callable[[], datetime],
    hub: str | None = None,
) -> int:
    """Show one pair after another, and save each decision immediately.

    Every decision can be undone, even the one on the last pair. Saving a decision rereads the file and changes only the
    decided pair, so that several people can review at the same time.

    Args:
        console: shows the pairs.
        pairs: the pairs to review.
        path: the decisions file.
        ask: returns the key that the user enters (see `KEYS`), or an empty string at the end of the input.
        ask_why: returns the reason that the user enters.
        decided_by: the reviewer's name.
        now: returns the current time.
        hub: the Hub's address, for links to accounts.

    Returns:
        the number of decisions that were not undone.

    Raises:
        DecisionsError: if the file cannot be read or written.
    """
    taken: list[tuple[int, dict[str, str] | None]] = []
    position, shown, why = 0, -1, ""
    while position < pairs.num_rows or taken:  # the decision on the last pair can still be undone
        pair = _pair(pairs, position)
        if shown != position:
            shown = position
            console.rule(f"pair {position + 1} of {pairs.num_rows}" if pair else "no pairs left")
            if pair:
                before = decision_on(read_decisions(path), *_names(pair))
                console.print(pair_view(pair, before, hub), soft_wrap=False)
        keys = KEYS if pair else {key: KEYS[key] for key in "uq"}
        console.print(Text(" · ".join(f"{key} {what}" for key, what in keys.items()), style="dim"))
        key = ask().lower() or "q"
        match key:
            case "a" | "r" if pair:
                decision = {"a": "accepted", "r": "rejected"}[key]
                taken.append((position, _decide(path, pair, decision, decided_by, now(), why)))
                console.print(Text(f"{decision}: {_both(pair)}"))
                position, why = position + 1, ""
            case "s" if pair:
                position, why = position + 1, ""
            case "w" if pair:
                why = ask_why()
            case "u" if taken:
                position, before = taken.pop()
                undone = _pair(pairs, position) or {}
                _restore(path, undone, before)
                console.print(Text(f"undone: {_both(undone)}"))
            case "q":
                break
            case _:
                console.print(Text(f"{_visible(key)} is not available here"))
    return len(taken)


def _newest_pairs(warehouse: Path, decisions: pa.Table, condition: str) -> pa.Table:
    columns = ", ".join(f"pairs.{name}" for name in DEVELOPER_PAIRS.names)
    return _rows(
        warehouse,
        f"select {columns} from core__developer_pairs as pairs left join decided using (author_a, author_b) "
        f"where snapshot_date = (select max(snapshot_date) from core__developers) and {condition} "
        "order by score desc nulls last, author_a, author_b",
        decisions,
    )


def _rows(warehouse: Path, select: str, decisions: pa.Table) -> pa.Table:
    """Return the result of a SELECT from the warehouse's tables and from `decided`, a table of the decisions."""
    if not warehouse.exists():
        raise NoPairs(f"{warehouse} does not exist; run hub-assets snapshot first, or choose a home with --home")
    with connect(warehouse, read_only=True) as connection:
        connection.register("decided", decisions)
        try:
            return connection.sql(select).to_arrow_table()
        except duckdb.CatalogException as error:
            raise NoPairs(f"{warehouse} has no developer pairs; run hub-assets snapshot again to build them") from error


def _pair(pairs: pa.Table, position: int) -> dict[str, Any] | None:
    rows: list[dict[str, Any]] = pairs.slice(position, 1).to_pylist()
    return rows[0] if rows else None


def _names(pair: Mapping[str, Any]) -> tuple[str, str]:
    return pair["author_a"], pair["author_b"]


def _both(pair: Mapping[str, Any]) -> str:
    return " and ".join(map(_visible, _names(pair)))


def _decide(
    path: Path, pair: Mapping[str, Any], decision: str, decided_by: str, decided_at: datetime, why: str
) -> dict[str, str] | None:
    """Save a decision, and return the decision that it replaced, if any."""
    details: dict[str, Any] = {"decided_by": decided_by, "decided_at": decided_at, "why": why}
    with locked(path):
        decisions = read_decisions(path)
        decided = decide(decisions, *_names(pair), decision, **details, evidence=pair["evidence"] or "")
        write_decisions(path, decided)
    return decision_on(decisions, *_names(pair))


def _restore(path: Path, pair: Mapping[str, Any], before: Mapping[str, str] | None) -> None:
    """Restore a pair's earlier decision, or leave the pair undecided if it had none.

    This discards any decision that another reviewer has made on the pair in the meantime.
    """
    with locked(path):
        decisions = read_decisions(path)
        if before is not None:
            write_decisions(path, replaced(decisions, pa.Table.from_pylist([before], schema=SCHEMA)))
        elif decision_on(decisions, *_names(pair)) is not None:
            write_decisions(path, undo(decisions, *_names(pair)))


def _facts(pair: Mapping[str, Any]) -> list[tuple[str, str]]:
    facts = []
    for relation, label in (("name_relation", "names"), ("full_name_relation", "full names")):
        if pair[relation]:
            facts.append((label, pair[relation]))
    if pair["similarity"] is not None:
        facts.append(("similarity", f"{pair['similarity']:.3f}"))
    facts += [(label, _value(pair[name])) for name, label in _SHARED.items() if pair[name]]
    facts += [("for example", ", ".join(pair["repos"]))] if pair["repos"] else []
    facts += [("evidence", pair["evidence"] or "-"), ("proposed by", ", ".join(pair["generators"] or ["-"]))]
    return [*facts, ("rule", pair["rule"] or "-")]


def _earlier(decision: Mapping[str, str]) -> Text:
    message = f"previously {decision['decision']} by {decision['decided_by']} at {decision['decided_at']}"
    message += f", based on the evidence {decision['evidence'] or '-'}"
    return Text(_visible(message + (f"; reason: {decision['why']}" if decision["why"] else "")), style="yellow")


def _account(pair: Mapping[str, Any], side: str, hub: str | None) -> str:
    is_account = _value(pair[f"is_account_{side}"])
    return f"{is_account}: {hub}/{_visible(pair[f'author_{side}'])}" if hub and is_account == "yes" else is_account


def _value(value: Any) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
    return _visible(str(value))
