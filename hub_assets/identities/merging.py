"""From decided pairs to developers: author strings that hang together, no two accounts and no rejected pair among them.

The result does not depend on the order of the pairs, and taking a decision away takes back what it did. Which pairs are
accepted does not belong here.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hub_assets.identities.evidence import contradictions
from hub_assets.identities.facts import Facts
from hub_assets.identities.rules import STRONG

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_ACCOUNT, _PERSON, _STRONG_RULE, _RULE = range(4)
"""Tiers: what goes before."""
_NO_HINTS: Final = pa.table({name: pa.array([], pa.string()) for name in ("author", "bot_hint")})
ID_LENGTH: Final = 16
"""Hexadecimal digits of a developer's id, the hash of the string that was seen first.

They are 64 bits, so that among ten million two are alike once in 370,000 times.
"""


def merge(n: int, pairs: Ints, tiers: Ints, apart: Ints, apart_tiers: Ints, accounts: Ints) -> tuple[Ints, Flags]:
    """Join things by pairs, tier after tier, and leave out what would join what must stay apart.

    The pairs of a tier that hang together are made all or none: where they would bring two accounts together, or the
    ends of a pair that must stay apart, none of them tells which one is wrong.

    Args:
        n: how many things there are: 0, 1, ... n - 1.
        pairs: rows of two.
        tiers: of each pair; a lower one goes before.
        apart: rows of two that must not be joined.
        apart_tiers: from which tier on each of these holds; what a lower one has joined stays joined.
        accounts: of each thing the number of its account, or -1. Nothing but pairs joins those of one account.

    Returns:
        The component of each thing, named by its least one; and which pairs were left out.
    """
    labels = np.arange(n)
    is_left_out = np.zeros(len(pairs), bool)
    with_account = np.flatnonzero(accounts >= 0)
    for tier in np.unique(tiers):
        chosen = np.flatnonzero(tiers == tier)
        joined = _joined(labels, pairs[chosen])
        clashes = np.zeros(n, bool)
        one, other = apart[apart_tiers <= tier].T
        clashes[joined[one[(joined[one] == joined[other]) & (labels[one] != labels[other])]]] = True
        bearers = np.unique(np.column_stack([joined[with_account], accounts[with_account]]), axis=0)
        component, number = np.unique(bearers[:, 0], return_counts=True)
        clashes[component[number > 1]] = True
        one, other = pairs[chosen].T
        is_left_out[chosen] = clashes[joined[one]] & (labels[one] != labels[other])
        labels = _joined(labels, pairs[chosen[~is_left_out[chosen]]])
    return labels, is_left_out


def _joined(labels: Ints, pairs: Ints) -> Ints:
    """Return the components when things of one label are joined, and those of each pair."""
    n = len(labels)
    rows, columns = np.append(np.arange(n), pairs[:, 0]), np.append(labels, pairs[:, 1])
    graph = coo_array((np.ones(len(rows), np.int8), (rows, columns)), shape=(n, n))
    number, found = connected_components(graph, directed=False)
    least = np.full(number, n, np.int64)
    np.minimum.at(least, found, np.arange(n))
    named: Ints = least[found]
    return named


def resolve(facts: Facts, decided: pa.Table) -> pa.Table:
    """Return decided pairs with `is_conflict`: accepted, but not made.

    First come strings of one account, then what people accepted, then what strong rules did, then the others. Two
    accounts are one where a person accepted that very pair. What people rejected is never joined; what rules rejected,
    and real names that are not alike, are joined by no rule. Generic names are never joined. A rule's pair in conflict
    is left for review.
    """
    names = facts.ask("select author, account from authors order by author")
    place = _places(names["author"], decided)
    is_accepted = _flags(pc.equal(decided["decision"], "accepted"))
    is_rejected = _flags(pc.equal(decided["decision"], "rejected"))
    by_person = _flags(pc.equal(decided["decided_by"], "person"))
    by_account = _flags(pc.equal(decided["rule"], "same_account"))
    is_generic = _flags(decided["is_generic"])
    made = np.flatnonzero(is_accepted & ~is_generic)
    is_strong = _flags(pc.is_in(decided["rule"], pa.array(STRONG)))
    tiers = np.select([by_person, by_account, is_strong], [_PERSON, _ACCOUNT, _STRONG_RULE], _RULE)

    keys = names["account"].combine_chunks().dictionary_encode()
    accounts = pc.fill_null(keys.indices, -1).to_numpy().astype(np.int64)
    one_account = made[(by_person | by_account)[made] & (accounts[place[made]] >= 0).all(axis=1)]
    same = _joined(np.arange(accounts.max(initial=-1) + 1), accounts[place[one_account]])
    classes = np.where(accounts >= 0, np.append(same, -1)[accounts], -1)

    contradicting = _places(names["author"], _contradictions(facts, names["author"], place[made]))
    apart = np.concatenate([place[is_rejected], contradicting])
    apart_tiers = np.append(
        np.where(by_person[is_rejected], _ACCOUNT, _STRONG_RULE), np.full(len(contradicting), _STRONG_RULE)
    )
    _, left_out = merge(len(names), place[made], tiers[made], apart, apart_tiers, classes)

    is_conflict = is_accepted & is_generic
    is_conflict[made] |= left_out
    is_open = pa.array(is_conflict & ~by_person)
    decision = pc.if_else(is_open, "review", decided["decision"])
    decided_by = pc.if_else(is_open, None, decided["decided_by"])
    for name, column in (("decision", decision), ("decided_by", decided_by)):
        decided = decided.set_column(decided.column_names.index(name), name, column)
    return decided.append_column("is_conflict", pa.array(is_conflict))


def _contradictions(facts: Facts, authors: pa.ChunkedArray, pairs: Ints) -> pa.Table:
    """Return the strings that pairs would bring together, and that have real names which are not alike."""
    labels = _joined(np.arange(len(authors)), pairs)
    members = np.flatnonzero(np.bincount(labels, minlength=len(authors))[labels] > 2)
    facts.register("members", pa.table({"author": authors.take(pa.array(members)), "component": labels[members]}))
    together = facts.ask("""
        select one.author as author_a, other.author as author_b
        from members as one
        inner join members as other on one.component = other.component and one.author < other.author
    """)
    return contradictions(facts, together)


def developers_of(
    facts: Facts, authors: pa.Table, pairs: pa.Table, bots: pa.Table, proposed_bots: pa.Table | None = None
) -> pa.Table:
    """Return the developer behind each author string.

    Args:
        facts: of the week.
        authors: `author`, `first_seen_date` and `first_seen_at`.
        pairs: what `resolve` returned.
        bots: `author` and `reason`.
        proposed_bots: `author` and `bot_hint`.

    Returns:
        The columns of `schemas.DEVELOPERS` but `snapshot_date` and `decisions_hash`.
    """
    facts.register("strings", authors)
    facts.register("decided", pairs)
    facts.register("programs", bots)
    facts.register("proposed_bots", _NO_HINTS if proposed_bots is None else proposed_bots)
    # in order of birth, so that the least of a component is the one that was seen first
    born = facts.ask(f"""
        select
            strings.author,
            strings.first_seen_date,
            authors.is_bot,
            authors.is_generic,
            authors.account_key,
            substr(sha256(strings.author), 1, {ID_LENGTH}) as own_id
        from strings inner join authors on strings.author = authors.author
        order by strings.first_seen_date, strings.first_seen_at, strings.author
    """)
    made = facts.ask("select * from decided where decision = 'accepted' and not is_conflict")
    founders = _joined(np.arange(len(born)), _places(born["author"], made))
    ids = born["own_id"].take(pa.array(founders))
    facts.register("born", born.append_column("developer_id", ids).append_column("birth", pa.array(range(len(born)))))
    facts.register("made", made)
    return facts.ask("""
        with
        sides as (
            select author_a as author, author_b as other, rule, decided_by, score, evidence from made
            union all
            select author_b, author_a, rule, decided_by, score, evidence from made
        ),
        ranked as (
            select
                *,
                row_number() over (
                    partition by author
                    order by case when rule = 'same_account' then 0 when decided_by = 'person' then 1 else 2 end,
                        score desc, other
                ) as place
            from sides
        )
        select
            born.author,
            born.developer_id,
            born.is_bot,
            born.is_generic and not born.is_bot as is_generic,
            case
                when born.is_bot then 'bot'
                when born.is_generic then 'generic'
                when ranked.decided_by = 'person' then 'decision'
                else coalesce(ranked.rule, 'alone')
            end as match_method,
            coalesce(programs.reason, ranked.evidence) as evidence,
            ranked.other as joined_with,
            born.account_key,
            born.first_seen_date,
            proposed_bots.bot_hint
        from born
        left join ranked on born.author = ranked.author and ranked.place = 1
        left join programs on born.author = programs.author
        left join proposed_bots on born.author = proposed_bots.author
        order by born.birth
    """)


def _places(names: pa.ChunkedArray, pairs: pa.Table) -> Ints:
    """Return the rows of names of each pair."""
    found = [pc.index_in(pairs[side], names.combine_chunks()).to_numpy() for side in ("author_a", "author_b")]
    return np.column_stack(found).astype(np.int64).reshape(-1, 2)


def _flags(column: pa.ChunkedArray) -> Flags:
    """Return a column of booleans as an array; null is false."""
    flags: Flags = pc.fill_null(column, False).to_numpy(zero_copy_only=False)
    return flags
