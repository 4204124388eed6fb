"""The status of each published claim in a week, as an asset. Stating and judging claims belongs in
`hub_assets.report.ledger`."""

from collections import Counter
from datetime import date
from typing import Final

import dagster as dg

from hub_assets.assets.tables import python_step, store, with_metadata
from hub_assets.home import is_simulated
from hub_assets.report.ledger.claims import load_ledger
from hub_assets.report.ledger.judging import STATUSES, judge
from hub_assets.resources import HomeResource

CLAIMS: Final = "stats__claims"
ALWAYS: Final = {"core__week_quality", "mart__repo_activity"}
"""Tables that `judge` reads in addition to those that the claims query. They show which weeks are suspect, and which
weeks exist."""


def build_claims() -> list[dg.AssetsDefinition]:
    """Build the step that judges the claims. It depends on every table that a claim queries."""

    @python_step(CLAIMS, {CLAIMS: sorted(load_ledger().tables | ALWAYS)}, "python")
    def claims(snapshot_date: date, home: HomeResource) -> dg.MaterializeResult:
        with home.building(snapshot_date) as connection:
            judged = judge(load_ledger(), connection, snapshot_date, is_simulated=is_simulated(home.home.source))
            stored = store(connection, CLAIMS, snapshot_date, judged, len(judged))
        counts = Counter(judged["status"].to_pylist())
        return with_metadata(stored, {f"claims_{status.replace(' ', '_')}": counts[status] for status in STATUSES})

    return [claims]
