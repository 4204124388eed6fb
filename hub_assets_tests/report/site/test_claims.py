"""Sentences follow from the tables, change with them, and make no statement where too little is known."""

from collections import Counter
from math import ceil
from pathlib import Path

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from hub_assets.home import Home
from hub_assets.report.site.claims import LEAST_KNOWN, Claim, claims, sentence_of
from hub_assets.report.site.rendering import formatted
from hub_assets_tests.golden import WEEK
from hub_assets_tests.report.site.made import changed, opened

KEPT = {
    "snapshot_date",
    "k",
    "rank",
    "place",
    "published",
    "share_known",
    "n_draws",
    "target_share",
    "age_days",
    "includes_bots",
    "is_max_k",
    "is_last_month",
}
"""Columns that the tests do not change: keys, and columns that decide whether a claim is made at all."""
SILENT = {"ten-core"}
"""Claims that cannot be made about the golden week, because it is too small."""


def test_there_are_eight_sentences_for_each_research_question() -> None:
    counts = Counter(claim.page for claim in claims())
    assert len(claims()) >= 30
    assert min(counts[page] for page in ("activity", "collaboration", "adoption")) >= 8


def tables_of(claim: Claim) -> set[str]:
    sql = claim.sql.replace("$week", "date '2026-11-16'")
    names = {table.name for table in sqlglot.parse_one(sql, dialect="duckdb").find_all(exp.Table)}
    return {name for name in names if "__" in name}


@pytest.mark.parametrize("claim", claims(), ids=lambda claim: claim.id)
def test_a_sentence_changes_with_its_tables(claim: Claim, two_week_home: Home, tmp_path: Path) -> None:
    with duckdb.connect(two_week_home.warehouse, read_only=True) as connection:
        statements = [_perturb(connection, table) for table in sorted(tables_of(claim))]
    with opened(two_week_home.warehouse) as week:
        before = sentence_of(week, claim)
    with opened(changed(two_week_home, tmp_path, *statements)) as week:
        after = sentence_of(week, claim)
    assert before.is_supported == (claim.id not in SILENT)
    if claim.id in SILENT:
        assert before.text.startswith("No statement about")
    else:
        assert before.text.striptags() != after.text.striptags()


def _perturb(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    if table == "mart__repo_activity":
        return (
            f"delete from {table} where snapshot_date = date '{WEEK}' and "
            "(n_likes > 0 or n_usage_spaces > 0 or hash(repo_key) % 3 = 0 or is_gated)"
        )
    described = connection.execute(f"describe {table}").fetchall()
    changes = [
        {"DOUBLE": f'"{name}" = "{name}" * {0.9 ** (i + 1)}', "BIGINT": f'"{name}" = "{name}" * 3 + 11'}.get(
            kind, f'"{name}" = not "{name}"'
        )
        for i, (name, kind, *_) in enumerate(described)
        if kind in ("DOUBLE", "BIGINT", "BOOLEAN") and name not in KEPT
    ]
    if not changes:
        return f"delete from {table} where snapshot_date = date '{WEEK}' and hash(repo_key) % 2 = 0"
    return f"update {table} set {', '.join(changes)} where snapshot_date = date '{WEEK}'"


@pytest.mark.parametrize("claim", [claim for claim in claims() if claim.id not in SILENT], ids=lambda claim: claim.id)
def test_a_sentence_states_the_values_of_its_row(claim: Claim, two_week_home: Home) -> None:
    with opened(two_week_home.warehouse) as week:
        sentence = sentence_of(week, claim)
    assert sentence.row is not None
    assert {"n", "share_known"} <= set(sentence.row.values)
    for name in claim.columns:
        assert f'data-column="{name}"' in sentence.text or str(sentence.row.values[name]) in sentence.text.unescape()
    assert "{" not in sentence.text


def test_the_best_known_sentence_agrees_with_a_count_by_hand(two_week_home: Home) -> None:
    with duckdb.connect(two_week_home.warehouse, read_only=True) as connection:
        downloads = (
            connection.execute(
                "select n_downloads from mart__repo_activity where repo_type = 'model' and snapshot_date = ?", [WEEK]
            )
            .df()["n_downloads"]
            .sort_values(ascending=False)
        )
    without = (downloads == 0).mean()
    top = downloads.head(ceil(len(downloads) * 0.01)).sum() / downloads.sum()
    with opened(two_week_home.warehouse) as week:
        (claim,) = (claim for claim in claims() if claim.id == "models-without-downloads")
        text = sentence_of(week, claim).text.striptags()
    assert text == (
        f"{formatted(float(without), 'percent')} of models had no download in the last 30 days; the top 1% account for "
        f"{formatted(float(top), 'percent')} of all downloads."
    )


def test_sentences_fall_silent_below_the_least_coverage(two_week_home: Home, tmp_path: Path) -> None:
    covered = [claim for claim in claims() if "mart__activity_summary" in tables_of(claim)]
    assert len(covered) >= 4
    warehouse = changed(
        two_week_home,
        tmp_path,
        "update mart__activity_summary set share_known = 0.42",
        "update stats__concentration set share_known = 0.42",
    )
    with opened(warehouse) as week:
        for claim in covered:
            sentence = sentence_of(week, claim)
            assert not sentence.is_supported
            assert sentence.text.striptags() == f"No statement about {claim.topic}: only 42.0% of the values are known."
    assert LEAST_KNOWN > 0.42


def test_sentences_say_so_when_a_week_has_nothing(two_week_home: Home, tmp_path: Path) -> None:
    with duckdb.connect(two_week_home.warehouse, read_only=True) as connection:
        tables = [
            name
            for (name,) in connection.execute(
                "select table_name from duckdb_columns() where column_name = 'snapshot_date' "
                "and table_name <> 'mart__repo_activity'"
            ).fetchall()
        ]
    warehouse = changed(two_week_home, tmp_path, *(f"delete from {table}" for table in tables))
    with opened(warehouse) as week:
        for claim in claims():
            if "mart__repo_activity" not in tables_of(claim):
                assert sentence_of(week, claim).text.startswith("No statement about"), claim.id
