"""What a Hub holds in one week: a table of repositories per type, and perhaps histories, accounts and renames.

Looks rows up, puts them in order and makes them ready for JSON, with Arrow and numpy; a Python object is made only for
what is served. How a population comes about belongs to `replay` and `simulated`, who may see what to `app`.
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

from hub_assets.local_hub.columns import Indices, Lookup, whole
from hub_assets.local_hub.fields import REPO_TYPES, RepoType
from hub_assets.local_hub.histories import Events, Histories

JSON_COLUMNS: Final = frozenset(
    {
        *("baseModels", "cardData", "config", "evalResults", "gguf", "inferenceProviderMapping", "model-index"),
        *("resourceGroup", "runtime", "safetensors", "siblings", "transformersInfo", "widgetData"),
    }
)
"""Columns of objects; their strings are JSON."""
DATE_COLUMNS: Final = frozenset({"createdAt", "lastModified"})
SPACES_SHOWN: Final = 100
"""How many of the spaces that use a model the Hub names."""
_GATED: Final[dict[str | None, bool | str | None]] = {"false": False, "true": True}


class PopulationError(ValueError):
    """There is no such population, or it cannot be served; the message is one sentence for the user."""


class Repos:
    """The repositories of one type. Never changes: a changed row makes new Repos.

    Args:
        table: one row per repository; columns bear the API's names. `_id` and `id` are needed, any other column may
            be missing, which means that it was not observed. Dates are strings (`2024-07-14T22:20:15.000Z`) or
            timestamps (UTC), `gated` is boolean or one of `false`, `auto`, `manual`, `true`; objects are structs or
            JSON text, and `cardData` is the latter. Of no field of the API are `card` (the text of the model card,
            without what `cardData` says) and `discussionsDisabled`.

    Raises:
        PopulationError: if a key column is missing or has gaps or duplicates.
    """

    def __init__(self, table: pa.Table) -> None:
        for name in ("_id", "id"):
            if name not in table.column_names:
                raise PopulationError(f"the column {name} is missing")
            if table[name].null_count or len(pc.unique(table[name])) != len(table):
                raise PopulationError(f"the column {name} has duplicates or gaps")
            table = table.set_column(table.column_names.index(name), name, table[name].cast(pa.string()))
        # a column of nothing but nulls, which has no type, was not observed either
        table = table.select([field.name for field in table.schema if not pa.types.is_null(field.type)])
        for place, name in enumerate(table.column_names):
            table = table.set_column(place, name, _normal(table[name], name))
        if "author" not in table.column_names:
            owner = pc.extract_regex(table["id"], "^(?P<owner>[^/]+)/")
            table = table.append_column("author", pc.struct_field(owner, [0]))
        self.table = table.combine_chunks()

    def __len__(self) -> int:
        return len(self.table)

    def find(self, repo_id: str) -> int | None:
        """Return the row of an id, spelt exactly so."""
        return self._by_id.first(repo_id)

    def find_any_case(self, repo_id: str) -> int | None:
        """Return the row of an id, however its letters are cased."""
        return self._by_id_any_case.first(repo_id)

    def count_of(self, author: str) -> int:
        """Return how many repositories are an author's."""
        return len(self._by_author.rows(author))

    def value(self, column: str, row: int) -> Any:
        """Return one value; None if it is missing."""
        return self.table[column][row].as_py() if column in self.table.column_names else None

    def with_change(self, row: int, values: Mapping[str, Any]) -> "Repos":
        """Return these repositories with some values of one row replaced; values are as the columns hold them."""
        table = self.table
        for name, value in values.items():
            column = table[name]
            new = pa.array([value], column.type)
            chunks = [*column.slice(0, row).chunks, new, *column.slice(row + 1).chunks]
            table = table.set_column(table.column_names.index(name), name, pa.chunked_array(chunks, column.type))
        return Repos(table)

    def keys(self, sort: str) -> npt.NDArray[np.float64]:
        """Return each row's sort key as a number (dates: milliseconds since 1970), NaN where it is missing."""
        if sort not in self._keys:
            if sort not in self.table.column_names:
                numbers = np.full(len(self), math.nan)
            else:
                column = self.table[sort]
                if sort in DATE_COLUMNS:
                    column = column.cast(pa.timestamp("ms", "UTC")).cast(pa.int64())
                # beyond 2^53 neighboring integers compare equal, which is harmless to the order
                numbers = column.cast(pa.float64(), safe=False).to_numpy()
            self._keys[sort] = numbers
        return self._keys[sort]

    def ordered(
        self, sort: str, after: tuple[float, str] | None = None, mask: npt.NDArray[np.bool_] | None = None
    ) -> Indices:
        """Return rows in the Hub's order: the sort key descending, then `_id` ascending, missing keys last.

        Args:
            sort: the column to sort by.
            after: key (NaN: missing) and `_id` that the rows come after; they need not be any row's.
            mask: which rows take part; all if None.
        """
        order, descending = self._order(sort)
        start = 0
        if after is not None:
            low, high = (int(np.searchsorted(descending, -after[0], side)) for side in ("left", "right"))
            start = low + int(np.searchsorted(self._keyset[order[low:high]], after[1].encode(), "right"))
        rest = order[start:]
        return rest if mask is None else rest[mask[rest]]

    def rows(self, places: Indices, fields: Sequence[str]) -> list[dict[str, Any]]:
        """Return rows ready for JSON: `_id`, `id` and those of `fields` that are known, in that order."""
        known = set(self.table.column_names)
        names = [name for name in dict.fromkeys(("_id", "id", *fields)) if name in known]
        table = self.table.select(names)
        # one row is sliced in a tenth of the time
        taken = table.slice(places[0], 1) if len(places) == 1 else table.take(pa.array(places))
        columns = [_plain(whole(taken[name]), name) for name in names]
        if "private" in fields and "private" not in names:
            names.append("private")
            columns.append([False] * len(places))
        if "modelId" in fields:
            names.append("modelId")
            columns.append(columns[1])
        return _dicts(names, columns)

    def has_item(self, column: str, item: str) -> npt.NDArray[np.bool_]:
        """Return which rows' lists in a column hold an item; none if there is no such column."""
        mask = np.zeros(len(self), dtype=bool)
        if column in self.table.column_names:
            lists = whole(self.table[column])
            hits = pc.equal(pc.list_flatten(lists), item)
            mask[pc.list_parent_indices(lists).filter(hits).to_numpy()] = True
        return mask

    def where(self, column: str, test: Callable[[pa.ChunkedArray], pa.ChunkedArray]) -> npt.NDArray[np.bool_]:
        """Return which rows pass a test of a column; none where it is missing."""
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
        # as bytes, because numpy's own strings take four bytes a letter
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
    """What a Hub holds in one week.

    Args:
        identity: the population's name; weeks of one population share it.
        week: its Monday.
        tables: repositories per type, see `Repos`; a type that is missing has none.
        accounts: users and organisations, or None where they are not held: `_id`, `name`, `type` (`user` or `org`),
            `fullname`, `createdAt` (as the API writes it), `isPro` (users), `isVerified` (organisations).
        members: who belongs to what, or None: `org` and `user`, both names.
        renames: per type, old ids and the ids that they lead to now.
        authors: whom histories name, by place: `user` (what a commit says) and `avatar` (null for who has no account).
        histories: per type, the histories of its repositories, in the order of their rows; a type that is missing
            has none.
        notes: what people should know of it before they use it, a sentence each.

    Raises:
        PopulationError: if a table cannot be served, see `Repos`, or histories do not fit the repositories.
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
        # in one piece, because a row is slowly taken from many
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
        """Change a repository while it is being served.

        Raises:
            KeyError: if there is no such repository or no such column.
        """
        row = self.repos[repo_type].find(repo_id)
        if row is None:
            raise KeyError(repo_id)
        self.repos[repo_type] = self.repos[repo_type].with_change(row, values)

    def redirect(self, repo_type: RepoType, repo_id: str) -> str | None:
        """Return where an id leads that is not any repository's own, or None."""
        renamed = self._renames_any_case[repo_type].get(repo_id.lower())
        if renamed is not None:
            return renamed
        repos = self.repos[repo_type]
        row = repos.find_any_case(repo_id)
        return None if row is None else str(repos.table["id"][row].as_py())

    def author(self, place: int) -> tuple[str, str | None]:
        """Return the name and the avatar of one whom histories name."""
        users, avatars = self._authors
        return users[place].as_py(), avatars[place].as_py()

    def rows(self, repo_type: RepoType, repos: Repos, places: Indices, fields: Sequence[str]) -> list[dict[str, Any]]:
        """Return `repos.rows`, and for models the spaces that use them, if `fields` has them."""
        rows = repos.rows(places, fields)
        if repo_type == "model" and "spaces" in fields and "models" in self.repos["space"].table.column_names:
            for row in rows:
                row["spaces"] = self._spaces_of(row["id"])
        return rows

    @cached_property
    def accounts_by_name(self) -> Lookup:
        """The rows of accounts, however their names' letters are cased."""
        assert self.accounts is not None
        return Lookup(self.accounts["name"], any_case=True)

    @cached_property
    def members_by(self) -> dict[str, Lookup]:
        """The rows of members by `org` and by `user`."""
        return {} if self.members is None else {side: Lookup(self.members[side]) for side in ("org", "user")}

    @cached_property
    def _authors(self) -> tuple[pa.Array, pa.Array]:
        assert self.authors is not None
        return whole(self.authors["user"]), whole(self.authors["avatar"])

    def _check(self, repo_type: RepoType, events: Events | None) -> None:
        if events is not None and events.n_repos != len(self.repos[repo_type]):
            raise PopulationError(
                f"there are {len(self.repos[repo_type])} {repo_type}s, but histories of {events.n_repos}"
            )
        if events is not None and self.authors is None:
            raise PopulationError("histories need a table of authors")

    def _spaces_of(self, model_id: str) -> list[str]:
        spaces = self.repos["space"]
        if self._usage is None or self._usage[0] is not spaces:
            self._usage = (spaces, *self._find_usage(spaces))
        _, places, lists = self._usage
        place = places.get(model_id)
        return [] if place is None else lists[place].as_py()[:SPACES_SHOWN]

    def _find_usage(self, spaces: Repos) -> tuple[dict[str, int], pa.ListArray]:
        """Return, for the models that spaces name, each one's place in a list of lists of spaces, most liked first."""
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
        places = dict(zip(grouped["model"].to_pylist(), range(len(grouped)), strict=True))
        return places, grouped["space_list"].combine_chunks()


