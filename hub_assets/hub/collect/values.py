"""Decides which values fit a column: limits on counts and times, and a check that counts the values that do not fit."""

from datetime import UTC, datetime
from typing import Any, Final

from hub_assets.hub.collect.response_log import written

GREATEST_COUNT: Final = 10**15
"""Upper limit for counts: a petabyte, or a thousand times the downloads of the most used model. A float represents
every whole number up to this limit exactly, and a BIGINT holds the sum of nine thousand such counts."""
FIRST_MOMENT: Final = "0001-01-01 00:00:00"
LAST_MOMENT: Final = "9999-12-31 23:59:59.999999"
"""The range of timestamps that Python, Parquet and SQL all support."""


class Values:
    """Checks values, replaces invalid ones with null, and counts how many were invalid."""

    def __init__(self) -> None:
        self.type_mismatches = 0

    def text(self, value: Any) -> str | None:
        """Accept text."""
        return value if self._fits(value, isinstance(value, str)) else None

    def count(self, value: Any) -> int | None:
        """Accept a whole number from 0 to `GREATEST_COUNT`."""
        is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= GREATEST_COUNT
        return value if self._fits(value, is_count) else None

    def flag(self, value: Any) -> bool | None:
        """Accept true or false."""
        return value if self._fits(value, isinstance(value, bool)) else None

    def moment(self, value: Any) -> str | None:
        """Accept a timestamp like `2024-02-19T10:57:45.000Z` and return it in UTC without a time zone."""
        try:
            moment = datetime.fromisoformat(value)
            return written(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        except (TypeError, ValueError, OverflowError):
            self._fits(value, False)
            return None

    def items(self, value: Any) -> list[dict[str, Any]]:
        """Accept a list of objects."""
        if not self._fits(value, isinstance(value, list)) or value is None:
            return []
        objects = [item for item in value if isinstance(item, dict)]
        self.type_mismatches += len(value) - len(objects)
        return objects

    def _fits(self, value: Any, is_valid: bool) -> bool:
        fits = value is None or is_valid
        self.type_mismatches += not fits
        return fits
