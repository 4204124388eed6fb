"""Realistic cases, from commits to developers, of names that are merged or kept separate."""

from typing import Any

import pytest

from hub_assets.identities.surnames import RARE
from hub_assets_tests.identities.made import Commit, Made, Row, answer, commits, people, seed


def merged(*history: Commit, **known: Any) -> set[frozenset[str]]:
    """Return each developer's names, leaving out developers who have only one."""
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
def test_a_real_name_and_a_matching_handle_in_a_repository_are_merged(name: str, handle: str) -> None:
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
def test_nearly_similar_names_go_to_review(name: str, handle: str) -> None:
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
def test_a_third_name_does_not_connect_two_people(names: tuple[str, ...]) -> None:
    assert merged(*commits(LAB, *names)) == set()


def test_a_rejection_of_rules_holds_through_a_chain() -> None:
    history = commits(LAB, "janesmith", "janesmith2", "Jane Smith")
    assert not any({"janesmith", "janesmith2"} <= names for names in merged(*history))


def test_strong_rules_are_applied_before_weak_ones() -> None:
    found = merged(*commits(LAB, "John Smith", "johnsmith", "jsmith"), linked={"johnsmith": True, "jsmith": True})
    assert found == one("John Smith", "johnsmith")


def test_a_shared_name_does_not_connect_two_unknown_handles() -> None:
    """Both handles own repositories, which proves that they are accounts."""
    history = [*commits(LAB, "Maria Grandury"), *commits("mariagrandury/x", "mariagrandury", "Maria Grandury")]
    history += commits("maria-grandury/x", "maria-grandury", "Maria Grandury")
    assert merged(*history) == set()


def test_a_name_with_two_trailers_is_not_merged() -> None:
    trailers = [("Bob Jones", "alice"), ("Bob Jones", "carol")]
    assert merged(*commits(LAB, "Bob Jones", "alice", "carol"), trailers=trailers) == set()


def test_a_trailer_that_contradicts_a_full_name_goes_to_review() -> None:
    known: dict[str, Any] = {
        "trailers": [("Bob Jones", "alice")],
        "answers": [answer("alice", fullname="Alice Liddell")],
    }
    assert merged(*commits(LAB, "Bob Jones", "alice"), **known) == set()
    assert merged(*commits(LAB, "Bob Jones", "alice"), trailers=known["trailers"]) == one("Bob Jones", "alice")


def test_a_redirected_spelling_is_not_the_account() -> None:
    history = [*commits(LAB, "Daniel"), *commits("other/x", "daniel")]
    answers = [answer("Daniel", "k1", name="daniel"), answer("daniel", "k1")]
    assert merged(*history, answers=answers, linked={"Daniel": False, "daniel": True}) == set()


def test_a_renamed_account_is_one_developer() -> None:
    history = [*commits(LAB, "johnny"), *commits("other/x", "john-the-second", week=9)]
    answers = [
        answer("johnny", "k1"),
        answer("john-the-second", "k1", week=9),
        answer("johnny", outcome="gone", week=9),
    ]
    linked = {"johnny": True, "john-the-second": True}
    assert merged(*history, answers=answers, linked=linked) == one("johnny", "john-the-second")


@pytest.mark.slow
def test_first_names_match_only_within_a_repository() -> None:
    gone = [answer("Alex", outcome="gone")]
    linked = {"alex": True, "Alex": False}
    near = [*commits("lab/one", "Alex"), *commits("lab/two", "alex")]
    assert merged(*near, linked=linked, answers=gone) == set()
    assert merged(*commits(LAB, "Alex", "alex"), linked=linked, answers=gone) == one("Alex", "alex")
    full = [*gone, answer("zx91", fullname="Alex")]
    assert merged(*commits(LAB, "Alex", "zx91"), linked=linked | {"zx91": True}, answers=full) == set()


def test_opening_a_discussion_does_not_share_a_repository() -> None:
    made = Made(commits(LAB, "Alex"), talks=[(LAB, "alex")], linked={"Alex": False, "alex": True})
    assert people(made.developers()) == set()


def test_people_and_organizations_are_not_merged() -> None:
    answers = [answer("ada-lovelace-lab", account_type="org")]
    history = commits("ada-lovelace-lab/x", "Ada Lovelace", "ada-lovelace-lab")
    assert merged(*history, answers=answers, linked={"ada-lovelace-lab": True}) == set()


