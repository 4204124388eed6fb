"""Who an author of the simulated Hub is: numbers for what git or the Hub calls a person, and the answer key to them.

A code is four times a person plus a form: 0 the account's name, 1 and 2 the other names that git may use. Bots are
negative. The names themselves come from `people`.
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
"""The code of a discussion's author whose account was deleted."""


def bot(name: str) -> int:
    """Return the code of a bot."""
    return -1 - BOTS.index(name)


@dataclass(frozen=True)
class Authors:
    """Everybody who appears in a history.

    `table` is what is served: `user` and `avatar`, null where no account is linked. `key` is not: `user`, `person`
    (null for bots) and `is_bot`, in the same order.
    """

    codes: Ints
    table: pa.Table
    key: pa.Table

    def places(self, codes: Ints) -> pa.Array:
        """Return the rows of codes, null for nobody."""
        return pa.array(np.searchsorted(self.codes, codes).astype(np.int32), mask=codes == NOBODY)


def authors_of(people: People, codes: Ints, now: int) -> Authors:
    """Make the tables of all codes that appear."""
    codes = np.unique(codes[codes != NOBODY])
    bots, others = codes[codes < 0], codes[codes >= 0]
    persons, forms = others // 4, others % 4
    called = people.handles(persons, now)
    for form in (1, 2):
        some = np.flatnonzero(forms == form)
        place = np.full(len(persons), -1)
        place[some] = np.arange(len(some))
        aliases = people.aliases(persons[some], form - 1).take(pa.array(place, mask=place < 0))
        called = text.where(forms == form, aliases, called)
    users = pa.concat_arrays([text.of(BOTS, -1 - bots), called])
    linked = np.append((bots != bot("system")) & (bots > bot("github-actions[bot]")), forms == 0)
    table = pa.table({"user": users, "avatar": text.where(linked, text.joined("/avatars/", users, ".svg"))})
    person = pa.concat_arrays([pa.nulls(len(bots), pa.int64()), pa.array(persons)])
    key = pa.table({"user": users, "person": person, "is_bot": pc.is_null(person)})
    return Authors(codes, table, key)
