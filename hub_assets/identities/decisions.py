"""People's decisions on pairs of names: the file that stores them, and the spreadsheet for deciding many at once.

Finding, scoring and merging pairs does not belong here, and neither does the dialog with the user.
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
"""Columns of `decisions.csv`, which has one row per pair.

`why` is the user's reason; `evidence` is the evidence at the time of the decision. Both may be empty. The file belongs
to the user, so `why` keeps its name although tables call the same column `reason`.
"""

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
"""Columns of the spreadsheet: the pair, the fields to fill in, and the evidence on the pair."""

_PAIR: Final = ["author_a", "author_b"]
_BY_PAIR: Final = [(name, "ascending") for name in _PAIR]
_FILLED_IN: Final = ("author_a", "author_b", "decision", "why", "evidence")
_WORDS: Final = {"accepted": "accepted", "accept": "accepted", "rejected": "rejected", "reject": "rejected"}
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


class DecisionsError(UserError):
    """A decision cannot be read, made or undone. If a file is at fault, the message starts with its path and line."""


def read_decisions(path: Path) -> pa.Table:
    """Return the decisions in a file, sorted by pair; an empty table if the file does not exist.

    Raises:
        DecisionsError: if the file has an error; the message gives its line.
    """
    if not path.exists():
        return SCHEMA.empty_table()
    way_out = "correct the file; until then no decision is applied"
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
            raise _wrong(path, line, f"line {lines[pair]} is about the same pair", way_out)
        lines[pair] = line
        rows[pair] = [*pair, *fields[2:]]
    return _table(rows.values()).sort_by(_BY_PAIR)


def write_decisions(path: Path, decisions: pa.Table) -> None:
    """Replace the contents of a file atomically, sorted by pair so that a change makes a small diff.

    Raises:
        DecisionsError: if the file cannot be written.
    """
    rows = decisions.select(SCHEMA.names).sort_by(_BY_PAIR).to_pylist()
    text = "".join(map(_csv_line, [SCHEMA.names, *(row.values() for row in rows)]))
    try:
        # the path may be a symbolic link into the user's repository, and that link must survive
        write_beside(path.resolve(), lambda beside: beside.write_bytes(text.encode()))
    except OSError as error:
        raise _unwritable(path, error) from error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Lock a file of decisions, so that no other process changes it between reading and writing.

    Raises:
        DecisionsError: if its folder cannot be written to.
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
    """Return two names in the order used for pairs: sorted."""
    return (author_a, author_b) if author_a < author_b else (author_b, author_a)


def decision_on(decisions: pa.Table, author_a: str, author_b: str) -> dict[str, str] | None:
    """Return the decision on a pair, whose names may be in either order; None if the pair is undecided."""
    first, second = ordered(author_a, author_b)
    is_pair = (pc.field("author_a") == first) & (pc.field("author_b") == second)
    found: list[dict[str, str]] = decisions.filter(is_pair).to_pylist()
    return found[0] if found else None


def stands_on(seen: str, evidence: str) -> bool:
    """Return whether a decision based on the evidence `seen` still holds for the current `evidence`.

    A decision without evidence was written by hand and never becomes outdated.
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
    """Return the decisions plus a new one, which replaces any earlier decision on the pair.

    Args:
        decisions: the decisions so far.
        author_a: a name.
        author_b: the other name; the order does not matter.
        decision: `accepted` (they are one person) or `rejected`.
        decided_by: who decided.
        decided_at: when.
        why: optional reason.
        evidence: the evidence at the time of the decision.

    Raises:
        DecisionsError: if the decision is invalid, for example if a name is empty.
    """
    row = [*ordered(author_a, author_b), decision, decided_by, _stamp(decided_at), why, evidence]
    fault = _fault(row)
    if fault:
        raise DecisionsError(f"{fault}; nothing was changed")
    return replaced(decisions, _table([row]))


def replaced(decisions: pa.Table, new: pa.Table) -> pa.Table:
    """Return the decisions plus new ones, which replace earlier decisions on the same pairs."""
    kept = decisions.select(SCHEMA.names).cast(SCHEMA).join(new, keys=_PAIR, join_type="left anti")
    return pa.concat_tables([kept, new]).sort_by(_BY_PAIR)