def test_an_unlinked_handle_may_be_an_account_until_it_is_looked_up() -> None:
    history, linked = commits(LAB, "mariagrandury", "maria-grandury"), {"mariagrandury": False, "maria-grandury": True}
    assert merged(*history, linked=linked) == set()
    gone = [answer("mariagrandury", outcome="gone")]
    assert merged(*history, linked=linked, answers=gone) == one("mariagrandury", "maria-grandury")


def test_a_generic_name_with_a_linked_account_is_a_developer() -> None:
    made = Made(commits(LAB, "dev", "root"), linked={"dev": True, "root": False}, generic=["dev", "root"])
    found = made.developers()
    assert (found["dev"]["is_generic"], found["root"]["is_generic"]) == (False, True)


def test_a_handle_taken_over_by_another_person() -> None:
    """A handle that led to two accounts is not merged with its first owner's new name."""
    history = [*commits(LAB, "ada"), *commits("other/x", "ada-l")]
    answers = [answer("ada", "k1"), answer("ada", "k2", week=5), answer("ada-l", "k1", week=5)]
    assert merged(*history, answers=answers, linked={"ada": True, "ada-l": True}) == set()


# --- handles: numbers, capitals and full names ---


def gone(*names: str) -> list[Row]:
    return [answer(name, outcome="gone") for name in names]


def decided(a: str, b: str, *history: Commit, **known: Any) -> tuple[str, str | None] | None:
    """Return the decision on a pair and its rule, or None if it is not proposed."""
    row = Made(history, **known).resolved().get((min(a, b), max(a, b)))
    return (row["decision"], row["rule"]) if row else None


def test_a_numbered_handle_matches_its_full_name() -> None:
    answers = [*gone("Nimbus"), answer("Nimbus721", fullname="Nimbus")]
    linked = {"Nimbus": False, "Nimbus721": True}
    found = decided("Nimbus", "Nimbus721", *commits("org/m", "Nimbus", "Nimbus721"), linked=linked, answers=answers)
    assert found == ("review", None)


@pytest.mark.parametrize("full_name", ["", "Nimbus721", "Cirrus"])
def test_numbered_handles_are_rejected_without_a_matching_full_name(full_name: str) -> None:
    # long names that differ only by a number are similar enough to be proposed
    a, b = "nimbostratus", "nimbostratus7"
    answers = [*gone(a), answer(b, fullname=full_name.replace("Nimbus721", b))]
    found = decided(a, b, *commits("org/m", a, b), linked={a: False, b: True}, answers=answers)
    assert found == ("rejected", "numbered_name")


@pytest.mark.parametrize("name", ["Plume", "plume", "Plumé"])
def test_a_full_name_of_one_word_counts_in_the_accounts_own_repository(name: str) -> None:
    linked, answers = {name: False, "qx1dev": True}, [*gone(name), answer("qx1dev", fullname="Plume")]
    own = commits("qx1dev/m", name, "qx1dev")
    assert decided(name, "qx1dev", *own, linked=linked, answers=answers) == ("accepted", "full_name")
    shared = commits(LAB, name, "qx1dev")
    assert decided(name, "qx1dev", *shared, linked=linked, answers=answers) == ("review", None)


@pytest.mark.parametrize("name", ["Nimbus", "nimbus", "Nim Bus"])
def test_the_owners_name_without_the_number_is_the_owner(name: str) -> None:
    linked, history = {name: False, "nimbus233": True}, commits("nimbus233/m", name, "nimbus233")
    found = decided(name, "nimbus233", *history, linked=linked, answers=gone(name))
    assert found == ("accepted", "numbered_owner")
    # owning the repository is evidence enough, even without the Hub's answer
    assert decided(name, "nimbus233", *history, linked=linked) == ("accepted", "numbered_owner")


@pytest.mark.parametrize(
    ("name", "owner"), [("Nimbus7", "nimbus233"), ("nimbus233", "nimbus"), ("Ni", "ni233"), ("Nimbus", "233nimbus")]
)
def test_other_numbers_go_to_review_even_in_the_owners_repository(name: str, owner: str) -> None:
    history, linked = commits(f"{owner}/m", name, owner), {name: False, owner: True}
    assert decided(name, owner, *history, linked=linked, answers=gone(name)) == ("review", None)


