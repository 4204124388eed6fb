"""A Hub's content as of one week: a table of repositories per type, and optionally histories, accounts and renames.

This module uses Arrow and numpy to find and sort rows and to prepare them for JSON. It creates Python objects only for
the rows that it serves. Building populations belongs in `replay` and `simulated`; access control belongs in `app`.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hub_assets.errors import UserError
from hub_assets.local_hub.columns import Indices, Lookup, whole
from hub_assets.local_hub.histories import Events, Histories
from hub_assets.vocabulary import REPO_TYPES, RepoType

JSON_COLUMNS: Final = frozenset(
    {
        *("baseModels", "cardData", "config", "evalResults", "gguf", "inferenceProviderMapping", "model-index"),
        *("resourceGroup", "runtime", "safetensors", "siblings", "transformersInfo", "widgetData"),
    }
)
"""Columns that hold JSON objects or lists; if such a column has strings, they are JSON text."""
DATE_COLUMNS: Final = frozenset({"createdAt", "lastModified"})
SPACES_SHOWN: Final = 100
"""Maximum number of Spaces the Hub lists for a model."""
_GATED: Final[dict[str | None, bool | str | None]] = {"false": False, "true": True}


class PopulationError(UserError):
    """The population does not exist or cannot be served; the message is one sentence for the user."""


class Repos:
    """The repositories of one type. Immutable: changing a row creates a new Repos.

    Args:
        table: one row per repository, with the API's fields as columns. `_id` and `id` are required; any other column
            may be missing, which means that it was not observed. Dates are strings (`2024-07-14T22:20:15.000Z`) or
            timestamps (UTC), `gated` is boolean or one of `false`, `auto`, `manual`, `true`; objects are structs or
            JSON text, and `cardData` is JSON text. Two columns are not API fields: `card` (the text of the repository's
            card without its card data) and `discussionsDisabled`.

    Raises:
        PopulationError: if a key column is missing, or contains nulls or duplicates.
    """

    def __init__(self, table: pa.Table) -> None:
        for name in ("_id", "id"):
            if name not in table.column_names:
                raise PopulationError(f"the column {name} is missing")
            if table[name].null_count or len(pc.unique(table[name])) != len(table):
                raise PopulationError(f"the column {name} contains duplicates or missing values")
            table = table.set_column(table.column_names.index(name), name, table[name].cast(pa.string()))
        # a column of type null has no values; like a missing column, it was not observed
        table = table.select([field.name for field in table.schema if not pa.types.is_null(field.type)])
        for position, name in enumerate(table.column_names):
            table = table.set_column(position, name, _normal(table[name], name))
        if "author" not in table.column_names:
            owner = pc.extract_regex(table["id"], "^(?P<owner>[^/]+)/")
            table = table.append_column("author", pc.struct_field(owner, [0]))
        self.table = table.combine_chunks()

    def __len__(self) -> int:
        return len(self.table)

    def find(self, repo_id: str) -> int | None:
        """Return the row of an id, or None if there is none; case matters."""
        return self._by_id.first(repo_id)

    def find_any_case(self, repo_id: str) -> int | None:
        """Return the row of an id, ignoring case, or None if there is none."""
        return self._by_id_any_case.first(repo_id)

    def count_of(self, author: str) -> int:
        """Return the number of repositories of an author."""
        return len(self._by_author.rows(author))

    def value(self, column: str, row: int) -> Any:
        """Return a single value, or None if it is missing."""
        return self.table[column][row].as_py() if column in self.table.column_names else None

    def with_change(self, row: int, values: Mapping[str, Any]) -> "Repos":
        """Return a copy with some of a row's values replaced; the new values must have the columns' types."""
        table = self.table
        for name, value in values.items():
            column = table[name]
            new = pa.array([value], column.type)
            chunks = [*column.slice(0, row).chunks, new, *column.slice(row + 1).chunks]
            table = table.set_column(table.column_names.index(name), name, pa.chunked_array(chunks, column.type))
        return Repos(table)

    def keys(self, sort: str) -> npt.NDArray[np.float64]:
        """Return each row's sort key as a number: a date as milliseconds since 1970, a missing key as NaN."""
        if sort not in self._keys:
            if sort not in self.table.column_names:
                numbers = np.full(len(self), math.nan)
            else:
                column = self.table[sort]
                if sort in DATE_COLUMNS:
                    column = column.cast(pa.timestamp("ms", "UTC")).cast(pa.int64())
                # beyond 2^53 adjacent integers collapse, which does not matter for sorting
                numbers = column.cast(pa.float64(), safe=False).to_numpy()
            self._keys[sort] = numbers
        return self._keys[sort]

    def ordered(
        self, sort: str, after: tuple[float, str] | None = None, mask: npt.NDArray[np.bool_] | None = None
    ) -> Indices:
        """Return rows in the Hub's order: sort key descending, then `_id` ascending, missing keys last.

        Args:
            sort: the column to sort by.
            after: the sort key (NaN if missing) and `_id` to start after; no such row needs to exist.
            mask: rows to include; all rows if None.
        """
        order, descending = self._order(sort)
        start = 0
        if after is not None:
            low, high = (int(np.searchsorted(descending, -after[0], side)) for side in ("left", "right"))
            start = low + int(np.searchsorted(self._keyset[order[low:high]], after[1].encode(), "right"))
        rest = order[start:]
        return rest if mask is None else rest[mask[rest]]

    def rows(self, positions: Indices, fields: Sequence[str]) -> list[dict[str, Any]]:
        """Return rows ready for JSON: `_id`, `id` and the known fields among `fields`, in that order."""
        known = set(self.table.column_names)
        names = [name for name in dict.fromkeys(("_id", "id", *fields)) if name in known]
        table = self.table.select(names)
        # slicing out a single row takes a tenth as long as `take`
        taken = table.slice(positions[0], 1) if len(positions) == 1 else table.take(pa.array(positions))
        columns = [_plain(whole(taken[name]), name) for name in names]
        if "private" in fields and "private" not in names:
            names.append("private")
            columns.append([False] * len(positions))
        if "modelId" in fields:
            names.append("modelId")
            columns.append(columns[1])
        return _dicts(names, columns)

    def has_item(self, column: str, item: str) -> npt.NDArray[np.bool_]:
        """Return a mask of rows whose list contains an item; all false if the column is missing."""
        mask = np.zeros(len(self), dtype=bool)
        if column in self.table.column_names:
            lists = whole(self.table[column])
            hits = pc.equal(pc.list_flatten(lists), item)
            mask[pc.list_parent_indices(lists).filter(hits).to_numpy()] = True
        return mask

    def where(self, column: str, test: Callable[[pa.ChunkedArray], pa.ChunkedArray]) -> npt.NDArray[np.bool_]:
        """Return a mask of rows that pass a test on a column; all false if the column is missing."""
        if column not in self.table.column_names:
            return np.zeros(len(self), dtype=bool)
        passed: npt.NDArray[np.bool_] = pc.fill_null(test(self.table[column]), False).to_numpy()
        return passed

    @cached_property
    def _by_id(self) -> Lookup:
        return Lookup(self.table["id"])

    @cached_property
    def _by_id_any_case(self) -> Lookup:
        return Lookup(self.table["id"], any_case=True)

    @cached_property
    def _by_author(self) -> Lookup:
        return Lookup(self.table["author"])

    @cached_property
    def _keyset(self) -> npt.NDArray[np.bytes_]:
        # bytes, because numpy strings take four bytes per character
        return np.asarray(self.table["_id"].cast(pa.binary()).to_numpy(), dtype=bytes)

    @cached_property
    def _keys(self) -> dict[str, npt.NDArray[np.float64]]:
        return {}

    @cached_property
    def _orders(self) -> dict[str, tuple[Indices, npt.NDArray[np.float64]]]:
        return {}

    def _order(self, sort: str) -> tuple[Indices, npt.NDArray[np.float64]]:
        if sort not in self._orders:
            descending = -self.keys(sort)
            order = np.lexsort((self._keyset, descending))
            self._orders[sort] = (order, descending[order])
        return self._orders[sort]


