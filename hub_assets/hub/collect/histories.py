"""Collects a week's commits or discussions into the lake.

Combines `plan` (which repositories), `fetches` (how to read them) and `collection` (crash safety).
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
    **options: Unpack[CollectOptions],
) -> Manifest:
    """Fetch the new history of a week's repositories and add it to `raw_hub__commits` or `raw_hub__discussions`.

    Args:
        client: the Hub client.
        lake: holds the listings and receives the rows.
        kind: commits or discussions.
        snapshot_date: the week. The caller makes sure that it is the Hub's current week.
        selection: which repositories.
        options: see `collection.CollectOptions`.

    Returns:
        The manifest. Its `details` hold `is_complete`, `coverage` (a `plan.Coverage` per repository type),
        `selection`, `not_listed` (selected ids that no listing has), and those of `collection.land_answers`.

    Raises:
        PlanError: if the week has no listing.
        RefreshRefused, HubError, LandingBusy: see `collection.land_answers`.
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
            "coverage": [vars(coverage) for coverage in left.coverage],
            "selection": selection.to_json(),
            "not_listed": list(left.not_listed),
        },
        **options,
    )
