"""From decided pairs to developers: merges, cannot-link constraints, and ids that are stable from week to week."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Any

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_assets.identities.candidates import find_candidates
from hub_assets.identities.evidence import weigh
from hub_assets.identities.merging import ID_LENGTH, developers_of, merge, resolve
from hub_assets.identities.rules import decide
from hub_assets.identities.schemas import DEVELOPERS
from hub_assets_tests.identities.made import Commit, Made, Pair, Row, answer, commits, people

N = 8
things = st.integers(0, N - 1)
pairs_of_things = st.lists(st.tuples(things, things).filter(lambda both: both[0] != both[1]), max_size=10)
tiered_pairs = st.lists(st.tuples(st.tuples(things, things), st.integers(0, 2)), max_size=12)
account_numbers = st.lists(st.sampled_from([-1, -1, 0, 1, 2]), min_size=N, max_size=N)

Tiered = Sequence[tuple[tuple[int, int], int]]


def merged(
    pairs: Tiered, rejected: Iterable[tuple[int, int]] = (), accounts: Sequence[int] = (-1,) * N
) -> tuple[list[int], list[bool]]:
    def rows(some: Iterable[tuple[int, int]]) -> Any:
        return np.array(list(some), np.int64).reshape(-1, 2)

    tiers = np.array([tier for _, tier in pairs], np.int64)
    apart = rows(rejected)
    since = np.zeros(len(apart), np.int64)
    together = rows(pair for pair, _ in pairs)
    labels, left_out = merge(N, together, tiers, apart, since, np.array(accounts, np.int64))
    return labels.tolist(), left_out.tolist()


def components(pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Return the smallest item of each item's component."""
    graph = nx.Graph(list(pairs))
    graph.add_nodes_from(range(N))
    least = {thing: min(component) for component in nx.connected_components(graph) for thing in component}
    return [least[thing] for thing in range(N)]


def has_clash(labels: Sequence[int], label: int, rejected: Iterable[tuple[int, int]], accounts: Sequence[int]) -> bool:
    inside = {accounts[thing] for thing in range(N) if labels[thing] == label and accounts[thing] >= 0}
    return len(inside) > 1 or any(labels[a] == labels[b] == label for a, b in rejected)


# --- merging ---


def test_connected_items_merge_and_are_named_by_the_smallest() -> None:
    labels, left_out = merged([((5, 2), 0), ((2, 7), 1), ((1, 0), 2)])
    assert labels == [0, 0, 2, 3, 4, 2, 6, 2]
    assert left_out == [False] * 3


def test_a_chain_between_two_accounts_is_left_out_entirely() -> None:
    labels, left_out = merged([((0, 1), 2), ((1, 2), 2), ((4, 5), 2)], accounts=[0, -1, 1, -1, -1, -1, -1, -1])
    assert labels == [0, 1, 2, 3, 4, 4, 6, 7]
    assert left_out == [True, True, False]


def test_lower_tiers_are_merged_first() -> None:
    labels, left_out = merged([((1, 2), 2), ((0, 1), 1)], accounts=[0, -1, 1, -1, -1, -1, -1, -1])
    assert labels[:3] == [0, 0, 2]
    assert left_out == [True, False]


def test_a_rejected_pair_is_not_merged_through_other_items() -> None:
    labels, left_out = merged([((0, 1), 2), ((1, 2), 2)], rejected=[(2, 0)])
    assert labels == list(range(N))
    assert left_out == [True, True]


def test_an_already_merged_pair_is_not_a_conflict() -> None:
    labels, left_out = merged([((0, 1), 0), ((0, 1), 2), ((1, 2), 2)], accounts=[0, -1, 1, -1, -1, -1, -1, -1])
    assert labels[:3] == [0, 0, 2]
    assert left_out == [False, False, True]


def test_no_items_give_no_components() -> None:
    assert merged([]) == (list(range(N)), [])
    none = np.zeros((0, 2), np.int64)
    labels, left_out = merge(0, none, np.zeros(0, np.int64), none, np.zeros(0, np.int64), np.zeros(0, np.int64))
    assert (len(labels), len(left_out)) == (0, 0)


