"""The decisions file: reading, writing, undoing and refusing; and export to and import from a spreadsheet."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_assets.identities.decisions import (
    SCHEMA,
    SHEET_COLUMNS,
    DecisionsError,
    decide,
    decision_on,
    decisions_hash,
    export_pairs,
    import_decisions,
    locked,
    read_decisions,
    replaced,
    stands_on,
    undo,
    write_decisions,
)
from hub_assets_tests.identities.pairs import pair, table

NOON = datetime(2026, 11, 16, 12, 0, 0, 999, tzinfo=UTC)
LATER = NOON + timedelta(days=7)
HEADER = "author_a,author_b,decision,decided_by,decided_at,why,evidence"
GOOD = "ada,ada l,accepted,mona,2026-11-16T12:00:00Z,,"
NONE = SCHEMA.empty_table()

texts = st.text(max_size=12) | st.text(alphabet="'=+-@\t\r\n\",; aä\0", max_size=6)
names = texts.filter(bool)
rows = st.fixed_dictionaries(
    {
        "pair": st.tuples(names, names).filter(lambda both: both[0] != both[1]),
        "decision": st.sampled_from(["accepted", "rejected"]),
        "decided_by": names.filter(str.strip),
        "why": texts,
        "evidence": texts,
    }
)


def decided(*decisions: dict[str, Any]) -> pa.Table:
    result = NONE
    for decision in decisions:
        a, b = decision["pair"]
        others = {name: value for name, value in decision.items() if name not in ("pair", "decision")}
        result = decide(result, a, b, decision["decision"], decided_at=NOON, **others)
    return result


def sheet(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(["author_a,author_b,decision,why,evidence", *lines]), encoding="utf-8")
    return path


@given(st.lists(rows, max_size=5))
def test_decisions_survive_writing_and_reading(
    tmp_path_factory: pytest.TempPathFactory, decisions: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.mktemp("home") / "decisions.csv"
    before = decided(*decisions)
    write_decisions(path, before)
    assert read_decisions(path).equals(before)
    written = path.read_bytes()
    write_decisions(path, before.sort_by([("author_b", "descending")]))
    assert path.read_bytes() == written


def test_the_file_is_readable(tmp_path: Path) -> None:
    path = tmp_path / "decisions.csv"
    assert read_decisions(path).equals(NONE)
    decisions = decide(NONE, "zoe", "ada, l", "rejected", decided_by="mona", decided_at=NOON, evidence="x;y")
    decisions = decide(
        decisions, "ada", "bo", "accepted", decided_by="kim", decided_at=NOON, why='said\n"so"', evidence=""
    )
    write_decisions(path, decisions)
    lines = [
        HEADER,
        'ada,bo,accepted,kim,2026-11-16T12:00:00Z,"said\n""so""",',
        '"ada, l",zoe,rejected,mona,2026-11-16T12:00:00Z,,x;y',
    ]
    assert path.read_bytes().decode() == "\n".join(lines) + "\n"


def test_a_symlink_to_the_file_is_kept(tmp_path: Path) -> None:
    theirs, path = tmp_path / "theirs.csv", tmp_path / "decisions.csv"
    theirs.write_text(f"{HEADER}\n{GOOD}\n")
    path.symlink_to(theirs)
    write_decisions(path, undo(read_decisions(path), "ada", "ada l"))
    assert path.is_symlink()
    assert theirs.read_text() == HEADER + "\n"


def test_files_edited_by_hand_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "decisions.csv"
    path.write_bytes(f"\ufeff{HEADER}\r\n\r\nzoe,ada,rejected,mona,2026-11-16,,\r\n{GOOD}".encode())
    assert read_decisions(path).select(["author_a", "author_b", "decided_at"]).to_pylist() == [
        {"author_a": "ada", "author_b": "ada l", "decided_at": "2026-11-16T12:00:00Z"},
        {"author_a": "ada", "author_b": "zoe", "decided_at": "2026-11-16"},
    ]


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("", 1, "header"),
        ("author_a,author_b\n", 1, "header"),
        (f"{HEADER}\n{GOOD}\n<<<<<<< ours\n", 3, "1 fields where there should be 7"),
        (f"{HEADER}\nada,bo,maybe,mona,2026-11-16,,\n", 2, "the decision is neither accepted nor rejected"),
        (f"{HEADER}\nada,,accepted,mona,2026-11-16,,\n", 2, "a name is empty"),
        (f"{HEADER}\nada,ada,accepted,mona,2026-11-16,,\n", 2, "paired with itself"),
        (f"{HEADER}\nada,bo,accepted,  ,2026-11-16,,\n", 2, "decided_by is empty"),
        (f"{HEADER}\nada,bo,accepted,mona,last week,,\n", 2, "decided_at is not a time"),
        (f"{HEADER}\nada,bo,accepted,mona,2026-02-30,,\n", 2, "decided_at is not a time"),
        (f"{HEADER}\n{GOOD}\nbo,ada,accepted,mona,2026-11-16,,\nada l,ada,rejected,kim,2026-11-16,,\n", 4, "line 2"),
        (
            f'{HEADER}\nada,bo,accepted,mona,2026-11-16,"two\nlines",\n\nada,zoe,no,mona,2026-11-16,,\n',
            5,
            "neither accepted nor rejected",
        ),
        (f'{HEADER}\n{GOOD}\nada,bo,accepted,mona,2026-11-16,"never\nclosed,\n', 3, "CSV"),
        (f'{HEADER}\nada,"bo"b,accepted,mona,2026-11-16,,\n', 2, "CSV"),
    ],
)
def test_a_malformed_file_is_refused_by_line(tmp_path: Path, content: str, line: int, reason: str) -> None:
    path = tmp_path / "decisions.csv"
    path.write_text(content)
    with pytest.raises(DecisionsError) as refused:
        read_decisions(path)
    message = str(refused.value)
    assert message.startswith(f"{path}:{line}: ")
    assert reason in message
    assert message.endswith("until then no decision is applied")


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "decisions.csv"
    path.write_bytes(f"\ufeff{HEADER}\n{GOOD}\n".encode() + b"ad\xe9,bo,accepted,mona,2026-11-16,,\n")
    with pytest.raises(DecisionsError, match=r"decisions\.csv:3: this is not UTF-8"):
        read_decisions(path)


