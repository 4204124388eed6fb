"""Quotes values and file names for SQL statements that take no parameters.

All other modules use these functions for quoting. Python's `repr` is unsuitable: it doubles backslashes and escapes
invisible characters, and DuckDB would take the extra characters literally.
"""

import re
from collections.abc import Iterable
from pathlib import Path


def literal(text: object) -> str:
    """Return a string, path or date as a SQL string literal."""
    return "'" + str(text).replace("'", "''") + "'"


def parquet(files: Iterable[Path | str]) -> str:
    """Return a `read_parquet` call that reads exactly these files and matches columns by name.

    The characters `*`, `?` and `[` are escaped: DuckDB treats a file name that contains them as a pattern, which could
    also match a neighboring folder.
    """
    return f"read_parquet([{_names(files)}], union_by_name = true)"


def weekly_parquet(files: Iterable[Path | str], *, with_row_numbers: bool = False) -> str:
    """Return a `read_parquet` call for files with equal columns, in folders named `snapshot_date=YYYY-MM-DD`.

    DuckDB opens only the first file to learn the columns, and later only the files of the weeks that a query asks for.
    With row numbers, there is also a column `file_row_number`, with which DuckDB finds rows without reading the whole
    file.
    """
    options = "hive_partitioning = true, hive_types = {'snapshot_date': date}"
    options += ", file_row_number = true" if with_row_numbers else ""
    return f"read_parquet([{_names(files)}], {options})"


def escaped(file: Path | str) -> str:
    """Return a file name as a pattern that matches this file only."""
    return re.sub(r"[*?[]", r"[\g<0>]", str(file))


def _names(files: Iterable[Path | str]) -> str:
    return ", ".join(literal(escaped(file)) for file in files)
