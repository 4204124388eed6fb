"""The evidence on each pair, which may be unknown, and the terms and score that follow from it."""

from collections.abc import Mapping
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_assets.identities.evidence import TERMS
from hub_assets_tests.identities.made import Commit, Made, Row, answer, commits, member_of

NAMES = ("Ada Lovelace", "adalovelace", "alovelace", "root", "kestrel", "A. Lovelace", "adalovelace2", "Bob Stone")


def evidence(a: str, b: str, history: list[Commit] | None = None, **known: Any) -> Row:
    """Return the evidence on two names; by default, they committed to different repositories and namespaces."""
    apart = commits("one/x", a) + commits("other/x", b)
    (row,) = Made(apart if history is None else history, **known).weighed((a, b))
    return row


def points(row: Row) -> dict[str, float]:
    return {term["term"]: term["points"] for term in row["terms"]}


# --- unknown facts ---


def test_unknown_facts_add_no_term() -> None:
    row = evidence("ada", "heron")
    unknown = ("is_account_a", "is_account_b", "is_same_account", "is_same_organization", "full_name_relation")
    assert [row[name] for name in (*unknown, "full_name_a", "full_name_b")] == [None] * 7
    assert points(row) == {"one_word": -1}


def test_what_was_asked_of_one_of_them_says_nothing_of_their_accounts_being_one() -> None:
    row = evidence("ada", "heron", answers=[answer("ada", "k")])
    assert (row["is_account_a"], row["is_account_b"], row["is_same_account"]) == (True, None, None)
    assert "two_accounts" not in points(row)


def test_a_handle_that_changed_hands_says_nothing_of_the_account() -> None:
    answers = [answer("ada", "k1"), answer("ada", "k2", week=1), answer("heron", "k1")]
    assert evidence("ada", "heron", answers=answers)["is_same_account"] is None


def test_a_source_that_has_no_accounts_leaves_them_unknown() -> None:
    answers = [answer(name, outcome="not_asked") for name in ("ada", "heron")]
    row = evidence("ada", "heron", answers=answers)
    assert (row["is_account_a"], row["is_account_b"], row["is_same_account"]) == (None, None, None)


# --- accounts ---


def test_two_strings_of_one_account() -> None:
    row = evidence("ada", "kestrel", answers=[answer("ada", "k"), answer("kestrel", "k", week=1)])
    assert row["is_same_account"] is True
    assert points(row)["same_account"] == 10
    assert "two_accounts" not in points(row)


def test_two_accounts_speak_against_it() -> None:
    row = evidence("ada-love", "adalove", answers=[answer("ada-love"), answer("adalove")])
    assert (row["is_account_a"], row["is_account_b"], row["is_same_account"]) == (True, True, False)
    assert points(row)["two_accounts"] == -6


def test_a_name_without_account_speaks_for_it() -> None:
    assert points(evidence("Ada Love", "heron"))["no_account"] == 1
    gone = evidence("ada", "heron", linked={"ada": False}, answers=[answer("ada", outcome="gone")])
    assert points(gone)["no_account"] == 1
    assert "no_account" not in points(evidence("ada", "heron", linked={"ada": False}))


@pytest.mark.parametrize(
    ("a", "b", "full_name_a", "full_name_b", "relation", "term"),
    [
        ("Ada Love", "kestrel", None, "Ada Love", "same", "same_full_name"),
        ("Ada Love", "kestrel", None, "Love, Ada", "permuted", "same_full_name"),
        ("A. Lovelace", "kestrel", None, "Ada Lovelace", "initial", "like_full_name"),
        ("Ada Lovelace", "kestrel", None, "Ada Lovelaces", "contained", "like_full_name"),
        ("Ada Lovelace", "kestrel", None, "Ada Lovellace", "similar", "like_full_name"),
        ("heron", "kestrel", "Ada Love", "Ada Love", "same", "same_full_name"),
        ("adalove", "kestrel", None, "Ada Love", "same", "same_full_name"),
        ("Ada Love", "kestrel", None, "Bob Stone", "contradicts", "other_full_name"),
        ("heron", "kestrel", "Ada Love", "Bob Stone", "contradicts", "other_full_name"),
        ("heron", "kestrel", None, "Bob Stone", "none", None),
        ("Ada Love", "kestrel", None, "Bob", "none", None),
        ("Ada Love", "kestrel", None, None, None, None),
    ],
)
def test_full_names_are_compared_with_names_and_full_names(
    a: str, b: str, full_name_a: str | None, full_name_b: str | None, relation: str | None, term: str | None
) -> None:
    answers = [answer(name, fullname=full) for name, full in ((a, full_name_a), (b, full_name_b)) if full]
    row = evidence(a, b, answers=answers)
    assert (row["full_name_a"], row["full_name_b"]) == (full_name_a, full_name_b)
    assert row["full_name_relation"] == relation
    assert {name for name in points(row) if name.endswith("full_name")} == ({term} if term else set())


def test_shared_organizations_and_commits_to_the_others_organization() -> None:
    members = [answer(name, organizations=member_of("lab", name)) for name in ("ada", "heron")]
    assert evidence("ada", "heron", answers=members)["is_same_organization"] is True
    lab = commits("lab/x", "heron") + commits("one/x", "ada")
    assert evidence("ada", "heron", lab, answers=members[:1])["is_same_organization"] is True
    assert evidence("ada", "heron", answers=members[:1])["is_same_organization"] is False


# --- shared repositories, weeks and namespaces ---


