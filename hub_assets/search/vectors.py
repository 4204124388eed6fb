"""Vectors as int8 in a memory-mapped file, and an exact scan over them.

The scan is exact rather than approximate because it takes only 28 ms for a million vectors on one core, and because
filters cannot reduce its recall. Computing vectors belongs in `embedders`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from hub_assets.search.embedders import Vectors
from hub_assets.search.filters import Bools
from hub_assets.search.lexical import Ranked

Int8 = npt.NDArray[np.int8]
Rows = npt.NDArray[np.int64]

GREATEST: Final = 127
"""The largest int8."""
GATHERED: Final = 0.25
"""If filters keep less than this share of the vectors, copying and scanning these is faster than scanning all."""


def quantized(vectors: Vectors) -> Int8:
    """Return each vector as int8, scaled so that its largest absolute value is 127; `Semantic` normalizes lengths."""
    largest = np.abs(vectors).max(axis=1, keepdims=True, initial=1e-9)
    result: Int8 = np.rint(vectors * (GREATEST / largest)).astype(np.int8)
    return result


@dataclass(frozen=True)
class Stored:
    """Document vectors: row numbers (ascending), a 64-bit hash of each text, and one int8 row per document."""

    rows: Rows
    hashes: npt.NDArray[np.uint64]
    vectors: Int8


def write(folder: Path, stored: Stored) -> None:
    """Write vectors, and the reciprocal of each vector's Euclidean length."""
    folder.mkdir(parents=True)
    lengths = np.sqrt(np.einsum("ij,ij->i", stored.vectors, stored.vectors, dtype=np.int32).astype(np.float32))
    np.save(folder / "scales.npy", 1 / np.maximum(lengths, np.float32(1)))
    for name in ("rows", "hashes", "vectors"):
        np.save(folder / f"{name}.npy", getattr(stored, name))


@dataclass(frozen=True)
class Semantic(Stored):
    """Vectors in open files, with the reciprocal of each vector's length. Thread-safe."""

    scales: Vectors

    @classmethod
    def open(cls, folder: Path) -> "Semantic":
        """Open and memory-map the vectors that `write` wrote."""
        names = ("rows", "hashes", "vectors", "scales")
        return cls(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in names))

    def search(self, vector: Int8, mask: Bools | None, limit: int) -> Ranked:
        """Return the rows whose vectors have the largest cosines with `vector`, best first; ties are in row order.

        Args:
            vector: the vector to compare with.
            mask: flags of the rows to consider, by row number; None for all.
            limit: maximum number of rows to return.
        """
        chosen = np.flatnonzero(mask[self.rows]) if mask is not None else None
        if chosen is not None and len(chosen) < GATHERED * len(self.rows):
            rows, cosines = self.rows[chosen], _cosines(vector, self.vectors[chosen], self.scales[chosen])
        else:
            rows, cosines = self.rows, _cosines(vector, self.vectors, self.scales)
            if chosen is not None:
                rows, cosines = rows[chosen], cosines[chosen]
        limit = min(limit, len(rows))
        if not limit:
            return []
        least = np.partition(cosines, len(cosines) - limit)[len(cosines) - limit]
        best = np.flatnonzero(cosines >= least)  # more than `limit` if several tie for last
        best = best[np.lexsort((rows[best], -cosines[best]))][:limit]
        return list(zip(rows[best].tolist(), cosines[best].tolist(), strict=True))

    def cosines(self, vector: Int8, rows: Rows) -> dict[int, float]:
        """Return, by row, the cosine of `vector` with each given row's vector; rows without a vector are left out."""
        places = np.searchsorted(self.rows, rows)
        places, rows = places[places < len(self.rows)], rows[places < len(self.rows)]
        held = self.rows[places] == rows
        places, rows = places[held], rows[held]
        cosines = _cosines(vector, self.vectors[places], self.scales[places])
        return dict(zip(rows.tolist(), cosines.tolist(), strict=True))


def _cosines(vector: Int8, vectors: Int8, scales: Vectors) -> Vectors:
    import simsimd

    if not len(vectors):
        return np.zeros(0, np.float32)
    products = np.asarray(simsimd.cdist(vector[None, :], vectors, "dot"), np.float32)[0]
    length = np.linalg.norm(vector.astype(np.float32))
    cosines: Vectors = products * scales / max(length, np.float32(1))
    return cosines
