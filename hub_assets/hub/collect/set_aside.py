"""Which of many records cannot be converted, so that these are set aside and the others go on.

What is written down is known to convert; this is for what an earlier version wrote, and for what nobody thought of.
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
"""What conversions raise because of what a record holds; a full disk or a lack of memory is none of these."""
NAMED: Final = 20
"""How many of the records that were set aside are named; all are counted."""


def convertible(records: Sequence[T], convert: Callable[[Sequence[T]], object]) -> list[bool]:
    """Return of each record whether it can be converted, by halving what cannot: quick where few of them cannot."""
    try:
        convert(records)
    except UNCONVERTIBLE:
        middle = len(records) // 2
        if not middle:
            return [False]
        return convertible(records[:middle], convert) + convertible(records[middle:], convert)
    return [True] * len(records)
