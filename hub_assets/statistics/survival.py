"""Survival: how long repositories last until something happens to them, when not all are seen from their beginning.

What counts as the event, and when a repository comes into view, belongs to `lifetimes`.
"""

from collections.abc import Sequence

import pyarrow as pa


def survival(durations: pa.Table, by: Sequence[str] = (), at: Sequence[float] | None = None) -> pa.Table:
    """Estimate survival functions by Kaplan and Meier (1958), with left truncation and right censoring.

    A subject is at risk at time t if entry < t <= exit. An entry after time 0 is a left truncation: whoever met the
    event before coming into view is not among the rows (Klein and Moeschberger 2003, section 4.6).

    Args:
        durations: one row per subject: `entry` and `exit` in days since its beginning (entry < exit; others are left
            out and counted), `is_event` (false: censored at exit), and the columns of `by`.
        by: columns that divide the subjects; each combination has its own curve.
        at: days at which to give the curve; None for every day with an event.

    Returns:
        A row per group and day: the columns of `by`, `day`, `n_subjects`, `n_left_out`, `n_at_risk` (just before the
        day), `n_events` (up to and including the day), `survival` with `survival_low` and `survival_high` (95 %, from
        Greenwood's variance on the scale of log(-log S): Kalbfleisch and Prentice 1980), and `median_day`, the first
        day with a survival of at most one half, with `median_low` and `median_high` (Brookmeyer and Crowley 1982);
        null where not reached. Past the last day with anybody at risk, the survival is null.

    Raises:
        ValueError: if an entry or exit is null, negative or not a number.
    """
    raise NotImplementedError