def test_shared_repositories_weeks_and_namespaces_are_counted() -> None:
    history = [
        *(commits("lab/x", "ada", "heron") + commits("lab/x", "ada", "heron", week=1)),
        *(commits("lab/y", "ada") + commits("lab/y", "heron", week=1)),
        *commits("lab/x", "heron", repo_type="space"),
        *(commits("other/z", "ada") + commits("other/w", "heron")),
        *(commits("alone", "ada") + commits("single", "heron")),
    ]
    row = evidence("ada", "heron", history)
    assert (row["n_shared_repos"], row["n_shared_weeks"], row["n_shared_namespaces"]) == (2, 2, 2)
    assert (row["n_commits_a"], row["n_commits_b"]) == (5, 6)
    assert points(row) == {"shared_repository": 2, "shared_weeks": 1, "one_word": -1}


def test_commits_to_the_others_repositories_are_counted() -> None:
    history = (
        commits("ada/x", "heron") + commits("ada/y", "heron") + commits("heron/z", "ada") + commits("lab/z", "ada")
    )
    row = evidence("ada", "heron", history)
    assert row["n_owned_repos"] == 3
    assert points(row)["own_repository"] == 3


def test_a_shared_namespace_counts_only_without_a_shared_repository() -> None:
    apart = commits("lab/x", "ada") + commits("lab/y", "heron")
    assert "shared_namespace" in points(evidence("ada", "heron", apart))
    assert "shared_namespace" not in points(evidence("ada", "heron", apart + commits("lab/x", "heron")))


def test_a_trailer_with_both_names_is_evidence() -> None:
    row = evidence("Ada Love", "kestrel", trailers=[("Ada Love", "kestrel")])
    assert row["has_trailer"] is True
    assert points(row)["trailer"] == 6
    assert evidence("Ada Love", "kestrel", trailers=[("Ada Love", "heron")])["has_trailer"] is False


def test_a_generic_name_is_evidence_against_a_match() -> None:
    row = evidence("Root", "rooot", generic=["root"])
    assert row["is_generic"] is True
    assert points(row)["generic_name"] == -8


def test_degrees_come_from_the_network() -> None:
    row = evidence("ada", "heron", commits("lab/x", "ada", "heron", "bob") + commits("heron/z", "heron", "eve"))
    assert (row["degree_a"], row["degree_b"]) == (4, 6)


# --- properties ---

APART = [Commit(f"apart{name}/x", (name,)) for name in NAMES]
any_answers: st.SearchStrategy[list[Row]] = st.lists(
    st.builds(
        answer,
        st.sampled_from(NAMES),
        st.sampled_from(["k1", "k2", "k3"]),
        week=st.integers(0, 2),
        outcome=st.sampled_from(["ok", "ok", "gone", "failed"]),
        fullname=st.sampled_from(["", "Ada Lovelace", "Bob Stone", "A. Lovelace"]),
        organizations=st.sampled_from([[], member_of("lab"), member_of("lab", "kestrel")]),
    ),
    max_size=6,
    unique_by=lambda row: (row["author"], row["snapshot_date"]),
)
anything_known = st.fixed_dictionaries(
    {
        "history": st.lists(
            st.tuples(
                st.sampled_from(["lab/x", "lab/y", "kestrel/z", "alovelace/w"]),
                st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map(tuple),
            ),
            max_size=8,
        ).map(lambda some: [*(Commit(repo, names) for repo, names in some), *APART]),
        "linked": st.dictionaries(st.sampled_from(NAMES), st.booleans()),
        "answers": any_answers,
        "trailers": st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=3),
        "generic": st.sampled_from([[], ["root"]]),
    }
)
EVERY_PAIR = [(a, b) for a in NAMES for b in NAMES if a < b]


_SIDES = ("author", "full_name", "is_account", "n_commits", "degree")
_COMMON = (
    *("similarity", "name_relation", "full_name_relation", "is_generic", "is_same_account", "is_same_organization"),
    *("has_trailer", "n_shared_repos", "n_shared_weeks", "n_owned_repos", "n_shared_namespaces", "n_words"),
    *("score", "terms", "evidence"),
)


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(anything_known)
def test_the_score_is_the_sum_of_its_terms_and_evidence_is_symmetric(
    known: Mapping[str, Any],
) -> None:
    made = Made(**known)
    there, back = made.weighed(*EVERY_PAIR), made.weighed(*((b, a) for a, b in EVERY_PAIR))
    for one, other in zip(there, back, strict=True):
        assert one["score"] == sum(points(one).values())
        assert one["evidence"] == (";".join(points(one)) or "nothing")
        assert list(points(one)) == [term for term in TERMS if term in points(one)]
        assert all(TERMS[term][0] == number for term, number in points(one).items())
        assert {name: one[name] for name in _COMMON} == {name: other[name] for name in _COMMON}
        for side, opposite in (("a", "b"), ("b", "a")):
            assert all(one[f"{name}_{side}"] == other[f"{name}_{opposite}"] for name in _SIDES)


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(anything_known, st.randoms(use_true_random=False))
def test_evidence_does_not_depend_on_input_order(known: dict[str, Any], random: Random) -> None:
    other: dict[str, Any] = {name: list(value) if isinstance(value, list) else value for name, value in known.items()}
    for name in ("history", "answers", "trailers"):
        random.shuffle(other[name])
    assert Made(**other).weighed(*EVERY_PAIR) == Made(**known).weighed(*EVERY_PAIR)