def test_the_name_without_the_number_is_not_the_owner_if_it_is_an_account() -> None:
    history = [*commits("nimbus233/m", "Nimbus", "nimbus233"), *commits("far/away", "nimbus")]
    linked = {"Nimbus": False, "nimbus233": True, "nimbus": True}
    assert decided("Nimbus", "nimbus233", *history, linked=linked) == ("review", None)


@pytest.mark.parametrize("repo", ["zephyr/m", LAB])
def test_a_known_handle_in_another_case_is_not_an_account_and_needs_no_lookup(repo: str) -> None:
    made = Made(commits(repo, "Zephyr", "zephyr"), linked={"Zephyr": False, "zephyr": True})
    assert people(made.developers()) == one("Zephyr", "zephyr")


def test_a_namespace_shows_that_a_handle_is_taken() -> None:
    history = [*commits("zephyr/m", "ZEPHYR"), *commits("far/away", "kestrel")]
    with Made(history, linked={"ZEPHYR": False, "kestrel": True}).facts() as facts:
        assert facts.ask("select is_account from authors where author = 'ZEPHYR'").to_pylist() == [
            {"is_account": False}
        ]
        assert facts.ask("select author from respelled").to_pylist() == [{"author": "ZEPHYR"}]


def test_two_linked_spellings_of_a_handle_are_a_renamed_account() -> None:
    history, linked = (
        [*commits(LAB, "Zephyr"), *commits("far/away", "zephyr", week=3)],
        {"Zephyr": True, "zephyr": True},
    )
    assert merged(*history, linked=linked) == one("Zephyr", "zephyr")
    apart = [answer("Zephyr", "k1"), answer("zephyr", "k2", week=3)]
    assert merged(*history, linked=linked, answers=apart) == set()


def test_the_case_of_a_handle_in_a_trailer_does_not_matter() -> None:
    known: Any = {"trailers": [("Jane Miller", "Blue-Fox")], "linked": {"blue-fox": True}}
    assert merged(*commits(LAB, "Jane Miller", "blue-fox"), **known) == one("Jane Miller", "blue-fox")


@pytest.mark.parametrize("full_name", ["blue-fox", "BlueFox", "@blue_fox", "Anonymous User", "..."])
def test_full_names_that_repeat_the_handle_or_are_placeholders_are_ignored(full_name: str) -> None:
    known: Any = {"trailers": [("Jane Miller", "blue-fox")], "linked": {"blue-fox": True}}
    known |= {"answers": [answer("blue-fox", fullname=full_name)], "generic": ["anonymous user"]}
    assert merged(*commits(LAB, "Jane Miller", "blue-fox"), **known) == one("Jane Miller", "blue-fox")


# --- placeholders ---

PLACEHOLDERS = seed("generic_names")["name"].to_pylist()


NOBODY = (
    *("Anonymous User", "anonymous-user", "AnonymousUser", "anonymous_user"),
    *("", " ", ".", "-", "--- ---", "\u200b", "\ufeff", "\u3164", "🤖", "❤️", "1️⃣", "🇺🇳"),
    *("(no author)", "No Author", "<no-author>", "unknown user", "Unknown_User", "ANÓNIMO", "anónimo", "Anonimo"),
    *("匿名", "匿名用户", "名無しさん", "익명", "Аноним", "аноним", "ΑΝΏΝΥΜΟΣ"),
    *("Your Name", "your name here", "N/A", "n/a", "John Doe", "J", "address:shared"),
)
SOMEBODY = (
    *("Ada Love", "Na Me", "Na", "Ro Ot", "Hans Test", "7", "王伟", "김철수", "Nobody Knows"),
    "address:13d855ce931073d4",
)


def test_a_placeholder_is_a_developer_per_repository_unless_it_is_only_part_of_a_name() -> None:
    names = (*NOBODY, *SOMEBODY)
    history = [commit for place, name in enumerate(names) for commit in commits(f"org{place}/m", name)]
    developers = Made(history, linked=dict.fromkeys(names, False), generic=PLACEHOLDERS).developers()
    assert {name for name, row in developers.items() if row["is_generic"]} == set(NOBODY)
    assert people(developers) == set()