def undo(decisions: pa.Table, author_a: str, author_b: str) -> pa.Table:
    """Return the decisions without the one on this pair, so that the rules decide it again.

    Raises:
        DecisionsError: if there is no decision on this pair.
    """
    decision = decision_on(decisions, author_a, author_b)
    if decision is None:
        raise DecisionsError(
            f"there is no decision on {author_a!r} and {author_b!r}; spell both names as in decisions.csv"
        )
    return decisions.join(_table([decision.values()]), keys=_PAIR, join_type="left anti").sort_by(_BY_PAIR)


def decisions_hash(decisions: pa.Table) -> str:
    """Return 12 hex digits that identify pairs and their outcomes, regardless of order, reviewer, time or reason."""
    decided = sorted(zip(*(decisions[name].to_pylist() for name in (*_PAIR, "decision")), strict=True))
    return hashlib.sha256(json.dumps(decided).encode()).hexdigest()[:12]


def export_pairs(pairs: pa.Table, decisions: pa.Table, stream: TextIO) -> None:
    """Write pairs as CSV for a spreadsheet, with readable evidence and a decision column to fill in.

    Decisions that still hold are filled in. A decision whose evidence has changed appears only in `decided_before`, so
    that importing an unedited sheet changes nothing.

    Args:
        pairs: rows of `core__developer_pairs`.
        decisions: the decisions so far.
        stream: text stream, opened with `newline=""`.
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
    """Return all decisions, including those in a completed spreadsheet, and a second table with only the new ones.

    Rows are skipped if they have no decision, or if they repeat a current decision on the same evidence.

    Args:
        path: the spreadsheet, saved as CSV.
        decisions: the decisions so far.
        decided_by: who decided.
        decided_at: when.

    Raises:
        DecisionsError: if the spreadsheet has an error; the message gives its line.
    """
    way_out = "correct the file (comma-separated, UTF-8) and import it again; nothing was imported"
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
            raise _wrong(path, line, f"line {first_line} has a different decision on the same pair", way_out)
        before = decided.get(pair)
        is_new = before is None or before["decision"] != decision or not stands_on(before["evidence"], evidence)
        if first_line == line and is_new:
            rows.append(row)
    new = _table(rows)
    return replaced(decisions, new), new


def _records(path: Path, way_out: str) -> list[tuple[int, list[str]]]:
    """Return the records of a CSV file with their line numbers, without empty lines."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DecisionsError(f"{path} cannot be read ({error.strerror}); name a readable file") from error
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
        return "decided_at is not a time like 2026-11-16T06:30:00Z"
    return None


def _wrong(path: Path, line: int, reason: str, way_out: str) -> DecisionsError:
    return DecisionsError(f"{path}:{line}: {reason}; {way_out}")


def _unwritable(path: Path, error: OSError) -> DecisionsError:
    return DecisionsError(f"{path} cannot be written ({error.strerror}); choose another home with --home")


def _table(rows: Iterable[Iterable[str]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(SCHEMA)
    return pa.table([pa.array(column, pa.string()) for column in columns], schema=SCHEMA)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _csv_line(fields: Iterable[Any]) -> str:
    # with LF line endings, Python 3.11's csv.writer does not quote a field that contains a CR
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\r\n").writerow(fields)
    return buffer.getvalue().removesuffix("\r\n") + "\n"


def _filled_in(evidence: str, decision: Mapping[str, str] | None) -> dict[str, str]:
    if decision is None:
        return {"decision": "", "why": "", "decided_before": ""}
    if stands_on(decision["evidence"], evidence):
        return {"decision": decision["decision"], "why": decision["why"], "decided_before": ""}
    before = "{decision} by {decided_by} at {decided_at} on {evidence}".format_map(decision)
    return {"decision": "", "why": decision["why"], "decided_before": before}


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
    """Quote a cell that spreadsheets would read as a formula; a cell that looks quoted gets a second quote."""
    return f"'{value}" if isinstance(value, str) and value.startswith((*_FORMULA, "'")) else value


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith((*_FORMULA, "'")) else cell
