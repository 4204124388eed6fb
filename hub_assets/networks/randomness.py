"""Reproducible draws from igraph, whose random number generator is global."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

import igraph

_TAKEN: Final = Lock()


@contextmanager
def igraph_draws_from(rng: random.Random) -> Iterator[None]:
    """Make igraph draw from this generator within the block and from Python's own afterwards. Other threads wait."""
    with _TAKEN:
        igraph.set_random_number_generator(rng)
        try:
            yield
        finally:
            igraph.set_random_number_generator(random)
