"""Survival: the time until an event happens to repositories, not all of which are observed from the start.

What counts as an event, and when a repository is first observed, belongs in `lifetimes`.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hub_assets.statistics.samples import Floats, Ints

Z: Final = 1.959963984540054
"""The normal quantile for a 95% interval."""
LEAST_AT_RISK: Final = 10
"""Minimum number of subjects at risk at the first event of a curve with late entries."""


def survival(durations: pa.Table, by: Sequence[str] = (), at: Sequence[float] | None = None) -> pa.Table:
    """Estimate survival functions with the Kaplan-Meier estimator (1958), under left truncation and right censoring.

    A subject is at risk at time t if entry < t <= exit. An entry after time 0 is left truncation: subjects whose event
    came before they were first observed are missing from the rows (Klein and Moeschberger 2003, section 4.6). A curve
    with such entries starts at the first event with 10 subjects at risk, or with the maximum if that is below 10;
    earlier events are left out (Lai and Ying 1991, Annals of Statistics 19, 417-442). Otherwise, the event of a lone
    early subject would end the curve before most subjects enter it.

    Args:
        durations: one row per subject: `entry` and `exit` in days since its start (rows without entry < exit are left
            out and counted), `is_event` (false: censored at exit), and the columns of `by`.
        by: columns to group by; each combination of values has its own curve.
        at: days at which to evaluate the curve; None for every day with an event.

    Returns:
        One row per group and day: the columns of `by`, `day`, `n_subjects`, `n_left_out`, `n_at_risk` (just before the
        day), `n_events` (up to and including the day, without those left out), `survival` with `survival_low` and
        `survival_high` (95%, from Greenwood's variance on the log(-log S) scale: Kalbfleisch and Prentice 1980), and
        `median_day`, the first day on which survival is at most one half, with `median_low` and `median_high`
        (Brookmeyer and Crowley 1982); null if never reached. After the last exit, survival is null unless it has
        reached 0. The limits are null while survival is 0 or 1.

    Raises:
        ValueError: if an entry or exit is null, negative or not finite.
    """
    if by and not len(durations):
        empty = survival(durations, at=[])
        return pa.table(
            {name: durations[name] for name in by} | dict(zip(empty.column_names, empty.columns, strict=True))
        )
    entry, leaving = (known_days(durations, name) for name in ("entry", "exit"))
    is_event = durations["is_event"].to_numpy(zero_copy_only=False).astype(bool)
    is_usable = entry < leaving
    groups = durations.select(list(by)).append_column("place", pa.array(np.arange(len(durations))))
    keys = groups.group_by(list(by), use_threads=False).aggregate([("place", "list")]) if by else None
    parts = []
    for group in range(len(keys) if keys is not None else 1):
        rows = np.asarray(keys["place_list"][group].values) if keys is not None else np.arange(len(durations))
        usable = rows[is_usable[rows]]
        curve = _curve(entry[usable], leaving[usable], is_event[usable], at)
        n = len(curve["day"])
        named = {name: pa.repeat(keys[name][group], n) for name in by} if keys is not None else {}
        sizes = {"n_subjects": np.full(n, len(usable)), "n_left_out": np.full(n, len(rows) - len(usable))}
        parts.append(
            pa.table(named | {name: pa.array(values, from_pandas=True) for name, values in (curve | sizes).items()})
        )
    return pa.concat_tables(parts)


def known_days(durations: pa.Table, name: str) -> Floats:
    """Return a column of days as floats.

    Raises:
        ValueError: if a value is null, negative or not finite.
    """
    values: Floats = durations[name].cast(pa.float64()).to_numpy(zero_copy_only=False)
    if not (values >= 0).all() or np.isinf(values).any():
        raise ValueError(f"a value of {name} is null, negative or not finite")
    return values


def _curve(
    entry: Floats, leaving: Floats, is_event: npt.NDArray[np.bool_], at: Sequence[float] | None
) -> dict[str, Any]:
    times, n_events = np.unique(leaving[is_event], return_counts=True)
    entries, exits = np.sort(entry), np.sort(leaving)

    def at_risk(days: Floats) -> Ints:
        return np.searchsorted(entries, days) - np.searchsorted(exits, days)

    n_at_risk = at_risk(times)
    if (entry > 0).any() and len(times):
        first = int(np.argmax(n_at_risk >= min(LEAST_AT_RISK, n_at_risk.max())))
        times, n_events, n_at_risk = times[first:], n_events[first:], n_at_risk[first:]
    with np.errstate(divide="ignore", invalid="ignore"):
        survival = np.cumprod(1 - n_events / n_at_risk)
        variance = np.cumsum(n_events / (n_at_risk * (n_at_risk - n_events)))
        spread = Z * np.sqrt(variance) / np.log(survival)
        # log(-log S) is not defined before the first event or once no subject is left
        is_inside = (survival > 0) & (survival < 1)
        low, high = (np.where(is_inside, survival ** np.exp(sign * spread), np.nan) for sign in (-1, 1))
    medians = [times[bound <= 0.5][:1] for bound in (survival, low, high)]
    median, median_low, median_high = (float(found[0]) if len(found) else np.nan for found in medians)
    days = times if at is None else np.asarray(at, np.float64)
    place = np.searchsorted(times, days, side="right")
    # after the last exit, survival is unknown unless it is 0
    is_seen = (days <= exits[-1]) | (survival[-1:] == 0).any() if len(exits) else np.zeros(len(days), bool)

    def step(values: npt.NDArray[Any], start: float) -> Floats:
        return np.where(is_seen, np.append(start, values)[place], np.nan)

    return {
        "day": days,
        "n_at_risk": at_risk(days),
        "n_events": np.append(0, np.cumsum(n_events))[place],
        "survival": step(survival, 1.0),
        "survival_low": step(low, np.nan),
        "survival_high": step(high, np.nan),
        "median_day": np.full(len(days), median),
        "median_low": np.full(len(days), median_low),
        "median_high": np.full(len(days), median_high),
    }
