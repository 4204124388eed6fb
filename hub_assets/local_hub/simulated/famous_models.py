"""Real ids of a few famous models, which clients treat as special cases; everything else about them is made up.

They are among the most popular models of the simulated Hub and, except for SUCCESSOR, they are its oldest.
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
"""Models with single-part ids that later moved to an owner."""
MOVED_AT: Final = int(datetime(2024, 2, 19, tzinfo=UTC).timestamp())
ONE_PART: Final = ("xlnet-base-cased", "ctrl", "albert-base-v2")
"""Models that still have single-part ids."""
WITHDRAWN: Final = "runwayml/stable-diffusion-v1-5"
SUCCESSOR: Final = "stable-diffusion-v1-5/stable-diffusion-v1-5"
"""The id of the deleted model WITHDRAWN redirects to this model, which was created a day after the deletion."""
WITHDRAWN_AT: Final = int(datetime(2024, 8, 29, 12, tzinfo=UTC).timestamp())
SUCCEEDED_AT: Final = WITHDRAWN_AT + 24 * 3600


def known_models(created: Ints) -> dict[int, str]:
    """Return the original id of each famous model, keyed by row; rows are in order of creation."""
    names = [*MOVED, *ONE_PART, WITHDRAWN]
    rows = dict(enumerate(names[: len(created)]))
    successor = int(np.searchsorted(created, SUCCEEDED_AT))
    if len(names) <= successor < len(created):
        rows[successor] = SUCCESSOR
    return rows


def owner_of(repo_id: str) -> str:
    """Return the namespace of a famous model, even if its id does not include one."""
    final = MOVED.get(repo_id, repo_id)
    return final.partition("/")[0] if "/" in final else f"{final}-team"