def test_an_unreadable_or_unwritable_file_is_an_error(tmp_path: Path) -> None:
    for use in (read_decisions, lambda path: write_decisions(path, NONE)):
        with pytest.raises(DecisionsError, match=r"(name a readable file|choose another home)"):
            use(tmp_path)
    with pytest.raises(DecisionsError, match="--home"), locked(tmp_path / "nowhere" / "decisions.csv"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_decision_replaces_an_earlier_one_and_can_be_undone() -> None:
    one = decide(NONE, "bo", "ada", "accepted", decided_by="mona", decided_at=NOON, evidence="x")
    zurich = NOON.astimezone(timezone(timedelta(hours=1)))
    two = decide(one, "ada", "bo", "rejected", decided_by="kim", decided_at=zurich, why="asked", evidence="y")
    assert two.num_rows == 1
    assert decision_on(two, "bo", "ada") == {
        "author_a": "ada",
        "author_b": "bo",
        "decision": "rejected",
        "decided_by": "kim",
        "decided_at": "2026-11-16T12:00:00Z",
        "why": "asked",
        "evidence": "y",
    }
    assert undo(two, "bo", "ada").equals(NONE)
    assert decision_on(NONE, "ada", "bo") is None
    with pytest.raises(DecisionsError, match="'ada' and 'cy'"):
        undo(two, "ada", "cy")


@given(st.lists(rows, max_size=5), rows)
def test_undoing_leaves_the_others_alone(decisions: list[dict[str, Any]], last: dict[str, Any]) -> None:
    before = decided(*decisions)
    after = decided(*decisions, last)
    earlier = decision_on(before, *last["pair"])
    if earlier is None:
        assert undo(after, *last["pair"]).equals(before)
    else:
        assert replaced(after, pa.Table.from_pylist([earlier], schema=SCHEMA)).equals(before)


@pytest.mark.parametrize(
    ("names", "decision", "decided_by"),
    [
        (("ada", "ada"), "accepted", "mona"),
        (("", "ada"), "accepted", "mona"),
        (("ada", "bo"), "accept", "mona"),
        (("ada", "bo"), "accepted", ""),
    ],
)
def test_invalid_decisions_are_refused(names: tuple[str, str], decision: str, decided_by: str) -> None:
    with pytest.raises(DecisionsError, match="nothing was changed"):
        decide(NONE, *names, decision, decided_by=decided_by, decided_at=NOON)


def test_the_hash_identifies_pairs_and_outcomes() -> None:
    def made(a: str, b: str, decision: str = "accepted", **others: Any) -> pa.Table:
        return decide(NONE, a, b, decision, **{"decided_by": "mona", "decided_at": NOON, **others})

    one = made("ada", "bo")
    same = made("bo", "ada", decided_by="kim", decided_at=LATER, why="asked", evidence="x")
    assert decisions_hash(one) == decisions_hash(same)
    assert len(decisions_hash(one)) == 12
    both = replaced(one, made("ada", "cy"))
    assert decisions_hash(both) == decisions_hash(both.take([1, 0]))
    different = [NONE, one, both, made("ada", "bo", "rejected"), made("adab", "o"), made("a", "dabo")]
    assert len({decisions_hash(decisions) for decisions in different}) == len(different)


def test_a_decision_is_outdated_when_the_evidence_changes() -> None:
    assert stands_on("x", "x")
    assert stands_on("", "x")
    assert not stands_on("x", "x;y")


def test_a_sheet_is_readable(tmp_path: Path) -> None:
    stands = decide(NONE, "=ada", "bo", "accepted", decided_by="mona", decided_at=NOON, why="asked")
    decisions = decide(stands, "ada", "cy", "rejected", decided_by="kim", decided_at=NOON, evidence="x")
    stream = io.StringIO(newline="")
    export_pairs(
        table(pair("=ada", "bo"), pair("ada", "cy", score=-2.0), pair("ada", "di", terms=[], similarity=None)),
        decisions,
        stream,
    )
    first, second, third = csv.DictReader(io.StringIO(stream.getvalue(), newline=""))
    assert tuple(first) == SHEET_COLUMNS
    assert (first["author_a"], first["decision"], first["why"]) == ("'=ada", "accepted", "asked")
    assert (first["is_account_a"], first["is_account_b"], first["full_name_a"]) == ("yes", "no", "")
    assert (first["generators"], first["terms"]) == (
        "same_name;owner",
        "shared repositories +2; short name -0.5",
    )
    assert (second["score"], second["decision"]) == ("-2.0", "")
    assert second["decided_before"] == "rejected by kim at 2026-11-16T12:00:00Z on x"
    assert (third["decision"], third["terms"], third["similarity"]) == ("", "", "")


@given(st.lists(rows, max_size=5))
def test_decisions_survive_export_and_import(
    tmp_path_factory: pytest.TempPathFactory, decisions: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.mktemp("sheets") / "pairs.csv"
    filled_in = decided(*decisions)
    pairs = table(*(pair(row["author_a"], row["author_b"], evidence=row["evidence"]) for row in filled_in.to_pylist()))
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        export_pairs(pairs, filled_in, stream)
    unchanged, new = import_decisions(path, filled_in, decided_by="kim", decided_at=LATER)
    assert (unchanged, new.num_rows) == (filled_in, 0)
    brought, new = import_decisions(path, NONE, decided_by="mona", decided_at=NOON)
    compared = ["author_a", "author_b", "decision", "why", "evidence"]
    assert brought.select(compared).equals(filled_in.select(compared))
    assert new.num_rows == filled_in.num_rows


def test_importing_an_unedited_sheet_changes_nothing(tmp_path: Path) -> None:
    decisions = decide(NONE, "ada", "bo", "rejected", decided_by="mona", decided_at=NOON, evidence="other")
    path = tmp_path / "pairs.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        export_pairs(table(pair("ada", "bo"), pair("ada", "cy")), decisions, stream)
    after, new = import_decisions(path, decisions, decided_by="kim", decided_at=LATER)
    assert (after, new.num_rows) == (decisions, 0)


def test_only_new_decisions_in_a_sheet_are_imported(tmp_path: Path) -> None:
    decisions = NONE
    for other in ("bo", "cy", "di"):
        decisions = decide(decisions, "ada", other, "rejected", decided_by="mona", decided_at=NOON, evidence="x")
    path = sheet(
        tmp_path / "pairs.csv",
        "ada,bo,Reject,,x",  # unchanged
        "ada,cy,rejected,,x;y",  # the same decision on other evidence
        "di,ada, ACCEPT ,changed my mind,x",
        "di,ada,accepted,,x",
        "ada,eve,,,x",
        ",,,,",
    )
    after, new = import_decisions(path, decisions, decided_by="kim", decided_at=LATER)
    assert [(row["author_b"], row["decision"], row["decided_by"]) for row in after.to_pylist()] == [
        ("bo", "rejected", "mona"),
        ("cy", "rejected", "kim"),
        ("di", "accepted", "kim"),
    ]
    assert new["author_b"].to_pylist() == ["cy", "di"]
    assert after["why"].to_pylist() == ["", "", "changed my mind"]


@pytest.mark.parametrize(
    ("write", "line", "reason"),
    [
        (lambda path: path.write_text(""), 1, "no column author_a"),
        (lambda path: path.write_text("author_a;author_b;decision;why;evidence\n"), 1, "no column author_a"),
        (lambda path: path.write_text("author_a,author_b,decision,why\n"), 1, "no column evidence"),
        (lambda path: sheet(path, "ada,bo,accept,,", "ada,cy,perhaps,,"), 3, "neither accepted nor rejected"),
        (lambda path: sheet(path, 'ada,bo,accept,"a\nb",', "ada,accept,,"), 4, "4 fields"),
        (lambda path: sheet(path, "ada,ada,accept,,"), 2, "paired with itself"),
        (lambda path: sheet(path, ",bo,accept,,"), 2, "a name is empty"),
        (lambda path: sheet(path, "ada,bo,accept,,", "bo,ada,reject,,"), 3, "line 2 has a different decision"),
    ],
)
def test_a_malformed_sheet_is_refused_by_line(
    tmp_path: Path, write: Callable[[Path], object], line: int, reason: str
) -> None:
    path = tmp_path / "pairs.csv"
    write(path)
    with pytest.raises(DecisionsError) as refused:
        import_decisions(path, NONE, decided_by="mona", decided_at=NOON)
    assert str(refused.value).startswith(f"{path}:{line}: ")
    assert reason in str(refused.value)
    assert str(refused.value).endswith("nothing was imported")
