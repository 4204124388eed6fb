"""Facts about author strings: accounts, exclusions, and the study's network."""

from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_assets_tests.identities.made import WEEK, Commit, Made, Row, answer, commits, member_of

names = st.sampled_from(["ada", "bob", "cy", "dot", "eve", "release-bot"])


def asked(made: Made, select: str) -> list[Row]:
    with made.facts() as facts:
        rows: list[Row] = facts.ask(select).to_pylist()
    return rows


def author(name: str, **known: Any) -> Row:
    """Return the facts about a name that committed once."""
    (row,) = asked(Made(commits("love/engine", name), **known), "select * from authors")
    return row


# --- accounts ---


@pytest.mark.parametrize(
    ("is_linked", "outcome", "is_account"),
    [
        (None, None, None),
        (None, "ok", True),
        (None, "gone", False),
        (None, "not_asked", None),
        (None, "failed", None),
        (True, None, True),
        (True, "ok", True),
        (True, "gone", None),
        (True, "not_asked", True),
        (False, None, None),
        (False, "ok", None),
        (False, "gone", False),
        (False, "not_asked", None),
    ],
)
def test_an_account_is_known_unless_commits_and_lookup_disagree(
    is_linked: bool | None, outcome: str | None, is_account: bool | None
) -> None:
    linked = {} if is_linked is None else {"ada": is_linked}
    answers = [] if outcome is None else [answer("ada", outcome=outcome)]
    assert author("ada", linked=linked, answers=answers)["is_account"] is is_account


@pytest.mark.parametrize(("is_linked", "is_account"), [(None, None), (True, True), (False, False)])
def test_an_account_with_another_spelling_does_not_belong_to_the_name(
    is_linked: bool | None, is_account: bool | None
) -> None:
    linked = {} if is_linked is None else {"Ada": is_linked}
    row = author("Ada", linked=linked, answers=[answer("Ada", "k1", name="ada", fullname="Ada Love")])
    assert row["is_account"] is is_account
    assert (row["account_key"], row["full_name"]) == (("k1", "Ada Love") if is_linked else (None, None))


@pytest.mark.parametrize("name", ["Ada Love", "adä", "-ada", "a" * 97])
def test_a_name_that_cannot_be_a_handle_is_never_an_account(name: str) -> None:
    assert author(name)["is_account"] is False
    assert author(name, linked={name: True})["is_account"] is False


def test_a_failed_lookup_does_not_invalidate_an_earlier_answer() -> None:
    answers = [answer("ada", "k1", fullname="Ada Love"), answer("ada", week=1, outcome="failed")]
    row = author("ada", answers=answers)
    assert (row["is_account"], row["account_key"], row["full_name"]) == (True, "k1", "Ada Love")


def test_the_latest_answer_counts_regardless_of_row_order() -> None:
    answers = [answer("ada", "k2", week=1, fullname=" Ada L. "), answer("ada", "k1", fullname="Ada Love")]
    row = author("ada", answers=answers)
    assert (row["account_key"], row["full_name"]) == ("k2", "Ada L.")


def test_an_account_without_a_full_name_has_none() -> None:
    assert author("ada", answers=[answer("ada", fullname="  ")])["full_name"] is None


def test_a_removed_full_name_is_forgotten() -> None:
    answers = [answer("ada", "k1", fullname="Ada Love"), answer("ada", "k1", week=1, fullname="")]
    assert author("ada", answers=answers)["full_name"] is None


def test_strings_with_the_same_account_are_found_and_a_handle_with_two_accounts_is_ignored() -> None:
    answers = [
        answer("ada", "k1"),
        answer("ada-love", "k1", week=1),
        answer("bob", "k2"),
        answer("bob", "k3", week=1),
        answer("cy", outcome="gone"),
    ]
    made = Made(commits("love/engine", "ada", "ada-love", "bob", "cy"), answers=answers)
    rows = asked(made, "select author, account_key from same_accounts order by author")
    assert [tuple(row.values()) for row in rows] == [("ada", "k1"), ("ada-love", "k1")]


