"""Identity resolution end to end: a week, reviewed decisions, and the resulting merges."""

import csv
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hub_assets import cli
from hub_assets.home import Home
from hub_assets.local_hub.simulated import simulate
from hub_assets.warehouse.database import connect
from hub_assets_tests.golden import SCALE, SEED, WEEK, Golden


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def home(golden: Golden, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the golden home, which has all histories and accounts."""
    assert "are left for hub-assets identities review" in " ".join(golden.output.split())
    return golden.copy(tmp_path_factory.mktemp("identities") / "home")


def query(home: Path, select: str) -> list[dict[str, Any]]:
    with connect(Home(home).warehouse, read_only=True) as connection:
        return list(connection.sql(select).to_arrow_table().to_pylist())


def developers(home: Path) -> dict[str, dict[str, Any]]:
    return {row["author"]: row for row in query(home, "from core__developers")}


def communities(home: Path) -> dict[str, int | None]:
    return {row["repo_key"]: row["n_community"] for row in query(home, "from mart__repo_activity")}


def test_merged_names_belong_to_one_person(home: Path) -> None:
    """This holds after crawling over HTTP and running in Dagster, not only in the rules' own tests."""
    persons: dict[str, set[int]] = defaultdict(set)
    for row in simulate(WEEK, scale=SCALE, seed=SEED).key.people.to_pylist():
        if row["person"] is not None:
            persons[row["user"]].add(row["person"])
    merged: dict[str, set[str]] = defaultdict(set)
    for author, row in developers(home).items():
        if not row["is_bot"] and not row["is_generic"]:
            merged[row["developer_id"]].add(author)
    several = [names for names in merged.values() if len(names) > 1]
    assert len(several) >= 5
    wrong = [names for names in several if len(set.union(*(persons[name] for name in names))) > 1]
    assert not wrong
    (summary,) = query(home, "from mart__identity_summary")
    assert summary["n_names_merged"] == sum(len(names) - 1 for names in several)
    assert summary["n_developers"] == len(merged)


@pytest.mark.slow
def test_decision_is_applied_and_can_be_undone(home: Path, tmp_path: Path) -> None:
    before, people_before = developers(home), communities(home)
    sheet, filled = tmp_path / "pairs.csv", tmp_path / "filled.csv"
    assert run("identities", "export", sheet, "--all", "--home", home).exit_code == 0
    rows = list(csv.DictReader(sheet.read_text(encoding="utf-8-sig").splitlines(keepends=True)))
    pairs = query(home, "select * from core__developer_pairs order by score desc, author_a")
    shared = next(pair for pair in pairs if pair["rule"] == "full_name" and pair["n_shared_repos"] > 0)
    # merging authors without a common repository does not change the number of developers of any repository
    apart = (pair for pair in pairs if not pair["n_shared_repos"] and not pair["n_shared_namespaces"])
    open_ = next(pair for pair in apart if pair["decision"] == "review")
    for row in rows:
        if (row["author_a"], row["author_b"]) == (shared["author_a"], shared["author_b"]):
            row["decision"] = "rejected"
        elif (row["author_a"], row["author_b"]) == (open_["author_a"], open_["author_b"]):
            row["decision"] = "accepted"
    with filled.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    taken = run("identities", "import", filled, "--by", "Mona", "--home", home)
    assert taken.exit_code == 0, taken.output
    applied = run("identities", "apply", "--home", home)
    assert applied.exit_code == 0, applied.output
    assert "(1 by reviewers)" in applied.output
    after, people_after = developers(home), communities(home)
    one, other = after[open_["author_a"]], after[open_["author_b"]]
    assert one["developer_id"] == other["developer_id"]
    assert {one["match_method"], other["match_method"]} >= {"decision"}
    assert one["developer_id"] in {before[row["author"]]["developer_id"] for row in (one, other)}
    assert after[shared["author_a"]]["developer_id"] != after[shared["author_b"]]["developer_id"]
    assert sum(n or 0 for n in people_after.values()) > sum(n or 0 for n in people_before.values())
    (row,) = query(home, "from mart__identity_pairs where generator = 'all'")
    assert (row["n_accepted_by_person"], row["n_rejected_by_person"]) == (1, 1)
    hashes = {row["decisions_hash"] for row in after.values()}
    assert hashes.isdisjoint({row["decisions_hash"] for row in before.values()})
    for pair in (shared, open_):
        assert run("identities", "undo", "--home", home, "--", pair["author_b"], pair["author_a"]).exit_code == 0
    assert run("identities", "apply", "--home", home, "--week", "2026-11-18").exit_code == 0
    assert developers(home) == before
    assert communities(home) == people_before


@pytest.mark.parametrize("what", ["apply", pytest.param("demo", marks=pytest.mark.slow)])
def test_malformed_decisions_file_stops_every_command_that_uses_it(home: Path, what: str) -> None:
    before = developers(home)
    decisions = Home(home).decisions
    header = "author_a,author_b,decision,decided_by,decided_at,why,evidence\n"
    decisions.write_text(header + "mona,lisa,perhaps,me,2026-11-16,,\n")
    try:
        if what == "apply":
            refused = run("identities", "apply", "--home", home)
            assert refused.exit_code == 2
        else:
            population = ["--week", WEEK.isoformat(), "--scale", str(SCALE), "--seed", str(SEED)]
            refused = run("demo", "--home", home, *population, "--budget", "0")
            assert refused.exit_code == 1
        assert f"{decisions}:2" in refused.output.replace("\n", "")
    finally:
        decisions.unlink()
    assert developers(home) == before


def test_decisions_cannot_be_applied_to_an_unpublished_week(home: Path, tmp_path: Path) -> None:
    other = run("identities", "apply", "--home", home, "--week", "2026-11-09")
    assert other.exit_code == 2
    assert "2026-11-16" in other.output
    empty = run("identities", "apply", "--home", tmp_path)
    assert empty.exit_code == 2
    assert "hub-assets snapshot" in empty.output


def test_most_informative_accounts_are_requested_first(home: Path, tmp_path: Path) -> None:
    """If the budget does not cover all accounts, only a few merges are lost."""
    pairs = query(home, "from core__developer_pairs where decision = 'accepted'")
    in_pairs = {pair[side] for pair in pairs for side in ("author_a", "author_b")}
    with connect(Home(home).build, read_only=True) as connection:
        asked = [
            author
            for (author,) in connection.execute("select author from stg_hub__accounts order by observed_at").fetchall()
        ]
    places = [asked.index(author) for author in in_pairs & set(asked)]
    assert len(places) >= 5
    assert sum(place < len(asked) / 2 for place in places) / len(places) > 0.8
