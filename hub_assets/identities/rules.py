"""The rules that accept or reject a pair by its evidence. They are few; what none of them settles is for people.

What is not known is null, and null fires no rule.
"""

from typing import Final

import pyarrow as pa

from hub_assets.identities.facts import Facts

_SETTING: Final = "(n_shared_repos > 0 or n_owned_repos > 0 or n_shared_namespaces > 0 or is_same_organization)"
_CLOSE: Final = "(n_shared_repos > 0 or n_owned_repos > 0)"
_FREE: Final = "(is_account_a is false or is_account_b is false)"

RULES: Final[dict[str, tuple[str, str]]] = {
    "same_account": ("accepted", "is_same_account"),
    "generic_name": ("rejected", "is_generic"),
    "two_accounts": (
        "rejected",
        "is_account_a and is_account_b and coalesce(full_name_relation, 'none') not in ('same', 'permuted')",
    ),
    "other_full_name": ("rejected", "full_name_relation = 'contradicts' and not has_trailer"),
    "trailer": ("accepted", f"has_trailer and {_FREE} and (n_words > 1 or {_SETTING})"),
    "full_name": ("accepted", f"full_name_relation in ('same', 'permuted') and {_FREE} and {_SETTING}"),
    "same_name": ("accepted", f"name_relation in ('same', 'permuted') and {_FREE} and {_SETTING}"),
    "initial_name": (
        "accepted",
        f"(name_relation = 'initial' or full_name_relation = 'initial') and {_FREE} and {_CLOSE}",
    ),
    "similar_name": ("accepted", f"name_relation = 'similar' and {_FREE} and n_shared_repos > 0"),
    "owner_name": ("accepted", f"name_relation = 'contained' and {_FREE} and n_owned_repos > 0"),
    "numbered_name": ("rejected", "name_relation = 'numbered' and n_owned_repos = 0"),
}
"""In order; the first that applies decides. `DESCRIPTIONS` says each in words."""

DESCRIPTIONS: Final = {
    "same_account": "Both led to one account on the Hub, perhaps before and after it was renamed.",
    "generic_name": "One of them is a name that many bear.",
    "two_accounts": "Both are accounts; with the same full name it is for review.",
    "other_full_name": "Both have names of several words, and these are not alike.",
    "trailer": "A trailer gives one as the name and the other, by its no-reply address, as the account.",
    "full_name": "One is no account, and has the full name of the other; they met in a repository or a namespace.",
    "same_name": "One is no account; both are spelt alike, or with their words in another order, and they met.",
    "initial_name": "One is no account; initial and last name agree, in one repository or in the other's own.",
    "similar_name": "One is no account; 90 % alike, in one repository.",
    "owner_name": "One is no account; it is part of the other's name, in the other's own repositories.",
    "numbered_name": "They differ by digits alone, and not in repositories of one of them.",
}


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
    rules = "\n".join(f"when {condition} then '{rule}'" for rule, (_, condition) in RULES.items())
    outcomes = "\n".join(f"when '{rule}' then '{decision}'" for rule, (decision, _) in RULES.items())
    return facts.ask(f"""
        with
        ruled as (
            select *, case {rules} end as rule from evidence
        )
        select
            ruled.* exclude (n_words),
            coalesce(decisions.decision, case ruled.rule {outcomes} else 'review' end) as decision,
            case
                when decisions.decision is not null then 'person'
                when ruled.rule is not null then 'rule'
            end as decided_by,
            coalesce(decisions.evidence not in ('', ruled.evidence), false) as is_reopened
        from ruled
        left join decisions
            on ruled.author_a = decisions.author_a and ruled.author_b = decisions.author_b
        order by ruled.author_a, ruled.author_b
    """)
