"""Random numbers, computed as hashes of the seed, the purpose, and the entity they belong to.

Hashing keeps each repository the same from week to week, lets a week be built without the weeks before it, and makes
the order of draws irrelevant. Choosing what to draw for each entity belongs in the other modules.
"""

import hashlib
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)


class Rng:
    """The random numbers for one seed and one kind of entity."""

    def __init__(self, seed: int, kind: str) -> None:
        self._seed = seed
        self._kind = kind

    def bits(self, purpose: str, *whose: Ints | int) -> Bits:
        """Return 64 random bits for each row of entity numbers (splitmix64, chained)."""
        salt = hashlib.sha256(f"{self._seed} {self._kind} {purpose}".encode()).digest()
        mixed = np.full(np.broadcast_shapes(*(np.shape(number) for number in whose)), int.from_bytes(salt[:8], "big"))
        mixed = mixed.astype(np.uint64)
        for number in whose:
            mixed ^= np.asarray(number).astype(np.uint64)
            mix(mixed)
        return mixed

    def uniform(self, purpose: str, *whose: Ints | int) -> Floats:
        """Return a uniform number in (0, 1) for each entity."""
        return unit(self.bits(purpose, *whose))

    def normal(self, purpose: str, *whose: Ints | int) -> Floats:
        """Return a standard normal number for each entity."""
        numbers: Floats = ndtri(self.uniform(purpose, *whose))
        return numbers

    def happens(self, purpose: str, share: float | Floats, *whose: Ints | int) -> Flags:
        """Return a mask that is true for each entity with probability `share`."""
        happens: Flags = self.uniform(purpose, *whose) < share
        return happens

    def choice(self, purpose: str, weights: dict[str, float], *whose: Ints | int) -> Ints:
        """Return, for each entity, the index of a key drawn with the given weights."""
        edges = np.cumsum(list(weights.values())) / sum(weights.values())
        return np.searchsorted(edges, self.uniform(purpose, *whose)).astype(np.int64)


def mix(bits: Bits) -> None:
    """Scramble bits in place, one-to-one."""
    bits += _GOLDEN
    bits ^= bits >> np.uint64(30)
    bits *= _FIRST
    bits ^= bits >> np.uint64(27)
    bits *= _SECOND
    bits ^= bits >> np.uint64(31)


def unit(bits: Bits) -> Floats:
    """Convert bits to numbers in (0, 1)."""
    numbers = (bits >> np.uint64(12)).astype(np.float64)
    numbers += 0.5
    numbers /= 2.0**52
    return numbers
