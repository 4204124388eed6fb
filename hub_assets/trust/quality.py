"""Verdicts of each rule on one week's listings: the rows of `core__week_quality`.

A rule compares a listing with the one before it and with medians of earlier listings, never with later ones. Its
verdict is `unknown` if there is not enough to compare with, for example in the first weeks of a home.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hub_assets.trust.rules import Rules
from hub_assets.trust.schemas import WEEK_QUALITY
from hub_assets.trust.stalls import Flags, Numbers, partly_frozen, stalled, trailing_ratio

PARTIAL_LISTINGS: Final = 7
"""Number of listings in the running median of row counts, as in the choice between archived uploads."""


@dataclass(frozen=True)
class Series:
    """One repository type's listings up to a week, oldest first: columns of `int_hub__listing_totals` as floats."""

    repo_type: str
    dates: list[date]
    columns: dict[str, Numbers]
    rules: Rules

    def __getitem__(self, name: str) -> Numbers:
        return self.columns[name]

    def last(self, name: str) -> float:
        """Return a column's value in the judged week; NaN if it is null."""
        return float(self.columns[name][-1])

    @property
    def rates(self) -> Numbers:
        """Downloads per day since the previous listing."""
        return _divide(self["n_new_downloads"], self["n_days"])

    @property
    def frozen_share(self) -> Numbers:
        """Share of the busy repositories whose all-time count did not move."""
        return _divide(self["n_frozen"], self["n_busy"])

    def median_before(self, values: Numbers, listings: int | None = None) -> float:
        """Return the median of the values before the judged week; NaN if fewer than `least_baseline` are known."""
        before = values[:-1][-int(listings or self.rules.baseline_listings) :]
        known = before[~np.isnan(before)]
        return float(np.median(known)) if len(known) >= self.rules.least_baseline else np.nan


@dataclass(frozen=True)
class Verdict:
    """A rule's verdict on a week: the measured value, the threshold, and the number of repositories measured."""

    severity: str
    value: float
    threshold: float
    n: float
    evidence: str


def week_quality(totals: pa.Table, counting_changes: pa.Table, rules: Rules, week: date) -> pa.Table:
    """Judge one week's listings by every rule.

    Args:
        totals: rows of `int_hub__listing_totals`; later weeks are ignored.
        counting_changes: rows of the seed `counting_changes`.
        rules: the thresholds.
        week: the Monday of the judged week.

    Returns:
        One row per rule and repository type listed in the week, with the columns of `schemas.WEEK_QUALITY`.
    """
    rows = []
    for series in _series_of(totals, rules, week):
        verdicts = {name: rule(series) for name, rule in RULES.items() if _applies(name, series.repo_type)}
        if series.repo_type != "space":
            verdicts["definition"] = _definition(series, counting_changes)
        rows += [{"snapshot_date": week, **_row(series.repo_type, name, verdict)} for name, verdict in verdicts.items()]
    return pa.Table.from_pylist(rows, WEEK_QUALITY)


def _series_of(totals: pa.Table, rules: Rules, week: date) -> Iterator[Series]:
    known = totals.filter(pc.field("snapshot_date") <= pa.scalar(week)).sort_by("snapshot_date")
    for repo_type in ("model", "dataset", "space"):
        rows = known.filter(pc.field("repo_type") == repo_type)
        dates = rows["snapshot_date"].to_pylist()
        if dates and dates[-1] == week:
            numbers = {
                name: rows[name].cast(pa.float64()).to_numpy(zero_copy_only=False)
                for name in rows.column_names
                if name not in ("snapshot_date", "previous_date", "repo_type")
            }
            yield Series(repo_type, dates, numbers, rules)


def _applies(rule: str, repo_type: str) -> bool:
    """Return whether a rule applies to a repository type; the Hub does not count downloads of Spaces."""
    return repo_type != "space" or rule in ("partial", "repeat", "purge", "like_purge")


def _row(repo_type: str, rule: str, verdict: Verdict) -> dict[str, Any]:
    return {
        "repo_type": repo_type,
        "rule": rule,
        "severity": verdict.severity,
        "value": _known(verdict.value),
        "threshold": _known(verdict.threshold),
        "n": None if np.isnan(verdict.n) else int(verdict.n),
        "evidence": verdict.evidence,
    }


def _partial(series: Series) -> Verdict:
    listed = series.last("n_listed")
    share = listed / series.median_before(series["n_listed"], PARTIAL_LISTINGS)
    # listings stay short after a purge, so a short listing is partial only if it lost rows this week or was cut at the
    # same number of rows again
    lost = _divide(series["n_vanished"], series["n_previous"])[-1] > 1 - series.rules.partial_share
    is_cut = listed == series.last("n_previous")
    return _verdict(
        bool(share < series.rules.partial_share and (lost or is_cut)),
        share,
        series.rules.partial_share,
        listed,
        f"{listed:,.0f} rows are {share:.1%} of the running median",
    )


def _repeat(series: Series) -> Verdict:
    kept = series.last("n_kept")
    differences = series.last("n_changed") + series.last("n_appeared") + series.last("n_vanished")
    value = np.nan if series.last("n_previous") == 0 else differences
    return _verdict(
        value == 0 and kept >= series.rules.least_busy,
        value,
        0,
        kept,
        f"{differences:,.0f} differences from the previous listing",
    )


def _stalls(series: Series) -> Flags:
    return stalled(trailing_ratio(series.rates, series.rules), series.frozen_share, series["n_busy"], series.rules)


