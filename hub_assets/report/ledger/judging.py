"""Judges whether published claims hold in a week. Each claim gets a status, and a reason if the week cannot test it.

A claim holds if our value, or its whole interval if it has one, lies within the range that the claim and its tolerance
allow. It differs if the value or the whole interval lies outside that range. If the interval crosses a limit of the
range, the data cannot decide. The definition of a claim belongs in `claims`.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import duckdb
import pyarrow as pa

from hub_assets.report.ledger.claims import Claim, Ledger
from hub_assets.sql import literal

STATUSES: Final = ("holds", "differs", "not testable")
GAP_WEEKS: Final = 13
"""Maximum number of weeks to look back beyond `weeks_back` if listings are missing: a quarter of a year."""

CLAIMS: Final = pa.schema(
    [
        pa.field("snapshot_date", pa.date32(), nullable=False),
        *(pa.field(name, pa.string(), nullable=False) for name in ("claim", "statement", "source", "period")),
        pa.field("year", pa.int64(), nullable=False),
        *(
            pa.field(name, pa.string(), nullable=False)
            for name in ("population", "definition", "unit", "relation", "compares")
        ),
        ("published", pa.float64()),
        ("tolerance", pa.float64()),
        pa.field("tolerance_reason", pa.string(), nullable=False),
        *((name, pa.float64()) for name in ("ours", "low", "high", "difference")),
        ("n", pa.int64()),
        ("share_known", pa.float64()),
        ("compared_date", pa.date32()),
        pa.field("status", pa.string(), nullable=False),
        ("reason", pa.string()),
        pa.field("is_simulated", pa.bool_(), nullable=False),
    ]
)
"""`stats__claims`: the status of each claim in a week."""


@dataclass(frozen=True)
class Measured:
    """The result of a claim's query; None where the week has no data."""

    value: float | None = None
    n: int | None = None
    low: float | None = None
    high: float | None = None
    share_known: float | None = None
    published: float | None = None


def judge(ledger: Ledger, connection: duckdb.DuckDBPyConnection, week: date, *, is_simulated: bool = False) -> pa.Table:
    """Return the status of each claim in a week: a row per claim, in the ledger's order, with the columns of `CLAIMS`.

    Args:
        ledger: the claims.
        connection: a database with `core__week_quality`, `mart__repo_activity` and the tables that the claims read, for
            this week and earlier ones.
        week: the Monday of the week.
        is_simulated: whether the data is simulated, in which case the statuses say nothing about the real Hub.

    Raises:
        duckdb.Error: if a claim's query is invalid.
        ValueError: if a query does not return exactly one row.
    """
    weeks = _weeks(connection, week)
    doubts = _doubts(connection)

    def row_of(claim: Claim) -> dict[str, Any]:
        before = _before(claim, week, weeks)
        used = [each for each in (week, before) if each is not None]
        suspect = any((each, repo_type) in doubts for each in used for repo_type in claim.counters)
        found = _measure(claim, lambda each: _run(connection, claim, each), week, before)
        reason = _reason(claim, found, before, suspect)
        status = "not testable"
        if reason is None:
            status, reason = _verdict(claim, found)
        published = claim.published if claim.published is not None else found.published
        difference = None if found.value is None or published is None else found.value - published
        return {
            "snapshot_date": week,
            "claim": claim.id,
            "statement": claim.statement,
            "source": _source_of(ledger, claim),
            "year": ledger.sources[claim.source].year,
            **claim.model_dump(include={"period", "population", "definition", "unit", "relation", "compares"}),
            "published": published,
            "tolerance": claim.tolerance,
            "tolerance_reason": claim.tolerance_reason,
            "ours": found.value,
            "low": found.low,
            "high": found.high,
            "difference": difference,
            "n": found.n,
            "share_known": found.share_known,
            "compared_date": before,
            "status": status,
            "reason": reason,
            "is_simulated": is_simulated,
        }

    return pa.Table.from_pylist([row_of(claim) for claim in ledger.claims], CLAIMS)


def _source_of(ledger: Ledger, claim: Claim) -> str:
    source = ledger.sources[claim.source]
    return f"{source.citation} ({source.year}){', ' + claim.place if claim.place else ''}"


def sql_of(claim: Claim, week: date) -> str:
    """Return a claim's query with the week filled in."""
    return claim.select.strip().replace("$week", f"date {literal(week)}")


def _weeks(connection: duckdb.DuckDBPyConnection, week: date) -> list[date]:
    found = connection.execute(
        "select distinct snapshot_date from mart__repo_activity where snapshot_date <= ? order by snapshot_date", [week]
    )
    return [each for (each,) in found.fetchall()]


def _doubts(connection: duckdb.DuckDBPyConnection) -> set[tuple[date, str]]:
    """Return the pairs of week and repository type whose counters are in doubt according to a quality rule."""
    found = connection.execute(
        "select distinct snapshot_date, repo_type from core__week_quality where severity in ('warning', 'error')"
    )
    return set(found.fetchall())


def _before(claim: Claim, week: date, weeks: Collection[date]) -> date | None:
    """Return the newest week that is `weeks_back` to `weeks_back + GAP_WEEKS` weeks earlier, if any."""
    if claim.weeks_back is None:
        return None
    latest = week - timedelta(weeks=claim.weeks_back)
    return max((each for each in weeks if latest - timedelta(weeks=GAP_WEEKS) <= each <= latest), default=None)


def _measure(claim: Claim, run: Callable[[date], Measured], week: date, before: date | None) -> Measured:
    now = run(week)
    if claim.compares == "value":
        return now
    if before is None:
        return Measured()
    then = run(before)
    value = None
    if now.value is not None and then.value is not None:
        if claim.compares == "difference":
            value = now.value - then.value
        elif then.value:
            value = now.value / then.value
    return Measured(value, _least(now.n, then.n), share_known=_least(now.share_known, then.share_known))


def _least(one: Any, other: Any) -> Any:
    return None if one is None or other is None else min(one, other)


def _run(connection: duckdb.DuckDBPyConnection, claim: Claim, week: date) -> Measured:
    answer = connection.execute(sql_of(claim, week))
    columns = [name for name, *_ in answer.description or ()]
    rows = answer.fetchmany(2)
    if not rows and claim.quantity is not None:
        return Measured()  # the comparison has no values for this week
    if len(rows) != 1:
        raise ValueError(f"the query of the claim {claim.id} returns {len(rows) or 'no'} rows instead of one")
    values = dict(zip(columns, rows[0], strict=True))
    number = {name: None if value is None else float(value) for name, value in values.items() if name != "n"}
    return Measured(n=None if values["n"] is None else int(values["n"]), **number)


def _reason(claim: Claim, found: Measured, before: date | None, suspect: bool) -> str | None:
    """Return the reason why a week cannot test a claim; None if it can."""
    if claim.weeks_back is not None and before is None:
        return "no earlier week"
    if not found.n:
        return "no data"
    if found.n < claim.least_n:
        return "too few"
    if found.value is None:
        return "no data"
    if found.share_known is not None and found.share_known < claim.least_known:
        return "coverage too small"
    return "suspect week" if suspect else None


def _verdict(claim: Claim, found: Measured) -> tuple[str, str | None]:
    published = claim.published if claim.published is not None else found.published
    assert found.value is not None, "only claims with a value are judged"
    low, high = claim.allowed(published)
    least = found.value if found.low is None else found.low
    most = found.value if found.high is None else found.high
    if low <= least and most <= high:
        return "holds", None
    if most < low or high < least:
        return "differs", None
    return "not testable", "interval too wide"
