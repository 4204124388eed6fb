"""Ids of a few models as they are on the Hub, because clients have habits around them; all else of them is invented.

They are the first and most famous models of the simulated Hub.
"""

from datetime import UTC, datetime
from typing import Final

import numpy as np

from hub_assets.local_hub.simulated.rng import Ints

MOVED: Final = {
    "gpt2": "openai-community/gpt2",
    "bert-base-uncased": "google-bert/bert-base-uncased",
    "roberta-base": "FacebookAI/roberta-base",
    "t5-small": "google-t5/t5-small",
    "distilbert-base-uncased": "distilbert/distilbert-base-uncased",
}
"""Models with an id of one part that got an owner later."""
MOVED_AT: Final = int(datetime(2024, 2, 19, tzinfo=UTC).timestamp())
ONE_PART: Final = ("xlnet-base-cased", "ctrl", "albert-base-v2")
"""Models that still have such an id."""
WITHDRAWN: Final = "runwayml/stable-diffusion-v1-5"
SUCCESSOR: Final = "stable-diffusion-v1-5/stable-diffusion-v1-5"
"""The path of one model that was deleted leads to another one, which was made on the next day."""
WITHDRAWN_AT: Final = int(datetime(2024, 8, 29, 12, tzinfo=UTC).timestamp())
SUCCEEDED_AT: Final = WITHDRAWN_AT + 24 * 3600


def known_models(created: Ints) -> dict[int, str]:
    """Return which models, in the order of their creation, bear which of these ids at first."""
    names = [*MOVED, *ONE_PART, WITHDRAWN]
    rows = dict(enumerate(names[: len(created)]))
    successor = int(np.searchsorted(created, SUCCEEDED_AT))
    if len(names) <= successor < len(created):
        rows[successor] = SUCCESSOR
    return rows


def owner_of(repo_id: str) -> str:
    """Return the namespace of one of these models, also of those whose id does not name it."""
    final = MOVED.get(repo_id, repo_id)
    return final.partition("/")[0] if "/" in final else f"{final}-team"
