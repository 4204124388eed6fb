"""Tables that rate how reliable a week's counters are, and a check that warns if the counters are suspect."""

from collections.abc import Iterator
from datetime import date
from typing import Final

import dagster as dg
import pyarrow as pa

from hub_assets.assets.tables import python_step, store, with_metadata
from hub_assets.resources import HomeResource
from hub_assets.trust.corrections import flow_corrections
from hub_assets.trust.quality import week_quality
from hub_assets.trust.rules import Rules

BELIEVABLE: Final = "counters_can_be_believed"
QUALITY: Final = "core__week_quality"
CORRECTIONS: Final = "core__flow_corrections"
DEPENDENCIES: Final = {
    QUALITY: ["int_hub__listing_totals", "trust_rules", "counting_changes"],
    CORRECTIONS: [QUALITY, "int_hub__listing_changes", "int_hub__listing_totals", "trust_rules"],
}
"""The tables, each mapped to the tables that it is computed from."""


def build_trust() -> list[dg.AssetsDefinition]:
    """Build the tables in one step, because the corrections read the verdicts on the same week."""

    @python_step(
        QUALITY,
        DEPENDENCIES,
        "python",
        [
            dg.AssetCheckSpec(
                BELIEVABLE,
                asset=QUALITY,
                blocking=False,
                description="No rule casts doubt on this week's counters.",
            )
        ],
    )
    def trust(snapshot_date: date, home: HomeResource) -> Iterator[dg.MaterializeResult]:
        with home.building(snapshot_date) as connection:
            rules = Rules.of_seed(connection.sql("from trust_rules").to_arrow_table())
            verdicts = week_quality(
                connection.sql("from int_hub__listing_totals").to_arrow_table(),
                connection.sql("from counting_changes").to_arrow_table(),
                rules,
                snapshot_date,
            )
            judged = store(connection, QUALITY, snapshot_date, verdicts, len(verdicts))
            corrected = store(connection, CORRECTIONS, snapshot_date, flow_corrections(connection, snapshot_date))
        yield with_metadata(judged, {}, _warning(QUALITY, verdicts))
        yield corrected

    return [trust]


def _warning(asset: str, verdicts: pa.Table) -> dg.AssetCheckResult:
    """Return the check's result. A suspect week only causes a warning: it is published, but marked as suspect."""
    doubts = [row for row in verdicts.to_pylist() if row["severity"] in ("warning", "error")]
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=BELIEVABLE,
        passed=not doubts,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={f"{row['repo_type']}s_{row['rule']}": row["evidence"] for row in doubts},
    )