class Population:
    """A Hub's content as of one week.

    Args:
        identity: the population's name, the same in all its weeks.
        week: the Monday of the week.
        tables: repositories per type, see `Repos`; missing types have no repositories.
        accounts: users and organizations, or None if unknown: `_id`, `name`, `type` (`user` or `org`), `fullname`,
            `createdAt` (in the API's format), `isPro` (users), `isVerified` (organizations).
        members: memberships, or None if unknown: `org` and `user`, both names.
        renames: per type, old ids and the current ids they redirect to.
        authors: the authors that histories refer to by row number: `user` (the author string of a commit) and `avatar`
            (null if the author has no account).
        histories: per type, the histories of its repositories in row order; missing types have no histories.
        notes: caveats for users of the population, one sentence each.

    Raises:
        PopulationError: if a table cannot be served (see `Repos`), or histories do not match the repositories.
    """

    def __init__(
        self,
        identity: str,
        week: date,
        tables: Mapping[RepoType, pa.Table],
        *,
        accounts: pa.Table | None = None,
        members: pa.Table | None = None,
        renames: Mapping[RepoType, Mapping[str, str]] | None = None,
        authors: pa.Table | None = None,
        histories: Mapping[RepoType, Histories] | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        self.identity = identity
        self.notes = tuple(notes)
        self.week = week
        self.repos = {kind: _repos_of(kind, tables.get(kind)) for kind in REPO_TYPES}
        # in a single chunk, because taking a row from many chunks is slow
        self.accounts = None if accounts is None else accounts.combine_chunks()
        self.members = None if members is None else members.combine_chunks()
        self.renames = {kind: dict((renames or {}).get(kind, {})) for kind in REPO_TYPES}
        self._renames_any_case = {
            kind: {old.lower(): new for old, new in self.renames[kind].items()} for kind in REPO_TYPES
        }
        self.authors = authors
        self.histories = {kind: (histories or {}).get(kind, Histories()) for kind in REPO_TYPES}
        for kind, history in self.histories.items():
            for events in (history.commits, history.discussions):
                self._check(kind, events)
        self._usage: tuple[Repos, dict[str, int], pa.ListArray] | None = None

    def change(self, repo_type: RepoType, repo_id: str, **values: Any) -> None:
        """Change a repository while the population is being served.

        Raises:
            KeyError: if the repository or column does not exist.
        """
        row = self.repos[repo_type].find(repo_id)
        if row is None:
            raise KeyError(repo_id)
        self.repos[repo_type] = self.repos[repo_type].with_change(row, values)

    def redirect(self, repo_type: RepoType, repo_id: str) -> str | None:
        """Return the id that an unused id redirects to, or None."""
        renamed = self._renames_any_case[repo_type].get(repo_id.lower())
        if renamed is not None:
            return renamed
        repos = self.repos[repo_type]
        row = repos.find_any_case(repo_id)
        return None if row is None else str(repos.table["id"][row].as_py())

    def author(self, position: int) -> tuple[str, str | None]:
        """Return the name and avatar of an author in the histories."""
        users, avatars = self._authors
        return users[position].as_py(), avatars[position].as_py()

    def rows(
        self, repo_type: RepoType, repos: Repos, positions: Indices, fields: Sequence[str]
    ) -> list[dict[str, Any]]:
        """Return `repos.rows`, adding the Spaces that use each model if `fields` includes `spaces`."""
        rows = repos.rows(positions, fields)
        if repo_type == "model" and "spaces" in fields and "models" in self.repos["space"].table.column_names:
            for row in rows:
                row["spaces"] = self._spaces_of(row["id"])
        return rows

    @cached_property
    def accounts_by_name(self) -> Lookup:
        """Account rows by name, ignoring case."""
        assert self.accounts is not None
        return Lookup(self.accounts["name"], any_case=True)

    @cached_property
    def members_by(self) -> dict[str, Lookup]:
        """Membership rows by `org` and by `user`."""
        return {} if self.members is None else {side: Lookup(self.members[side]) for side in ("org", "user")}

    @cached_property
    def _authors(self) -> tuple[pa.Array, pa.Array]:
        assert self.authors is not None
        return whole(self.authors["user"]), whole(self.authors["avatar"])

    def _check(self, repo_type: RepoType, events: Events | None) -> None:
        if events is not None and events.n_repos != len(self.repos[repo_type]):
            raise PopulationError(
                f"there are {len(self.repos[repo_type])} {repo_type}s but histories of {events.n_repos}"
            )
        if events is not None and self.authors is None:
            raise PopulationError("histories require an author table")

    def _spaces_of(self, model_id: str) -> list[str]:
        spaces = self.repos["space"]
        if self._usage is None or self._usage[0] is not spaces:
            self._usage = (spaces, *self._find_usage(spaces))
        _, positions, lists = self._usage
        position = positions.get(model_id)
        return [] if position is None else lists[position].as_py()[:SPACES_SHOWN]

    def _find_usage(self, spaces: Repos) -> tuple[dict[str, int], pa.ListArray]:
        """Return a list of the Spaces that use each model, most liked first, and each list's position by model id."""
        order = spaces.ordered("likes")
        lists = spaces.table["models"].take(pa.array(order)).combine_chunks()
        named = pc.list_flatten(lists)
        old, new = (
            pa.array(side, pa.string()) for side in (self.renames["model"].keys(), self.renames["model"].values())
        )
        models = pc.coalesce(new.take(pc.index_in(named, value_set=old)), named)
        users = spaces.table["id"].take(pa.array(order)).take(pc.list_parent_indices(lists))
        usage = pa.table({"model": models, "space": users}).group_by("model", use_threads=False)
        grouped = usage.aggregate([("space", "list")])
        positions = dict(zip(grouped["model"].to_pylist(), range(len(grouped)), strict=True))
        return positions, grouped["space_list"].combine_chunks()


def _repos_of(repo_type: RepoType, table: pa.Table | None) -> Repos:
    nothing = pa.table({"_id": pa.array([], pa.string()), "id": pa.array([], pa.string())})
    try:
        return Repos(nothing if table is None else table)
    except PopulationError as error:
        raise PopulationError(f"{repo_type}s: {error}") from error


def key_value(sort: str, number: float) -> int | float | str | None:
    """Format a sort key as the API does: as a date, as a number without needless decimals, or as None for NaN."""
    if math.isnan(number):
        return None
    if sort in DATE_COLUMNS:
        moment = datetime.fromtimestamp(number / 1000, UTC)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"
    return int(number) if number.is_integer() else number


def key_number(sort: str, value: Any) -> float:
    """Parse a sort key in the API's format; the inverse of `key_value`.

    Raises:
        ValueError: if the value is not valid.
    """
    if value is None:
        return math.nan
    if sort in DATE_COLUMNS:
        moment = datetime.fromisoformat(str(value))
        if moment.tzinfo is None:  # would be parsed as local time
            raise ValueError(f"{value!r} has no time zone")
        return round(moment.timestamp() * 1000)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is not a number")
    return float(value)


def _normal(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Normalize a column: dates and `gated` become strings, NaN becomes null, and most dictionaries are decoded."""
    # long strings stay dictionary-encoded, so that repeated ones are stored only once
    if name == "card" or name in JSON_COLUMNS:
        return column
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_timestamp(column.type):
        # strftime takes ten times as long
        text = column.cast(pa.timestamp("ms"), safe=False).cast(pa.string())
        return pc.binary_join_element_wise(pc.binary_replace_slice(text, 10, 11, "T"), "Z", "")
    if name == "gated" and pa.types.is_boolean(column.type):
        return column.cast(pa.string())
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_nan(column), None, column)
    return column


def _plain(column: pa.Array, name: str) -> list[Any]:
    """Convert one column of a page to plain JSON values."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    values = python_values(column)
    if name in JSON_COLUMNS and pa.types.is_string(column.type):
        # parsing a whole page at once saves a third of the time
        parsed: list[Any] = json.loads(f"[{','.join('null' if text is None else text for text in values)}]")
        return parsed
    if name == "gated":
        return [_GATED.get(value, value) for value in values]
    if pa.types.is_floating(column.type):
        return [None if value is None else key_value(name, value) for value in values]
    return values


def python_values(array: pa.Array) -> list[Any]:
    """Convert an array to Python values: maps become dictionaries, and structs lose their null fields."""
    kind = array.type
    values: list[Any]
    if pa.types.is_map(kind):
        # gives the result of to_pylist with maps_as_pydicts in a seventh of the time
        values = [None if pairs is None else dict(pairs) for pairs in array.to_pylist()]
    elif pa.types.is_struct(kind):
        rows = _dicts([field.name for field in kind], [python_values(column) for column in array.flatten()])
        values = [row if valid else None for row, valid in zip(rows, array.is_valid().to_pylist(), strict=True)]
    elif pa.types.is_nested(kind) and pa.types.is_nested(kind.field(0).type):
        values = array.to_pylist(maps_as_pydicts="lossy")
    else:
        values = array.to_pylist()
    return values


def _dicts(names: list[str], columns: list[list[Any]]) -> list[dict[str, Any]]:
    """Return a dictionary per row, without None values."""
    rows: list[dict[str, Any]] = [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
    for name, values in zip(names, columns, strict=True):
        if None in values:
            for row, value in zip(rows, values, strict=True):
                if value is None:
                    del row[name]
    return rows
