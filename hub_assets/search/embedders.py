"""Embedders: from texts to vectors of their meaning."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]


class Embedder(Protocol):
    """Maps texts to unit vectors of `dimensions` numbers; similar meanings have a large dot product.

    `name` identifies the model: vectors of different names cannot be compared.
    """

    name: str
    dimensions: int

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one row per text."""
        ...
