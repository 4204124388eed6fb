"""Recognizes a full disk from the errors of any library."""

import errno
import sqlite3
from typing import Final

FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""No space left, quota exceeded, and file size limit exceeded."""
_SQLITE: Final = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC}


def is_full(error: BaseException | None) -> bool:
    """Return whether an error, or any error in its chain of causes, means that the disk is full."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", None) in _SQLITE:
            return True
        error = error.__cause__ or error.__context__
    return False
