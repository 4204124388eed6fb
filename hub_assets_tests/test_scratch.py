"""Databases in memory have limits, wherever they are opened."""

import re
from pathlib import Path

import duckdb
import pytest

import hub_assets
from hub_assets.scratch import MOST_MEMORY, limit_memory, scratch

PACKAGE = Path(hub_assets.__file__).parent
WITHOUT = {"warehouse/sql_project.py": "binds the models on empty tables"}
"""Modules that may open a database in memory without limits, and why."""


def setting(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    ((value,),) = connection.execute(f"select current_setting('{name}')").fetchall()
    return str(value)


def test_data_that_does_not_fit_is_spilled_outside_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with scratch() as connection:
        connection.execute("set memory_limit = '40MB'")
        connection.execute("create table many as select range as n, hash(range) as h from range(3_000_000)")
        assert any((tmp_path / "temporary").iterdir())
        assert connection.execute("select count(distinct h) from many").fetchall() == [(3_000_000,)]
    assert not any((tmp_path / "temporary").iterdir())
    assert not any((tmp_path / "here").iterdir())


def test_limit_is_the_lower_one_of_ours_and_that_of_duckdb() -> None:
    with scratch() as connection:
        assert setting(connection, "TimeZone") == "UTC"
        gib = float(setting(connection, "memory_limit").removesuffix(" GiB"))
        assert gib * 2**30 <= MOST_MEMORY
        connection.execute("set memory_limit = '1GiB'")
        limit_memory(connection)
        assert setting(connection, "memory_limit") == "1.0 GiB"


def test_no_module_opens_a_database_in_memory_without_limits() -> None:
    found = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if re.search(r"duckdb\.connect\(\)", path.read_text()) and "local_hub" not in path.parts
    }
    assert found == {"scratch.py", *WITHOUT}
