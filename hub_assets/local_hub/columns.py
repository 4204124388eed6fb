"""What can be asked of a column of an Arrow table: all of it as one array, and which rows hold a value.

Which columns and rows there are belongs to `population` and `histories`.
"""

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Indices = npt.NDArray[np.int64]

_NONE: Indices = np.zeros(0, dtype=np.int64)


def whole(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one array; without a copy if it is one, which `combine_chunks` always makes."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


class Lookup:
    """The rows of a column by value. Its index is made at the first question, for most columns are never asked.

    Args:
        column: strings or numbers.
        any_case: whether strings are the same however their letters are cased.
    """

    def __init__(self, column: pa.ChunkedArray, *, any_case: bool = False) -> None:
        self._column = column
        self._any_case = any_case

    def rows(self, value: Any) -> Indices:
        """Return the rows that hold a value, in their order."""
        codes, order, starts = self._index
        code = codes.get(value.lower() if self._any_case else value)
        return _NONE if code is None else order[starts[code] : starts[code + 1]]

    def first(self, value: Any) -> int | None:
        """Return the first row that holds a value; None if there is none."""
        rows = self.rows(value)
        return int(rows[0]) if len(rows) else None

    @cached_property
    def _index(self) -> tuple[dict[Any, int], Indices, Indices]:
        """Return each value's code, all rows in the order of their codes, and where each code's rows start."""
        column = pc.utf8_lower(self._column) if self._any_case else self._column
        encoded = whole(column).dictionary_encode()
        values = encoded.dictionary.to_pylist()
        codes = encoded.indices.fill_null(len(values)).to_numpy()
        order = np.argsort(codes, kind="stable")
        starts = np.append(0, np.bincount(codes, minlength=len(values)).cumsum())
        return dict(zip(values, range(len(values)), strict=True)), order, starts
