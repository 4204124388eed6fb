"""How few repositories hold most of the activity, week by week and slice by slice.

The measures of one week with their Lorenz curves and bootstraps belong to `concentration`; whether a series moves
belongs to `trends`.
"""

from collections.abc import Sequence

import pyarrow as pa


def concentration_over_time(
    repositories: pa.Table, quality: pa.Table, measures: Sequence[str], slices: Sequence[str]
) -> pa.Table:
    """Measure the concentration of each week, measure and slice.

    The interval of a measure is about counting: how far it would have moved had the week been counted again with every
    repository as popular as it was. The noise of a repository's count is taken from its change since the listing
    before (successive differences, Wolter 2007, "Introduction to Variance Estimation", section 8.2): half the squared
    change, divided by the share of the two periods that is not the same period. It is carried to the measure by the
    measure's derivatives, and the interval is Student's, with Satterthwaite's degrees of freedom. Resampling
    repositories answers another question, which a complete listing does not pose; and with tails as heavy as these it
    would not cover. A trend between the two weeks makes the interval wider, never narrower.

    Args:
        repositories: one row per week, type and unit, with `snapshot_date`, `repo_type`, a column for each measure
            (null if unknown), a column NAME_earlier for the measures with an interval (the count of the listing before,
            scaled to a period of the same length; null if unknown) and a column for each slice (null: in no slice).
            A `NAME_overlap` column, if there is one, is the share of the period that both counts cover, in [0, 1).
        quality: rows of `core__week_quality`.
        measures: names of the measured columns.
        slices: names of the columns to slice by, besides all rows together.

    Returns:
        Rows of `schemas.CONCENTRATION_OVER_TIME`: a row per week, type, measure and slice with at least one known
        value. Shares are null if the total is 0. A negative value counts as 0 and is counted in `n_negative`.
    """
    raise NotImplementedError
