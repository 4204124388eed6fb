"""Definitions of raw tables: their rows, and how to collect them. The tables themselves belong in `hub.sources`.

Listings have one row per repository and use the API's own names. Response tables have one row per response. The row
contains the question, how the request ended (the response log), and the data.
"""

from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final, Protocol

import pyarrow as pa

from hub_assets.hub.collect import response_log
from hub_assets.hub.collect.response_log import Row
from hub_assets.hub.collect.selection import EVERYTHING, Selection
from hub_assets.hub.http.client import HubClient
from hub_assets.lake.parts import Lake
from hub_assets.vocabulary import Bucket, RepoType

TIME: Final = pa.timestamp("us")
BATCH: Final = 1_000
"""Number of questions that a plan turns into Python objects at a time."""


@dataclass(frozen=True)
class ListingTable:
    """The listing of a repository type.

    Args:
        repo_type: the repository type that the listing covers.
        fields: the `expand` names to request, with their column types.
        json_fields: the fields to store as JSON text because their shape may change.
    """

    repo_type: RepoType
    fields: dict[str, pa.DataType]
    json_fields: frozenset[str]

    @property
    def name(self) -> str:
        """The table's name."""
        return f"raw_hub__{self.repo_type}s"

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema: one row per snapshot date and repository.

        `extra` is a JSON object with the fields that have no column and the values that do not fit their column's type.
        It is null if the row has neither.
        """
        return pa.schema(
            [
                pa.field("snapshot_date", pa.date32(), nullable=False),
                pa.field("observed_at", TIME, nullable=False),
                pa.field("_id", pa.string(), nullable=False),
                pa.field("id", pa.string()),
                *(pa.field(name, kind) for name, kind in self.fields.items()),
                pa.field("extra", pa.string()),
            ]
        )


@dataclass(frozen=True)
class PlanRequest:
    """The input for a plan.

    Args:
        lake: the data so far, including the parts of an unfinished landing.
        snapshot_date: the week.
        selection: which repositories to cover, and after how many weeks to ask again.
        first: what the table's `first` query returned; empty if the query was not run.
    """

    lake: Lake
    snapshot_date: date
    selection: Selection = EVERYTHING
    first: pa.Array = field(default_factory=lambda: pa.array([], pa.string()))

    def files(self, table: str) -> list[Path]:
        """Return a table's files up to this week, including the parts of an unfinished landing."""
        earlier = [week for week in self.lake.weeks(table) if week < self.snapshot_date]
        return [file for week in earlier for file in self.lake.files(table, week)] + self.lake.files_so_far(
            table, self.snapshot_date
        )


class Questions(Sized, Iterable[Any], Protocol):
    """The remaining questions of a week, in order."""

    def summary(self) -> dict[str, Any]:
        """Return a summary of the remaining questions for the manifest; it contains at least `is_complete`."""
        ...


@dataclass(frozen=True)
class Lookup:
    """A question about a single string."""

    text: str
    kind: str
    has_failed: bool = False


@dataclass(frozen=True)
class Lookups:
    """Questions of one kind about strings, in order."""

    texts: pa.Array
    kind: str

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[Lookup]:
        for start in range(0, len(self), BATCH):
            yield from (Lookup(text, self.kind) for text in self.texts[start : start + BATCH].to_pylist())

    def summary(self) -> dict[str, Any]:
        """Return `is_complete` and `n_left`, the number of questions left."""
        return {"is_complete": not len(self), "n_left": len(self)}


@dataclass(frozen=True)
class ResponseTable:
    """The definition of a response table: everything that distinguishes it from the other response tables.

    Args:
        name: the table's name.
        columns: the columns that follow the response log's columns, with their types.
        label: what the questions are about, as shown in a terminal.
        plan: returns the remaining questions.
        ask: sends the requests for a question and yields one row per response; see `crawl.crawl`.
        position: its rank in a run: tables with smaller numbers are collected first.
        budget_share: its share of a run's budget. The table may also use whatever earlier tables leave unused.
        reads: tables that must be collected or built before it.
        first: a SELECT on the build database that returns what to ask about first, in order; `$week` is the week.
        is_suspect: whether a response may be about the Hub rather than the question; see `crawl.crawl`.
        rounds: maximum number of times to plan and crawl; more than 1 if responses can raise further questions.
        bucket: which of the Hub's rate limits its requests count against.
    """

    name: str
    columns: dict[str, pa.DataType]
    label: str
    plan: Callable[[PlanRequest], Questions]
    ask: Callable[[HubClient, Any], Iterator[Row]]
    position: int
    budget_share: float
    reads: tuple[str, ...]
    first: str | None = None
    is_suspect: Callable[[Row], bool] = response_log.is_suspect
    rounds: int = 1
    bucket: Bucket = "api"

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema: one row per response."""
        columns = response_log.COLUMNS | self.columns
        return pa.schema(
            [
                pa.field("snapshot_date", pa.date32(), nullable=False),
                *(pa.field(name, kind, nullable=name != "observed_at") for name, kind in columns.items()),
            ]
        )


RawTable = ListingTable | ResponseTable
