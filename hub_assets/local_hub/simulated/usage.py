"""The models and datasets that the simulated Hub's Spaces reference, by the ids they had when the Space was created.

The quantile function of usage determines how many Spaces use a model; these are drawn from the Spaces created after the
model. The function counts only the Spaces that exist at REFERENCE. Spaces deleted before REFERENCE or created after it
use a mix of models: some that other Spaces also use, and some created shortly before the Space itself.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from hub_assets.local_hub.simulated import text
from hub_assets.local_hub.simulated.repositories import Repositories
from hub_assets.local_hub.simulated.rng import Ints, Rng
from hub_assets.local_hub.simulated.timeline import REFERENCE, WEEK, moment

_LINKING: Final = 0.35
"""Share of Spaces that reference models."""
_FILLED: Final = 0.55
"""Of the Spaces with room for models, the share that get at least one from the quantile function. Spaces that do not
exist at REFERENCE reference models with the same probability."""
_FRESH: Final = 0.2
"""Of the models referenced by Spaces that do not exist at REFERENCE, the share created shortly before the Space."""
_NOWHERE: Final = 0.02
"""Share of Spaces with a reference to a model that was never public."""
_GOLDEN: Final = (5**0.5 - 1) / 2


@dataclass(frozen=True)
class Usage:
    """The references of Spaces.

    `models` and `datasets` are the lists shown in listings, one row per Space ever created. `spaces_of` and `models_of`
    are the true pairs, as indices into all Spaces and models; they leave out models that were never public.
    """

    models: pa.Array
    datasets: pa.Array
    spaces_of: Ints
    models_of: Ints


def usage_of(spaces: Repositories, models: Repositories, datasets: Repositories) -> Usage:
    """Assign models and datasets to Spaces."""
    rng = Rng(spaces.seed, "usage")
    timeline = spaces.timeline
    links = rng.happens("links", _LINKING, spaces.which)
    # one in two thousand linking Spaces has room for a hundred models or more
    room = np.where(links, np.minimum(rng.uniform("room", spaces.which) ** -0.6, 3000), 0).astype(np.int64)
    counted = (spaces.which < timeline.settled) & (timeline.gone >= moment(REFERENCE))
    seats = np.repeat(spaces.which, np.where(counted, room, 0))

    of = models.timeline
    age = np.minimum((moment(REFERENCE) - of.created) / (100 * WEEK), 1.5)
    listed = (models.which < of.settled) & (of.gone >= moment(REFERENCE))
    count = np.floor(models.reached("usage", models.blend("usage", 0.9) + 0.3 * age)).astype(np.int64) * listed
    model = np.repeat(models.which, count)
    number = np.arange(len(model)) - np.repeat(np.cumsum(count) - count, count)
    first = np.searchsorted(timeline.created[seats], of.created[model])
    free = len(seats) - first
    # multiples of the golden ratio are spread evenly, so a model rarely hits the same seat twice
    turn = (rng.uniform("turn", model) + number * _GOLDEN) % 1
    model, seat = model[free > 0], (first + np.floor(turn * free).astype(np.int64))[free > 0]
    space = seats[seat]

    late = np.repeat(spaces.which, np.where(counted | ~rng.happens("filled", _FILLED, spaces.which), 0, room))
    if len(model) and len(late):
        position = np.arange(len(late)) - np.searchsorted(late, late)
        chance = rng.uniform("the same", late, position)
        same = model[np.floor(chance * len(model)).astype(np.int64)]
        there = np.searchsorted(of.created, timeline.created[late])
        newer = np.floor(there * (1 - 0.5 * chance**3)).astype(np.int64) - 1
        named = np.where(rng.happens("fresh", _FRESH, late, position), newer.clip(0), same)
        then = of.created[named] < timeline.created[late]
        space, model = np.append(space, late[then]), np.append(model, named[then])
    space, model = (pairs.astype(np.int64) for pairs in np.divmod(np.unique(space * len(of) + model), len(of)))

    nowhere = np.flatnonzero(rng.happens("nowhere", _NOWHERE, spaces.which))
    hidden = text.joined("unpublished/model-", text.numbers(nowhere % max(timeline.settled // 100, 5)))
    names = pa.concat_arrays([models.ids(timeline.created[space], model), hidden])
    whose = np.append(space, nowhere)
    order = np.argsort(whose, kind="stable")
    offsets = np.searchsorted(whose[order], np.arange(len(timeline) + 1)).astype(np.int32)
    lists = pa.ListArray.from_arrays(offsets, names.take(pa.array(order)))
    linked = spaces.earlier("dataset", 0.1, datasets, spaces.which)
    return Usage(lists, text.lists(spaces.named(datasets, linked, spaces.which)), space, model)
