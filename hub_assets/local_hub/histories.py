"""What happened to repositories, newest first: the commits and discussions of all repositories of one type.

Finds a repository's events in Arrow tables and hands out their values; there are millions, so that a Python object is
made only for what is asked for. What is answered about them belongs to `history_pages`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hub_assets.local_hub.columns import whole

Offsets = npt.NDArray[np.int64]


class Events:
    """Events of one kind.

    Args:
        table: one row per event, those of a repository side by side, newest first.
        offsets: where each repository's events start, and behind them the end of the last one's.

    Raises:
        ValueError: if the offsets do not lead through the whole table.
    """

    def __init__(self, table: pa.Table, offsets: Offsets) -> None:
        steps = np.diff(offsets)
        if not len(offsets) or offsets[0] != 0 or offsets[-1] != len(table) or (steps < 0).any():
            raise ValueError("the offsets do not lead through the whole table")
        # as arrays, whose slices are read in half the time that those of a table's columns take
        self._columns = {name: whole(table[name].unify_dictionaries()) for name in table.column_names}
        self._offsets = offsets

    @property
    def n_repos(self) -> int:
        """How many repositories these are events of."""
        return len(self._offsets) - 1

    def of(self, row: int) -> range:
        """Return the places of the events of the repository in a row."""
        return range(int(self._offsets[row]), int(self._offsets[row + 1]))

    def values(self, column: str, places: Sequence[int]) -> list[Any]:
        """Return what a column holds at some places, ready for JSON."""
        events = self._columns[column]
        side_by_side = isinstance(places, range) and len(places) > 0
        array = events.slice(places[0], len(places)) if side_by_side else events.take(pa.array(places, pa.int64()))
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        if pa.types.is_timestamp(array.type):
            dates = array.to_numpy().astype("datetime64[ms]")
            return list(np.datetime_as_string(dates, timezone="UTC").tolist())
        values = array.to_pylist()
        return [value.hex() for value in values] if pa.types.is_fixed_size_binary(array.type) else list(values)


class Histories:
    """The histories of all repositories of one type.

    Authors are places in the population's table of authors, and the repository in row i of its `Repos` has the events
    offsets[i]:offsets[i + 1] of a table. A table or offsets of None mean that events of this kind are not held.

    Args:
        commits: `id` (20 bytes, or their digits), `title`, `message`, `date`, `authors` (a list: the git author, then
            co-authors).
        commit_offsets: those of `commits`.
        discussions: `num`, `title`, `status` (`open`, `closed`, `merged`, `draft`), `isPullRequest`, `author` (null: a
            deleted user), `createdAt`, `numComments`.
        discussion_offsets: those of `discussions`.

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
        raise ValueError(f"of the {kind} {error}") from error