def _repos_of(repo_type: RepoType, table: pa.Table | None) -> Repos:
    nothing = pa.table({"_id": pa.array([], pa.string()), "id": pa.array([], pa.string())})
    try:
        return Repos(nothing if table is None else table)
    except PopulationError as error:
        raise PopulationError(f"of the {repo_type}s {error}") from error


def key_value(sort: str, number: float) -> int | float | str | None:
    """Return a sort key's number as the API writes it: a date, a number without needless decimals, None for NaN."""
    if math.isnan(number):
        return None
    if sort in DATE_COLUMNS:
        moment = datetime.fromtimestamp(number / 1000, UTC)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"
    return int(number) if number.is_integer() else number


def key_number(sort: str, value: Any) -> float:
    """Return the number of a sort key as the API writes it; the inverse of `key_value`.

    Raises:
        ValueError: if it is not such a value.
    """
    if value is None:
        return math.nan
    if sort in DATE_COLUMNS:
        moment = datetime.fromisoformat(str(value))
        if moment.tzinfo is None:  # it would be read as this machine's local time
            raise ValueError(f"{value!r} has no time zone")
        return round(moment.timestamp() * 1000)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is not a number")
    return float(value)


def _normal(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Return a column with dates and `gated` as strings, and without NaN and dictionaries."""
    if name == "card":  # is long, so that the same text is better held once
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
    """Return a page's values of a column as JSON has them."""
    values = python_values(column)
    if name in JSON_COLUMNS and pa.types.is_string(column.type):
        # all of a page at once takes a third less time than one by one
        parsed: list[Any] = json.loads(f"[{','.join('null' if text is None else text for text in values)}]")
        return parsed
    if name == "gated":
        return [_GATED.get(value, value) for value in values]
    if pa.types.is_floating(column.type):
        return [None if value is None else key_value(name, value) for value in values]
    return values


def python_values(array: pa.Array) -> list[Any]:
    """Return an array's values as Python's: maps as dictionaries, and structs without what is null in them."""
    kind = array.type
    values: list[Any]
    if pa.types.is_map(kind):
        # what to_pylist does with maps_as_pydicts, in a seventh of the time
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
    """Return a dictionary for each row of some columns, without what is None."""
    rows: list[dict[str, Any]] = [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
    for name, values in zip(names, columns, strict=True):
        if None in values:
            for row, value in zip(rows, values, strict=True):
                if value is None:
                    del row[name]
    return rows