def test_an_address_token_is_one_developer_and_matches_nothing() -> None:
    tokens = ("address:13d855ce931073d4", "address:13d855ce931073d5", "address:aaaaaaaaaaaaaaaa")
    made = Made([*commits("one/m", *tokens), *commits("two/m", *tokens)], generic=PLACEHOLDERS)
    assert made.proposed() == {}


# --- initials ---


ABBREVIATED = (
    ("Yara Winter", "YaraW"),
    ("Mila Sommer", "milas99"),
    ("Tess F.", "tess-frost"),
    ("Ruo Liu", "rliu"),
    ("Kim Sora", "skim"),
    ("Юра Ким", "ЮКим"),
    ("Ludwig van Nebel", "lvannebel"),
    ("Matilda Hagel", "matildah"),
)


def every(pairs: tuple[tuple[str, str], ...], *places: str) -> list[Commit]:
    """Return commits by both names of each pair; in `places`, `{n}` is its number and `{handle}` its second name."""
    return [
        commit
        for n, (name, handle) in enumerate(pairs)
        for author, place in zip((name, handle), places, strict=True)
        for commit in commits(place.format(n=n, handle=handle), author)
    ]


def outcomes(pairs: tuple[tuple[str, str], ...], history: list[Commit]) -> set[str | None]:
    linked = {handle: True for _, handle in pairs} | {name: False for name, _ in pairs}
    found = Made(history, linked=linked).resolved()
    return {(found.get((min(pair), max(pair))) or {"decision": None})["decision"] for pair in pairs}


@pytest.mark.slow
def test_abbreviated_names_go_to_review() -> None:
    assert outcomes(ABBREVIATED, every(ABBREVIATED, "org{n}/m", "org{n}/m")) == {"review"}
    assert outcomes(ABBREVIATED, every(ABBREVIATED, "{handle}/m", "far{n}/m")) == {"review"}
    # pairs without a shared repository are too common to be reviewed
    assert outcomes(ABBREVIATED, every(ABBREVIATED, "one{n}/m", "two{n}/m")) == {None}
    assert outcomes(ABBREVIATED, every(ABBREVIATED, "org{n}/m", "org{n}/other")) == {None}


def test_a_full_name_may_be_abbreviated_too() -> None:
    answers = [*gone("YaraW"), answer("qx1", fullname="Yara Winter")]
    history, linked = commits(LAB, "YaraW", "qx1"), {"YaraW": False, "qx1": True}
    assert decided("YaraW", "qx1", *history, linked=linked, answers=answers) == ("review", None)


COMMON = (
    ("Jing Wang", "jwang"),
    ("J. Zhang", "jzhang"),
    ("Dr. Jing Chen", "jchen"),
    ("Yang Ning", "ningy"),
    ("Núria García", "ngarcia"),
    ("Ольга Иванова", "оиванова"),
)


def test_an_initial_and_a_common_surname_go_to_review_except_for_the_owner() -> None:
    assert outcomes(COMMON, every(COMMON, "org{n}/m", "org{n}/m")) == {"review"}
    assert outcomes(COMMON, every(COMMON, "{handle}/m", "{handle}/m")) == {"accepted"}


def test_a_surname_is_rare_if_few_first_names_have_it_this_week() -> None:
    linked = {"aquixley": True}
    near, relatives = commits("org/m", "Ada Quixley", "aquixley"), ("Bob Quixley", "cy-quixley", "Quixley Dora")
    for n, expected in ((RARE - 1, ("accepted", "initial_name")), (RARE, ("review", None))):
        far = [commit for place in range(n) for commit in commits(f"far{place}/m", relatives[place])]
        assert decided("Ada Quixley", "aquixley", *near, *far, linked=linked) == expected


def test_the_accounts_full_name_outweighs_initials() -> None:
    known: Any = {"linked": {"jwang": True}, "answers": [answer("jwang", fullname="Jing Wang")]}
    assert decided("Jing Wang", "jwang", *commits("org/m", "Jing Wang", "jwang"), **known) == ("accepted", "full_name")
    known = {"linked": {"qx1": True}, "answers": [answer("qx1", fullname="J. Wang")]}
    assert decided("J. Wang", "qx1", *commits("org/m", "J. Wang", "qx1"), **known) == ("review", None)
