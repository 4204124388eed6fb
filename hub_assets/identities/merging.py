"""Merges decided pairs into developers: connected author strings with at most one account and no rejected pair.

The result does not depend on the order of the pairs, and removing a decision reverts its effect. Accepting and
rejecting pairs does not belong here.
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
from hub_assets.identities.sql import query

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_ACCOUNT, _PERSON, _STRONG_RULE, _RULE = range(4)
"""Tiers of pairs; pairs in lower tiers are merged first."""
_NO_HINTS: Final = pa.table({name: pa.array([], pa.string()) for name in ("author", "bot_hint")})
ID_LENGTH: Final = 16
"""Hexadecimal digits of a developer's id, a hash of the developer's earliest string.

With 64 bits, the probability of a collision among ten million ids is 1 in 370,000.
"""


def merge(
    n: int, pairs: Ints, tiers: Ints, cannot_link: Ints, cannot_link_tiers: Ints, accounts: Ints
) -> tuple[Ints, Flags]:
    """Merge items by pairs, tier by tier, except where that would violate a cannot-link constraint.

    Connected pairs of a tier are accepted together or not at all. If they would connect two accounts, or both ends of
    a cannot-link pair, there is no way to tell which of the connected pairs is wrong.

    Args:
        n: number of items, which are 0, 1, ... n - 1.
        pairs: array of shape (pairs, 2).
        tiers: tier of each pair; lower tiers are merged first.
        cannot_link: array of shape (constraints, 2): pairs of items to keep apart.
        cannot_link_tiers: lowest tier to which each constraint applies. Merges made by lower tiers remain in effect.
        accounts: account number of each item, or -1. Sharing an account does not merge two items by itself.

    Returns:
        The component of each item, labeled with the smallest item in it, and a mask of the pairs that were left out.
    """
    labels = np.arange(n)
    is_left_out = np.zeros(len(pairs), bool)
    with_account = np.flatnonzero(accounts >= 0)
    for tier in np.unique(tiers):
        chosen = np.flatnonzero(tiers == tier)
        joined = _joined(labels, pairs[chosen])
        clashes = np.zeros(n, bool)
        one, other = cannot_link[cannot_link_tiers <= tier].T
        clashes[joined[one[(joined[one] == joined[other]) & (labels[one] != labels[other])]]] = True
        linked = np.unique(np.column_stack([joined[with_account], accounts[with_account]]), axis=0)
        component, number = np.unique(linked[:, 0], return_counts=True)
        clashes[component[number > 1]] = True
        one, other = pairs[chosen].T
        is_left_out[chosen] = clashes[joined[one]] & (labels[one] != labels[other])
        labels = _joined(labels, pairs[chosen[~is_left_out[chosen]]])
    return labels, is_left_out


def _joined(labels: Ints, pairs: Ints) -> Ints:
    """Return the components after merging items with the same label and the two items of each pair."""
    n = len(labels)
    rows, columns = np.append(np.arange(n), pairs[:, 0]), np.append(labels, pairs[:, 1])
    graph = coo_array((np.ones(len(rows), np.int8), (rows, columns)), shape=(n, n))
    number, found = connected_components(graph, directed=False)
    least = np.full(number, n, np.int64)
    np.minimum.at(least, found, np.arange(n))
    named: Ints = least[found]
    return named


def resolve(facts: Facts, decided: pa.Table) -> pa.Table:
    """Return the decided pairs with `is_conflict`, which flags pairs that were accepted but not merged.

    Pairs of strings that belong to the same account are merged first, then pairs accepted by a person, by a strong
    rule, and by any other rule. Two accounts are merged only if a person or `same_account` accepted a pair that links
    them. Pairs rejected by a person are never merged; pairs rejected by a rule, and pairs with dissimilar real names,
    are merged by no rule except `same_account`. Generic names are never merged. A conflicting pair goes to review if a
    rule accepted it.
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

    contradicting = _places(names["author"], _dissimilar_pairs(facts, names["author"], place[made]))
    cannot_link = np.concatenate([place[is_rejected], contradicting])
    cannot_link_tiers = np.append(
        np.where(by_person[is_rejected], _ACCOUNT, _STRONG_RULE), np.full(len(contradicting), _STRONG_RULE)
    )
    _, left_out = merge(len(names), place[made], tiers[made], cannot_link, cannot_link_tiers, classes)

    is_conflict = is_accepted & is_generic
    is_conflict[made] |= left_out
    is_open = pa.array(is_conflict & ~by_person)
    decision = pc.if_else(is_open, "review", decided["decision"])
    decided_by = pc.if_else(is_open, None, decided["decided_by"])
    for name, column in (("decision", decision), ("decided_by", decided_by)):
        decided = decided.set_column(decided.column_names.index(name), name, column)
    return decided.append_column("is_conflict", pa.array(is_conflict))


def _dissimilar_pairs(facts: Facts, authors: pa.ChunkedArray, pairs: Ints) -> pa.Table:
    """Return the pairs of strings that merging would connect although their real names are dissimilar."""
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
    """Return the developer of each author string.

    Args:
        facts: facts about the week.
        authors: `author`, `first_seen_date` and `first_seen_at`.
        pairs: result of `resolve`.
        bots: `author` and `reason`.
        proposed_bots: `author` and `bot_hint`.

    Returns:
        The columns of `schemas.DEVELOPERS` except `snapshot_date` and `decisions_hash`.
    """
    facts.register("first_appearances", authors)
    facts.register("decided", pairs)
    facts.register("programs", bots)
    facts.register("proposed_bots", _NO_HINTS if proposed_bots is None else proposed_bots)
    # in order of first appearance, so that the smallest item of a component is its earliest string
    strings = facts.ask(query("strings_by_age", id_length=ID_LENGTH))
    made = facts.ask("select * from decided where decision = 'accepted' and not is_conflict")
    founders = _joined(np.arange(len(strings)), _places(strings["author"], made))
    strings = strings.append_column("developer_id", strings["own_id"].take(pa.array(founders)))
    facts.register("strings_by_age", strings.append_column("age_rank", pa.array(range(len(strings)))))
    facts.register("made", made)
    return facts.ask(query("developers"))


def _places(names: pa.ChunkedArray, pairs: pa.Table) -> Ints:
    """Return the row indices of each pair's names; shape (pairs, 2)."""
    found = [pc.index_in(pairs[side], names.combine_chunks()).to_numpy() for side in ("author_a", "author_b")]
    return np.column_stack(found).astype(np.int64).reshape(-1, 2)


def _flags(column: pa.ChunkedArray) -> Flags:
    """Return a boolean column as an array, with null as false."""
    flags: Flags = pc.fill_null(column, False).to_numpy(zero_copy_only=False)
    return flags
