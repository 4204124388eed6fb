"""What people decided on pairs of names: the file that keeps it, and the spreadsheet in which many are decided at once.

How pairs come about, what the rules say of them, and how they are merged does not belong here; nor does asking people.
"""

import csv
import fcntl
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TextIO

import pyarrow as pa
import pyarrow.compute as pc

from hub_assets.errors import UserError
from hub_assets.lake.parts import write_beside

SCHEMA: Final = pa.schema(
    [
        pa.field(name, pa.string())
        for name in ("author_a", "author_b", "decision", "decided_by", "decided_at", "why", "evidence")
    ]
)
"""`decisions.csv`: a row per pair. `evidence` is what was seen when it was decided; that and `why` may be empty."""

SHEET_COLUMNS: Final = (
    "author_a",
    "author_b",
    "decision",
    "why",
    "decided_before",
    "score",
    "evidence",
    "similarity",
    "name_relation",
    "full_name_a",
    "full_name_b",
    "full_name_relation",
    "is_account_a",
    "is_account_b",
    "has_trailer",
    "n_shared_repos",
    "n_shared_weeks",
    "n_owned_repos",
    "n_shared_namespaces",
    "is_same_organization",
    "repos",
    "n_commits_a",
    "n_commits_b",
    "generators",
    "rule",
    "terms",
)
"""The spreadsheet: what to fill in, and after it what is known of the pair."""

_PAIR: Final = ["author_a", "author_b"]
_BY_PAIR: Final = [(name, "ascending") for name in _PAIR]
_FILLED_IN: Final = ("author_a", "author_b", "decision", "why", "evidence")
_WORDS: Final = {"accepted": "accepted", "accept": "accepted", "rejected": "rejected", "reject": "rejected"}
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


class DecisionsError(UserError):
    """Decisions that cannot be read, taken or undone, and why; where a file is to blame, its line stands first."""


def read_decisions(path: Path) -> pa.Table:
    """Return the decisions in a file, sorted by pair; none if there is no file.

    Raises:
        DecisionsError: if anything in it is wrong, with the line where it is.
    """
    if not path.exists():
        return SCHEMA.empty_table()
    way_out = "correct it; none of the decisions is applied until then"
    (line, header), *records = _records(path, way_out) or [(1, [])]
    if header != SCHEMA.names:
        raise _wrong(path, line, f"the header is not {','.join(SCHEMA.names)}", way_out)
    rows: dict[tuple[str, str], list[str]] = {}
    lines: dict[tuple[str, str], int] = {}
    for line, fields in records:
        fault = _fault(fields)
        if fault:
            raise _wrong(path, line, fault, way_out)
        pair = ordered(*fields[:2])
        if pair in lines:
            raise _wrong(path, line, f"line {lines[pair]} decides on the same pair", way_out)
        lines[pair] = line
        rows[pair] = [*pair, *fields[2:]]
    return _table(rows.values()).sort_by(_BY_PAIR)


