"""Evidence for and against each candidate pair, and its score.

Unknown facts are null and add no term to the score. The points follow record linkage (Fellegi and Sunter 1969): each is
a rough log ratio, set by hand. The ratio compares how often the fact holds for two strings of the same person and for
strings of two different people. The score orders the review; `rules` decides by the evidence itself.
"""

from typing import Final

import pyarrow as pa

from hub_assets.identities.facts import Facts
from hub_assets.identities.names import relation, similarity_of
from hub_assets.identities.sql import query

TERMS: Final[dict[str, tuple[float, str]]] = {
    "same_account": (10, "is_same_account"),
    "trailer": (6, "has_trailer"),
    "same_full_name": (5, "full_name_relation in ('same', 'permuted')"),
    "like_full_name": (3, "full_name_relation in ('initial', 'abbreviated', 'contained', 'similar')"),
    "same_name": (4, "name_relation = 'same'"),
    "permuted_name": (4, "name_relation = 'permuted'"),
    "initial_name": (3, "name_relation = 'initial'"),
    "abbreviated_name": (1, "name_relation = 'abbreviated'"),
    "contained_name": (2, "name_relation = 'contained'"),
    "similar_name": (2, "name_relation = 'similar'"),
    "shared_repository": (2, "n_shared_repos > 0"),
    "shared_weeks": (1, "n_shared_weeks > 0"),
    "own_repository": (3, "n_owned_repos > 0"),
    "shared_namespace": (1, "n_shared_namespaces > 0 and n_shared_repos = 0"),
    "same_organization": (1, "is_same_organization"),
    "no_account": (1, "is_account_a is false or is_account_b is false"),
    "one_word": (-1, "n_words = 1"),
    "numbered_name": (-3, "name_relation = 'numbered'"),
    "other_full_name": (-5, "full_name_relation = 'contradicts'"),
    "two_accounts": (-6, "is_account_a and is_account_b and not coalesce(is_same_account, false)"),
    "organization": (-8, "is_organization"),
    "generic_name": (-8, "is_generic"),
}
"""Points of each term and the condition under which it applies.

Conditions ask whether a count is positive, not how large it is, so that the evidence on a pair rarely changes.
"""

_IS_INITIAL: Final = "(len({0}.words) = 2 and length({0}.first) = 1)"
# a handle that ends in an initial may be a given name followed by the initial of a surname
_IS_RARE: Final = (
    "(len({0}.words) < 2 or ("
    "{0}.last in (select surname from rare_surnames) and {1}.normal <> concat({0}.last, {0}.initial)))"
)
_CLOSEST: Final = ("same", "permuted", "initial", "similar", "contained", "abbreviated")


def weigh(facts: Facts, pairs: pa.Table) -> pa.Table:
    """Return the evidence on each pair, with its terms and score.

    Args:
        facts: facts about the week.
        pairs: `author_a`, `author_b` and `generators`.

    Returns:
        The columns of `schemas.DEVELOPER_PAIRS` from `author_a` to `evidence`, and the columns that only the rules
        use: `n_words` (number of words in the longer of the two names), `n_full_words` (the same for the closest full
        names), `is_spaced` (one name contains a space), `is_common_initial` (only an initial and a common surname
        match), and `is_numbered_owner` (one string committed to repositories of the other, whose name only adds a
        number).
    """
    facts.register("pairs", pairs)
    facts.run("create or replace temp table asked as select row_number() over () as pair, * from pairs")
    facts.register("name_relations", _name_relations(facts))
    facts.register("related", _compare_names(facts, "asked"))
    facts.register("full_name_relations", _full_name_relations(facts))
    facts.register("initials", _initials(facts))
    terms = ", ".join(
        f"case when {condition} then {{'term': '{term}', 'points': {float(points)}::double}} end"
        for term, (points, condition) in TERMS.items()
    )
    return facts.ask(query("pair_evidence", terms=terms))


def _name_relations(facts: Facts) -> pa.Table:
    """Return `pair`, `similarity`, `relation` and `n_words`, the number of words in the longer name."""
    normals = facts.ask("""
        select asked.pair, a.normal as one, b.normal as other
        from asked
        inner join features as a on asked.author_a = a.name
        inner join features as b on asked.author_b = b.name
    """)
    facts.register("similarities", _with_similarity(normals))
    return facts.ask(query("name_relations", relation_a_b_similarity=relation("a", "b", "similarity")))


def _full_name_relations(facts: Facts) -> pa.Table:
    """Return `pair`, `relation` and `n_words` of the closest comparison that involves a full name."""
    closest = ", ".join(f"'{name}'" for name in _CLOSEST)
    return facts.ask(query("full_name_relations", closest=closest))


def _initials(facts: Facts) -> pa.Table:
    """Return `pair` and `is_common`: whether only an initial and a common surname match."""
    return facts.ask(query("initials"))


def contradictions(facts: Facts, pairs: pa.Table) -> pa.Table:
    """Return the pairs (`author_a`, `author_b`) whose real names are all dissimilar.

    A real name has several words. It is the full name shown by an account, or an author string that contains spaces.
    """
    facts.register("pairs", pairs)
    facts.run("create or replace temp table held as select row_number() over () as pair, * from pairs")
    facts.register("related", _compare_names(facts, "held"))
    return facts.ask(query("contradictions"))


def _compare_names(facts: Facts, pairs: str) -> pa.Table:
    """Compare the names of the two strings in each pair: the strings themselves and their accounts' full names.

    Returns:
        One row per comparison: `pair`, `relation`, `n_words` (in the longer name), `is_full` (either is a full name),
        `are_real` (both are real names), `is_initial` (of the first name, only the initial matches) and `is_rare`
        (every name of several words has a rare surname).
    """
    facts.run(f"create or replace temp table comparisons as {query('comparisons', pairs=pairs)}")
    normals = facts.ask("select comparison as pair, one.normal as one, other.normal as other from comparisons")
    facts.register("compared_names", _with_similarity(normals))
    return facts.ask(
        query(
            "compared_relations",
            relation=relation("comparisons.one", "comparisons.other", "compared_names.similarity"),
            is_initial_one=_IS_INITIAL.format("one"),
            is_initial_other=_IS_INITIAL.format("other"),
            is_rare_one=_IS_RARE.format("one", "other"),
            is_rare_other=_IS_RARE.format("other", "one"),
        )
    )


def _with_similarity(normals: pa.Table) -> pa.Table:
    """Return `pair` and `similarity` for rows of `pair` and two normal forms, `one` and `other`."""
    some, others = (normals[name].combine_chunks() for name in ("one", "other"))
    return pa.table({"pair": normals["pair"], "similarity": similarity_of(some, others)})
