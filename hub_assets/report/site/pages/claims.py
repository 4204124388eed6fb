"""Claims that others have published about the Hub, and whether they hold this week."""

from collections.abc import Mapping
from typing import Any, Final

from hub_assets.report.ledger.claims import load_ledger
from hub_assets.report.ledger.judging import sql_of
from hub_assets.report.site.page import Page
from hub_assets.report.site.queries import Query, Row
from hub_assets.report.site.week import Week

CLAIMS: Final = Query(
    "published-claims",
    "Published claims with their status this week",
    """
select claim, statement, source, year, period, population, definition, unit, relation, compares,
    published, tolerance, tolerance_reason, ours, low, high, difference, n, share_known, compared_date, status, reason
from stats__claims
where snapshot_date = $week
order by case status when 'differs' then 1 when 'holds' then 2 else 3 end, source, claim
""",
)
COUNTS: Final = Query(
    "published-claims-counted",
    "Number of published claims by status",
    """
select status, count(*) as n_claims
from stats__claims
where snapshot_date = $week
group by status
order by case status when 'holds' then 1 when 'differs' then 2 else 3 end
""",
)
_STYLES: Final = {"share": "percent", "count": "count", "ratio": "times", "coefficient": "two"}


def _style_of(row: Row) -> str:
    """Return the style of a claim's values."""
    return _STYLES[str(row.values["unit"])]


def _content(week: Week) -> Mapping[str, Any]:
    claims = week.run(CLAIMS)
    return {
        "claims": claims,
        "counts": week.run(COUNTS),
        "of_status": {status: claims.where(status=status) for status in ("differs", "holds", "not testable")},
        "style_of_claim": _style_of,
        # a claim that was judged in that week may since have been removed from the ledger
        "sql": {claim.id: sql_of(claim, week.snapshot_date) for claim in load_ledger().claims},
    }


PAGE: Final = Page(
    slug="claims",
    title="Published claims",
    lead="Claims that others have published about the Hub, and whether they hold this week.",
    group="Report",
    content=_content,
    uses=("commits", "discussions"),
)
