"""The word index: BM25 over names, facts and cards, computed by tantivy and memory-mapped.

Each document is identified by its row number. Preparing texts belongs in `documents`; fusing scores belongs in
`index`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import tantivy

from hub_assets.search.documents import facts_of, names_of, spellings_of
from hub_assets.search.filters import Condition, Filters

FIELDS: Final = ("name", "facts", "card")
"""The text fields, all of which have the same weight."""
MOST_WORDS: Final = 64
"""Maximum number of query words to use; more would only take longer."""
HEAP_BYTES: Final = 256_000_000
"""Number of bytes of indexed words to hold in memory before writing a segment."""
BATCH: Final = 10_000
"""Number of documents to convert to Python objects at a time."""
_ID: Final = "id"
_EXACT: Final = ("namespace", "task", "library", "license_group", "languages")
_NUMBERS: Final = ("n_parameters", "likes", "downloads")
_ANALYZER: Final = (  # the same steps as in the tokenizer `en_stem`, which the text fields use
    tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    .filter(tantivy.Filter.remove_long(40))
    .filter(tantivy.Filter.lowercase())
    .filter(tantivy.Filter.stemmer("English"))
    .build()
)
Ranked = list[tuple[int, float]]
"""Row numbers with their scores, best first."""


def write(documents: pa.Table, folder: Path) -> None:
    """Write the index of a table of documents; a document's row number is its position."""
    folder.mkdir(parents=True)
    schema = _schema()
    index = tantivy.Index(schema, str(folder))
    # one thread, so that the same documents always give the same segments
    writer = index.writer(HEAP_BYTES, num_threads=1)
    table = pa.table(
        {
            _ID: spellings_of(documents),
            "name": names_of(documents),
            "facts": facts_of(documents),
            "card": documents["card_text"],
        }
        | {name: documents[name] for name in (*_EXACT, *_NUMBERS, "has_card")}
    )
    row = 0
    for batch in table.to_batches(max_chunksize=BATCH):
        # tantivy takes one document at a time
        for document in batch.to_pylist():
            values = {name: value for name, value in document.items() if value is not None}
            writer.add_document(tantivy.Document.from_dict(values | {"row": row}, schema))
            row += 1
    writer.commit()
    writer.wait_merging_threads()


@dataclass(frozen=True)
class Lexical:
    """An open word index. Thread-safe."""

    index: tantivy.Index

    @classmethod
    def open(cls, folder: Path) -> "Lexical":
        """Open an index that `write` created."""
        return cls(tantivy.Index.open(str(folder)))

    def search(self, text: str, filters: Filters, limit: int) -> Ranked:
        """Return the rows that match any word of the text, ranked by BM25; equal scores are in row order.

        A repeated word counts only once, and so do several words with the same stem.
        """
        schema = self.index.schema
        words = list(dict.fromkeys(_ANALYZER.analyze(text)))[:MOST_WORDS]
        # a single flat list of terms lets tantivy skip documents that cannot be among the best
        terms = [
            (tantivy.Occur.Should, tantivy.Query.term_query(schema, name, word, index_option="freq"))
            for word in words
            for name in FIELDS
        ]
        return self._ranked(tantivy.Query.boolean_query(terms), filters, limit) if terms else []

    def named(self, text: str, filters: Filters, limit: int) -> Ranked:
        """Return the rows whose id, with or without the namespace, equals the text, ignoring case."""
        query = tantivy.Query.term_query(self.index.schema, _ID, text.strip().lower(), index_option="basic")
        return self._ranked(tantivy.Query.const_score_query(query, 1.0), filters, limit)

    def _ranked(self, matching: tantivy.Query, filters: Filters, limit: int) -> Ranked:
        schema = self.index.schema
        narrowed = [(tantivy.Occur.Must, _query(schema, condition)) for condition in filters.conditions()]
        query = tantivy.Query.boolean_query([(tantivy.Occur.Must, matching), *narrowed]) if narrowed else matching
        searcher = self.index.searcher()
        hits = searcher.search(query, limit, count=False).hits
        rows = searcher.fast_field_values("row", [address for _, address in hits])
        return sorted(
            ((int(row), float(score)) for row, (score, _) in zip(rows, hits, strict=True) if row is not None),
            key=lambda hit: (-hit[1], hit[0]),
        )


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for name in FIELDS:
        builder.add_text_field(name, tokenizer_name="en_stem", index_option="freq")
    for name in (_ID, *_EXACT):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in _NUMBERS:
        builder.add_integer_field(name, indexed=True, fast=True)
    builder.add_boolean_field("has_card", indexed=True)
    builder.add_unsigned_field("row", fast=True)
    return builder.build()


def _query(schema: tantivy.Schema, condition: Condition) -> tantivy.Query:
    value: Any = condition.value
    if condition.is_lower is None:
        found = tantivy.Query.term_query(schema, condition.column, value, index_option="basic")
    else:
        low, high = (value, None) if condition.is_lower else (None, value)
        found = tantivy.Query.range_query(schema, condition.column, tantivy.FieldType.Integer, low, high)
    return tantivy.Query.const_score_query(found, 0.0)