@given(tiered_pairs)
def test_without_conflicts_the_result_is_the_connected_components(pairs: Tiered) -> None:
    labels, left_out = merged(pairs)
    assert labels == components(pair for pair, _ in pairs)
    assert not any(left_out)


@given(tiered_pairs, pairs_of_things, account_numbers)
def test_cannot_link_constraints_hold(pairs: Tiered, rejected: list[tuple[int, int]], accounts: list[int]) -> None:
    labels, left_out = merged(pairs, rejected, accounts)
    assert not any(has_clash(labels, label, rejected, accounts) for label in labels)
    assert labels == components(pair for (pair, _), out in zip(pairs, left_out, strict=True) if not out)


@given(tiered_pairs, pairs_of_things, account_numbers)
def test_merging_matches_a_naive_implementation(
    pairs: Tiered, rejected: list[tuple[int, int]], accounts: list[int]
) -> None:
    made: list[tuple[int, int]] = []
    expected = [False] * len(pairs)
    for tier in range(3):
        chosen = [place for place, (_, of) in enumerate(pairs) if of == tier]
        before = components(made)
        labels = components([*made, *(pairs[place][0] for place in chosen)])
        for place in chosen:
            a, b = pairs[place][0]
            expected[place] = before[a] != before[b] and has_clash(labels, labels[a], rejected, accounts)
        made += [pairs[place][0] for place in chosen if not expected[place]]
    assert merged(pairs, rejected, accounts) == (components(made), expected)


@given(tiered_pairs, pairs_of_things, account_numbers, st.randoms(use_true_random=False))
def test_the_order_and_the_sides_of_pairs_do_not_matter(
    pairs: Tiered, rejected: list[tuple[int, int]], accounts: list[int], random: Random
) -> None:
    labels, left_out = merged(pairs, rejected, accounts)
    places = list(range(len(pairs)))
    random.shuffle(places)
    turned = [((pairs[place][0][1], pairs[place][0][0]), pairs[place][1]) for place in places]
    assert merged(turned, [(b, a) for a, b in reversed(rejected)], accounts) == (
        labels,
        [left_out[place] for place in places],
    )


# --- developers ---

REPO = "lab/x"


def joined(*names: str, **known: Any) -> set[frozenset[str]]:
    """Return the author strings of each developer with more than one, if all names commit to the same repository."""
    return people(Made(commits(REPO, *names), **known).developers())


def groups(*names: str) -> set[frozenset[str]]:
    return {frozenset(name.split("|")) for name in names}


def test_two_spellings_of_a_name_are_one_developer_with_a_reason() -> None:
    developers = Made(commits(REPO, "Ada Love", "adalove", "bob")).developers()
    assert people(developers) == groups("Ada Love|adalove")
    assert [developers[name]["match_method"] for name in ("Ada Love", "adalove", "bob")] == [
        "same_name",
        "same_name",
        "alone",
    ]
    assert developers["Ada Love"]["joined_with"] == "adalove"
    assert "same_name" in developers["Ada Love"]["evidence"].split(";")
    assert developers["bob"]["joined_with"] is None
    assert {*developers["bob"], "snapshot_date", "decisions_hash"} == {*DEVELOPERS.names}


def test_an_id_is_the_hash_of_the_earliest_string() -> None:
    history = [*commits(REPO, "adalove", week=1), *commits(REPO, "Ada Love", "bob")]
    expected = hashlib.sha256(b"Ada Love").hexdigest()[:ID_LENGTH]
    developers = Made(history).developers()
    assert developers["adalove"]["developer_id"] == developers["Ada Love"]["developer_id"] == expected
    assert developers["bob"]["developer_id"] == hashlib.sha256(b"bob").hexdigest()[:ID_LENGTH]


def test_strings_of_an_account_are_one_developer_across_renames() -> None:
    history = [*commits("one/x", "ada"), *commits("two/x", "kestrel", week=1), *commits("three/x", "heron", week=2)]
    answers = [
        answer("ada", "k", fullname="Ada Love"),
        answer("kestrel", "k", week=1, fullname="Bob Stone"),
        answer("heron", "k", week=2),
        answer("bob", "other"),
    ]
    developers = Made(history + commits(REPO, "bob"), answers=answers).developers()
    assert people(developers) == groups("ada|kestrel|heron")
    assert {developers[name]["match_method"] for name in ("ada", "kestrel", "heron")} == {"same_account"}


