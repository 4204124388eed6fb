"""Pairs of author strings that may be the same person, each with the blocking rules (generators) that proposed it.

The study's three rules are kept apart from ours, so that the yield of each can be compared. Candidates are only
proposed here: `evidence` scores them, and `rules` decides on them.
"""

from typing import Final

import pyarrow as pa

from hub_assets.identities.facts import Facts
from hub_assets.identities.names import ALIKE, alike_pairs, relation, similarity_of
from hub_assets.identities.schemas import GENERATORS as RULE_NAMES
from hub_assets.identities.sql import query

HIGH_DEGREE: Final = 10
"""Minimum degree of the developers that the study reviewed by hand."""
LOOSELY_ALIKE: Final = 0.6
"""Minimum similarity that makes a pair with a developer of high degree worth reviewing."""
MOST_LOOKED_AT: Final = 100
"""Maximum number of committers in a repository for which comparing all pairs by hand is realistic."""
MOST_TWINS: Final = 5
"""Maximum number of strings that share a name. A name shared by more strings is common and is no evidence by itself."""


def find_candidates(facts: Facts, earlier: pa.Table | None = None, decided: pa.Table | None = None) -> pa.Table:
    """Find one week's candidate pairs from names, repositories, trailers and, if known, accounts.

    Args:
        facts: facts about the week.
        earlier: result of an earlier call for the same week, before accounts were known. Pairs that do not depend on
            accounts are copied from it.
        decided: pairs (`author_a`, `author_b`) that a person decided. They are always included, provided both strings
            are known and neither is a bot.

    Returns:
        One row per pair: `author_a` (sorts before `author_b`), `author_b` and `generators`.
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
    """Return the author strings to look up first: those in candidate pairs, then those in shared namespaces.

    The latter share a namespace with a name that is not known to be an account. They are looked up because their full
    names may lead to further pairs.
    """
    facts.register("pairs", pairs)
    return facts.ask(query("accounts_to_ask_first"))["author"].combine_chunks()


def _compare_real_names(facts: Facts) -> None:
    """Create `alike_names`: each name that contains a space, paired with every name similar to it."""
    names = facts.ask("select name, normal from features order by name")
    spaced = facts.ask("select name, normal from features where contains(name, ' ') order by name")
    left, right = alike_pairs(spaced["normal"].combine_chunks(), names["normal"].combine_chunks())
    facts.register("alike_names", pa.table({"x": spaced["name"].take(left), "y": names["name"].take(right)}))


def _compare_in_one_repository(facts: Facts) -> None:
    """Create `compared`: pairs of committers to the same repository, with the similarity of their names.

    Pairs of names whose lengths alone rule out sufficient similarity are left out.
    """
    pairs = facts.ask(query("comparable_committers", most_looked_at=MOST_LOOKED_AT, **_VALUES))
    normals = (pairs[name].combine_chunks() for name in ("normal_x", "normal_y"))
    facts.register("compared", pairs.append_column("similarity", similarity_of(*normals)))


_PREPARED: Final = {
    "spellings": query("spellings", name="name", features="features"),
    "short_spellings": query("short_spellings", name="name", features="features", spellings="spellings"),
    "author_full_names": query("author_full_names"),
    "full_spellings": query("spellings", name="author", features="author_full_names"),
    "short_full_spellings": query(
        "short_spellings", name="author", features="author_full_names", spellings="full_spellings"
    ),
    "non_accounts": query("non_accounts"),
    "neighbors": query("neighbors"),
}
"""Tables that several generators read, in order of creation.

Joining on the ways to spell a name avoids comparing all pairs of names.
"""

_VALUES: Final = {
    "alike": ALIKE,
    "loosely_alike": LOOSELY_ALIKE,
    "high_degree": HIGH_DEGREE,
    "most_twins": MOST_TWINS,
    "relation_a_b": relation("a", "b", "0"),
    "relation_a_b_similarity": relation("a", "b", "similarity"),
    "relation_long_short": relation("long", "short", "0"),
}
GENERATORS: Final = {name: query(f"propose_{name}", **_VALUES) for name in RULE_NAMES if name != "decision"}
"""Queries for pairs (`x`, `y`), unordered; a pair may occur several times."""
WITHOUT_ACCOUNTS: Final = ("same_repository", "real_name", "high_degree", "trailer")
"""Generators whose pairs do not depend on accounts. They include the most expensive ones."""
