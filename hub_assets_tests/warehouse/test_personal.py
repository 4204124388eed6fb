"""Columns that name people are marked in the yml, and only this mark decides what may be shown."""

from collections.abc import Iterator

from hub_assets.resources import project
from hub_assets.warehouse.column_lineage import column_lineage
from hub_assets.warehouse.sql_project import Column, Model, Table

WORKS = ("repo_type", "repo_key", "repo_id", "namespace", "_id", "id", "snapshot_date")
"""Columns that identify works rather than people, and may be shown."""


def unmarked(table: Table, personal: dict[str, frozenset[str]]) -> Iterator[Column]:
    """Yield the text columns of a table that names people, except those that are marked or cleared.

    A table names people if one of its columns is marked or derives from a marked column in another table.
    """
    lineage = column_lineage(table, project().tables) if isinstance(table, Model) else {}
    names_people = {
        column for column, origins in lineage.items() if any(name in personal[origin] for origin, name in origins)
    }
    enumerated = {test.columns[0] for test in table.data_tests if test.kind == "accepted_values"}
    for column in table.columns:
        is_text = "VARCHAR" in column.type and column.name not in enumerated
        if (
            is_text
            and column.is_personal is None
            and column.name not in WORKS
            and (table.personal or column.name in names_people)
        ):
            yield column


def test_text_columns_of_tables_that_name_people_are_marked_or_cleared() -> None:
    tables = project().tables
    personal = {name: table.personal for name, table in tables.items()}
    assert sum(map(len, personal.values())) > 40
    assert [(name, column.name) for name, table in tables.items() for column in unmarked(table, personal)] == []


def test_only_published_identity_tables_name_people() -> None:
    published = [table for table in project().published if table.personal]
    assert {table.group for table in published} <= {"identities"}
