"""Chance in igraph, which has one generator for all: whoever wants the same draws again takes it for a while."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

import igraph

_TAKEN: Final = Lock()


@contextmanager
def igraph_draws_from(rng: random.Random) -> Iterator[None]:
    """Let igraph draw from these rng in the block, and from Python's own after it. Other threads wait to do so."""
    with _TAKEN:
        igraph.set_random_number_generator(rng)
        try:
            yield
        finally:
            igraph.set_random_number_generator(random)
