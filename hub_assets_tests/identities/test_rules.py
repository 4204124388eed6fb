"""The rules for all possible evidence: unknown facts trigger none, and people's decisions take precedence."""

from collections.abc import Iterator
from typing import Any, Final

import duckdb
import pyarrow as pa
import pytest

from hub_assets.identities.rules import RULES, STRONG, decide
from hub_assets_tests.identities.made import DECISIONS, Made, Row

VALUES: Final = {
    "name_relation": ("none", "same", "permuted", "initial", "contained", "numbered"),
    "full_name_relation": (None, "none", "same", "permuted", "initial", "contradicts"),
    "is_account_a": (None, False, True),
    "is_account_b": (None, False, True),
    "is_organization": (None, False, True),
    "is_same_account": (None, False, True),
    "is_same_organization": (None, False, True),
    "is_generic": (False, True),
    "is_spaced": (False, True),
    "has_trailer": (False, True),
    "n_shared_repos": (0, 1),
    "n_owned_repos": (0, 1),
    "n_words": (1, 2),
    "n_full_words": (1, 2),
    "is_common_initial": (False, True),
    "is_numbered_owner": (False, True),
}
"""Fields that the rules read, with all values that the rules distinguish."""
INTERNAL: Final = ("n_words", "n_full_words", "is_spaced", "is_common_initial", "is_numbered_owner")
"""Fields that only the rules need."""
NEAR: Final = {"n_shared_namespaces": 0}
"""Fixed at 0, because this field is equivalent to `is_same_organization` in every rule."""
NOTHING: Final[Row] = {name: values[0] for name, values in VALUES.items()} | NEAR
UNKNOWN: Final = [name for name, values in VALUES.items() if None in values]
ASSUMED: Final = {
    (rule, "full_name_relation")
    for rule in (
        *("two_accounts", "trailer", "same_name", "initial_name", "owner_name", "numbered_owner", "numbered_name"),
    )
} | {("numbered_owner", "is_account_a"), ("numbered_owner", "is_account_b")}
"""Facts that a rule may assume until they are known: that full names agree, and that a name is no account."""


NOBODY: Final = DECISIONS.empty_table()
"""No decisions by people."""


def decided(*evidence: Row, decisions: pa.Table = NOBODY) -> list[Row]:
    """Return the decisions on the given evidence; a field that it leaves out has the first of its `VALUES`."""
    names = {"author_a": "ada", "author_b": "bob", "evidence": "same_name"}
    with Made([]).facts() as facts:
        rows: list[Row] = decide(
            facts, pa.Table.from_pylist([names | NOTHING | row for row in evidence]), decisions
        ).to_pylist()
    return rows


def decision_on(**evidence: Any) -> tuple[str, str | None]:
    (row,) = decided(evidence)
    assert row["decided_by"] == ("rule" if row["rule"] else None)
    return row["decision"], row["rule"]


