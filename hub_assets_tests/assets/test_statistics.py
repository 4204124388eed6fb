"""When a statistic fails, its error names the impossible value behind the failure."""

from datetime import date

import duckdb
import pytest

from hub_assets.assets.statistics import impossible_value
from hub_assets.statistics.activity import VARIABLES

WEEK = date(2026, 11, 16)
NAMES = list(dict.fromkeys(variable for variables in VARIABLES.values() for variable in variables))


@pytest.fixture
def activity() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    columns = ", ".join(f"0 as {name}" for name in NAMES)
    connection.execute(
        f"create table mart__repo_activity as select date '{WEEK}' as snapshot_date, 'model' as repo_type, "
        f"'acme/m' || n as repo_id, {columns} from range(3) as numbers(n)"
    )
    return connection


def test_an_impossible_value_is_named_with_table_column_and_repository(activity: duckdb.DuckDBPyConnection) -> None:
    assert impossible_value(activity, WEEK) == ""
    activity.execute("update mart__repo_activity set n_likes = -5 where repo_id = 'acme/m1'")
    assert impossible_value(activity, WEEK) == "In mart__repo_activity, n_likes of the model acme/m1 is -5."
    assert impossible_value(activity, date(2026, 11, 9)) == ""
