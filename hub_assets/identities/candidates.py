"""Pairs of author strings that could be one person, each with the generators that propose it.

The study's three prongs stand beside ours, so that what each is worth can be told. A pair is a question; what speaks
for it belongs to `evidence`, the answer to `rules`.
"""

from typing import Final

import pyarrow as pa

from hub_assets.identities.facts import Facts
from hub_assets.identities.names import ALIKE, alike_pairs, relation, similarity_of

HIGH_DEGREE: Final = 10
"""Degree from which on the study looked at developers one by one."""
LOOSELY_ALIKE: Final = 0.6
"""From which similarity on a pair of theirs is worth a look."""
MOST_TWINS: Final = 5
"""A name that more strings bear is a common one, and tells nothing where they have nothing else in common."""


def find_candidates(facts: Facts, decided: pa.Table | None = None) -> pa.Table:
    """Find the pairs that the names, repositories and trailers of a week propose, and the accounts, if known.

    Args:
        facts: of the week.
        decided: pairs (`author_a`, `author_b`) that a person decided, to be had in any case, if both are known and
            no bots.

    Returns:
        `author_a` (which sorts before), `author_b`, `generators`: a row per pair.
    """
    facts.run("create or replace temp table proposed (author_a varchar, author_b varchar, generator varchar)")
    _compare_real_names(facts)
    _compare_in_one_repository(facts)
    facts.run(f"create or replace temp table neighbours as {_NEIGHBOURS}")
    for generator, select in GENERATORS.items():
        facts.run(f"""
            insert into proposed
            select distinct least(x, y), greatest(x, y), '{generator}'
            from ({select})
            where x <> y
        """)
    if decided is not None:
        facts.register("decided", decided)
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
    """Return the author strings whose accounts tell most: those in a pair, then those beside a name that is no account.

    The second are asked for their full names, which propose pairs in their turn.
    """
    facts.register("pairs", pairs)
    return facts.ask("""
        with
        paired as (
            select author_a as author from pairs
            union all
            select author_b from pairs
        ),
        beside as (
            select others.author, count(distinct free.author) as n
            from presences as free
            inner join authors on free.author = authors.author
            inner join presences as others on free.namespace = others.namespace and free.author <> others.author
            where authors.is_account is false
            group by others.author
            union all
            select free.namespace, count(distinct free.author)
            from presences as free
            inner join authors on free.author = authors.author
            inner join features on free.namespace = features.name
            where authors.is_account is false and free.author <> free.namespace
            group by free.namespace
        ),
        ranked as (
            select author, 0 as place, count(*) as n from paired group by author
            union all
            select author, 1, sum(n) from beside group by author
        )
        select author from ranked
        group by author
        order by min(place), max(n) desc, author
    """)["author"].combine_chunks()


def _compare_real_names(facts: Facts) -> None:
    """Make `alike_names`: each name with spaces and any other one that is like it."""
    names = facts.ask("select name, normal from features order by name")
    spaced = facts.ask("select name, normal from features where contains(name, ' ') order by name")
    left, right = alike_pairs(spaced["normal"].combine_chunks(), names["normal"].combine_chunks())
    facts.register("alike_names", pa.table({"x": spaced["name"].take(left), "y": names["name"].take(right)}))


def _compare_in_one_repository(facts: Facts) -> None:
    """Make `compared`: each two that committed to one repository, with their similarity."""
    pairs = facts.ask("""
        select pairs.x, pairs.y, a.normal as normal_x, b.normal as normal_y
        from (
            select distinct one.author as x, other.author as y
            from contributions as one
            inner join contributions as other on one.repo = other.repo and one.author < other.author
            where one.n_commits > 0 and other.n_commits > 0
        ) as pairs
        inner join features as a on pairs.x = a.name
        inner join features as b on pairs.y = b.name
    """)
    normals = (pairs[name].combine_chunks() for name in ("normal_x", "normal_y"))
    facts.register("compared", pairs.append_column("similarity", similarity_of(*normals)))


_NEIGHBOURS: Final = """
    with free as (
        select presences.namespace, presences.author
        from presences inner join authors on presences.author = authors.author
        where authors.is_account is not true
    )
    select distinct free.author as x, others.author as y
    from free inner join presences as others
        on free.namespace = others.namespace and free.author <> others.author
    union
    select free.author, features.name
    from free inner join features on free.namespace = features.name and free.author <> features.name
    union
    select free.author, memberships.author
    from free inner join memberships on free.namespace = memberships.organization
    where free.author <> memberships.author and memberships.author in (select name from features)
"""
"""Each name that is not known to be an account, with everybody in a namespace where it is: authors, owner, members."""

