"""Finds the records that cannot be converted, so that they can be set aside and all other records processed.

New records are checked before they are written, so only records from earlier versions or unforeseen cases fail here.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import duckdb

T = TypeVar("T")

UNCONVERTIBLE: Final = (
    ValueError,
    TypeError,
    KeyError,
    OverflowError,
    duckdb.DataError,
    duckdb.InvalidInputException,
)
"""Exceptions that a record's content can cause, unlike those caused by a full disk or a lack of memory."""
NAMED: Final = 20
"""Maximum number of set-aside records that are listed by name. All set-aside records are counted."""


def convertible(records: Sequence[T], convert: Callable[[Sequence[T]], object]) -> list[bool]:
    """Return, for each record, whether it can be converted. Uses bisection, which is fast if few records fail."""
    try:
        convert(records)
    except UNCONVERTIBLE:
        middle = len(records) // 2
        if not middle:
            return [False]
        return convertible(records[:middle], convert) + convertible(records[middle:], convert)
    return [True] * len(records)
