"""Pairs of author strings that could be one person, each with the generators that propose it.

The study's three prongs stand beside ours, so that what each is worth can be told. A pair is a question; what speaks
for it belongs to `evidence`, the answer to `rules`.
"""

from typing import Final

import pyarrow as pa

from hub_assets.identities.facts import Facts
from hub_assets.identities.names import ALIKE, alike_pairs, relation, similarity_of
from hub_assets.identities.sql import query

HIGH_DEGREE: Final = 10
"""Degree from which on the study looked at developers one by one."""
LOOSELY_ALIKE: Final = 0.6
"""From which similarity on a pair of theirs is worth a look."""
MOST_LOOKED_AT: Final = 100
"""Committers of a repository of whom somebody would compare each with each by hand."""
MOST_TWINS: Final = 5
"""A name that more strings bear is a common one, and tells nothing where they have nothing else in common."""


def find_candidates(facts: Facts, earlier: pa.Table | None = None, decided: pa.Table | None = None) -> pa.Table:
    """Find the pairs that the names, repositories and trailers of a week propose, and the accounts, if known.

    Args:
        facts: of the week.
        earlier: what was found in the same week before accounts were known; what they cannot change is taken from it.
        decided: pairs (`author_a`, `author_b`) that a person decided, to be had in any case, if both are known and
            no bots.

    Returns:
        `author_a` (which sorts before), `author_b`, `generators`: a row per pair.
    """
    facts.run("create or replace temp table proposed (author_a varchar, author_b varchar, generator varchar)")
    if earlier is None:
        _compare_real_names(facts)
        _compare_in_one_repository(facts)
        names = list(GENERATORS)
    else:
        names = [name for name in GENERATORS if name not in WITHOUT_ACCOUNTS]
        facts.register("earlier", earlier)
        facts.run(f"""
            insert into proposed
            select author_a, author_b, generator
            from (select author_a, author_b, unnest(generators) as generator from earlier)
            where generator in {WITHOUT_ACCOUNTS}
        """)
    for name, select in _PREPARED.items():
        facts.run(f"create or replace temp table {name} as {select}")
    for generator, select in ((name, GENERATORS[name]) for name in names):
        facts.run(f"""
            insert into proposed
            select distinct least(x, y), greatest(x, y), '{generator}'
            from ({select})
            where x <> y
        """)
    if decided is not None:
        facts.register("decided", decided.select(["author_a", "author_b"]))
        facts.run("""
            insert into proposed
            select author_a, author_b, 'decision'
            from decided
            where author_a in (select name from features) and author_b in (select name from features)
                and (author_a, author_b) not in (select author_a, author_b from proposed)
        """)
    return facts.ask("""
        select author_a, author_b, list_sort(list(distinct generator)) as generators
        from proposed
        group by author_a, author_b
        order by author_a, author_b
    """)


def accounts_to_ask_first(facts: Facts, pairs: pa.Table) -> pa.Array:
    """Return the author strings whose accounts tell most: those in a pair, then those beside a name of git's.

    The second are asked for their full names, which propose pairs in their turn.
    """
    facts.register("pairs", pairs)
    return facts.ask(query("accounts_to_ask_first"))["author"].combine_chunks()


def _compare_real_names(facts: Facts) -> None:
    """Make `alike_names`: each name with spaces and any other one that is like it."""
    names = facts.ask("select name, normal from features order by name")
    spaced = facts.ask("select name, normal from features where contains(name, ' ') order by name")
    left, right = alike_pairs(spaced["normal"].combine_chunks(), names["normal"].combine_chunks())
    facts.register("alike_names", pa.table({"x": spaced["name"].take(left), "y": names["name"].take(right)}))


def _compare_in_one_repository(facts: Facts) -> None:
    """Make `compared`: each two that committed to one repository, and could be alike enough, with their similarity."""
    # the lengths of two names bound their ratio
    pairs = facts.ask(query("comparable_committers", most_looked_at=MOST_LOOKED_AT, **_VALUES))
    normals = (pairs[name].combine_chunks() for name in ("normal_x", "normal_y"))
    facts.register("compared", pairs.append_column("similarity", similarity_of(*normals)))


_PREPARED: Final = {
    "spellings": query("spellings", name="name", features="features"),
    "short_spellings": query("short_spellings", name="name", features="features", spellings="spellings"),
    "bearers": query("bearers"),
    "full_spellings": query("spellings", name="author", features="bearers"),
    "short_full_spellings": query("short_spellings", name="author", features="bearers", spellings="full_spellings"),
    "free": query("free"),
    "around": query("around"),
}
"""Tables that several generators read, in this order: ways to spell a name are joined, so that not all are compared."""

_VALUES: Final = {
    "alike": ALIKE,
    "loosely_alike": LOOSELY_ALIKE,
    "high_degree": HIGH_DEGREE,
    "most_twins": MOST_TWINS,
    "relation_a_b": relation("a", "b", "0"),
    "relation_a_b_similarity": relation("a", "b", "similarity"),
    "relation_long_short": relation("long", "short", "0"),
}
GENERATORS: Final = {
    name: query(f"propose_{name}", **_VALUES)
    for name in (
        "same_repository",
        "real_name",
        "high_degree",
        "same_name",
        "namespace",
        "abbreviation",
        "owner",
        "trailer",
        "full_name",
        "same_account",
    )
}
"""SELECTs of pairs (`x`, `y`), in any order, a pair as often as it is found."""
WITHOUT_ACCOUNTS: Final = ("same_repository", "real_name", "high_degree", "trailer")
"""Generators that no answer about an account changes, the dearest among them."""
