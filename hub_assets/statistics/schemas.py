"""Arrow schemas of the statistics tables. Computing the rows does not belong here."""

from typing import Final

import pyarrow as pa

from hub_assets.statistics.correlations import COEFFICIENTS
from hub_assets.statistics.tails import ALTERNATIVES

_WEEK: Final = pa.field("snapshot_date", pa.date32(), nullable=False)


def _schema(keys: tuple[str, ...], counts: tuple[str, ...], numbers: tuple[str, ...], *others: pa.Field) -> pa.Schema:
    return pa.schema(
        [
            _WEEK,
            *(pa.field(name, pa.string(), nullable=False) for name in keys),
            *(pa.field(name, pa.int64()) for name in counts),
            *(pa.field(name, pa.float64()) for name in numbers),
            *others,
        ]
    )


def _with_interval(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}{end}" for name in names for end in ("", "_low", "_high"))


CONCENTRATION: Final = _schema(
    ("repo_type", "variable"),
    ("n", "n_listed", "n_repos"),
    (
        "share_known",
        "target_share",
        "total",
        *_with_interval("share_of_repos", "gini", "hhi", "top_1_share", "top_10_share"),
    ),
)
"""`stats__concentration`: how few repositories hold most of the activity."""

LORENZ: Final = _schema(
    ("repo_type", "variable"), ("n", "n_listed"), ("share_known", "share_of_repos", "share_of_total")
)
"""`stats__lorenz`: Lorenz curves in steps of one percent."""

CORRELATIONS: Final = _schema(
    ("repo_type", "license_group", "variable_x", "variable_y"),
    ("n", "n_listed"),
    ("share_known", *(f"{name}{end}" for name in COEFFICIENTS for end in ("", "_p", "_p_holm"))),
)
"""`stats__correlations`: how pairs of activity variables correlate."""

LICENSE_TESTS: Final = _schema(
    ("variable", "group_a", "group_b"),
    ("n_a", "n_b", "n_listed_a", "n_listed_b"),
    (
        "share_known",
        "u_a",
        "u_b",
        "p_value",
        "log10_p",
        "p_holm",
        "rank_biserial",
        "mean_a",
        "mean_b",
        "median_a",
        "median_b",
    ),
)
"""`stats__license_tests`: whether activity is higher in one license group than in another."""

TAIL_FITS: Final = _schema(
    ("repo_type", "variable"),
    ("n", "n_listed", "n_known", "n_distinct", "n_tail", "resamples"),
    (
        *("share_known", "skewness", "skewness_p"),
        *("x_min", "alpha", "alpha_se", "ks", "share_in_tail", "goodness_p"),
        *(f"{kind}_{name}" for name in ALTERNATIVES for kind in ("ratio", "normal_ratio", "p")),
    ),
    pa.field("is_right_skewed", pa.bool_()),
    pa.field("is_plausible", pa.bool_()),
    pa.field("preferred", pa.string()),
    pa.field("verdict", pa.string()),
)
"""`stats__tail_fits`: whether an activity variable is right-skewed, and whether its tail follows a power law."""

CONCENTRATION_OVER_TIME: Final = _schema(
    ("repo_type", "unit", "measure", "slice_kind", "slice"),
    ("n", "n_negative"),
    (
        *("total", "share_paired"),
        *_with_interval(
            *("share_of_top_10", "share_of_top_100", "share_of_top_1000", "top_1_share", "gini", "hhi", "share_zero")
        ),
    ),
    pa.field("previous_date", pa.date32()),
    pa.field("is_after_gap", pa.bool_(), nullable=False),
    pa.field("is_suspect", pa.bool_(), nullable=False),
    pa.field("suspicions", pa.string()),
    pa.field("n_weeks", pa.int64()),
    pa.field("share_suspect", pa.float64()),
)
"""`stats__concentration_over_time`: concentration by week and slice, and how far each week can be trusted."""

SURVIVAL: Final = _schema(
    ("event", "slice_kind", "slice"),
    ("n_subjects", "n_left_out", "n_at_risk", "n_events"),
    ("day", *_with_interval("survival"), "median_day", "median_low", "median_high"),
)
"""`stats__survival`: how long models last until each event."""

_RELEASE: Final = ("repo_key", "repo_id")

RELATIVE_ADOPTION: Final = _schema(
    (*_RELEASE, "size_class"),
    ("day", "n_compared"),
    (
        *("n_downloads_cumulative", "gap", "n_downloads_low", "n_downloads_high"),
        *("median_of_top", "relative_adoption"),
    ),
    pa.field("organization", pa.string()),
    pa.field("is_suspect", pa.bool_(), nullable=False),
)
"""`stats__relative_adoption`: downloads of releases relative to the top of their size class."""

RELEASE_CURVES: Final = _schema(
    (*_RELEASE, "size_class"),
    ("n_weeks", "n_suspect"),
    ("best_age", "best_rate", "last_age", "half_life"),
    pa.field("organization", pa.string()),
    pa.field("has_halved", pa.bool_(), nullable=False),
)
"""`stats__release_curves`: best week and half-life of releases."""

PREDICTIONS_OF_USE: Final = _schema(
    ("outcome", "predictor"),
    ("n_days", "n"),
    _with_interval("spearman"),
    pa.field("base_date", pa.date32(), nullable=False),
)
"""`stats__predictions_of_use`: how well facts from an earlier week rank models by their later use."""

TRENDS: Final = _schema(
    ("series", "item", "measure", "quantity"),
    ("n", "n_suspect"),
    (*_with_interval("slope"), "p_value", "p_holm"),
    pa.field("first_date", pa.date32()),
)
"""`stats__trends`: whether weekly series have a trend."""