def write_decisions(path: Path, decisions: pa.Table) -> None:
    """Make a file hold these decisions, whole or not at all, sorted by pair so that a change is a small difference.

    Raises:
        DecisionsError: if it cannot be written.
    """
    rows = decisions.select(SCHEMA.names).sort_by(_BY_PAIR).to_pylist()
    text = "".join(map(_csv_line, [SCHEMA.names, *(row.values() for row in rows)]))
    try:
        # a link to the file in someone's repository must stay one
        write_beside(path.resolve(), lambda beside: beside.write_bytes(text.encode()))
    except OSError as error:
        raise _unwritable(path, error) from error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes from changing a file of decisions from its reading to its writing.

    Raises:
        DecisionsError: if its folder cannot be written.
    """
    path = path.resolve()
    try:
        lock = path.with_name(f".{path.name}.lock").open("w")
    except OSError as error:
        raise _unwritable(path, error) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def ordered(author_a: str, author_b: str) -> tuple[str, str]:
    """Return two names as a pair bears them: the one that sorts first stands first."""
    return (author_a, author_b) if author_a < author_b else (author_b, author_a)


def decision_on(decisions: pa.Table, author_a: str, author_b: str) -> dict[str, str] | None:
    """Return what was decided on a pair, names in either order; None if nothing was."""
    first, second = ordered(author_a, author_b)
    is_pair = (pc.field("author_a") == first) & (pc.field("author_b") == second)
    found: list[dict[str, str]] = decisions.filter(is_pair).to_pylist()
    return found[0] if found else None


def stands_on(seen: str, evidence: str) -> bool:
    """Return whether what was decided on the evidence `seen` needs no second look: no other is there now.

    A decision that names no evidence was written by hand and does not depend on any.
    """
    return seen in ("", evidence)


def decide(
    decisions: pa.Table,
    author_a: str,
    author_b: str,
    decision: str,
    *,
    decided_by: str,
    decided_at: datetime,
    why: str = "",
    evidence: str = "",
) -> pa.Table:
    """Return the decisions with one more, in place of an earlier one on the pair.

    Args:
        decisions: those so far.
        author_a: a name.
        author_b: the other name; the order does not matter.
        decision: `accepted` (they are one person) or `rejected`.
        decided_by: who decided.
        decided_at: when.
        why: a reason, if one is given.
        evidence: the evidence that was seen.

    Raises:
        DecisionsError: if it is no decision on two names by anybody.
    """
    row = [*ordered(author_a, author_b), decision, decided_by, _stamp(decided_at), why, evidence]
    fault = _fault(row)
    if fault:
        raise DecisionsError(f"{fault}; nothing is decided")
    return replaced(decisions, _table([row]))


def replaced(decisions: pa.Table, new: pa.Table) -> pa.Table:
    """Return the decisions with these new ones, in place of earlier ones on the same pairs."""
    kept = decisions.select(SCHEMA.names).cast(SCHEMA).join(new, keys=_PAIR, join_type="left anti")
    return pa.concat_tables([kept, new]).sort_by(_BY_PAIR)


def undo(decisions: pa.Table, author_a: str, author_b: str) -> pa.Table:
    """Return the decisions without the one on a pair, so that the rules decide again.

    Raises:
        DecisionsError: if there is none.
    """
    decision = decision_on(decisions, author_a, author_b)
    if decision is None:
        raise DecisionsError(
            f"there is no decision on {author_a!r} and {author_b!r}; give both names as decisions.csv has them"
        )
    return decisions.join(_table([decision.values()]), keys=_PAIR, join_type="left anti").sort_by(_BY_PAIR)


def decisions_hash(decisions: pa.Table) -> str:
    """Return 12 hex digits that stand for what was decided, whatever the order, by whom, when and why."""
    decided = sorted(zip(*(decisions[name].to_pylist() for name in (*_PAIR, "decision")), strict=True))
    return hashlib.sha256(json.dumps(decided).encode()).hexdigest()[:12]


def export_pairs(pairs: pa.Table, decisions: pa.Table, stream: TextIO) -> None:
    """Write pairs as CSV for a spreadsheet, with a column to fill in and the evidence as people read it.

    What stands decided is filled in. On a pair whose evidence has changed since, it is only told, so that a sheet that
    comes back untouched changes nothing.

    Args:
        pairs: as `core__developer_pairs` has them.
        decisions: those so far.
        stream: takes text; opened with `newline=""`.
    """
    decided = {ordered(row["author_a"], row["author_b"]): row for row in decisions.to_pylist()}
    stream.write(_csv_line(SHEET_COLUMNS))
    for batch in pairs.to_batches(max_chunksize=10_000):
        for pair in batch.to_pylist():
            row = pair | _filled_in(pair["evidence"] or "", decided.get((pair["author_a"], pair["author_b"])))
            stream.write(_csv_line(_guarded(_readable(row[name])) for name in SHEET_COLUMNS))


def import_decisions(
    path: Path, decisions: pa.Table, *, decided_by: str, decided_at: datetime
) -> tuple[pa.Table, pa.Table]:
    """Return the decisions with those of a filled-in spreadsheet, and those that are new among them.

    Rows without a decision are passed over, and so are those that say what stands already on the same evidence.

    Args:
        path: the spreadsheet, saved as CSV.
        decisions: those so far.
        decided_by: who decided.
        decided_at: when.

    Raises:
        DecisionsError: if anything in the spreadsheet is wrong, with the line where it is.
    """
    way_out = "correct it (CSV in UTF-8, columns separated by commas) and import it again; nothing was imported"
    (line, header), *records = _records(path, way_out) or [(1, [])]
    missing = [name for name in _FILLED_IN if name not in header]
    if missing:
        raise _wrong(path, line, f"there is no column {', '.join(missing)}", way_out)
    places = [header.index(name) for name in _FILLED_IN]
    decided = {(row["author_a"], row["author_b"]): row for row in decisions.to_pylist()}
    seen: dict[tuple[str, str], tuple[int, str]] = {}
    rows = []
    for line, fields in records:
        if len(fields) != len(header):
            raise _wrong(path, line, f"{len(fields)} fields where the header has {len(header)}", way_out)
        author_a, author_b, word, why, evidence = (_unguarded(fields[place]) for place in places)
        if not word.strip():
            continue
        pair = ordered(author_a, author_b)
        decision = _WORDS.get(word.strip().lower(), word)
        row = [*pair, decision, decided_by, _stamp(decided_at), why, evidence]
        fault = _fault(row)
        if fault:
            raise _wrong(path, line, fault, way_out)
        first_line, first_decision = seen.setdefault(pair, (line, decision))
        if first_decision != decision:
            raise _wrong(path, line, f"line {first_line} decides otherwise on the same pair", way_out)
        before = decided.get(pair)
        is_new = before is None or before["decision"] != decision or not stands_on(before["evidence"], evidence)
        if first_line == line and is_new:
            rows.append(row)
    new = _table(rows)
    return replaced(decisions, new), new


def _records(path: Path, way_out: str) -> list[tuple[int, list[str]]]:
    """Return the records of a CSV file, each with the line where it begins; empty lines are passed over."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DecisionsError(f"{path} cannot be read ({error.strerror}); name a file that can be") from error
    except UnicodeDecodeError as error:
        raise _wrong(path, error.object.count(b"\n", 0, error.start) + 1, "this is not UTF-8", way_out) from error
    reader = csv.reader(io.StringIO(text, newline="\n"), strict=True)
    records: list[tuple[int, list[str]]] = []
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return records
        except csv.Error as error:
            raise _wrong(path, line, f"this is not CSV ({error})", way_out) from error
        if fields:
            records.append((line, fields))