def test_a_handle_that_changed_owners_merges_nothing() -> None:
    answers = [answer("ada", "k1"), answer("ada", "k2", week=1), answer("kestrel", "k1"), answer("heron", "k2", week=1)]
    assert joined("ada", "kestrel", "heron", answers=answers) == set()


def test_bots_are_marked_with_a_reason() -> None:
    developers = Made(commits(REPO, "ada-bot", "ada bot"), bots=["ada-bot", "ada bot"]).developers()
    assert people(developers) == set()
    assert {(row["match_method"], row["is_bot"], row["evidence"]) for row in developers.values()} == {
        ("bot", True, "it is made")
    }


def test_rules_do_not_merge_two_accounts_directly_or_through_a_similar_name() -> None:
    names = ("ada-lovelace", "Ada Lovelace", "adalovelace")
    made = Made(commits(REPO, *names), linked={"ada-lovelace": True, "adalovelace": True})
    resolved = made.resolved()
    assert people(made.developers()) == set()
    assert {pair: (row["decision"], row["decided_by"], row["is_conflict"]) for pair, row in resolved.items()} == {
        ("Ada Lovelace", "ada-lovelace"): ("review", None, True),
        ("Ada Lovelace", "adalovelace"): ("review", None, True),
        ("ada-lovelace", "adalovelace"): ("rejected", "rule", False),
    }


def test_a_chain_of_similar_names_does_not_merge_accounts() -> None:
    # names next to each other in the chain are similar, but the accounts' names are not
    start, end = "abcdefghijklmnopqrst", "ABCDEFGHIJKLMNOPQRST"[::-1]
    chain = [f"{start[: 20 - step]}{end[:step].lower()}" for step in range(21)]
    spaced = [name if place % 5 == 0 else f"{name[:9]} {name[9:]}" for place, name in enumerate(chain)]
    accounts = spaced[::5]
    developers = Made(commits(REPO, *spaced), linked=dict.fromkeys(accounts, True)).developers()
    assert len({developers[account]["developer_id"] for account in accounts}) == len(accounts) == 5
    # without accounts there is no constraint
    assert len(people(Made(commits(REPO, *spaced)).developers())) == 1


@pytest.mark.slow
def test_a_person_can_merge_two_accounts_and_undo_it() -> None:
    made = commits(REPO, "ada", "heron", "Heron")
    known: Mapping[str, Any] = {"answers": [answer("ada"), answer("heron")]}
    before = Made(made, **known).developers()
    after = Made(made, **known, decisions={("ada", "heron"): "accepted"}).developers()
    assert people(before) == set()
    assert people(after) == groups("ada|heron")
    assert after["ada"]["match_method"] == after["heron"]["match_method"] == "decision"
    assert Made(made, **known, decisions={}).developers() == before


def test_a_name_can_connect_accounts_that_a_person_merged() -> None:
    names = ("ada-lovelace", "Ada Lovelace", "adalovelace")
    known: Mapping[str, Any] = {"linked": {"ada-lovelace": True, "adalovelace": True}}
    decisions = {("ada-lovelace", "adalovelace"): "accepted"}
    assert joined(*names, **known, decisions=decisions) == groups("ada-lovelace|Ada Lovelace|adalovelace")


def test_accounts_merged_pairwise_by_a_person_are_one_developer() -> None:
    answers = [answer(name) for name in ("ada", "heron", "kestrel", "bob")]
    decisions = {("ada", "heron"): "accepted", ("heron", "kestrel"): "accepted"}
    assert joined("ada", "heron", "kestrel", "bob", answers=answers, decisions=decisions) == groups("ada|heron|kestrel")


@pytest.mark.slow
def test_a_person_must_merge_two_accounts_explicitly() -> None:
    decisions = {("Ada Love", "heron"): "accepted", ("Ada Love", "kestrel"): "accepted"}
    made = Made(
        commits(REPO, "Ada Love", "heron", "kestrel"), answers=[answer("heron"), answer("kestrel")], decisions=decisions
    )
    assert people(made.developers()) == set()
    rows = [made.resolved()[pair] for pair in decisions]
    assert [(row["decision"], row["decided_by"], row["is_conflict"]) for row in rows] == [
        ("accepted", "person", True)
    ] * 2


