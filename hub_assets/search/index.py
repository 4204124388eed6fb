"""The index of one week: written once, then opened memory-mapped by any number of readers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import pyarrow as pa

from hub_assets.search.embedders import Embedder
from hub_assets.search.filters import Filters
from hub_assets.vocabulary import RepoType

Method = Literal["lexical", "semantic", "fused"]
NO_FILTERS: Final = Filters()


@dataclass(frozen=True)
class IndexSummary:
    """What an index holds: documents, how many have a card and a vector, how many were embedded now, and its bytes."""

    n_documents: int
    n_with_card: int
    n_with_vector: int
    n_embedded: int
    n_bytes: int


@dataclass(frozen=True)
class Hit:
    """A found repository: its score (comparable within one search only), whether it has a card, and its card's start.

    `has_card` is null if the card has not been asked for.
    """

    repo_id: str
    score: float
    has_card: bool | None
    snippet: str


def build(
    documents: pa.Table,
    folder: Path,
    *,
    previous: Path | None = None,
    embedder: Embedder | None = None,
    most_embedded: int | None = None,
) -> IndexSummary:
    """Write the index of a table of documents (`documents.SCHEMA`), replacing the folder at the end.

    Args:
        documents: what to index, in any order.
        folder: where the index will be.
        previous: an earlier index; documents whose text is the same keep their vectors from there.
        embedder: computes vectors of documents with a card; None for an index of words alone.
        most_embedded: how many texts to embed at most, most downloaded first; the rest waits for a later build.
    """
    raise NotImplementedError


class Index:
    """An index, memory-mapped. Thread-safe."""

    @classmethod
    def open(cls, folder: Path, *, embedder: Embedder | None = None) -> "Index":
        """Open an index.

        Args:
            folder: where `build` wrote it.
            embedder: the one that built it. By default the bundled one if it is installed; without it, or if another
                built the index, searches use words alone, and `similar` still works.

        Raises:
            IndexMissing: (a UserError) if there is no index.
        """
        raise NotImplementedError

    def search(
        self, query: str, *, repo_type: RepoType, k: int, filters: Filters = NO_FILTERS, method: Method | None = None
    ) -> list[Hit]:
        """Return the best k documents for a query, best first; any text is a valid query."""
        raise NotImplementedError

    def similar(self, repo_id: str, *, repo_type: RepoType, k: int, filters: Filters = NO_FILTERS) -> list[Hit]:
        """Return the k documents most similar to one, without it.

        Raises:
            UnknownRepository: (a UserError) if the index does not have it.
        """
        raise NotImplementedError
