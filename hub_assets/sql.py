"""Values and file names in the text of SQL, for the statements that take no parameters.

Nothing else quotes: Python's own `repr` doubles backslashes and escapes invisible characters, and DuckDB reads both
literally.
"""

import re
from collections.abc import Iterable
from pathlib import Path


def literal(text: object) -> str:
    """Return a text, a path or a date as an SQL string."""
    return "'" + str(text).replace("'", "''") + "'"


def parquet(files: Iterable[Path | str]) -> str:
    """Return the call that reads these Parquet files and no others, columns by name.

    DuckDB takes `*`, `?` and `[` in a file name for a pattern, which would also match a neighboring folder.
    """
    names = (literal(re.sub(r"[*?[]", r"[\g<0>]", str(file))) for file in files)
    return f"read_parquet([{', '.join(names)}], union_by_name = true)"
