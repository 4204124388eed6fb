"""Identity resolution on recorded commits of 359 models. Only bots appear by name; people are recognized by structure.

The tests compare numbers, so that a failure does not print names.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path

import networkx as nx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rapidfuzz import fuzz

from hub_assets.hub.sources.commits import _TRAILER, _co_author
from hub_assets.identities.bots import find_bots
from hub_assets_tests.identities.made import Commit, Made, Pair, people, seed

STUDY_RULES = {"same_repository", "real_name", "high_degree"}
FIVE = {"system", "SFconvertbot", "leaderboard-pr-bot", "librarian-bot", "modularbot"}
CORE = "deepset/roberta-base-squad2"
"""The repository that forms the study's innermost core."""


class Recorded:
    """The commits, their authors, and the resulting pairs and developers."""

    def __init__(self, file: Path) -> None:
        rows = pq.read_table(file).to_pylist()
        days = [date.fromisoformat(row["date"][:10]) for row in rows]
        self.history = [
            Commit(row["model_id"], tuple(row["authors"]), day - timedelta(days=day.weekday()))
            for row, day in zip(rows, days, strict=True)
        ]
        signers = [_co_author(found) for row in rows for found in _TRAILER.finditer(row["message"] or "")]
        trailers = {(one["name"], one["handle"]) for one in signers if one["name"] and one["handle"]}
        strings = {name for commit in self.history for name in commit.authors}
        found = find_bots(pa.array(sorted(strings)), seed("bots"))
        self.bots = {row["author"]: row["reason"] for row in found.to_pylist()}
        self.names = strings - set(self.bots)
        made = Made(self.history, trailers=trailers, bots=self.bots, generic=seed("generic_names")["name"].to_pylist())
        self.resolved = made.resolved()
        self.developers = made.developers()

    def __repr__(self) -> str:
        return "<recorded commits>"

    def committers(self, repo: str) -> set[str]:
        return {name for commit in self.history if commit.repo == repo for name in commit.authors} & self.names

    def proposed_by(self, generator: str) -> set[Pair]:
        return {pair for pair, row in self.resolved.items() if generator in row["generators"]}

    def network(self, called: Mapping[str, str]) -> tuple[int, int, int, int, int]:
        """Return the nodes and edges of the study's network, the maximum k, and the nodes and edges of its core.

        Args:
            called: node name of each author string to include.
        """
        graph = nx.DiGraph()
        authors: dict[str, set[str]] = {}
        for commit in self.history:
            authors.setdefault(commit.repo, set()).update(called[name] for name in commit.authors if name in called)
        for commit in self.history:
            if (first := called.get(commit.authors[0])) is not None:
                graph.add_edges_from((first, other) for other in authors[commit.repo] - {first})
        k = max(nx.core_number(graph).values())
        core = nx.k_core(graph, k)
        return (graph.number_of_nodes(), graph.number_of_edges(), k, core.number_of_nodes(), core.number_of_edges())


@pytest.fixture(scope="module")
def recorded(real_data: Path) -> Recorded:
    return Recorded(real_data / "top_models_2024" / "commits.parquet")


def normal(name: str) -> str:
    letters = unicodedata.normalize("NFD", name).lower()
    return "".join(letter for letter in letters if letter.isalnum())


def are_alike(a: str, b: str) -> bool:
    return bool(normal(a) and normal(b)) and fuzz.ratio(normal(a), normal(b)) >= 90


def pairs_of(names: Iterable[str]) -> set[Pair]:
    return set(combinations(sorted(names), 2))


def n_different(some: set[Pair], others: set[Pair]) -> int:
    return len(some ^ others)


# --- programs ---


def test_the_five_published_bots_and_one_more_are_found(recorded: Recorded) -> None:
    assert len(FIVE & set(recorded.bots)) == 5
    assert len(recorded.bots) == 6
    assert "autoevaluator" in recorded.bots
    assert all(recorded.bots.values())


# --- blocking rules ---


def test_pairs_per_generator(recorded: Recorded) -> None:
    assert len(recorded.resolved) == 31
    assert Counter(generator for row in recorded.resolved.values() for generator in row["generators"]) == {
        "same_repository": 11,
        "real_name": 11,
        "high_degree": 17,
        "same_name": 12,
        "namespace": 17,
        "abbreviation": 1,
        "trailer": 4,
    }