def _stall(series: Series) -> Verdict:
    ratio = trailing_ratio(series.rates, series.rules)[-1]
    return _verdict(
        bool(_stalls(series)[-1]),
        ratio,
        series.rules.stall_ratio,
        series.last("n_counters"),
        f"downloads per day are {ratio:.1%} of the running median",
    )


def _frozen(series: Series) -> Verdict:
    share, busy = series.frozen_share[-1], series.last("n_busy")
    return _verdict(
        bool(partly_frozen(series.frozen_share, series["n_busy"], series.rules)[-1]),
        share if busy >= series.rules.least_busy else np.nan,
        series.rules.frozen_share,
        busy,
        f"{share:.1%} of {busy:,.0f} busy repositories kept their all-time count",
    )


def _backlog(series: Series) -> Verdict:
    ratio = trailing_ratio(series.rates, series.rules)[-1]
    frozen = partly_frozen(series.frozen_share, series["n_busy"], series.rules)
    was_stalled = _stalls(_until(series, -1))[-1:].any() or frozen[-2:-1].any()
    is_stalled = _stalls(series)[-1] or frozen[-1]
    return _verdict(
        bool(was_stalled and not is_stalled),
        ratio,
        1,
        series.last("n_counters"),
        f"downloads per day are {ratio:.1%} of the running median and follow a stall",
        severity="warning",
    )


def _rollback(series: Series) -> Verdict:
    fallen, counters = series.last("n_fallen"), series.last("n_counters")
    share = fallen / counters if counters else np.nan
    normal = series.median_before(np.maximum(series["n_new_downloads"], 0))
    lost = series.last("n_fallen_downloads")
    is_large = lost > series.rules.rollback_downloads * normal
    is_rollback = fallen >= series.rules.least_rollback and (share > series.rules.rollback_share or is_large)
    return _verdict(
        bool(is_rollback),
        share,
        series.rules.rollback_share,
        fallen,
        f"{fallen:,.0f} all-time counts fell, by {lost:,.0f} downloads",
    )


def _purge(series: Series) -> Verdict:
    vanished = series.last("n_vanished")
    shares = _divide(series["n_vanished"], series["n_previous"])
    usual = np.nan_to_num(series.median_before(shares))
    threshold = max(series.rules.purge_share, series.rules.purge_multiple * usual)
    # a loss above `most_purged_share` means a truncated listing; a smaller one can be a purge, so both rules report it
    is_cut = _partial(series).severity == "error" and shares[-1] > series.rules.most_purged_share
    return _verdict(
        bool(shares[-1] > threshold and vanished >= series.rules.least_purged and not is_cut),
        shares[-1],
        threshold,
        vanished,
        f"{vanished:,.0f} repositories vanished since the previous listing",
        severity="warning",
    )


def _like_purge(series: Series) -> Verdict:
    lost, losing = series.last("n_lost_likes"), series.last("n_losing_likes")
    share = _divide(series["n_lost_likes"], series["previous_n_likes"])[-1]
    return _verdict(
        bool(share > series.rules.lost_likes_share and lost >= series.rules.least_lost_likes),
        share,
        series.rules.lost_likes_share,
        losing,
        f"{losing:,.0f} repositories lost {lost:,.0f} likes",
        severity="warning",
    )


def _level(series: Series) -> Verdict:
    growth, busy = series.last("median_growth"), series.last("n_busy")
    limit = series.rules.level_ratio
    return _verdict(
        bool(busy >= series.rules.least_busy and (growth > limit or growth < 1 / limit)),
        growth if busy >= series.rules.least_busy else np.nan,
        limit,
        busy,
        f"30-day downloads of the median busy repository changed by a factor of {growth:.2f}",
        severity="warning",
    )


def _definition(series: Series, counting_changes: pa.Table) -> Verdict:
    """Judge whether an announced change of counting falls between the previous listing and this one."""
    since = series.dates[-2] if len(series.dates) > 1 else series.dates[-1]
    changes = [
        change
        for change in counting_changes.to_pylist()
        if change["repo_type"] == series.repo_type and since < change["changed_on"] <= series.dates[-1]
    ]
    evidence = "; ".join(f"since {change['changed_on']}, {change['description']}" for change in changes)
    return _verdict(
        bool(changes), float(len(changes)), 0, np.nan, evidence or "no announced change", severity="warning"
    )


RULES: Final[dict[str, Callable[[Series], Verdict]]] = {
    "partial": _partial,
    "repeat": _repeat,
    "stall": _stall,
    "frozen": _frozen,
    "backlog": _backlog,
    "rollback": _rollback,
    "purge": _purge,
    "like_purge": _like_purge,
    "level": _level,
}
"""All rules except `definition`, which reads a seed."""


def _verdict(
    is_found: bool, value: float, threshold: float, n: float, evidence: str, *, severity: str = "error"
) -> Verdict:
    if is_found:
        return Verdict(severity, value, threshold, n, evidence)
    if np.isnan(value):
        return Verdict("unknown", value, threshold, n, "not enough earlier listings or counters")
    return Verdict("ok", value, threshold, n, evidence)


def _until(series: Series, end: int) -> Series:
    return Series(
        series.repo_type,
        series.dates[:end],
        {name: values[:end] for name, values in series.columns.items()},
        series.rules,
    )


def _divide(numbers: Numbers, by: Numbers) -> Numbers:
    quotients: Numbers = np.divide(numbers, by, out=np.full(len(numbers), np.nan), where=by > 0)
    return quotients


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