GENERATORS: Final = {
    # prong (a) of the study: alike, with commits in one repository
    "same_repository": f"select x, y from compared where similarity >= {ALIKE}",
    # prong (b): a name with spaces and any other name, alike
    "real_name": "select x, y from alike_names",
    # prong (c), for review: the study looked at all developers with ten edges by hand; this is what a hand would find
    "high_degree": f"""
        select x, y from compared
        inner join features as a on x = a.name
        inner join features as b on y = b.name
        where (similarity >= {LOOSELY_ALIKE} or {relation("a", "b", "similarity")} not in ('none', 'numbered'))
            and (
                x in (select author from degrees where degree >= {HIGH_DEGREE})
                or y in (select author from degrees where degree >= {HIGH_DEGREE})
            )
    """,
    # the same name, or its words in another order, wherever it stands, unless both are accounts
    "same_name": f"""
        with
        spellings as (
            select name, normal as spelling from features where length(normal) >= 3
            union
            select name, concat(first, last) from features where len(words) > 1 and length(normal) >= 7
            union
            select name, concat(last, first) from features where len(words) > 1 and length(normal) >= 7
            union
            select name, array_to_string(list_sort(words), '') from features where len(words) > 2
        ),
        rare as (
            select spelling from spellings group by spelling having count(*) <= {MOST_TWINS}
        )
        select one.name as x, other.name as y
        from spellings as one
        inner join rare on one.spelling = rare.spelling
        inner join spellings as other on one.spelling = other.spelling and one.name < other.name
        inner join authors as a on one.name = a.author
        inner join authors as b on other.name = b.author
        where not (coalesce(a.is_account, false) and coalesce(b.is_account, false))
    """,
    # a name that is not known to be an account, and another one of the namespace that spells it
    "namespace": f"""
        select x, y from neighbours
        inner join features as a on x = a.name
        inner join features as b on y = b.name
        where {relation("a", "b", "0")} in ('same', 'permuted', 'initial', 'contained')
    """,
    # a name that is no account, alone in the repositories of an account that never committed to them itself; a question
    # only, because histories are copied from elsewhere with their authors
    "owner": """
        with
        alone as (
            select repo, namespace, min(author) as author
            from contributions
            where n_commits > 0
            group by repo, namespace
            having count(*) = 1 and sum(n_first_commits) > 0
        ),
        owners as (
            select namespace, min(author) as author
            from alone
            group by namespace
            having count(distinct author) = 1
        )
        select owners.author as x, owners.namespace as y
        from owners
        inner join authors as names on owners.author = names.author
        inner join authors as accounts on owners.namespace = accounts.author
        where names.is_account is false and not names.is_generic
            and accounts.is_account is not false and not accounts.is_bot
            and coalesce(accounts.account_type, 'user') = 'user'
    """,
    # a trailer that gives one as the name and the other as the handle
    "trailer": "select name as x, handle as y from trailers",
    # a name not known to be an account, and an account with that full name anywhere, or near by one that spells it
    "full_name": f"""
        with
        bearers as (
            select authors.author, full_names.*
            from authors inner join full_names on authors.full_name = full_names.name
            where not authors.is_bot
        ),
        rare as (
            select normal from bearers where len(words) > 1 group by normal having count(*) <= {MOST_TWINS}
        )
        select features.name as x, bearers.author as y
        from features
        inner join authors on features.name = authors.author
        inner join bearers on features.normal = bearers.normal
        inner join rare on bearers.normal = rare.normal
        where authors.is_account is not true
        union
        select neighbours.x, neighbours.y
        from neighbours
        inner join features as a on neighbours.x = a.name
        inner join bearers as b on neighbours.y = b.author
        where {relation("a", "b", "0")} in ('same', 'permuted', 'initial')
    """,
    # two strings that led to one account, perhaps before and after it was renamed
    "same_account": """
        select min(author) over (partition by account_key) as x, author as y
        from same_accounts
        where author in (select name from features)
    """,
}
"""SELECTs of pairs (`x`, `y`), in any order, a pair as often as it is found."""
