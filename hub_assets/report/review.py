"""The review of pairs of names by a person: which pairs there are to review, how they look, and the talk about them.

Reading keys from a terminal is the command's business; what decisions are, and how they are kept, that of
`identities.decisions`.
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
    "u": "undo the last one",
    "w": "say why, then decide",
    "q": "quit",
}
_SIDES: Final = {"full name": "full_name", "commits": "n_commits", "degree": "degree"}
_SHARED: Final = {
    "n_shared_repos": "repositories both committed to",
    "n_shared_weeks": "weeks both committed in",
    "n_owned_repos": "repositories of one where the other committed",
    "n_shared_namespaces": "namespaces in common",
    "has_trailer": "named together in a Co-authored-by trailer",
    "is_same_account": "the same account",
    "is_same_organization": "an organization in common",
    "is_generic": "a name that many bear",
    "is_organization": "one is an organization",
    "is_conflict": "accepted, but would join what must stay apart",
}


_visible: Final = partial(visible, longest=400)
"""Longer than elsewhere: who decides must see all of a name and of the evidence."""


class NoPairs(UserError):
    """There are no pairs to be shown, and how to get some."""


def newest_pairs(warehouse: Path) -> pa.Table:
    """Return all pairs of the newest week, as `DEVELOPER_PAIRS` has them, the highest score first.

    Raises:
        NoPairs: if the warehouse is not there, or knows of no pairs.
        WarehouseBusy: if another process writes to it.
    """
    return _newest_pairs(warehouse, SCHEMA.empty_table(), "true")


def published_weeks(warehouse: Path) -> list[date]:
    """Return the weeks of which developers are published, oldest first.

    Raises:
        NoPairs: if the warehouse is not there, or knows of no developers.
        WarehouseBusy: if another process writes to it.
    """
    select = "select distinct snapshot_date from core__developers order by snapshot_date"
    weeks: list[date] = _rows(warehouse, select, SCHEMA.empty_table())["snapshot_date"].to_pylist()
    if not weeks:
        raise NoPairs(f"{warehouse} holds no week with developers yet; take one with hub-assets snapshot")
    return weeks


def pairs_to_review(warehouse: Path, decisions: pa.Table) -> pa.Table:
    """Return the pairs that wait for a person: open ones, those whose evidence changed, and conflicts.

    Args:
        warehouse: what is known of the pairs.
        decisions: those so far; they may be newer than the warehouse.

    Raises:
        NoPairs: if the warehouse is not there, or knows of no pairs.
        WarehouseBusy: if another process writes to it.
    """
    # what a person decided and took back is open again before the next run says so
    is_taken_back = "pairs.decided_by = 'person' and pairs.rule is null"
    is_open = f"decided.decision is null and (pairs.decision = 'review' or ({is_taken_back}))"
    has_changed = "decided.evidence not in ('', coalesce(pairs.evidence, ''))"  # as `stands_on` says
    is_conflict = "pairs.is_conflict and decided.decision = 'accepted'"
    return _newest_pairs(warehouse, decisions, f"({is_open} or {has_changed} or {is_conflict})")


def pair_view(
    pair: Mapping[str, Any], decision_before: Mapping[str, str] | None = None, hub: str | None = None
) -> RenderableType:
    """Return two names side by side, what speaks for their being one person, and what was decided before.

    Args:
        pair: a row of `DEVELOPER_PAIRS`.
        decision_before: a row of the decisions.
        hub: the Hub's address, where accounts can be looked up.
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
    points = Table("what counts", box=SIMPLE_HEAD, show_footer=True)
    points.columns[0].footer = "score"
    points.add_column("points", justify="right", footer="-" if pair["score"] is None else f"{pair['score']:+g}")
    for term in pair["terms"] or []:
        points.add_row(Text(_visible(term["term"])), f"{term['points']:+g}")
    return Group(sides, facts, points, *([] if decision_before is None else [_told(decision_before)]))


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
    """Show one pair after another and keep what is decided on it at once, until there is none left or one quits.

    The file is read anew for each decision, and only this pair is changed in it, so that somebody else may decide
    meanwhile.

    Args:
        console: where to show them.
        pairs: those to review.
        path: the file of the decisions.
        ask: returns the next key of `KEYS`; nothing at the end of the input.
        ask_why: returns a reason.
        decided_by: who decides.
        now: the time.
        hub: the Hub's address, where accounts can be looked up.

    Returns:
        the number of pairs decided.

    Raises:
        DecisionsError: if the file has become one that cannot be read, or cannot be written.
    """
    taken: list[tuple[int, dict[str, str] | None]] = []
    place, shown, why = 0, -1, ""
    while place < pairs.num_rows or taken:  # the last one can be undone, too
        pair = _pair(pairs, place)
        if shown != place:
            shown = place
            console.rule(f"pair {place + 1} of {pairs.num_rows}" if pair else "no pair is left")
            if pair:
                before = decision_on(read_decisions(path), *_names(pair))
                console.print(pair_view(pair, before, hub), soft_wrap=False)
        keys = KEYS if pair else {key: KEYS[key] for key in "uq"}
        console.print(Text(" · ".join(f"{key} {what}" for key, what in keys.items()), style="dim"))
        key = ask().lower() or "q"
        match key:
            case "a" | "r" if pair:
                decision = {"a": "accepted", "r": "rejected"}[key]
                taken.append((place, _decide(path, pair, decision, decided_by, now(), why)))
                console.print(Text(f"{decision}: {_both(pair)}"))
                place, why = place + 1, ""
            case "s" if pair:
                place, why = place + 1, ""
            case "w" if pair:
                why = ask_why()
            case "u" if taken:
                place, before = taken.pop()
                undone = _pair(pairs, place) or {}
                _put_back(path, undone, before)
                console.print(Text(f"undone: {_both(undone)}"))
            case "q":
                break
            case _:
                console.print(Text(f"{_visible(key)} does nothing here"))
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
    """Return the rows of a SELECT over the warehouse and the decisions (`decided`)."""
    if not warehouse.exists():
        raise NoPairs(f"{warehouse} is not there; take a snapshot with hub-assets snapshot, or name a home with --home")
    with connect(warehouse, read_only=True) as connection:
        connection.register("decided", decisions)
        try:
            return connection.sql(select).to_arrow_table()
        except duckdb.CatalogException as error:
            raise NoPairs(
                f"{warehouse} knows of no pairs of developers; take this week's snapshot anew with hub-assets snapshot"
            ) from error


