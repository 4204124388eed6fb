"""Pairs of fictitious names, and a warehouse that contains them."""

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from hub_assets.identities.schemas import DEVELOPER_PAIRS
from hub_assets.warehouse.database import connect

WEEK = date(2026, 11, 16)


def pair(author_a: str, author_b: str, **others: Any) -> dict[str, Any]:
    """Return a pair that the rules leave for review, with some fields replaced."""
    return {
        "snapshot_date": WEEK,
        "author_a": author_a,
        "author_b": author_b,
        "generators": ["same_name", "owner"],
        "similarity": 0.9375,
        "name_relation": "initial",
        "full_name_a": None,
        "full_name_b": "Ada Love",
        "full_name_relation": None,
        "is_account_a": True,
        "is_account_b": False,
        "is_generic": False,
        "is_organization": False,
        "is_same_account": False,
        "is_same_organization": False,
        "has_trailer": True,
        "n_shared_repos": 3,
        "n_shared_weeks": 0,
        "n_owned_repos": 1,
        "n_shared_namespaces": 0,
        "repos": ["ada/engine"],
        "n_commits_a": 1200,
        "n_commits_b": 7,
        "degree_a": 4,
        "degree_b": 1,
        "score": 1.5,
        "terms": [{"term": "shared repositories", "points": 2.0}, {"term": "short name", "points": -0.5}],
        "evidence": "same_name;shared_repository",
        "decision": "review",
        "decided_by": None,
        "rule": "score_between",
        "is_reopened": False,
        "is_conflict": False,
    } | others


def table(*pairs: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(pairs), schema=DEVELOPER_PAIRS)


def make_warehouse(path: Path, *pairs: dict[str, Any]) -> Path:
    """Write a warehouse with these pairs and their weeks."""
    with connect(path) as connection:
        connection.register("pairs", table(*pairs))
        connection.execute("create table core__developer_pairs as select * from pairs")
        connection.execute("create table core__developers as select distinct snapshot_date from pairs")
    return path
