"""The thresholds of all rules: the seed `trust_rules`, with a name for each number."""

from dataclasses import dataclass, fields
from typing import Any

import pyarrow as pa

from hub_assets.errors import UserError


@dataclass(frozen=True)
class Rules:
    """The thresholds that Python reads. The seed explains each one and also contains those that only SQL reads."""

    least_busy: float
    baseline_listings: float
    least_baseline: float
    stall_ratio: float
    frozen_share: float
    recovered_ratio: float
    stalls_apart: float
    longest_stall: float
    partial_share: float
    purge_share: float
    purge_multiple: float
    least_purged: float
    most_purged_share: float
    lost_likes_share: float
    least_lost_likes: float
    rollback_share: float
    rollback_downloads: float
    least_rollback: float
    level_ratio: float

    @classmethod
    def of_seed(cls, seed: pa.Table) -> "Rules":
        """Read the seed.

        Args:
            seed: columns `rule` and `threshold`.

        Raises:
            UserError: if a threshold is missing.
        """
        given: dict[str, Any] = dict(zip(seed["rule"].to_pylist(), seed["threshold"].to_pylist(), strict=True))
        names = {field.name for field in fields(cls)}
        if missing := sorted(names - given.keys()):
            raise UserError(f"The seed trust_rules lacks {', '.join(missing)}; restore it from the package.")
        return cls(**{name: float(given[name]) for name in names})