def test_a_renamed_account_is_still_known_when_its_old_handle_is_gone() -> None:
    answers = [answer("ada", "k1"), answer("ada", week=1, outcome="gone"), answer("ada-love", "k1", week=1)]
    made = Made(commits("love/engine", "ada", "ada-love"), answers=answers)
    assert len(asked(made, "select * from same_accounts where account_key = 'k1'")) == 2


def test_only_accounts_have_memberships() -> None:
    made = Made(
        commits("love/engine", "ada", "bob"),
        answers=[answer(name, organizations=member_of("lovers", "engines")) for name in ("ada", "bob")],
        linked={"bob": False},
    )
    rows = asked(made, "select * from memberships where author = 'ada' order by organization")
    assert [row["organization"] for row in rows] == ["engines", "lovers"]


# --- exclusions ---


@pytest.mark.parametrize(("name", "is_generic"), [("root", True), (" Root ", True), ("ROOT", True), ("rooty", False)])
def test_generic_names_are_recognized_regardless_of_case(name: str, is_generic: bool) -> None:
    assert author(name, generic=["root"])["is_generic"] is is_generic


@pytest.mark.slow
def test_only_the_authors_table_contains_bots() -> None:
    made = Made(
        [Commit("love/engine", ("release-bot", "ada")), Commit("love/engine", ("ada", "release-bot"))],
        bots=["release-bot"],
        trailers=[("Ada Love", "release-bot"), ("release-bot", "ada")],
        answers=[answer("release-bot", fullname="The Releaser")],
    )
    assert [row["is_bot"] for row in asked(made, "select is_bot from authors order by author")] == [False, True]
    for table in ("features", "full_names", "participations", "trailers", "edges", "degrees"):
        assert "release-bot" not in str(asked(made, f"select * from {table}")), table
        assert "Releaser" not in str(asked(made, f"select * from {table}")), table


def test_trailers_count_only_if_name_and_handle_are_authors() -> None:
    trailers = [("Ada Love", "ada"), ("Ada Love", "nobody-we-know"), ("Nobody", "ada")]
    made = Made(commits("love/engine", "Ada Love", "ada"), trailers=trailers)
    assert asked(made, "select * from trailers") == [{"name": "Ada Love", "handle": "ada"}]


# --- the network ---


def test_degrees_count_edges_from_the_author_of_a_commit_to_all_other_committers() -> None:
    history = [
        Commit("love/engine", ("ada", "bob")),
        Commit("love/engine", ("cy",)),
        Commit("love/engine", ("ada",)),
        Commit("love/data", ("dot", "eve"), repo_type="dataset"),
        Commit("alone", ("eve",)),
    ]
    rows = asked(Made(history), "select author, degree from degrees order by author")
    # ada -> bob, ada -> cy, cy -> ada, cy -> bob; bob, datasets and single-author repositories add no edges
    assert {row["author"]: row["degree"] for row in rows} == {"ada": 3, "bob": 2, "cy": 3}


def test_discussion_starters_are_not_in_the_network() -> None:
    made = Made(commits("love/engine", "ada"), talks=[("love/engine", "bob"), ("love/engine", "cy")])
    assert asked(made, "select * from degrees") == []


histories = st.lists(
    st.tuples(
        st.sampled_from(["a/x", "b/y", "z"]),
        st.lists(names, min_size=1, max_size=3).map(tuple),
        st.just(WEEK),
        st.sampled_from(["model", "model", "space"]),
    ),
    max_size=12,
).map(lambda some: [Commit(*one) for one in some])


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(histories)
def test_degrees_match_networkx(history: list[Commit]) -> None:
    graph = nx.DiGraph()
    models = [commit for commit in history if commit.repo_type == "model"]
    for commit in models:
        others = {name for other in models if other.repo == commit.repo for name in other.authors}
        graph.add_edges_from((commit.authors[0], name) for name in others - {commit.authors[0]})
    graph.remove_nodes_from(["release-bot"])
    rows = asked(Made(history, bots=["release-bot"]), "select author, degree from degrees")
    assert {row["author"]: row["degree"] for row in rows} == {name: n for name, n in graph.degree() if n}
