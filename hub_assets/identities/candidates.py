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
    return facts.ask("""
        with
        paired as (
            select author_a as author from pairs
            union all
            select author_b from pairs
        ),
        free as (
            select presences.namespace, count(*) as n
            from presences inner join authors on presences.author = authors.author
            where authors.is_account is not true
            group by presences.namespace
        ),
        beside as (
            select presences.author, free.n
            from presences inner join free on presences.namespace = free.namespace
            union all
            select features.name, free.n
            from features inner join free on features.name = free.namespace
        ),
        ranked as (
            select author, 0 as place, count(*) as n from paired group by author
            union all
            select author, 1, sum(n) from beside group by author
        )
        select author from ranked
        where author not in (select author from respelt)
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
    """Make `compared`: each two that committed to one repository, and could be alike enough, with their similarity."""
    # the lengths of two names bound their ratio
    pairs = facts.ask(f"""
        with
        committers as (
            select participations.repo, features.name, features.normal, length(features.normal) as size
            from participations inner join features on participations.author = features.name
            where participations.is_committer
        ),
        counted as (
            select repo, count(*) as n from committers group by repo
        )
        select
            one.name as x, other.name as y, any_value(one.normal) as normal_x, any_value(other.normal) as normal_y,
            bool_or(counted.n <= {MOST_LOOKED_AT}) as is_small
        from committers as one
        inner join committers as other on one.repo = other.repo and one.name < other.name
        inner join counted on one.repo = counted.repo
        where 2 * least(one.size, other.size)
            >= case when counted.n <= {MOST_LOOKED_AT} then {LOOSELY_ALIKE} else {ALIKE} end * (one.size + other.size)
        group by one.name, other.name
    """)
    normals = (pairs[name].combine_chunks() for name in ("normal_x", "normal_y"))
    facts.register("compared", pairs.append_column("similarity", similarity_of(*normals)))


_SPELLINGS: Final = """
    select {name} as name, normal as spelling from {features} where length(normal) >= 3
    union
    select {name}, concat(first, last) from {features} where len(words) > 1 and length(normal) >= 7
    union
    select {name}, concat(last, first) from {features} where len(words) > 1 and length(normal) >= 7
    union
    select {name}, array_to_string(list_sort(words), '') from {features} where len(words) > 2
"""
_INITIALS: Final = """
    select * from {spellings}
    union
    select {name}, concat(initial, last) from {features} where len(words) > 1 and length(last) >= 4
    union
    select {name}, concat(last, initial) from {features} where len(words) > 1 and length(last) >= 4
"""

_PREPARED: Final = {
    "spellings": _SPELLINGS.format(name="name", features="features"),
    "short_spellings": _INITIALS.format(name="name", features="features", spellings="spellings"),
    "bearers": """
        select authors.author, full_names.*
        from authors inner join full_names on authors.full_name = full_names.name
        where not authors.is_bot
    """,
    "full_spellings": _SPELLINGS.format(name="author", features="bearers"),
    "short_full_spellings": _INITIALS.format(name="author", features="bearers", spellings="full_spellings"),
    # names that are not known to be accounts, where they are
    "free": """
        select presences.namespace, presences.author
        from presences inner join authors on presences.author = authors.author
        where authors.is_account is not true
    """,
    # everybody in such a namespace: authors, owner, members
    "around": """
        with
        namespaces as (
            select distinct namespace from free
        ),
        anywhere as (
            select namespace, author from presences
            union
            select name, name from features
            union
            select organization, author from memberships
        )
        select anywhere.namespace, anywhere.author
        from anywhere inner join namespaces on anywhere.namespace = namespaces.namespace
        inner join features on anywhere.author = features.name
    """,
}
"""Tables that several generators read, in this order: ways to spell a name are joined, so that not all are compared."""

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
        where is_small
            and (similarity >= {LOOSELY_ALIKE} or {relation("a", "b", "similarity")} not in ('none', 'numbered'))
            and (
                x in (select author from degrees where degree >= {HIGH_DEGREE})
                or y in (select author from degrees where degree >= {HIGH_DEGREE})
            )
    """,
    # the same name, or its words in another order, wherever it stands, unless both are accounts
    "same_name": f"""
        with
        common as (
            select spelling from spellings group by spelling having count(*) > {MOST_TWINS}
        ),
        rare as (
            select * from spellings
            where name not in (select name from spellings inner join common on spellings.spelling = common.spelling)
        )
        select one.name as x, other.name as y
        from rare as one
        inner join rare as other on one.spelling = other.spelling and one.name < other.name
        inner join authors as a on one.name = a.author
        inner join authors as b on other.name = b.author
        where not (coalesce(a.is_account, false) and coalesce(b.is_account, false))
    """,
    # a name that is not known to be an account, and another one of the namespace that spells it, or the owner's that
    # holds it
    "namespace": f"""
        with
        spelt as (
            select distinct free.author as x, around.author as y
            from free
            inner join short_spellings as one on free.author = one.name
            inner join around on free.namespace = around.namespace and free.author <> around.author
            inner join short_spellings as other on around.author = other.name and one.spelling = other.spelling
        ),
        near as (
            select x, y, false as is_owner from spelt
            union
            select free.author, features.name, true
            from free inner join features on free.namespace = features.name and free.author <> features.name
        )
        select x, y from near
        inner join features as a on x = a.name
        inner join features as b on y = b.name
        where {relation("a", "b", "0")} in ('same', 'permuted', 'initial')
            or (is_owner and {relation("a", "b", "0")} in ('contained', 'numbered'))
    """,
    # first name and initial, or initial and surname however short, of a name or of a full name, where both committed to
    # one repository or one did to the other's own; for review, because many share them
    "abbreviation": f"""
        with
        committed as (
            select repo, namespace, author
            from participations
            where is_committer and namespace in (select namespace from free)
        ),
        near as (
            select repo as place, false as is_home, author from committed
            union
            select namespace, true, author from committed where namespace in (select name from features)
            union
            select namespace, true, namespace from committed where namespace in (select name from features)
        ),
        called as (
            select name as author, features.* from features
            union all
            select * from bearers
        ),
        long as (
            select near.*, called.*, unnest(called.abbreviations) as spelling
            from near inner join called on near.author = called.author
        ),
        short as (
            select near.*, features.*
            from near inner join features on near.author = features.name
            where length(features.stem) >= 4
        )
        select long.author as x, short.author as y
        from long
        inner join short
            on long.place = short.place and long.is_home = short.is_home and long.spelling = short.stem
        inner join authors as a on long.author = a.author
        inner join authors as b on short.author = b.author
        where (not long.is_home or long.place in (long.author, short.author))
            and not (coalesce(a.is_account, false) and coalesce(b.is_account, false))
            and {relation("long", "short", "0")} = 'abbreviated'
    """,
    # a name that is no account, alone in the repositories of an account that never committed to them itself; a question
    # only, because histories are copied from elsewhere with their authors
    "owner": """
        with
        alone as (
            select repo, namespace, min(author) as author
            from participations
            where is_committer
            group by repo, namespace
            having count(*) = 1 and bool_or(is_first_author)
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
            and accounts.is_organization is not true
    """,
    # a trailer that gives one as the name and the other as the handle
    "trailer": "select name as x, handle as y from trailers",
    # a name not known to be an account, and an account with that full name anywhere, or near by one that spells it
    "full_name": f"""
        with
        rare as (
            select normal from bearers where len(words) > 1 group by normal having count(*) <= {MOST_TWINS}
        ),
        spelt as (
            select distinct free.author as x, around.author as y
            from free
            inner join short_spellings as one on free.author = one.name
            inner join around on free.namespace = around.namespace and free.author <> around.author
            inner join short_full_spellings as other on around.author = other.name and one.spelling = other.spelling
        )
        select features.name as x, bearers.author as y
        from features
        inner join authors on features.name = authors.author
        inner join bearers on features.normal = bearers.normal
        inner join rare on bearers.normal = rare.normal
        where authors.is_account is not true
        union
        select x, y from spelt
        inner join features as a on x = a.name
        inner join bearers as b on y = b.author
        where {relation("a", "b", "0")} in ('same', 'permuted', 'initial')
    """,
    # two strings that led to one account, perhaps before and after it was renamed, if only to other capitals
    "same_account": """
        select min(author) over (partition by account_key) as x, author as y
        from same_accounts
        where author in (select name from features)
        union
        select one.author, other.author
        from authors as one
        inner join authors as other on lower(one.author) = lower(other.author) and one.author < other.author
        where one.is_linked and other.is_linked and not one.is_bot and not other.is_bot
    """,
}
"""SELECTs of pairs (`x`, `y`), in any order, a pair as often as it is found."""
WITHOUT_ACCOUNTS: Final = ("same_repository", "real_name", "high_degree", "trailer")
"""Generators that no answer about an account changes, the dearest among them."""
