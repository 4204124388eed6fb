"""Pairs that each generator proposes or must not propose; a brute-force loop checks the study's."""

from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rapidfuzz import fuzz

from hub_assets.identities.candidates import (
    HIGH_DEGREE,
    MOST_TWINS,
    WITHOUT_ACCOUNTS,
    accounts_to_ask_first,
    find_candidates,
)
from hub_assets_tests.identities.made import Commit, Made, Pair, answer, commits, member_of

REPOS = ("love/engine", "stone/bridge", "tower")


@st.composite
def similar_names(draw: st.DrawFn) -> str:
    """Draw a spelling of one of three names, with at most one typo."""
    name = draw(st.sampled_from(["Ada Lovelace", "Bob Stoneman", "Lovelace Ada"]))
    place = draw(st.integers(0, len(name)))
    name = name[:place] + draw(st.sampled_from(["", "", "x", "9", "-", " "])) + name[place:]
    spellings = (name, name.lower(), name.upper(), name.replace(" ", ""), f"{name[1:]}--")
    return draw(st.sampled_from(spellings))


histories = st.lists(
    st.tuples(st.sampled_from(REPOS), st.lists(similar_names(), min_size=1, max_size=4).map(tuple)), max_size=12
).map(lambda some: [Commit(repo, authors) for repo, authors in some])


