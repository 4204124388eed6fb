"""Access to a column of an Arrow table: as a single array, and by value.

`population` and `histories` define which columns and rows exist.
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
    """Return a column as a single array. A single chunk is returned without the copy that `combine_chunks` makes."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


class Lookup:
    """Finds the rows in which a column has a given value.

    The index is built on first use, because most columns are never searched.

    Args:
        column: strings or numbers.
        any_case: whether to ignore case.
    """

    def __init__(self, column: pa.ChunkedArray, *, any_case: bool = False) -> None:
        self._column = column
        self._any_case = any_case

    def rows(self, value: Any) -> Indices:
        """Return the rows with the given value, in order."""
        codes, order, starts = self._index
        code = codes.get(value.lower() if self._any_case else value)
        return _NONE if code is None else order[starts[code] : starts[code + 1]]

    def first(self, value: Any) -> int | None:
        """Return the first row with the given value, or None if there is none."""
        rows = self.rows(value)
        return int(rows[0]) if len(rows) else None

    @cached_property
    def _index(self) -> tuple[dict[Any, int], Indices, Indices]:
        """Return a code for each value, the rows sorted by code, and the start of each code's rows."""
        column = pc.utf8_lower(self._column) if self._any_case else self._column
        encoded = whole(column).dictionary_encode()
        values = encoded.dictionary.to_pylist()
        codes = encoded.indices.fill_null(len(values)).to_numpy()
        order = np.argsort(codes, kind="stable")
        starts = np.append(0, np.bincount(codes, minlength=len(values)).cumsum())
        return dict(zip(values, range(len(values)), strict=True)), order, starts
