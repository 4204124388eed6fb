"""Rules that accept or reject a pair by its evidence. People decide the pairs that these few rules leave open.

Unknown facts are null, and null triggers no rule. The exception is `numbered_owner`: in the owner's repository, a name
is assumed not to be an account until the Hub reports that it is.
"""

from typing import Final

import pyarrow as pa

from hub_assets.identities.facts import Facts
from hub_assets.identities.sql import query

_FREE: Final = "(is_account_a is false or is_account_b is false)"
_NOT_TWO_ACCOUNTS: Final = "not coalesce(is_account_a and is_account_b, false)"
_CLOSE: Final = "(n_shared_repos > 0 or n_owned_repos > 0)"
_NEAR: Final = f"({_CLOSE} or n_shared_namespaces > 0 or is_same_organization)"
_TELLING: Final = "(not is_common_initial or n_owned_repos > 0)"
_UNCONTESTED: Final = "coalesce(full_name_relation, 'none') <> 'contradicts'"

RULES: Final[dict[str, tuple[str, str, str]]] = {
    "same_account": ("accepted", "is_same_account", "Both names belong to one account, which was renamed."),
    "generic_name": ("rejected", "is_generic", "One name is a placeholder or another name that many people use."),
    "organization": ("rejected", "is_organization", "One name is an organization's."),
    "two_accounts": (
        "rejected",
        "is_account_a and is_account_b and coalesce(full_name_relation, 'none') not in ('same', 'permuted')",
        "Both names are accounts. A pair with the same full name goes to review instead.",
    ),
    "other_full_name": (
        "rejected",
        "full_name_relation = 'contradicts' and name_relation not in ('same', 'permuted') and not has_trailer",
        "Both have real names, which are dissimilar. If the author strings match, or a trailer combines them, the pair "
        "goes to review.",
    ),
    "trailer": (
        "accepted",
        f"has_trailer and {_FREE} and {_UNCONTESTED} and (n_words > 1 or {_NEAR})",
        "One name is not an account, and a Co-authored-by trailer combines one with the other's no-reply address.",
    ),
    "full_name": (
        "accepted",
        f"full_name_relation in ('same', 'permuted') and {_FREE} and {_TELLING} "
        f"and ((n_full_words > 1 and {_NEAR}) or n_owned_repos > 0)",
        "One name is not an account and matches the other's full name. If the full name has several words, both are "
        "active in the same repository, namespace or organization; if it has one word, the first committed to the "
        "other's own repository.",
    ),
    "same_name": (
        "accepted",
        f"name_relation in ('same', 'permuted') and {_FREE} and {_UNCONTESTED} and {_TELLING} "
        f"and ({_CLOSE} or (n_words > 1 and {_NEAR}))",
        "One name is not an account, and both names are the same, perhaps with the words in another order. Both "
        "committed to the same repository, or one committed to the other's; if the names have several words, activity "
        "in the same namespace or organization is enough.",
    ),
    "initial_name": (
        "accepted",
        f"'initial' in (name_relation, full_name_relation) and {_FREE} and {_UNCONTESTED} and {_CLOSE} and {_TELLING}",
        "One name is not an account, and the initial and last name match. One committed to the other's own repository, "
        "or both committed to the same repository and the last name is rare.",
    ),
    "owner_name": (
        "accepted",
        f"name_relation = 'contained' and {_FREE} and {_UNCONTESTED} and n_owned_repos > 0",
        "One name is not an account, one contains the other, and one committed to the other's own repositories.",
    ),
    "numbered_owner": (
        "accepted",
        f"name_relation = 'numbered' and is_numbered_owner and {_NOT_TWO_ACCOUNTS} and {_UNCONTESTED}",
        "One name is not known to be an account and committed to repositories of the other, which only adds a number.",
    ),
    "numbered_name": (
        "rejected",
        "name_relation = 'numbered' and not is_spaced and n_owned_repos = 0 "
        "and coalesce(full_name_relation, 'none') not in ('same', 'permuted', 'initial')",
        "Two handles differ only in digits, neither committed to the other's repositories, and no full name matches.",
    ),
}
"""Outcome, condition and explanation of each rule. The first rule that applies decides."""

STRONG: Final = ("trailer", "full_name", "same_name")
"""Rules whose pairs are merged before those of other rules."""


def decide(facts: Facts, evidence: pa.Table, decisions: pa.Table) -> pa.Table:
    """Decide every pair by a person's decision, else by the rules; leave the rest for review.

    Args:
        facts: facts about the week.
        evidence: result of `evidence.weigh`.
        decisions: people's decisions: `author_a` (sorts before `author_b`), `author_b`, `decision`, and the `evidence`
            that the decision was based on.

    Returns:
        The evidence with `rule` (null if none applies), `decision` (`accepted`, `rejected` or `review`), `decided_by`
        (`person`, `rule` or null) and `is_reopened` (the evidence has changed since a person decided).
    """
    facts.register("evidence", evidence)
    facts.register("decisions", decisions)
    rules = "\n".join(f"when {condition} then '{rule}'" for rule, (_, condition, _) in RULES.items())
    outcomes = "\n".join(f"when '{rule}' then '{decision}'" for rule, (decision, _, _) in RULES.items())
    return facts.ask(query("decided_pairs", rules=rules, outcomes=outcomes))