def _fault(fields: list[str]) -> str | None:
    """Return what is wrong with a row of decisions; None if nothing is."""
    if len(fields) != len(SCHEMA):
        return f"{len(fields)} fields where there should be {len(SCHEMA)}"
    author_a, author_b, decision, decided_by, decided_at, *_ = fields
    if not author_a or not author_b:
        return "a name is empty"
    if author_a == author_b:
        return "a name is paired with itself"
    if decision not in _WORDS.values():
        return "the decision is neither accepted nor rejected"
    if not decided_by.strip():
        return "decided_by is empty"
    try:
        datetime.fromisoformat(decided_at)
    except ValueError:
        return "decided_at is no time like 2026-11-16T06:30:00Z"
    return None


def _wrong(path: Path, line: int, reason: str, way_out: str) -> DecisionsError:
    return DecisionsError(f"{path}:{line}: {reason}; {way_out}")


def _unwritable(path: Path, error: OSError) -> DecisionsError:
    return DecisionsError(f"{path} cannot be written ({error.strerror}); name another home with --home")


def _table(rows: Iterable[Iterable[str]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(SCHEMA)
    return pa.table([pa.array(column, pa.string()) for column in columns], schema=SCHEMA)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _csv_line(fields: Iterable[Any]) -> str:
    # told to end lines with LF alone, the writer of Python 3.11 leaves a CR in a field without quotes
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\r\n").writerow(fields)
    return buffer.getvalue().removesuffix("\r\n") + "\n"


def _filled_in(evidence: str, decision: Mapping[str, str] | None) -> dict[str, str]:
    if decision is None:
        return {"decision": "", "why": "", "decided_before": ""}
    if stands_on(decision["evidence"], evidence):
        return {"decision": decision["decision"], "why": decision["why"], "decided_before": ""}
    told = "{decision} by {decided_by} at {decided_at} on {evidence}".format_map(decision)
    return {"decision": "", "why": decision["why"], "decided_before": told}


def _readable(value: Any) -> Any:
    match value:
        case bool():
            return "yes" if value else "no"
        case [{"term": _}, *_]:
            return "; ".join(f"{term['term']} {term['points']:+g}" for term in value)
        case list():
            return ";".join(value)
    return value


def _guarded(value: Any) -> Any:
    """Return a cell as no spreadsheet takes it for a formula; what already looks guarded is guarded once more."""
    return f"'{value}" if isinstance(value, str) and value.startswith((*_FORMULA, "'")) else value


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith((*_FORMULA, "'")) else cell
