"""Interactive review: which pairs come up, what is shown about them, and what the keys do."""

import io
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from rich.console import Console

from hub_assets.identities.decisions import SCHEMA, DecisionsError, decide, read_decisions, write_decisions
from hub_assets.report.review import NoPairs, newest_pairs, pair_view, pairs_to_review, review
from hub_assets.warehouse.database import connect
from hub_assets_tests.identities.pairs import WEEK, make_warehouse, pair, table

NOON = datetime(2026, 11, 16, 12, tzinfo=UTC)
EVIDENCE = "same_name;shared_repository"
NONE = SCHEMA.empty_table()


def decided(b: str, decision: str, evidence: str, decisions: pa.Table = NONE) -> pa.Table:
    return decide(decisions, "ada", b, decision, decided_by="kim", decided_at=NOON, why="knows", evidence=evidence)


def others_of(pairs: pa.Table) -> list[str]:
    return list(pairs["author_b"].to_pylist())


def seen(pair: dict[str, Any], decision_before: dict[str, str] | None = None, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(pair_view(pair, decision_before))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


class Reviewer:
    """Presses keys during a review and returns what the terminal shows."""

    def __init__(self, path: Path, *names: str) -> None:
        self.path = path
        self.pairs = table(*(pair("ada", name) for name in names))

    def presses(self, keys: Iterable[str], between: Callable[[], object] = lambda: None) -> str:
        pressed = iter(keys)

        def ask() -> str:
            between()
            return next(pressed, "")

        console = Console(file=io.StringIO(), width=100)
        self.n = review(
            *(console, self.pairs, self.path, ask, lambda: "asked her"), decided_by="mona", now=lambda: NOON
        )
        assert isinstance(console.file, io.StringIO)
        return console.file.getvalue()

    @property
    def saved(self) -> list[tuple[str, str]]:
        return [(row["author_b"], row["decision"]) for row in read_decisions(self.path).to_pylist()]


def test_open_pairs_of_the_newest_week_come_up_by_descending_score(tmp_path: Path) -> None:
    warehouse = make_warehouse(
        tmp_path / "warehouse.duckdb",
        pair("ada", "low", score=-1.0),
        pair("ada", "high", score=2.0),
        pair("ada", "also high", score=2.0),
        pair("ada", "unknown", score=None),
        pair("ada", "same", decision="accepted", decided_by="rule"),
        pair("ada", "other", decision="rejected", decided_by="rule"),
        pair("ada", "past", snapshot_date=WEEK.replace(day=9)),
    )
    assert others_of(pairs_to_review(warehouse, NONE)) == ["also high", "high", "low", "unknown"]
    assert others_of(newest_pairs(warehouse)) == ["also high", "high", "other", "same", "low", "unknown"]
    assert newest_pairs(warehouse).schema.names == table().schema.names


@pytest.mark.parametrize("decision", ["accepted", "rejected"])
def test_a_decided_pair_returns_only_when_its_evidence_changes(tmp_path: Path, decision: str) -> None:
    warehouse = make_warehouse(
        tmp_path / "warehouse.duckdb",
        pair("ada", "newly decided"),
        pair("ada", "decided", decision=decision, decided_by="person"),
        pair("ada", "changed", decision=decision, decided_by="person", is_reopened=True),
        pair("ada", "evidence lost", decision=decision, decided_by="person", evidence=None, is_reopened=True),
        pair("ada", "by hand", decision=decision, decided_by="person"),
    )
    decisions = NONE
    for b, evidence in {
        "newly decided": EVIDENCE,
        "decided": EVIDENCE,
        "changed": "same_name",
        "evidence lost": EVIDENCE,
        "by hand": "",
        "unheard of": "same_name",
    }.items():
        decisions = decided(b, decision, evidence, decisions)
    assert others_of(pairs_to_review(warehouse, decisions)) == ["changed", "evidence lost"]
    again = decided("changed", decision, EVIDENCE, decisions)
    assert others_of(pairs_to_review(warehouse, again)) == ["evidence lost"]


def test_a_warehouse_without_pairs(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with pytest.raises(NoPairs, match=r"does not exist; .*hub-assets snapshot"):
        newest_pairs(path)
    assert not path.exists()
    with connect(path):
        pass
    with pytest.raises(NoPairs, match="no developer pairs"):
        pairs_to_review(path, NONE)


def test_a_pair_is_shown_side_by_side() -> None:
    shown = seen(pair("ada", "ada l", is_same_organization=True))
    lines = [line.split() for line in shown.splitlines()]
    for line in (
        ["ada", "ada", "l"],
        ["account", "yes", "no"],
        ["full", "name", "-", "Ada", "Love"],
        ["commits", "1,200", "7"],
        ["degree", "4", "1"],
        ["similarity", "0.938"],
        ["repositories", "both", "committed", "to", "3"],
        ["together", "in", "a", "Co-authored-by", "trailer", "yes"],
        ["shared", "repositories", "+2"],
        ["short", "name", "-0.5"],
        ["score", "+1.5"],
        ["evidence", EVIDENCE],
        ["proposed", "by", "same_name,", "owner"],
        ["rule", "score_between"],
    ):
        assert line in lines
    assert "weeks both" not in shown
    assert "because of a conflict" not in shown
    assert "because of a conflict" in seen(pair("ada", "bo", is_conflict=True))
    assert "before" not in shown


def test_a_pair_with_little_evidence() -> None:
    unknown = dict.fromkeys(table().schema.names) | {"author_a": "ada", "author_b": "bo"}
    assert ["account", "-", "-"] in [line.split() for line in seen(unknown).splitlines()]


def test_an_earlier_decision_on_other_evidence_is_shown() -> None:
    (before,) = decided("bo", "rejected", "same_name").to_pylist()
    message = "previously rejected by kim at 2026-11-16T12:00:00Z, based on the evidence same_name; reason: knows"
    assert message in seen(pair("ada", "bo"), before)


def test_names_cannot_control_the_terminal_or_hide() -> None:
    shown = seen(pair("[red]a\x1b[2J\u202eb", " bo\n", full_name_a="[bold]x\t"))
    for written in ("[red]a\\x1b[2J\\u202eb", '" bo\\n"', "[bold]x\\t"):
        assert written in shown
    assert "\x1b" not in shown
    long = seen(pair("a" * 200, "b" * 200), width=60)
    assert (long.count("a" * 8) > 0, max(map(len, long.splitlines())) <= 60) == (True, True)


def test_keys_save_decisions_immediately(tmp_path: Path) -> None:
    reviewer = Reviewer(tmp_path / "decisions.csv", "bo", "cy", "di")
    saved: list[list[tuple[str, str]]] = []
    shown = reviewer.presses("asR", between=lambda: saved.append(reviewer.saved))
    first, third = [("bo", "accepted")], [("bo", "accepted"), ("di", "rejected")]
    assert saved == [[], first, first, third]
    assert (reviewer.saved, reviewer.n) == (third, 2)
    for words in ("pair 1 of 3", "accepted: ada and bo", "pair 3 of 3", "rejected: ada and di", "no pairs left"):
        assert words in shown
    (row, _) = read_decisions(reviewer.path).to_pylist()
    assert (row["decided_by"], row["decided_at"], row["why"], row["evidence"]) == (
        *("mona", "2026-11-16T12:00:00Z", ""),
        EVIDENCE,
    )


def test_quitting_and_end_of_input(tmp_path: Path) -> None:
    reviewer = Reviewer(tmp_path / "decisions.csv", "bo", "cy")
    for keys in ("q", ""):
        reviewer.presses(keys)
        assert (reviewer.n, reviewer.path.exists()) == (0, False)
    assert "pair" not in Reviewer(reviewer.path).presses("a")


def test_a_reason_applies_only_to_the_next_decision(tmp_path: Path) -> None:
    reviewer = Reviewer(tmp_path / "decisions.csv", "bo", "cy", "di")
    shown = reviewer.presses("wawsr")
    assert read_decisions(reviewer.path)["why"].to_pylist() == ["asked her", ""]
    assert shown.count("pair 1 of 3") == 1


def test_the_last_decisions_can_be_undone(tmp_path: Path) -> None:
    reviewer = Reviewer(tmp_path / "decisions.csv", "bo", "cy", "di")
    shown = reviewer.presses("xuasauur")
    assert reviewer.saved == [("bo", "rejected")]
    assert reviewer.n == 1
    for words in ("x is not available here", "u is not available here", "undone: ada and di", "undone: ada and bo"):
        assert words in shown
    assert shown.count("pair 1 of 3") == 2


def test_undo_restores_the_earlier_decision(tmp_path: Path) -> None:
    path = tmp_path / "decisions.csv"
    before = decided("bo", "rejected", "same_name")
    write_decisions(path, before)
    shown = Reviewer(path, "bo").presses("auq")
    assert read_decisions(path).equals(before)
    assert shown.count("previously rejected by kim") == 2


def test_others_can_decide_at_the_same_time(tmp_path: Path) -> None:
    path = tmp_path / "decisions.csv"
    reviewer = Reviewer(path, "bo", "cy")
    other = iter(["eve", "fay", "gil"])

    def decide_elsewhere() -> None:
        write_decisions(path, decided(next(other), "rejected", "", read_decisions(path)))

    reviewer.presses("au", between=decide_elsewhere)
    assert reviewer.saved == [("eve", "rejected"), ("fay", "rejected"), ("gil", "rejected")]


def test_undo_of_a_decision_that_someone_else_already_undid(tmp_path: Path) -> None:
    reviewer = Reviewer(tmp_path / "decisions.csv", "bo", "cy")
    reviewer.presses("au", between=lambda: reviewer.path.unlink(missing_ok=True))
    assert reviewer.saved == []


def test_a_file_that_breaks_during_the_review_is_left_unchanged(tmp_path: Path) -> None:
    reviewer = Reviewer(tmp_path / "decisions.csv", "bo")
    with pytest.raises(DecisionsError, match=r"decisions\.csv:1: "):
        reviewer.presses("a", between=lambda: reviewer.path.write_text("broken"))
    assert reviewer.path.read_text() == "broken"


def test_account_links_are_escaped() -> None:
    evil = "ada\x1b[31m"
    console = Console(file=io.StringIO(), width=100)
    console.print(pair_view(pair(evil, "bob", is_account_a=True), hub="https://hub"))
    assert isinstance(console.file, io.StringIO)
    assert r"https://hub/ada\x1b[31m" in console.file.getvalue()
    assert "\x1b" not in console.file.getvalue()
