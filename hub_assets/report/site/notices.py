"""Notices at the top of a page that warn readers if its numbers are based on partial coverage."""

from collections.abc import Sequence
from typing import Final

from hub_assets.report.site.queries import Query, Row
from hub_assets.report.site.week import Week

COVERAGE: Final = Query(
    "history-coverage",
    "Repositories with a known history, by type and kind of history",
    """
select kind, repo_type, n_listed, n_known, share_known, n_not_asked, n_gated, n_disabled, n_gone, n_moved,
    n_discussions_off, n_failed, p50_age_days, n_calls, share_asked, sample_share
from mart__history_coverage
where snapshot_date = $week
order by kind, repo_type
""",
)


def coverage_notices(week: Week, uses: Sequence[str]) -> list[Row]:
    """Return the coverage of those histories that a page uses and that are incomplete in the given week.

    Args:
        week: the week.
        uses: see `Page.uses`.
    """

    def is_used(row: Row) -> bool:
        return row.values["kind"] in uses or f"{row.values['repo_type']} {row.values['kind']}" in uses

    return [row for row in week.run(COVERAGE) if is_used(row) and row.values["n_known"] != row.values["n_listed"]]
