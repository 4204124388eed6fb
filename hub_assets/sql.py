"""Quoting values and file names for SQL statements that take no parameters.

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
    names = (literal(re.sub(r"[*?[]", r"[\g<0>]", str(file))) for file in files)
    return f"read_parquet([{', '.join(names)}], union_by_name = true)"
