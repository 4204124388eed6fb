"""Documents and an embedder for tests; the vectors of texts that share words point in similar directions."""

import re
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from hub_assets.search.documents import SCHEMA
from hub_assets.search.embedders import Vectors


def documents(*rows: dict[str, Any]) -> pa.Table:
    """Return documents; fields missing from a row are null."""
    unknown = dict.fromkeys(SCHEMA.names)
    full = [
        unknown
        | {"repo_type": "model", "namespace": row["repo_id"].split("/")[0], "has_card": "card_text" in row}
        | row
        for row in rows
    ]
    return pa.Table.from_pylist(full, SCHEMA)


class WordVectors:
    """Sums a random direction per word: fast, and the same in every process. Remembers the texts it embedded."""

    dimensions = 64

    def __init__(self, name: str = "word vectors") -> None:
        self.name = name
        self.texts: list[str] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.texts += texts
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        for row, text in enumerate(texts):
            for word in re.findall(r"\w+", text.lower()):
                vectors[row] += np.random.default_rng(zlib.crc32(word.encode())).normal(size=self.dimensions)
        lengths: Vectors = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        return vectors / lengths
