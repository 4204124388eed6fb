"""Whom the rules take for one person, and whom not: cases as they come in life, from commits to developers."""

from typing import Any

import pytest

from hub_assets_tests.identities.made import Commit, Made, answer, commits, people


def merged(*history: Commit, **known: Any) -> set[frozenset[str]]:
    """Return the names of each developer who has several."""
    return people(Made(history, **known).developers())


def one(*names: str) -> set[frozenset[str]]:
    return {frozenset(names)}


LAB = "lab/engine"


@pytest.mark.parametrize(
    ("name", "handle"),
    [
        ("Ada Lovelace", "ada-lovelace"),
        ("Ada Lovelace", "adalovelace"),
        ("Ada Lovelace", "lovelace-ada"),
        ("Ada Lovelace", "alovelace"),
        ("A. Lovelace", "alovelace"),
        ("Adä Lövelace", "adalovelace"),
        ("李 小龙", "李小龙"),
    ],
)
def test_a_real_name_and_a_handle_that_spells_it_in_one_repository_are_one(name: str, handle: str) -> None:
    assert merged(*commits(LAB, name, handle)) == one(name, handle)


@pytest.mark.parametrize(
    ("name", "handle"),
    [
        ("Ada Lovelace", "adalovelace2"),
        ("J. Smith", "jgoldsmith"),
        ("Dan Smithson", "Ian Smithson"),
        ("Xiaojun Wang", "Xiaojuan Wang"),
        ("Christian Mueller", "Christina Mueller"),
        ("राम कुमार", "रमा कुमार"),
        ("Team Member 1", "Team Member 2"),
        ("🤖", "🚀"),
        ("- -", "..."),
    ],
)
def test_names_that_are_nearly_alike_are_left_to_people(name: str, handle: str) -> None:
    assert merged(*commits(LAB, name, handle)) == set()


@pytest.mark.parametrize(
    "names",
    [
        ("Wei Wang", "Wenhao Wang", "wwang"),
        ("J. Smith", "John Smith", "Jane Smith"),
        ("Anna Lovelace", "Adam Lovelace", "alovelace"),
        ("Ada King Love", "Ada Queen Love", "adalove"),
    ],
)
def test_nobody_is_chained_to_somebody_else_by_a_third_name(names: tuple[str, ...]) -> None:
    assert merged(*commits(LAB, *names)) == set()


def test_a_rejection_of_rules_holds_through_a_chain() -> None:
    history = commits(LAB, "janesmith", "janesmith2", "Jane Smith")
    assert not any({"janesmith", "janesmith2"} <= names for names in merged(*history))


def test_a_strong_rule_goes_before_a_weak_one() -> None:
    found = merged(*commits(LAB, "John Smith", "johnsmith", "jsmith"), linked={"johnsmith": True, "jsmith": True})
    assert found == one("John Smith", "johnsmith")


def test_two_handles_of_which_nothing_is_known_are_not_joined_by_a_name_between() -> None:
    """Repositories prove that both are accounts."""
    history = [*commits(LAB, "Maria Grandury"), *commits("mariagrandury/x", "mariagrandury", "Maria Grandury")]
    history += commits("maria-grandury/x", "maria-grandury", "Maria Grandury")
    assert merged(*history) == set()


def test_a_name_with_two_trailers_is_nobodys() -> None:
    trailers = [("Bob Jones", "alice"), ("Bob Jones", "carol")]
    assert merged(*commits(LAB, "Bob Jones", "alice", "carol"), trailers=trailers) == set()


def test_a_trailer_against_a_full_name_is_left_to_people() -> None:
    known: dict[str, Any] = {
        "trailers": [("Bob Jones", "alice")],
        "answers": [answer("alice", fullname="Alice Liddell")],
    }
    assert merged(*commits(LAB, "Bob Jones", "alice"), **known) == set()
    assert merged(*commits(LAB, "Bob Jones", "alice"), trailers=known["trailers"]) == one("Bob Jones", "alice")


def test_a_spelling_that_the_hub_redirects_is_not_the_account_it_leads_to() -> None:
    history = [*commits(LAB, "Daniel"), *commits("other/x", "daniel")]
    answers = [answer("Daniel", "k1", name="daniel"), answer("daniel", "k1")]
    assert merged(*history, answers=answers, linked={"Daniel": False, "daniel": True}) == set()


def test_an_account_that_was_renamed_is_one() -> None:
    history = [*commits(LAB, "johnny"), *commits("other/x", "john-the-second", week=9)]
    answers = [
        answer("johnny", "k1"),
        answer("john-the-second", "k1", week=9),
        answer("johnny", outcome="gone", week=9),
    ]
    linked = {"johnny": True, "john-the-second": True}
    assert merged(*history, answers=answers, linked=linked) == one("johnny", "john-the-second")


def test_first_names_alone_are_one_in_one_repository_only() -> None:
    gone = [answer("Alex", outcome="gone")]
    linked = {"alex": True, "Alex": False}
    near = [*commits("lab/one", "Alex"), *commits("lab/two", "alex")]
    assert merged(*near, linked=linked, answers=gone) == set()
    assert merged(*commits(LAB, "Alex", "alex"), linked=linked, answers=gone) == one("Alex", "alex")
    full = [*gone, answer("zx91", fullname="Alex")]
    assert merged(*commits(LAB, "Alex", "zx91"), linked=linked | {"zx91": True}, answers=full) == set()


def test_whoever_only_opened_a_discussion_shares_no_repository() -> None:
    made = Made(commits(LAB, "Alex"), talks=[(LAB, "alex")], linked={"Alex": False, "alex": True})
    assert people(made.developers()) == set()


def test_a_person_is_no_organization() -> None:
    answers = [answer("ada-lovelace-lab", account_type="org")]
    history = commits("ada-lovelace-lab/x", "Ada Lovelace", "ada-lovelace-lab")
    assert merged(*history, answers=answers, linked={"ada-lovelace-lab": True}) == set()


def test_an_unlinked_handle_is_not_taken_for_a_name_before_it_was_asked_for() -> None:
    history, linked = commits(LAB, "mariagrandury", "maria-grandury"), {"mariagrandury": False, "maria-grandury": True}
    assert merged(*history, linked=linked) == set()
    gone = [answer("mariagrandury", outcome="gone")]
    assert merged(*history, linked=linked, answers=gone) == one("mariagrandury", "maria-grandury")


def test_a_generic_name_that_is_a_linked_account_is_somebody() -> None:
    made = Made(commits(LAB, "dev", "root"), linked={"dev": True, "root": False}, generic=["dev", "root"])
    found = made.developers()
    assert (found["dev"]["is_generic"], found["root"]["is_generic"]) == (False, True)


def test_the_person_who_left_a_namesake_an_old_handle() -> None:
    """A handle that was two accounts' changed hands; its first bearer's new name is not joined with it."""
    history = [*commits(LAB, "ada"), *commits("other/x", "ada-l")]
    answers = [answer("ada", "k1"), answer("ada", "k2", week=5), answer("ada-l", "k1", week=5)]
    assert merged(*history, answers=answers, linked={"ada": True, "ada-l": True}) == set()
