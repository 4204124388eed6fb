"""Quoting values and file names for SQL statements that take no parameters.

Every other module quotes through this one. Python's `repr` would double backslashes and escape invisible characters,
and DuckDB reads both literally.
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
    names = (literal(re.sub(r"[*?[]", r"[\g<0>]", str(file))) for file in files)
    return f"read_parquet([{', '.join(names)}], union_by_name = true)"