def normal(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def are_alike(a: str, b: str) -> bool:
    return bool(normal(a) and normal(b)) and fuzz.ratio(normal(a), normal(b)) >= 90


def sorted_pair(a: str, b: str) -> Pair:
    return (min(a, b), max(a, b))


# --- rule (a): similar names in the same repository ---


def test_similar_committers_to_the_same_repository_are_proposed() -> None:
    made = Made(commits("love/engine", "adalovelace", "Ada Lovelace", "adalovelacee", "bob"))
    assert made.proposed_by("same_repository") == {
        ("Ada Lovelace", "adalovelace"),
        ("Ada Lovelace", "adalovelacee"),
        ("adalovelace", "adalovelacee"),
    }


def test_other_repositories_discussions_and_bots_do_not_propose_pairs() -> None:
    made = Made(
        [
            *commits("love/engine", "adalovelace", "bob-the-bot"),
            *commits("love/other", "ada-lovelace"),
            *commits("love/engine", "ada.lovelace", repo_type="space"),
            *commits("love/engine", "bobthebot"),
        ],
        talks=[("love/engine", "AdaLovelace")],
        bots=["bob-the-bot"],
    )
    assert made.proposed_by("same_repository") == set()


def test_the_similarity_threshold_is_90_percent() -> None:
    made = Made(commits("love/engine", "abcdefghij", "abcdefghix", "abcdefgxyz"))
    assert made.proposed_by("same_repository") == {("abcdefghij", "abcdefghix")}


def test_names_without_letters_or_digits_match_nothing() -> None:
    assert Made(commits("love/engine", "--", "..", "- -", "ada")).proposed() == {}


# --- rule (b): a name with spaces and any other name ---


def test_a_name_with_spaces_is_compared_with_all_names_in_any_repository() -> None:
    made = Made(
        [*commits("love/engine", "Ada Lovelace", "bob"), *commits("stone/bridge", "adalovelace", "ada_lovelace")]
    )
    assert made.proposed_by("real_name") == {("Ada Lovelace", "ada_lovelace"), ("Ada Lovelace", "adalovelace")}


def test_names_with_spaces_are_compared_with_each_other_but_not_with_bots() -> None:
    made = Made(commits("a/b", "Ada Lovelace") + commits("c/d", "Ada  Lovelace", "AdaLovelace"), bots=["AdaLovelace"])
    assert made.proposed_by("real_name") == {("Ada  Lovelace", "Ada Lovelace")}


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(histories)
@example([Commit("tower", ("Ada Lovelace", "adalovelace", "ADA-LOVELACE"))])
def test_both_rules_match_a_double_loop(history: list[Commit]) -> None:
    committers = [{name for commit in history if commit.repo == repo for name in commit.authors} for repo in REPOS]
    names = set().union(*committers)
    found = Made(history).proposed()
    assert {pair for pair, generators in found.items() if "same_repository" in generators} == {
        (a, b) for some in committers for a in some for b in some if a < b and are_alike(a, b)
    }
    assert {pair for pair, generators in found.items() if "real_name" in generators} == {
        sorted_pair(a, b) for a in names if " " in a for b in names if a != b and are_alike(a, b)
    }


# --- rule (c): developers of high degree ---


def crowd(n: int, *names: str) -> list[Commit]:
    """Return commits to one repository by these names and n others, so that all of them have edges to each other."""
    return commits("love/engine", *names, *(chr(ord("m") + number) * 9 for number in range(n)))


def test_developers_with_ten_edges_are_paired_with_loosely_similar_names() -> None:
    half = HIGH_DEGREE // 2
    assert Made(crowd(half - 2, "adalove", "ada-lo")).proposed_by("high_degree") == set()
    assert Made(crowd(half - 1, "adalove", "ada-lo")).proposed_by("high_degree") == {("ada-lo", "adalove")}


def test_high_degree_does_not_pair_strangers_numbered_names_or_other_repositories() -> None:
    history = [*crowd(HIGH_DEGREE, "adalove", "bob", "cy7", "cy123456"), *commits("stone/bridge", "ada-lo")]
    assert Made(history).proposed_by("high_degree") == set()


def test_datasets_do_not_count_toward_the_degree() -> None:
    history = [commit._replace(repo_type="dataset") for commit in crowd(HIGH_DEGREE, "adalove", "ada-lo")]
    assert Made(history).proposed_by("high_degree") == set()


# --- additional rules ---


@pytest.mark.parametrize(
    ("a", "b"),
    [("Ada Love", "ada-love"), ("Ada Love", "loveada"), ("Ada Love", "Love Ada"), ("Ada K Love", "Love Ada K")],
)
def test_the_same_name_is_proposed_in_any_repository(a: str, b: str) -> None:
    made = Made(commits("love/engine", a) + commits("stone/bridge", b))
    assert made.proposed_by("same_name") == {sorted_pair(a, b)}


def test_two_accounts_with_the_same_name_are_not_proposed() -> None:
    linked = {"ada-love": True, "adalove": True}
    made = Made(commits("love/engine", "ada-love") + commits("stone/bridge", "adalove"), linked=linked)
    assert made.proposed() == {}


def elsewhere(*names: str) -> Made:
    return Made([Commit(f"owner{number}/x", (name,)) for number, name in enumerate(names)])


def test_a_common_name_is_not_proposed_by_itself() -> None:
    names = ["adalove", "Adalove", "ADALOVE", "_adalove", "adalove-", "adálove"]
    assert len(names) == MOST_TWINS + 1
    assert len(elsewhere(*names[:-1]).proposed_by("same_name")) == MOST_TWINS * (MOST_TWINS - 1) / 2
    assert elsewhere(*names).proposed_by("same_name") == set()


def test_a_common_name_of_two_words_is_not_proposed_by_itself() -> None:
    names = ["adalove", "Adalove", "ADALOVE", "ada-love", "ada_love", "ada.love"]
    assert elsewhere(*names).proposed_by("same_name") == set()


def test_a_name_without_an_account_is_paired_with_matching_names_in_the_namespace() -> None:
    made = Made(
        [
            *commits("love/engine", "Ada Lovelace"),
            *commits("love/other", "alovelace", "bob"),
            *commits("stone/bridge", "lovelaceada"),
        ]
    )
    assert made.proposed_by("namespace") == {("Ada Lovelace", "alovelace")}


def test_it_is_paired_with_the_owner_and_with_matching_members() -> None:
    made = Made(
        [
            *commits("alovelace/engine", "Ada Lovelace"),
            *commits("lab/x", "Bob Stone"),
            *commits("c/d", "alovelace", "bstone"),
        ],
        answers=[answer("bstone", organizations=member_of("lab"))],
    )
    assert made.proposed_by("namespace") == {("Ada Lovelace", "alovelace"), ("Bob Stone", "bstone")}


def test_two_accounts_in_a_namespace_are_not_proposed() -> None:
    names = ("ada-lovelace", "alovelace")
    assert Made(commits("love/engine", *names), linked=dict.fromkeys(names, True)).proposed_by("namespace") == set()


def test_the_only_committer_to_an_accounts_repositories_is_proposed_for_review() -> None:
    history = [*commits("love/engine", "Somebody Else"), *commits("c/d", "love")]
    assert Made(history).proposed_by("owner") == {("Somebody Else", "love")}
    assert Made(history).resolved()["Somebody Else", "love"]["decision"] == "review"


@pytest.mark.parametrize(
    "more",
    [
        pytest.param(commits("love/engine", "another"), id="it is not alone in the repository"),
        pytest.param(commits("love/other", "another"), id="another one is alone in another one"),
        pytest.param(commits("love/other", "love"), id="the owner commits to its own"),
    ],
)
def test_an_owner_is_not_proposed_where_others_committed(more: list[Commit]) -> None:
    assert (
        Made([*commits("love/engine", "Somebody Else"), *commits("c/d", "love"), *more]).proposed_by("owner") == set()
    )


def test_organizations_and_deleted_generic_or_unknown_owners_are_not_proposed() -> None:
    history = [*commits("love/engine", "Somebody Else"), *commits("c/d", "love")]
    assert Made(history, answers=[answer("love", account_type="org")]).proposed_by("owner") == set()
    assert Made(history, answers=[answer("love", outcome="gone")]).proposed_by("owner") == set()
    assert Made(history, generic=["somebody else"]).proposed_by("owner") == set()
    assert Made(history[:1]).proposed_by("owner") == set()


def test_trailers_are_proposed() -> None:
    trailers = [("Ada Love", "kestrel"), ("bob", "bob"), ("Nobody", "bob")]
    made = Made(commits("love/engine", "Ada Love", "kestrel", "bob"), trailers=trailers)
    assert made.proposed() == {("Ada Love", "kestrel"): {"trailer"}}


def test_a_name_is_paired_with_any_account_that_shows_it_as_full_name() -> None:
    made = Made(
        commits("love/engine", "Ada Love") + commits("stone/bridge", "kestrel", "heron"),
        answers=[answer("kestrel", fullname="Ada Löve"), answer("heron", fullname="Bob Stone")],
    )
    assert made.proposed_by("full_name") == {("Ada Love", "kestrel")}


def test_full_names_that_are_one_word_or_common_or_belong_to_accounts_are_not_compared() -> None:
    birds = [f"bird{letter}" for letter in "abcdef"[: MOST_TWINS + 1]]
    made = Made(
        [*commits("love/engine", "Ada Love", "bob", "evestone"), *commits("stone/bridge", *birds, "kestrel", "heron")],
        answers=[
            *(answer(bird, fullname="Ada Love") for bird in birds),
            answer("kestrel", fullname="Bob"),
            answer("heron", fullname="Eve Stone"),
        ],
        linked={"evestone": True},
    )
    assert made.proposed_by("full_name") == set()


def test_within_a_namespace_an_initial_can_match_a_full_name() -> None:
    history = commits("love/engine", "A. Lovelace", "kestrel")
    assert Made(history, answers=[answer("kestrel", fullname="Ada Lovelace")]).proposed_by("full_name") == {
        ("A. Lovelace", "kestrel")
    }


def test_strings_with_the_same_account_are_paired_with_the_first_one() -> None:
    answers = [answer("ada", "k"), answer("kestrel", "k", week=1), answer("heron", "k", week=2), answer("bob")]
    made = Made([Commit(f"{name}/x", (name,)) for name in ("ada", "kestrel", "heron", "bob")], answers=answers)
    assert made.proposed_by("same_account") == {("ada", "kestrel"), ("ada", "heron")}


# --- all rules ---


def test_pairs_decided_by_a_person_are_always_included_if_both_names_are_known_and_not_bots() -> None:
    decisions = {
        ("ada", "bob"): "rejected",
        ("ada", "gone"): "accepted",
        ("ada", "ci"): "accepted",
        ("ADA", "ada"): "accepted",
    }
    made = Made(commits("love/engine", "ada", "bob", "ci", "ADA"), bots=["ci"], decisions=decisions)
    with made.facts() as facts:
        found = {
            (row["author_a"], row["author_b"]): row["generators"]
            for row in find_candidates(facts, decided=made.decisions).to_pylist()
        }
    assert found[("ada", "bob")] == ["decision"]
    assert "decision" not in found[("ADA", "ada")]
    assert len(found) == 2


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(histories, st.randoms(use_true_random=False))
def test_pairs_and_generators_are_sorted_and_unique_regardless_of_commit_order(
    history: list[Commit], random: Random
) -> None:
    with Made(history).facts() as facts:
        rows = find_candidates(facts).to_pylist()
        again = find_candidates(facts).to_pylist()
    pairs = [(row["author_a"], row["author_b"]) for row in rows]
    assert pairs == sorted(set(pairs))
    assert all(a < b for a, b in pairs)
    assert all(row["generators"] == sorted(set(row["generators"])) for row in rows)
    assert again == rows
    shuffled = list(history)
    random.shuffle(shuffled)
    with Made(shuffled).facts() as facts:
        assert find_candidates(facts).to_pylist() == rows


def test_pairs_found_before_the_account_lookup_are_reused() -> None:
    history = [
        *commits("love/engine", "Ada Lovelace", "ada-lovelace", "alovelace", "heron"),
        *commits("love/other", "Ada Lovelace", "Lovelace Ada", "heron-2"),
        *(commit for n in range(HIGH_DEGREE) for commit in commits(f"love/r{n}", "heron", f"bird{n}")),
    ]
    trailers = [("Ada Lovelace", "alovelace")]
    answers = [answer("alovelace", "1", fullname="Ada King"), answer("heron", "2"), answer("heron-2", "2")]
    before = Made(history, trailers=trailers)
    after = Made(history, trailers=trailers, answers=answers, decisions={("bird1", "bird2"): "rejected"})
    with before.facts() as facts:
        earlier = find_candidates(facts)
    with after.facts() as facts:
        from_scratch = find_candidates(facts, decided=after.decisions)
        at_once = find_candidates(facts, earlier, after.decisions)
    assert at_once.equals(from_scratch)
    assert not from_scratch.equals(earlier)
    found = {generator for generators in earlier["generators"].to_pylist() for generator in generators}
    assert {*WITHOUT_ACCOUNTS} <= found


def test_accounts_in_pairs_are_looked_up_first_then_those_next_to_names_without_accounts() -> None:
    made = Made(
        [
            *commits("love/engine", "Ada Lovelace", "heron", "alovelace"),
            *commits("love/other", "heron", "kestrel"),
            *commits("c/d", "love", "bob"),
            *commits("e/f", "far-away"),
        ],
        linked={"bob": True},
    )
    with made.facts() as facts:
        asked = accounts_to_ask_first(facts, find_candidates(facts)).to_pylist()
    assert set(asked[:2]) == {"Ada Lovelace", "alovelace"}
    # only one string is known to be an account, and it is alone in its repository
    assert set(asked[2:]) == {"heron", "kestrel", "love", "bob", "far-away"}
    assert asked.index("heron") < asked.index("far-away")


def test_another_spelling_of_a_known_handle_is_not_looked_up() -> None:
    made = Made(commits("zephyr/m", "Zephyr", "zephyr", "kestrel"), linked={"Zephyr": False, "zephyr": True})
    with made.facts() as facts:
        asked = accounts_to_ask_first(facts, find_candidates(facts)).to_pylist()
    assert set(asked) == {"zephyr", "kestrel"}
