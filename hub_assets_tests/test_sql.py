"""SQL reads exactly the given file, whatever characters its path contains."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_assets.sql import literal, parquet

NAMES = [
    "a?b",
    "a*b",
    "**",
    "a[xy]b",
    "a[!q]b",
    "[x]",
    "a]b",
    "a\\b",
    "it's",
    'a"b',
    "a\u200bb",
    "a{x,y}b",
    "a\nb",
    "é",
    "$1;--",
]


@pytest.mark.parametrize("name", NAMES)
def test_path_is_not_read_as_a_pattern(tmp_path: Path, name: str) -> None:
    for folder in (*NAMES, "aqb", "axb"):
        (tmp_path / folder).mkdir()
        pq.write_table(pa.table({"folder": [folder]}), tmp_path / folder / "part.parquet")
    with duckdb.connect() as connection:
        found = connection.execute(f"select folder from {parquet([tmp_path / name / 'part.parquet'])}").fetchall()
    assert found == [(name,)]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))))
@settings(max_examples=20, deadline=None)
def test_literal_evaluates_to_the_text(texts: list[str]) -> None:
    with duckdb.connect() as connection:
        for text in texts:
            assert connection.execute(f"select {literal(text)}").fetchall() == [(text,)]