@pytest.mark.slow
def test_a_persons_rejection_holds_through_other_names() -> None:
    names = ("Ada Lovelace", "adalovelace", "ada lovelace")
    assert joined(*names) == groups("Ada Lovelace|adalovelace|ada lovelace")
    decisions = {("Ada Lovelace", "adalovelace"): "rejected"}
    made = Made(commits(REPO, *names), decisions=decisions)
    assert people(made.developers()) == set()
    assert {row["is_conflict"] for pair, row in made.resolved().items() if pair not in decisions} == {True}


@pytest.mark.slow
def test_a_persons_rejection_holds_even_for_the_same_account() -> None:
    answers = [answer("ada", "k"), answer("kestrel", "k")]
    assert joined("ada", "kestrel", answers=answers) == groups("ada|kestrel")
    assert joined("ada", "kestrel", answers=answers, decisions={("ada", "kestrel"): "rejected"}) == set()


def test_a_persons_pair_is_merged_before_a_rules_pair() -> None:
    names = ("ada-lovelace", "Ada Lovelace", "adalovelace")
    linked = {"ada-lovelace": True, "adalovelace": True}
    decisions = {("Ada Lovelace", "adalovelace"): "accepted"}
    assert joined(*names, linked=linked, decisions=decisions) == groups("Ada Lovelace|adalovelace")


@pytest.mark.parametrize("decision", [{}, {("Root", "root"): "accepted"}])
def test_generic_names_are_never_merged(decision: Mapping[Pair, str]) -> None:
    made = Made(commits(REPO, "root", "Root", "ro ot"), generic=["root"], decisions=decision)
    developers = made.developers()
    assert people(developers) == set()
    assert [developers[name]["match_method"] for name in ("root", "Root", "ro ot")] == ["generic", "generic", "alone"]
    assert made.resolved()["Root", "root"]["is_conflict"] is bool(decision)


def test_generic_names_of_an_account_go_to_review() -> None:
    answers = [answer("root", "k"), answer("kestrel", "k")]
    made = Made(commits(REPO, "root", "kestrel"), generic=["root"], answers=answers)
    row = made.resolved()["kestrel", "root"]
    assert (row["decision"], row["decided_by"], row["rule"], row["is_conflict"]) == (
        "review",
        None,
        "same_account",
        True,
    )
    assert people(made.developers()) == set()


# --- over the weeks ---


def test_first_week_ids_survive_new_strings() -> None:
    first = commits(REPO, "Ada Love", "bob", "eve")
    second = [*first, *commits(REPO, "adalove", "ada-love", "cy", "Eve Stone", week=1)]
    before, after = Made(first).developers(), Made(second).developers()
    assert {name: after[name]["developer_id"] for name in before} == {
        name: row["developer_id"] for name, row in before.items()
    }
    assert people(after) == groups("Ada Love|adalove|ada-love")
    assert after["adalove"]["developer_id"] == before["Ada Love"]["developer_id"]


@pytest.mark.slow
def test_merging_keeps_the_older_id_and_undoing_restores_both() -> None:
    history = [*commits(REPO, "kestrel"), *commits(REPO, "ada", week=1)]
    alone = {name: row["developer_id"] for name, row in Made(history).developers().items()}
    one = Made(history, decisions={("ada", "kestrel"): "accepted"}).developers()
    assert {row["developer_id"] for row in one.values()} == {alone["kestrel"]}
    undone = Made(history, decisions={}).developers()
    assert {name: row["developer_id"] for name, row in undone.items()} == alone


def test_the_earliest_string_keeps_the_id_when_a_component_splits() -> None:
    history = [*commits(REPO, "ada"), *commits(REPO, "heron", week=1), *commits(REPO, "kestrel", week=2)]
    chain = {("ada", "heron"): "accepted", ("heron", "kestrel"): "accepted"}
    whole = Made(history, decisions=chain).developers()
    parted = Made(history, decisions={("heron", "kestrel"): "accepted"}).developers()
    assert len({row["developer_id"] for row in whole.values()}) == 1
    assert parted["ada"]["developer_id"] == whole["ada"]["developer_id"]
    assert parted["heron"]["developer_id"] == parted["kestrel"]["developer_id"] != whole["ada"]["developer_id"]
    assert parted["heron"]["developer_id"] == hashlib.sha256(b"heron").hexdigest()[:ID_LENGTH]


