"""Repository histories, newest first: commits and discussions of all repositories of one type.

This module finds a repository's events in Arrow tables and returns their values. There are millions of events, so
Python objects are created only for requested events. Building responses belongs in `history_pages`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hub_assets.local_hub.columns import whole

Offsets = npt.NDArray[np.int64]


class Events:
    """Events of one kind, either commits or discussions.

    Args:
        table: one row per event, grouped by repository, newest first.
        offsets: start of each repository's events, followed by the end of the last repository's events.

    Raises:
        ValueError: if the offsets do not span the whole table.
    """

    def __init__(self, table: pa.Table, offsets: Offsets) -> None:
        steps = np.diff(offsets)
        if not len(offsets) or offsets[0] != 0 or offsets[-1] != len(table) or (steps < 0).any():
            raise ValueError("offsets do not span the whole table")
        # slicing arrays takes half as long as slicing the columns of a table
        self._columns = {name: whole(table[name].unify_dictionaries()) for name in table.column_names}
        self._offsets = offsets

    @property
    def n_repos(self) -> int:
        """Number of repositories."""
        return len(self._offsets) - 1

    def of(self, row: int) -> range:
        """Return the positions of one repository's events, given the repository's row."""
        return range(int(self._offsets[row]), int(self._offsets[row + 1]))

    def values(self, column: str, positions: Sequence[int]) -> list[Any]:
        """Return the values of a column at the given positions, ready for JSON."""
        events = self._columns[column]
        is_slice = isinstance(positions, range) and len(positions) > 0
        array = events.slice(positions[0], len(positions)) if is_slice else events.take(pa.array(positions, pa.int64()))
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        if pa.types.is_timestamp(array.type):
            dates = array.to_numpy().astype("datetime64[ms]")
            return list(np.datetime_as_string(dates, timezone="UTC").tolist())
        values = array.to_pylist()
        return [value.hex() for value in values] if pa.types.is_fixed_size_binary(array.type) else list(values)


class Histories:
    """The histories of all repositories of one type.

    Authors are row numbers in the population's author table. The repository in row i of `Repos` has the events
    offsets[i]:offsets[i + 1]. If a table or its offsets are None, the population has no events of that kind.

    Args:
        commits: `id` (20 bytes, or hexadecimal digits), `title`, `message`, `date`, `authors` (a list: the git author,
            then co-authors).
        commit_offsets: offsets into `commits`.
        discussions: `num`, `title`, `status` (`open`, `closed`, `merged`, `draft`), `isPullRequest`, `author` (null for
            a deleted user), `createdAt`, `numComments`.
        discussion_offsets: offsets into `discussions`.

    Raises:
        ValueError: if offsets do not fit their table.
    """

    def __init__(
        self,
        commits: pa.Table | None = None,
        commit_offsets: Offsets | None = None,
        discussions: pa.Table | None = None,
        discussion_offsets: Offsets | None = None,
    ) -> None:
        self.commits = _events("commits", commits, commit_offsets)
        self.discussions = _events("discussions", discussions, discussion_offsets)


def _events(kind: str, table: pa.Table | None, offsets: Offsets | None) -> Events | None:
    if table is None or offsets is None:
        return None
    try:
        return Events(table, offsets)
    except ValueError as error:
        raise ValueError(f"{kind}: {error}") from error