def test_the_first_rule_matches_a_double_loop(recorded: Recorded) -> None:
    repos = {commit.repo for commit in recorded.history}
    by_hand = {pair for repo in repos for pair in pairs_of(recorded.committers(repo)) if are_alike(*pair)}
    assert len(by_hand) == 11
    assert n_different(recorded.proposed_by("same_repository"), by_hand) == 0


def test_the_second_rule_matches_a_double_loop(recorded: Recorded) -> None:
    with_space = [pair for pair in pairs_of(recorded.names) if " " in "".join(pair)]
    by_hand = {pair for pair in with_space if are_alike(*pair)}
    assert sum(" " in name for name in recorded.names) == 42
    assert len(by_hand) == 11
    assert n_different(recorded.proposed_by("real_name"), by_hand) == 0


def test_each_pair_of_the_third_rule_has_a_developer_with_ten_edges(recorded: Recorded) -> None:
    rows = [recorded.resolved[pair] for pair in recorded.proposed_by("high_degree")]
    assert len(rows) == 17
    assert min(max(row["degree_a"], row["degree_b"]) for row in rows) >= 10


# --- decisions ---


def test_unknown_account_facts_are_null(recorded: Recorded) -> None:
    sides = [(row[f"author_{side}"], row[f"is_account_{side}"]) for row in recorded.resolved.values() for side in "ab"]
    assert Counter((" " in name, is_account) for name, is_account in sides) == {(True, False): 24, (False, None): 38}
    unknown = ("full_name_a", "full_name_b", "full_name_relation", "is_same_account", "is_same_organization")
    assert {row[name] for row in recorded.resolved.values() for name in unknown} == {None}


def test_merges_per_rule_and_generator(recorded: Recorded) -> None:
    rows = recorded.resolved.values()
    assert Counter((row["decision"], row["rule"]) for row in rows) == {
        ("accepted", "same_name"): 9,
        ("accepted", "trailer"): 4,
        ("accepted", "initial_name"): 3,
        ("review", None): 15,
    }
    merges = [STUDY_RULES & set(row["generators"]) for row in rows if row["decision"] == "accepted"]
    assert Counter(rule for rules in merges for rule in rules) == {
        "same_repository": 8,
        "real_name": 8,
        "high_degree": 6,
    }
    # the study's rules alone would have missed these
    assert merges.count(set()) == 5
    assert sum(row["is_conflict"] for row in rows) == 0


def test_the_person_with_two_names_in_the_innermost_core_is_found_and_merged(recorded: Recorded) -> None:
    both = pairs_of(recorded.committers(CORE))
    twins = [(a, b) for a, b in both if normal(a) == normal(b) and (" " in a) != (" " in b)]
    assert len(twins) == 1
    row = recorded.resolved[twins[0]]
    assert len(STUDY_RULES & set(row["generators"])) == 3
    assert (row["similarity"], row["decision"], row["rule"]) == (1.0, "accepted", "same_name")
    assert len({recorded.developers[name]["developer_id"] for name in twins[0]}) == 1


def test_strings_programs_and_developers(recorded: Recorded) -> None:
    developers = recorded.developers
    assert len(developers) == 653
    assert sum(row["is_bot"] for row in developers.values()) == 6
    assert sum(row["is_generic"] for row in developers.values()) == 2
    assert len(recorded.names) == 647
    assert len({developers[name]["developer_id"] for name in recorded.names}) == 631
    assert Counter(len(strings) for strings in people(developers)) == {2: 16}


# --- the resulting network ---


def test_the_network_with_and_without_the_five_bots_matches_the_published_one(recorded: Recorded) -> None:
    strings = {name: name for name in recorded.developers}
    assert recorded.network(strings) == (571, 2611, 26, 14, 182)
    without = {name: name for name in strings if name not in FIVE}
    assert recorded.network(without) == (524, 2087, 24, 13, 156)


def test_the_network_of_developers_without_programs(recorded: Recorded) -> None:
    unmerged = {name: name for name in recorded.names}
    assert recorded.network(unmerged) == (522, 2071, 24, 13, 156)
    developers = {name: recorded.developers[name]["developer_id"] for name in recorded.names}
    assert recorded.network(developers) == (504, 1930, 22, 12, 132)