# --- properties ---

AUTHORS = ("ada", "bob", "cy", "dot", "eve", "root", "kestrel")
EVERY_PAIR = [(a, b) for a in AUTHORS for b in AUTHORS if a < b]
any_decisions = st.dictionaries(
    st.sampled_from(EVERY_PAIR),
    st.sampled_from([("accepted", "rule"), ("accepted", "person"), ("rejected", "person"), ("rejected", "rule")]),
    max_size=10,
)
any_accounts = st.dictionaries(st.sampled_from(AUTHORS), st.sampled_from(["k1", "k2", "k3", "k4"]), max_size=6)
any_weeks = st.lists(st.integers(0, 3), min_size=len(AUTHORS), max_size=len(AUTHORS))

Decisions = Mapping[Pair, tuple[str, str]]


def hub(accounts: Mapping[str, str], weeks: Sequence[int]) -> Made:
    history = [commit for name, week in zip(AUTHORS, weeks, strict=True) for commit in commits(REPO, name, week=week)]
    answers = [answer(name, key) for name, key in accounts.items()]
    return Made(history, answers=answers, generic=["root"])


def decided(decisions: Decisions, accounts: Mapping[str, str]) -> pa.Table:
    """Return decided pairs, including pairs of the same account unless a person rejected them."""
    everything = {
        pair: ("accepted", "rule") for pair in EVERY_PAIR if accounts.get(pair[0], "a") == accounts.get(pair[1], "b")
    }
    everything |= {pair: by for pair, by in decisions.items() if pair not in everything or by[1] == "person"}
    return pa.table(
        {
            "author_a": pa.array([a for a, _ in everything], pa.string()),
            "author_b": pa.array([b for _, b in everything], pa.string()),
            "decision": pa.array([decision for decision, _ in everything.values()], pa.string()),
            "decided_by": pa.array([by for _, by in everything.values()], pa.string()),
            "rule": pa.array(
                ["same_account" if accounts.get(a, "a") == accounts.get(b, "b") else None for a, b in everything],
                pa.string(),
            ),
            "is_generic": pa.array(["root" in pair for pair in everything], pa.bool_()),
            "score": pa.array([1.0] * len(everything), pa.float64()),
            "evidence": pa.array(["any"] * len(everything), pa.string()),
        }
    )


def ids(developers: Mapping[str, Row]) -> dict[str, str]:
    return {name: row["developer_id"] for name, row in developers.items()}


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(any_decisions, any_accounts, any_weeks)
def test_no_developer_violates_a_cannot_link_constraint(
    decisions: Decisions, accounts: Mapping[str, str], weeks: Sequence[int]
) -> None:
    made, pairs = hub(accounts, weeks), decided(decisions, accounts)
    with made.facts() as facts:
        resolved = resolve(facts, pairs).to_pylist()
    same = nx.Graph()
    same.add_nodes_from(accounts.values())
    same.add_edges_from(
        (accounts[a], accounts[b])
        for (a, b), by in decisions.items()
        if by == ("accepted", "person") and a in accounts and b in accounts
    )
    developers = made.developers_by(pairs)
    for strings in people(developers):
        keys = [accounts[name] for name in strings if name in accounts]
        assert all(nx.has_path(same, keys[0], key) for key in keys)
        assert "root" not in strings
        assert not any({*pair} <= strings for pair, by in decisions.items() if by == ("rejected", "person"))
    # developers are the components of accepted pairs without conflicts
    graph = nx.Graph([(row["author_a"], row["author_b"]) for row in resolved if _is_made(row)])
    assert people(developers) == {frozenset(some) for some in nx.connected_components(graph)}


def test_an_accepted_generic_name_does_not_connect_accounts() -> None:
    accounts = {"root": "k1", "kestrel": "k1", "eve": "k2"}
    decisions = {
        ("eve", "root"): ("accepted", "person"),
        ("ada", "eve"): ("accepted", "rule"),
        ("ada", "kestrel"): ("accepted", "rule"),
    }
    assert people(hub(accounts, [0] * len(AUTHORS)).developers_by(decided(decisions, accounts))) == set()