def _pair(pairs: pa.Table, place: int) -> dict[str, Any] | None:
    found: list[dict[str, Any]] = pairs.slice(place, 1).to_pylist()
    return found[0] if found else None


def _names(pair: Mapping[str, Any]) -> tuple[str, str]:
    return pair["author_a"], pair["author_b"]


def _both(pair: Mapping[str, Any]) -> str:
    return " and ".join(map(_visible, _names(pair)))


def _decide(
    path: Path, pair: Mapping[str, Any], decision: str, decided_by: str, decided_at: datetime, why: str
) -> dict[str, str] | None:
    """Keep a decision and return the one that it takes the place of."""
    details: dict[str, Any] = {"decided_by": decided_by, "decided_at": decided_at, "why": why}
    with locked(path):
        decisions = read_decisions(path)
        decided = decide(decisions, *_names(pair), decision, **details, evidence=pair["evidence"] or "")
        write_decisions(path, decided)
    return decision_on(decisions, *_names(pair))


def _put_back(path: Path, pair: Mapping[str, Any], before: Mapping[str, str] | None) -> None:
    """Make the file say of a pair what it said before; if it was decided elsewhere meanwhile, that goes too."""
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
    facts += [("among them", ", ".join(pair["repos"]))] if pair["repos"] else []
    facts += [("evidence", pair["evidence"] or "-"), ("proposed by", ", ".join(pair["generators"] or ["-"]))]
    return [*facts, ("rule", pair["rule"] or "-")]


def _told(decision: Mapping[str, str]) -> Text:
    told = f"{decision['decision']} before by {decision['decided_by']} at {decision['decided_at']}"
    told += f", on the evidence {decision['evidence'] or '-'}"
    return Text(_visible(told + (f", because: {decision['why']}" if decision["why"] else "")), style="yellow")


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
