"""The search index of one week: written once, then memory-mapped by any number of readers.

Each repository type has a folder with its documents, word index and vectors. Storing and searching words belongs in
`lexical`; storing and comparing vectors belongs in `vectors`.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hub_assets.errors import UserError
from hub_assets.scratch import scratch
from hub_assets.search import lexical, vectors
from hub_assets.search.documents import SCHEMA, facts_of, meanings_of, names_of
from hub_assets.search.embedders import Embedder, available_embedder
from hub_assets.search.filters import Filters, mask_of
from hub_assets.search.lexical import Lexical, Ranked
from hub_assets.search.vectors import Int8, Semantic, Stored
from hub_assets.vocabulary import REPO_TYPES, RepoType

Method = Literal["lexical", "semantic", "fused"]
METHODS: Final[tuple[Method, ...]] = ("lexical", "semantic", "fused")
NO_FILTERS: Final = Filters()
SNIPPET: Final = 300
"""Maximum number of characters from the card in a hit."""
CANDIDATES: Final = 100
"""Minimum number of hits from each method to consider when fusing."""
WORDS: Final = 0.1
"""Weight of words in a fused score; the rest is the weight of meaning. Of 0.1, 0.2, 0.3, 0.5 and 0.7, this weight
performed best on 52 queries over real cards. On 52 other queries, the nDCG@10 of fused scores was 0.04 higher than that
of meaning alone (95% interval -0.01 to 0.09) and 0.21 higher than that of words alone."""
BATCH: Final = 10_000
"""Number of texts to hold in memory while embedding."""


class IndexMissing(UserError):
    """The folder has no index."""


class UnknownRepository(UserError):
    """The index does not contain the repository."""


@dataclass(frozen=True)
class IndexSummary:
    """The contents of an index.

    Args:
        n_documents, n_with_card, n_with_vector: number of documents in all, with a card, and with a vector.
        n_embedded: number of texts embedded for this index; all other vectors come from the previous index.
        n_bytes: size of the files.
    """

    n_documents: int
    n_with_card: int
    n_with_vector: int
    n_embedded: int
    n_bytes: int


@dataclass(frozen=True)
class Hit:
    """A search result: its score (comparable only within one search), whether it has a card, and the start of the card.

    `has_card` is None if the card was never requested. The snippet is untrusted plain text from the Hub.
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
    """Write the index of a table of documents. Once complete, the index replaces the folder.

    Args:
        documents: rows of `documents.SCHEMA` to index, in any order.
        folder: where to put the index.
        previous: an earlier index; documents whose text has not changed reuse its vectors.
        embedder: computes the vectors of documents with card text; None for an index of words alone.
        most_embedded: maximum number of texts to embed, shared equally among the repository types; whatever one type
            leaves unused goes to the others. The most downloaded repositories come first, and later builds embed the
            rest. None for no limit.
    """
    documents = documents.select(SCHEMA.names).cast(SCHEMA)
    beside = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    known = None if embedder is None else _vectors_in(previous, embedder)
    n_with_vector = n_embedded = 0
    tables = {repo_type: documents.filter(pc.equal(documents["repo_type"], repo_type)) for repo_type in REPO_TYPES}
    # smallest type first, so that larger types can use what smaller ones leave of their share of `most_embedded`
    for place, (repo_type, table) in enumerate(sorted(tables.items(), key=lambda item: len(item[1]))):
        # the most downloaded first, because results with equal scores are returned in this order
        keys = [("downloads", "descending"), ("likes", "descending"), ("repo_id", "ascending")]
        table = table.sort_by(keys).combine_chunks()
        part = beside / repo_type
        lexical.write(table, part / "words")
        if embedder is not None:
            left = None if most_embedded is None else (most_embedded - n_embedded) // (len(tables) - place)
            stored, n_new = _embedded(table, known and known / repo_type / "vectors", embedder, left)
            vectors.write(part / "vectors", stored)
            n_with_vector, n_embedded = n_with_vector + len(stored.rows), n_embedded + n_new
        with pa.OSFile(str(part / "documents.arrow"), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
    summary = IndexSummary(
        n_documents=len(documents),
        n_with_card=pc.sum(documents["has_card"]).as_py() or 0,
        n_with_vector=n_with_vector,
        n_embedded=n_embedded,
        n_bytes=sum(file.stat().st_size for file in beside.rglob("*") if file.is_file()),
    )
    about = {"embedder": None if embedder is None else embedder.name, "summary": asdict(summary)}
    (beside / "index.json").write_text(json.dumps(about), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    beside.rename(folder)
    return summary


class Index:
    """An index, memory-mapped. Thread-safe.

    Args:
        folder: where `build` wrote the index.
        embedder: the embedder that computed the index's vectors; None to search by words alone.
    """

    def __init__(self, folder: Path, embedder: Embedder | None) -> None:
        self._embedder = embedder
        self._parts = {repo_type: _Part(folder / repo_type) for repo_type in REPO_TYPES}

    @classmethod
    def open(cls, folder: Path, *, embedder: Embedder | None = None) -> "Index":
        """Open an index.

        Args:
            folder: where `build` wrote the index.
            embedder: by default, the embedder that `available_embedder` returns. If it did not compute the index's
                vectors, searches use words alone.

        Raises:
            IndexMissing: if the folder has no index.
            EmbedderError: if HUB_ASSETS_EMBEDDER cannot be used.
        """
        about = _about(folder)
        if about is None:
            raise IndexMissing(f"There is no search index in {folder}; materialize search__index")
        if about["embedder"] is not None:
            embedder = embedder or available_embedder()
        return cls(folder, embedder if embedder and embedder.name == about["embedder"] else None)

    def search(
        self, query: str, *, repo_type: RepoType, k: int, filters: Filters = NO_FILTERS, method: Method | None = None
    ) -> list[Hit]:
        """Return the k best documents for a query, best first, after any documents whose name equals the query.

        Every text is a valid query.

        Args:
            query: what the repository should be able to do, or its name.
            repo_type: what to search.
            k: maximum number of results.
            filters: conditions for every result.
            method: how to rank; fused by default. Without an embedder, all methods are lexical.
        """
        part = self._parts[repo_type]
        ranked = self._ranked(part, query, k, filters, method)
        named = part.words.named(query, filters, k)
        rows = {row for row, _ in named}
        best = ranked[0][1] if ranked else 1.0
        return part.hits([*((row, best) for row, _ in named), *(hit for hit in ranked if hit[0] not in rows)][:k])

    def _ranked(self, part: "_Part", query: str, k: int, filters: Filters, method: Method | None) -> Ranked:
        if self._embedder is None or method == "lexical":
            return part.words.search(query, filters, k)
        [vector] = vectors.quantized(self._embedder.embed([query]))
        mask = mask_of(filters, part.documents)
        if method == "semantic":
            return part.vectors.search(vector, mask, k)
        depth = max(k, CANDIDATES)
        by_words, by_meaning = part.words.search(query, filters, depth), part.vectors.search(vector, mask, depth)
        cosines = part.vectors.cosines(vector, np.array([row for row, _ in by_words], np.int64)) | dict(by_meaning)
        return fused(by_words, cosines, by_meaning[-1][1] if by_meaning else 0.0)

    def similar(self, repo_id: str, *, repo_type: RepoType, k: int, filters: Filters = NO_FILTERS) -> list[Hit]:
        """Return the k documents most similar to a given one, by its vector, or by its words if it has no vector.

        Raises:
            UnknownRepository: if the index does not contain the given document.
        """
        part = self._parts[repo_type]
        row = part.row_of(repo_id)
        if row is None:
            raise UnknownRepository(f"The search index has no {repo_type} {repo_id}")
        vector = part.vector_of(row)
        if vector is None:
            found = part.words.search(part.words_of(row), filters, k + 1)
        else:
            found = part.vectors.search(vector, mask_of(filters, part.documents), k + 1)
        return part.hits([hit for hit in found if hit[0] != row][:k])


def fused(by_words: Ranked, cosines: Mapping[int, float], default: float) -> Ranked:
    """Return, for each document, the weighted mean of its cosine and of its share of the best BM25 score.

    The share has the weight `WORDS`. A document without a vector gets the cosine `default`, so that a repository
    without a card can still be found by name.
    """
    best = by_words[0][1] if by_words else 1.0
    shares = {row: score / best for row, score in by_words}
    scores = {
        row: (1 - WORDS) * cosines.get(row, default) + WORDS * shares.get(row, 0.0) for row in shares.keys() | cosines
    }
    return sorted(scores.items(), key=lambda hit: (-hit[1], hit[0]))


class _Part:
    """The index of one repository type; opens its files on first use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def documents(self) -> pa.Table:
        with pa.memory_map(str(self._folder / "documents.arrow")) as file:
            return pa.ipc.open_file(file).read_all()

    @cached_property
    def words(self) -> Lexical:
        return Lexical.open(self._folder / "words")

    @cached_property
    def vectors(self) -> Semantic:
        return Semantic.open(self._folder / "vectors")

    def row_of(self, repo_id: str) -> int | None:
        ids = self.documents["repo_id"]
        if "/" not in repo_id:  # `named` would also return `namespace/name` for every namespace
            row: int = pc.index(ids, repo_id).as_py()
            return None if row < 0 else row
        named = self.words.named(repo_id, NO_FILTERS, CANDIDATES)
        return next((row for row, _ in named if ids[row].as_py() == repo_id), None)

    def vector_of(self, row: int) -> Int8 | None:
        if not (self._folder / "vectors").exists():
            return None
        rows = self.vectors.rows
        position = int(np.searchsorted(rows, row))
        return self.vectors.vectors[position] if position < len(rows) and rows[position] == row else None

    def words_of(self, row: int) -> str:
        one = self.documents.slice(row, 1)
        name, facts = (texts(one)[0].as_py() for texts in (names_of, facts_of))
        return f"{name} {facts} {one['card_text'][0].as_py() or ''}"

    def hits(self, ranked: Ranked) -> list[Hit]:
        found = (
            self.documents.select(["repo_id", "has_card", "card_text"])
            .take(pa.array([row for row, _ in ranked], pa.int64()))
            .to_pylist()
        )
        return [
            Hit(one["repo_id"], score, one["has_card"], (one["card_text"] or "")[:SNIPPET])
            for one, (_, score) in zip(found, ranked, strict=True)
        ]


def _embedded(documents: pa.Table, previous: Path | None, embedder: Embedder, most: int | None) -> tuple[Stored, int]:
    """Return the vectors of documents with card text, and how many of them were newly embedded."""
    texts = meanings_of(documents)
    table = pa.table({"row": np.arange(len(texts)), "text": texts}).filter(pc.is_valid(texts))
    with scratch() as connection:
        connection.register("texts", table)
        numbers = connection.sql("select md5_number_lower(text) as hash from texts").fetchnumpy()["hash"]
    hashes = numbers.astype(np.uint64)
    rows = table["row"].to_numpy()
    values = np.zeros((len(rows), embedder.dimensions), np.int8)
    is_known = np.zeros(len(rows), np.bool_)
    if previous is not None and len((known := Semantic.open(previous)).hashes):
        order = np.argsort(known.hashes)
        found = order[np.searchsorted(known.hashes, hashes, sorter=order).clip(max=len(order) - 1)]
        is_known = known.hashes[found] == hashes
        values[is_known] = known.vectors[found[is_known]]
    new = np.flatnonzero(~is_known)[:most]
    for start in range(0, len(new), BATCH):
        positions = new[start : start + BATCH]
        values[positions] = vectors.quantized(embedder.embed(table["text"].take(positions).to_pylist()))
    has_vector = is_known
    has_vector[new] = True
    return Stored(rows[has_vector], hashes[has_vector], values[has_vector]), len(new)


def _vectors_in(folder: Path | None, embedder: Embedder) -> Path | None:
    """Return the folder of an earlier index, or None if it does not exist or has no vectors from this embedder."""
    about = None if folder is None else _about(folder)
    return folder if about is not None and about["embedder"] == embedder.name else None


def _about(folder: Path) -> dict[str, Any] | None:
    try:
        about: dict[str, Any] = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return about
