"""One week's commits or discussions, from the Hub to the lake.

Joins `plan` (which repositories), `fetches` (how they are asked) and `collection` (what survives a crash).
"""

from datetime import date
from typing import Final, Unpack

from hub_assets.hub.collect.collection import CollectOptions, land_answers
from hub_assets.hub.collect.fetches import HistorySpec, answers
from hub_assets.hub.collect.plan import EVERYTHING, HistoryKind, Selection, plan_histories
from hub_assets.hub.http.client import HubClient
from hub_assets.hub.sources.commits import COMMITS
from hub_assets.hub.sources.discussions import DISCUSSIONS
from hub_assets.lake.parts import Lake, Manifest

_KINDS: Final[dict[HistoryKind, HistorySpec]] = {"commits": COMMITS, "discussions": DISCUSSIONS}


def land_histories(
    client: HubClient,
    lake: Lake,
    kind: HistoryKind,
    snapshot_date: date,
    selection: Selection = EVERYTHING,
    **terms: Unpack[CollectOptions],
) -> Manifest:
    """Ask for what is new of a week's repositories, and add it to `raw_hub__commits` or `raw_hub__discussions`.

    Args:
        client: whom to ask.
        lake: where the listings are, and where to write.
        kind: commits or discussions.
        snapshot_date: the week; that it is the Hub's present one is for the caller to make sure.
        selection: which repositories.
        terms: see `collection.CollectOptions`.

    Returns:
        The manifest. Its `details`: `is_complete`, `coverage` (for each type of repository: `plan.Coverage`),
        `selection`, `not_listed` (ids chosen that no listing has), and what `collection.land_answers` says.

    Raises:
        PlanError: if there is no listing of the week.
        RefreshRefused, HubError, LandingBusy: as `collection.land_answers`.
    """
    return land_answers(
        client,
        lake,
        f"raw_hub__{kind}",
        snapshot_date,
        lambda: plan_histories(lake, kind, snapshot_date, selection),
        lambda fetch: answers(client, fetch, _KINDS[kind]),
        lambda left: {
            "is_complete": left.is_complete,
            "coverage": [vars(one) for one in left.coverage],
            "selection": selection.to_json(),
            "not_listed": list(left.not_listed),
        },
        **terms,
    )