@pytest.fixture(scope="module")
def everything() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with the table `everything`: decisions on all possible evidence."""
    with duckdb.connect() as connection, Made([]).facts() as facts:
        domains = ", ".join(
            f"(select unnest({list(values)!r}) as {name})".replace("None", "null") for name, values in VALUES.items()
        )
        # `decide` drops the fields that only the rules need, so they are also passed under other names
        names = "'ada' as author_a, 'bob' as author_b, '' as evidence, 0 as n_shared_namespaces"
        handed = ", ".join(f"{name} as kept_{name}" for name in INTERNAL)
        rows = decide(facts, facts.ask(f"select {names}, {handed}, * from {domains}"), NOBODY)
        connection.register("rows", rows)
        connection.register("rules", pa.table({"rule": list(RULES), "place": range(len(RULES))}))
        handed_back = ", ".join(f"kept_{name} as {name}" for name in INTERNAL)
        connection.execute(f"create table everything as select *, {handed_back} from rows left join rules using (rule)")
        yield connection


def count(connection: duckdb.DuckDBPyConnection, where: str) -> int:
    ((n,),) = connection.execute(f"select count(*) from everything where {where}").fetchall()
    return int(n)


# --- all possible evidence ---


def test_every_rule_decides_something_and_is_described(everything: duckdb.DuckDBPyConnection) -> None:
    found = everything.execute("select rule, list(distinct decision) from everything group by rule").fetchall()
    expected: dict[str | None, list[str]] = {rule: [decision] for rule, (decision, *_) in RULES.items()}
    assert dict(found) == expected | {None: ["review"]}
    assert all(RULES[rule][0] == "accepted" for rule in STRONG)


def test_two_accounts_are_never_accepted(everything: duckdb.DuckDBPyConnection) -> None:
    two = "is_account_a and is_account_b and is_same_account is not true"
    assert count(everything, two) > 10_000
    assert count(everything, f"{two} and decision = 'accepted'") == 0


def test_only_the_owner_is_accepted_if_accounts_are_unknown(
    everything: duckdb.DuckDBPyConnection,
) -> None:
    unknown = "is_account_a is null and is_account_b is null and is_same_account is null"
    assert count(everything, unknown) > 1_000
    assert count(everything, f"{unknown} and decision = 'accepted' and not is_numbered_owner") == 0
    known = {"generic_name", "organization", "other_full_name", "numbered_name", "numbered_owner"}
    found = everything.execute(f"select distinct rule from everything where {unknown} and rule is not null").fetchall()
    assert {rule for (rule,) in found} == known


def test_names_without_a_common_repository_need_the_same_account_or_a_trailer(
    everything: duckdb.DuckDBPyConnection,
) -> None:
    apart = "n_shared_repos + n_owned_repos + n_shared_namespaces = 0 and is_same_organization is not true"
    found = everything.execute(
        f"select distinct rule from everything where {apart} and decision = 'accepted'"
    ).fetchall()
    # `numbered_owner` implies commits to the owner's repositories
    assert {rule for (rule,) in found} == {"same_account", "trailer", "numbered_owner"}
    assert count(everything, f"{apart} and rule = 'numbered_owner' and not is_numbered_owner") == 0


def test_generic_names_are_accepted_only_for_the_same_account(everything: duckdb.DuckDBPyConnection) -> None:
    found = everything.execute(
        "select distinct rule from everything where is_generic and decision <> 'rejected'"
    ).fetchall()
    assert found == [("same_account",)]


@pytest.mark.slow
@pytest.mark.parametrize("name", UNKNOWN)
def test_a_rule_that_applies_to_unknown_facts_applies_once_they_are_known(
    everything: duckdb.DuckDBPyConnection, name: str
) -> None:
    others = " and ".join(f"one.{other} is not distinct from other.{other}" for other in VALUES if other != name)
    assumed = ", ".join(f"'{rule}'" for rule, column in ASSUMED if column == name) or "''"
    # once the fact is known, an earlier rule may apply first, but the condition of this one still holds
    ((n, taken_back),) = everything.execute(f"""
        select count(*), count(*) filter (where other.place is null or other.place > one.place)
        from everything as one inner join everything as other on {others}
        where one.{name} is null and other.{name} is not null and one.rule is not null and one.rule not in ({assumed})
    """).fetchall()
    assert n > 1_000
    assert taken_back == 0


@pytest.mark.slow
def test_swapped_evidence_gives_the_same_decision(everything: duckdb.DuckDBPyConnection) -> None:
    same = " and ".join(f"one.{name} is not distinct from other.{name}" for name in VALUES if "account_" not in name)
    ((n, different),) = everything.execute(f"""
        select count(*), count(*) filter (where one.rule is distinct from other.rule)
        from everything as one inner join everything as other
            on {same} and one.is_account_a is not distinct from other.is_account_b
            and one.is_account_b is not distinct from other.is_account_a
    """).fetchall()
    assert n == count(everything, "true")
    assert different == 0


# --- individual rules ---

FULL_NAME: Final[Row] = {"full_name_relation": "same", "is_account_b": False, "n_full_words": 2}
COMMON: Final[Row] = {"name_relation": "initial", "is_account_a": False, "is_common_initial": True}
NUMBERED: Final[Row] = {"name_relation": "numbered", "is_numbered_owner": True, "n_owned_repos": 1}
TWO_WORDS: Final[Row] = {"name_relation": "same", "is_account_a": False, "n_words": 2}


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        ({}, ("review", None)),
        ({"is_same_account": True}, ("accepted", "same_account")),
        ({"is_same_account": True, "is_account_a": True, "is_account_b": True}, ("accepted", "same_account")),
        (
            {"is_generic": True, "name_relation": "same", "is_account_a": False, "n_shared_repos": 1},
            ("rejected", "generic_name"),
        ),
        ({"is_account_a": True, "is_account_b": True}, ("rejected", "two_accounts")),
        ({"is_account_a": True, "is_account_b": True, "full_name_relation": "same"}, ("review", None)),
        ({"is_account_a": True}, ("review", None)),
        ({"full_name_relation": "contradicts"}, ("rejected", "other_full_name")),
        ({"has_trailer": True, "n_words": 2, "is_account_a": False}, ("accepted", "trailer")),
        ({"has_trailer": True, "is_account_a": False}, ("review", None)),
        ({"has_trailer": True, "is_account_a": False, "n_shared_repos": 1}, ("accepted", "trailer")),
        ({"has_trailer": True, "n_words": 2}, ("review", None)),
        (
            {"has_trailer": True, "n_words": 2, "is_account_a": False, "full_name_relation": "contradicts"},
            ("review", None),
        ),
        (FULL_NAME | {"n_shared_namespaces": 1}, ("accepted", "full_name")),
        (FULL_NAME | {"n_shared_repos": 1, "n_full_words": 1}, ("review", None)),
        (FULL_NAME, ("review", None)),
        ({"is_organization": True, "n_owned_repos": 1, "is_account_a": False}, ("rejected", "organization")),
        ({"name_relation": "same", "full_name_relation": "contradicts", "n_shared_repos": 1}, ("review", None)),
        (TWO_WORDS | {"is_same_organization": True}, ("accepted", "same_name")),
        (TWO_WORDS | {"n_shared_namespaces": 1}, ("accepted", "same_name")),
        (TWO_WORDS | {"n_shared_namespaces": 1, "n_words": 1}, ("review", None)),
        (TWO_WORDS | {"n_shared_repos": 1, "n_words": 1}, ("accepted", "same_name")),
        ({"name_relation": "permuted", "is_account_a": False, "n_owned_repos": 1}, ("accepted", "same_name")),
        ({"name_relation": "same", "is_account_a": False}, ("review", None)),
        ({"name_relation": "same", "n_shared_repos": 1}, ("review", None)),
        ({"name_relation": "initial", "is_account_a": False, "n_shared_repos": 1}, ("accepted", "initial_name")),
        ({"name_relation": "initial", "is_account_a": False, "n_shared_namespaces": 1}, ("review", None)),
        ({"name_relation": "similar", "is_account_a": False, "n_shared_repos": 1}, ("review", None)),
        ({"name_relation": "contained", "is_account_a": False, "n_owned_repos": 1}, ("accepted", "owner_name")),
        ({"name_relation": "contained", "is_account_a": False, "n_shared_repos": 1}, ("review", None)),
        (FULL_NAME | {"n_owned_repos": 1, "n_full_words": 1}, ("accepted", "full_name")),
        (FULL_NAME | {"n_shared_repos": 1, "is_common_initial": True}, ("review", None)),
        (TWO_WORDS | {"n_shared_repos": 1, "is_common_initial": True}, ("review", None)),
        (TWO_WORDS | {"n_owned_repos": 1, "is_common_initial": True}, ("accepted", "same_name")),
        (COMMON | {"n_shared_repos": 1}, ("review", None)),
        (COMMON | {"n_owned_repos": 1}, ("accepted", "initial_name")),
        (COMMON | {"n_shared_repos": 1, "full_name_relation": "same", "n_full_words": 2}, ("review", None)),
        ({"name_relation": "abbreviated", "is_account_a": False, "n_owned_repos": 1}, ("review", None)),
        (NUMBERED | {"is_account_a": False}, ("accepted", "numbered_owner")),
        (NUMBERED, ("accepted", "numbered_owner")),
        (NUMBERED | {"is_account_a": True, "is_account_b": True}, ("rejected", "two_accounts")),
        (NUMBERED | {"is_account_a": False, "full_name_relation": "contradicts"}, ("rejected", "other_full_name")),
        ({"name_relation": "numbered", "full_name_relation": "same"}, ("review", None)),
        ({"name_relation": "numbered", "full_name_relation": "contained"}, ("rejected", "numbered_name")),
        ({"name_relation": "numbered"}, ("rejected", "numbered_name")),
        ({"name_relation": "numbered", "n_owned_repos": 1}, ("review", None)),
        ({"name_relation": "numbered", "is_spaced": True}, ("review", None)),
    ],
)
def test_the_first_matching_rule_decides(evidence: Row, expected: tuple[str, str | None]) -> None:
    assert decision_on(**evidence) == expected


# --- people ---


def person(decision: str, evidence: str = "same_name", pair: tuple[str, str] = ("ada", "bob")) -> pa.Table:
    row = {"author_a": pair[0], "author_b": pair[1], "decision": decision, "evidence": evidence}
    return pa.Table.from_pylist([row], DECISIONS)


@pytest.mark.parametrize("decision", ["accepted", "rejected"])
@pytest.mark.parametrize("evidence", [{}, {"is_same_account": True}, {"is_account_a": True, "is_account_b": True}])
def test_a_persons_decision_overrides_every_rule_and_keeps_its_name(evidence: Row, decision: str) -> None:
    (row,) = decided(evidence, decisions=person(decision))
    assert (row["decision"], row["decided_by"]) == (decision, "person")
    assert row["rule"] == decision_on(**evidence)[1]


def test_a_decision_on_another_pair_has_no_effect() -> None:
    (row,) = decided({}, decisions=person("accepted", pair=("ada", "cy")))
    assert (row["decision"], row["decided_by"]) == ("review", None)


@pytest.mark.parametrize(("seen", "is_reopened"), [("same_name", False), ("same_name;trailer", True), ("", False)])
def test_a_decision_is_reopened_when_the_evidence_changes(seen: str, is_reopened: bool) -> None:
    (row,) = decided({}, decisions=person("rejected", seen))
    assert row["is_reopened"] is is_reopened
    assert row["decision"] == "rejected"


def test_undecided_pairs_are_not_reopened() -> None:
    assert decided({})[0]["is_reopened"] is False
