"""Identities of authors in the simulated Hub: codes for author strings, and the answer key.

A code is four times a person's number plus a form: 0 for the account's name, 1 and 2 for the other names that the
person may use in git. Bots have negative codes. The names are generated in `people`.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hub_assets.local_hub.simulated import text
from hub_assets.local_hub.simulated.people import BOTS, People
from hub_assets.local_hub.simulated.rng import Ints

NOBODY: Final = np.iinfo(np.int64).max
"""Code of a discussion author whose account was deleted."""


def bot(name: str) -> int:
    """Return the code of a bot."""
    return -1 - BOTS.index(name)


@dataclass(frozen=True)
class Authors:
    """Everyone who appears in a history.

    `table` is served; it contains `user` and `avatar` (null for authors without a linked account). `key`, with its rows
    in the same order, is never served; it contains `user`, `person` (null for bots) and `is_bot`.
    """

    codes: Ints
    table: pa.Table
    key: pa.Table

    def rows(self, codes: Ints) -> pa.Array:
        """Return the row of `table` for each code; null for NOBODY."""
        return pc.index_in(pa.array(codes), value_set=pa.array(self.codes))


def authors_of(people: People, codes: Ints, now: int) -> Authors:
    """Build the author tables from the codes that appear in histories."""
    codes = np.unique(codes[codes != NOBODY])
    bots, others = codes[codes < 0], codes[codes >= 0]
    persons, forms = others // 4, others % 4
    called = people.handles(persons, now)
    for form in (1, 2):
        some = np.flatnonzero(forms == form)
        position = np.full(len(persons), -1)
        position[some] = np.arange(len(some))
        aliases = people.aliases(persons[some], form - 1).take(pa.array(position, mask=position < 0))
        called = text.where(forms == form, aliases, called)
    users = pa.concat_arrays([text.of(BOTS, -1 - bots), called])
    linked = np.append((bots != bot("system")) & (bots > bot("github-actions[bot]")), forms == 0)
    table = pa.table({"user": users, "avatar": text.where(linked, text.joined("/avatars/", users, ".svg"))})
    person = pa.concat_arrays([pa.nulls(len(bots), pa.int64()), pa.array(persons)])
    key = pa.table({"user": users, "person": person, "is_bot": pc.is_null(person)})
    return Authors(codes, table, key)
