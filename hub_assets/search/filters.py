"""The conditions that narrow a search, and the documents that meet them.

Applying the same conditions in the word index belongs in `lexical`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Bools = npt.NDArray[np.bool_]
Value = str | int | bool

LIMITS: Final = {
    "min_params": ("n_parameters", True),
    "max_params": ("n_parameters", False),
    "min_likes": ("likes", True),
    "min_downloads": ("downloads", True),
}
"""The column that each limit applies to, and whether it is a lower limit. Limits are inclusive."""


@dataclass(frozen=True)
class Condition:
    """A condition: a column equals a value (for `languages`: contains it), or is at least or at most that value.

    `is_lower` is true for a lower limit, false for an upper limit, and None for equality.
    """

    column: str
    value: Value
    is_lower: bool | None = None


@dataclass(frozen=True)
class Filters:
    """The conditions that every result must meet; None for no condition. An unknown value meets no condition.

    Args:
        task, library, license_group, namespace: required value of the document's column of the same name.
        language: a code that the document's `languages` must contain.
        min_params, max_params: limits of `n_parameters`, inclusive.
        min_likes, min_downloads: minimum `likes` and `downloads`.
        has_card: whether the repository has a card.
    """

    task: str | None = None
    library: str | None = None
    license_group: str | None = None
    language: str | None = None
    namespace: str | None = None
    min_params: int | None = None
    max_params: int | None = None
    min_likes: int | None = None
    min_downloads: int | None = None
    has_card: bool | None = None

    def conditions(self) -> Iterator[Condition]:
        """Yield the conditions that are set."""
        for name in (field.name for field in fields(self)):
            value: Value | None = getattr(self, name)
            if value is not None:
                column, is_lower = LIMITS.get(name, ("languages" if name == "language" else name, None))
                yield Condition(column, value, is_lower)


def mask_of(filters: Filters, documents: pa.Table) -> Bools | None:
    """Return a mask of the documents (table rows) that meet all conditions, or None if there are no conditions."""
    mask: Bools | None = None
    for condition in filters.conditions():
        met = _met(condition, documents)
        mask = met if mask is None else mask & met
    return mask


def _met(condition: Condition, documents: pa.Table) -> Bools:
    column = documents[condition.column]
    if pa.types.is_list(column.type):
        values = column.combine_chunks()
        rows = pc.list_parent_indices(values).filter(pc.equal(pc.list_flatten(values), condition.value))
        met = np.zeros(len(column), np.bool_)
        met[rows.to_numpy()] = True
        return met
    compare = {None: pc.equal, True: pc.greater_equal, False: pc.less_equal}[condition.is_lower]
    result: Bools = pc.fill_null(compare(column, condition.value), False).to_numpy()
    return result
