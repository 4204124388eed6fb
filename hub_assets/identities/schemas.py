"""Arrow schemas of the identity tables. Computing their rows does not belong here."""

from typing import Final

import pyarrow as pa

GENERATORS: Final = (
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
    "decision",
)
"""Blocking rules: the study's three, then ours; `decision` marks a pair that only a person proposed."""

_PAIR: Final = [
    pa.field("snapshot_date", pa.date32(), nullable=False),
    pa.field("author_a", pa.string(), nullable=False),
    pa.field("author_b", pa.string(), nullable=False),
    pa.field("generators", pa.list_(pa.string())),
]
CANDIDATE_PAIRS: Final = pa.schema(_PAIR)
"""`core__candidate_pairs`: pairs from names, repositories and trailers; `author_a` sorts before `author_b`."""

ACCOUNT_QUESTIONS: Final = pa.schema(
    [
        pa.field("snapshot_date", pa.date32(), nullable=False),
        pa.field("position", pa.int64(), nullable=False),
        pa.field("author", pa.string(), nullable=False),
    ]
)
"""`core__account_questions`: the names to look up first, in order."""

DEVELOPER_PAIRS: Final = pa.schema(
    [
        *_PAIR,
        pa.field("similarity", pa.float64()),
        pa.field("name_relation", pa.string()),
        pa.field("full_name_a", pa.string()),
        pa.field("full_name_b", pa.string()),
        pa.field("full_name_relation", pa.string()),
        pa.field("is_account_a", pa.bool_()),
        pa.field("is_account_b", pa.bool_()),
        pa.field("is_generic", pa.bool_()),
        pa.field("is_organization", pa.bool_()),
        pa.field("is_same_account", pa.bool_()),
        pa.field("is_same_organization", pa.bool_()),
        pa.field("has_trailer", pa.bool_()),
        pa.field("n_shared_repos", pa.int64()),
        pa.field("n_shared_weeks", pa.int64()),
        pa.field("n_owned_repos", pa.int64()),
        pa.field("n_shared_namespaces", pa.int64()),
        pa.field("repos", pa.list_(pa.string())),
        pa.field("n_commits_a", pa.int64()),
        pa.field("n_commits_b", pa.int64()),
        pa.field("degree_a", pa.int64()),
        pa.field("degree_b", pa.int64()),
        pa.field("score", pa.float64()),
        pa.field("terms", pa.list_(pa.struct([("term", pa.string()), ("points", pa.float64())]))),
        pa.field("evidence", pa.string()),
        pa.field("decision", pa.string()),
        pa.field("decided_by", pa.string()),
        pa.field("rule", pa.string()),
        pa.field("is_reopened", pa.bool_()),
        pa.field("is_conflict", pa.bool_()),
    ]
)
"""`core__developer_pairs`: evidence and decision for each pair."""

DEVELOPERS: Final = pa.schema(
    [
        pa.field("snapshot_date", pa.date32(), nullable=False),
        pa.field("author", pa.string(), nullable=False),
        pa.field("developer_id", pa.string(), nullable=False),
        pa.field("is_bot", pa.bool_()),
        pa.field("is_generic", pa.bool_()),
        pa.field("match_method", pa.string()),
        pa.field("evidence", pa.string()),
        pa.field("joined_with", pa.string()),
        pa.field("account_key", pa.string()),
        pa.field("first_seen_date", pa.date32()),
        pa.field("decisions_hash", pa.string()),
        pa.field("bot_hint", pa.string()),
    ]
)
"""`core__developers`: the developer of each author string."""

PSEUDONYMS: Final = pa.schema(
    [
        pa.field("snapshot_date", pa.date32(), nullable=False),
        pa.field("developer_id", pa.string(), nullable=False),
        pa.field("pseudonym", pa.string(), nullable=False),
    ]
)
"""`core__pseudonyms`: the pseudonyms that replace developers' names outside the identity tables."""
