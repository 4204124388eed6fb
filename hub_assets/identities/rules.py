"""The rules that accept or reject a pair by its evidence. They are few; what none of them settles is for people.

What is not known is null, and null fires no rule.
"""

from typing import Final

import pyarrow as pa

from hub_assets.identities.facts import Facts
from hub_assets.identities.sql import query

_FREE: Final = "(is_account_a is false or is_account_b is false)"
_CLOSE: Final = "(n_shared_repos > 0 or n_owned_repos > 0)"
_NEAR: Final = f"({_CLOSE} or n_shared_namespaces > 0 or is_same_organization)"
_TELLING: Final = "(not is_common_initial or n_owned_repos > 0)"
_UNCONTESTED: Final = "coalesce(full_name_relation, 'none') <> 'contradicts'"

RULES: Final[dict[str, tuple[str, str, str]]] = {
    "same_account": ("accepted", "is_same_account", "Both are names of one account, before and after it was renamed."),
    "generic_name": ("rejected", "is_generic", "One of them is a name that many bear."),
    "organization": ("rejected", "is_organization", "One of them is an organization."),
    "two_accounts": (
        "rejected",
        "is_account_a and is_account_b and coalesce(full_name_relation, 'none') not in ('same', 'permuted')",
        "Both are accounts; with the same full name it is for review.",
    ),
    "other_full_name": (
        "rejected",
        "full_name_relation = 'contradicts' and name_relation not in ('same', 'permuted') and not has_trailer",
        "Both have names of several words that are not alike; where much else agrees it is for review.",
    ),
    "trailer": (
        "accepted",
        f"has_trailer and {_FREE} and {_UNCONTESTED} and (n_words > 1 or {_NEAR})",
        "A trailer gives one, no account, as the name and the other, by its no-reply address, as the account.",
    ),
    "full_name": (
        "accepted",
        f"full_name_relation in ('same', 'permuted') and {_FREE} and {_TELLING} "
        f"and ((n_full_words > 1 and {_NEAR}) or n_owned_repos > 0)",
        "One is no account, and has the other's full name: one of several words, and they met in a repository or a "
        "namespace, or one of a single word, in the other's own repository.",
    ),
    "same_name": (
        "accepted",
        f"name_relation in ('same', 'permuted') and {_FREE} and {_UNCONTESTED} and {_TELLING} "
        f"and ({_CLOSE} or (n_words > 1 and {_NEAR}))",
        "One is no account; both are spelt alike, or with their words in another order, and they met: in one "
        "repository, or the other's own, if it is one word.",
    ),
    "initial_name": (
        "accepted",
        f"'initial' in (name_relation, full_name_relation) and {_FREE} and {_UNCONTESTED} and {_CLOSE} and {_TELLING}",
        "One is no account; initial and last name agree, in the other's own repository, or in one repository if the "
        "last name is rare.",
    ),
    "owner_name": (
        "accepted",
        f"name_relation = 'contained' and {_FREE} and {_UNCONTESTED} and n_owned_repos > 0",
        "One is no account; it is part of the other's name, in the other's own repositories.",
    ),
    "numbered_owner": (
        "accepted",
        f"name_relation = 'numbered' and is_numbered_owner and {_FREE} and {_UNCONTESTED}",
        "One is no account; the other is the same name plus a number, and owns repositories where they met.",
    ),
    "numbered_name": (
        "rejected",
        "name_relation = 'numbered' and not is_spaced and n_owned_repos = 0 "
        "and coalesce(full_name_relation, 'none') not in ('same', 'permuted', 'initial')",
        "Two handles that differ only in digits, do not meet in repositories of one of them, and share no full name.",
    ),
}
"""What each rule says, when it applies, and why; in order: the first that applies decides."""

STRONG: Final = ("trailer", "full_name", "same_name")
"""Rules of which a pair is made before those of the others are."""


def decide(facts: Facts, evidence: pa.Table, decisions: pa.Table) -> pa.Table:
    """Decide every pair: by what a person decided, else by the rules, else not.

    Args:
        facts: of the week.
        evidence: what `evidence.weigh` returned.
        decisions: of people: `author_a` (which sorts before), `author_b`, `decision` and the `evidence` they saw.

    Returns:
        The evidence with `rule` (null if none applies), `decision` (`accepted`, `rejected` or `review`), `decided_by`
        (`person`, `rule` or null) and `is_reopened` (a person decided on other evidence).
    """
    facts.register("evidence", evidence)
    facts.register("decisions", decisions)
    rules = "\n".join(f"when {condition} then '{rule}'" for rule, (_, condition, _) in RULES.items())
    outcomes = "\n".join(f"when '{rule}' then '{decision}'" for rule, (decision, _, _) in RULES.items())
    return facts.ask(query("decided_pairs", rules=rules, outcomes=outcomes))