def test_an_accepted_generic_name_does_not_affect_other_pairs() -> None:
    accounts = {"kestrel": "k1", "eve": "k2"}
    accepted = dict.fromkeys([("kestrel", "root"), ("eve", "root"), ("ada", "eve")], ("accepted", "person"))
    developers = hub(accounts, [0] * len(AUTHORS)).developers_by(decided(accepted, accounts))
    assert people(developers) == groups("ada|eve")


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(any_decisions, any_weeks)
def test_without_conflicts_developers_are_components_with_the_earliest_strings_id(
    decisions: Decisions, weeks: Sequence[int]
) -> None:
    accepted = {pair: by for pair, by in decisions.items() if by[0] == "accepted" and "root" not in pair}
    graph = nx.Graph(list(accepted))
    graph.add_nodes_from(AUTHORS)
    age = dict(zip(AUTHORS, weeks, strict=True))
    expected: dict[str, str] = {}
    for component in nx.connected_components(graph):
        oldest = min(component, key=lambda name: (age[name], name))
        expected |= dict.fromkeys(component, hashlib.sha256(oldest.encode()).hexdigest()[:ID_LENGTH])
    assert ids(hub({}, weeks).developers_by(decided(accepted, {}))) == expected


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(any_decisions, any_accounts, any_weeks, st.randoms(use_true_random=False))
def test_the_order_of_authors_and_pairs_does_not_matter(
    decisions: Decisions, accounts: Mapping[str, str], weeks: Sequence[int], random: Random
) -> None:
    made, pairs = hub(accounts, weeks), decided(decisions, accounts)
    expected = made.developers_by(pairs)
    made.authors, pairs = (
        table.take(pa.array(random.sample(range(len(table)), len(table)), pa.int64()))
        for table in (made.authors, pairs)
    )
    assert made.developers_by(pairs) == expected


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(any_decisions, any_accounts, any_weeks, st.sampled_from(EVERY_PAIR), st.sampled_from(["accepted", "rejected"]))
def test_undoing_a_decision_leaves_no_trace(
    decisions: Decisions, accounts: Mapping[str, str], weeks: Sequence[int], pair: Pair, decision: str
) -> None:
    made = hub(accounts, weeks)
    without = {other: by for other, by in decisions.items() if other != pair}
    before = made.developers_by(decided(without, accounts))
    made.developers_by(decided({**without, pair: (decision, "person")}, accounts))
    assert made.developers_by(decided(without, accounts)) == before


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(any_decisions, any_accounts, any_weeks)
def test_ids_are_stable_while_the_earliest_string_stays(
    decisions: Decisions, accounts: Mapping[str, str], weeks: Sequence[int]
) -> None:
    later = Made([Commit("late/x", ("Newcomer",), max(commit_weeks(weeks)))])
    made, pairs = hub(accounts, weeks), decided(decisions, accounts)
    before = made.developers_by(pairs)
    made.authors = pa.concat_tables([later.authors, made.authors])
    made.participations = pa.concat_tables([later.participations, made.participations])
    after = made.developers_by(pairs)
    assert {name: row for name, row in after.items() if name != "Newcomer"} == before
    assert after["Newcomer"]["developer_id"] not in ids(before).values()


def commit_weeks(weeks: Sequence[int]) -> list[Any]:
    return [commit.week for week in weeks for commit in commits(REPO, "ada", week=week)]


def _is_made(row: Row) -> bool:
    return row["decision"] == "accepted" and not row["is_conflict"]


def test_a_suspected_bot_is_a_developer_with_a_hint() -> None:
    made = Made(commits(REPO, "marcbot", "ada", "release-bot"), bots=["release-bot"])
    proposed = pa.table({"author": ["marcbot"], "bot_hint": ["its name ends in the letters bot"]})
    with made.facts() as facts:
        pairs = resolve(facts, decide(facts, weigh(facts, find_candidates(facts)), made.decisions))
        found = developers_of(facts, made.authors, pairs, made.bots, proposed).to_pylist()
    assert {row["author"]: (row["is_bot"], row["bot_hint"]) for row in found} == {
        "marcbot": (False, "its name ends in the letters bot"),
        "ada": (False, None),
        "release-bot": (True, None),
    }
