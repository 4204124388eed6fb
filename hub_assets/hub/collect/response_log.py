"""How asking ended, as the response_log's columns, and values that fit their column whatever the Hub said.

Which question a row belongs to, and what else it holds, is the questions' business.
"""

from datetime import UTC, datetime
from typing import Any, Final

from hub_assets.hub.http.client import Answer, HubClient
from hub_assets.hub.http.errors import (
    NOT_HELD,
    HubBroken,
    HubDisabled,
    HubError,
    HubGated,
    HubGone,
    HubRefused,
    HubThrottled,
    HubUnusable,
    Misconfigured,
    TokenRefused,
)
from hub_assets.hub.sources.schemas import GREATEST_COUNT

Row = dict[str, Any]
"""A row of a table of answers; columns that are left out are null. It can be written as JSON."""

_OUTCOMES: Final[dict[type[HubError], str]] = {
    HubGated: "gated",
    HubDisabled: "disabled",
    HubGone: "gone",
    HubRefused: "failed",
    HubThrottled: "failed",
    HubBroken: "failed",
    HubUnusable: "failed",
}


def of_answer(answer: Answer, outcome: str = "ok") -> Row:
    """Return the response_log's columns of a good answer."""
    return {
        "observed_at": _written(answer.observed_at),
        "outcome": outcome,
        "status": answer.status,
        "attempts": answer.attempts,
        "calls": answer.calls,
    }


def of_error(error: HubError, client: HubClient, outcome: str | None = None) -> Row:
    """Return the response_log's columns of an error, with the outcome that its type stands for if none is given.

    With a token, a repository that is missing or private is answered 404; a 401 then is about the token, and says
    nothing of the repository.

    Raises:
        TokenRefused, Misconfigured: if that is the error: nothing can be asked any more.
    """
    if isinstance(error, TokenRefused | Misconfigured):
        raise error
    if outcome is None:
        outcome = "not_asked" if error.status == NOT_HELD else _OUTCOMES[type(error)]
        if outcome == "gone" and error.status == 401 and client.has_token:
            outcome = "failed"
    return {
        "observed_at": _written(client.now()),
        "outcome": outcome,
        "status": error.status,
        "error_code": error.code,
        "message": error.message,
        "attempts": error.attempts,
        "calls": error.calls,
    }


def object_in(answer: Answer) -> dict[str, Any]:
    """Return the object that an answer is.

    Raises:
        HubUnusable: if it is something else.
    """
    if isinstance(answer.body, dict):
        return answer.body
    error = HubUnusable("the answer is no object", url=answer.path, status=answer.status)
    error.attempts, error.calls = answer.attempts, answer.calls
    raise error


def is_suspect(row: Row) -> bool:
    """Say whether an answer may be about the Hub, the way to it or the token, rather than about what was asked.

    So are a 404 without the code that the Hub gives (a path that is no more, a proxy), and a 403 that does not name
    what is switched off.
    """
    status, outcome = row["status"], row["outcome"]
    if outcome == "failed":
        return is_outage(row) or status in (401, 403)
    if outcome == "discussions_off":
        return "discussion" not in (row["message"] or "").lower()
    return bool(outcome == "gone" and (status == 401 or (status == 404 and row["error_code"] is None)))


def is_outage(row: Row) -> bool:
    """Say whether an answer is one of a Hub that does not work just now, such as a redirect to a page to log in."""
    status = row["status"]
    if row["outcome"] != "failed":
        return False
    # what was not asked because of its name has no status either, but says nothing of the Hub
    return row.get("error_code") is None if status is None else status in (408, 429) or not 400 <= status < 500


class Values:
    """Takes values as they should be, and counts those that are not, which become null."""

    def __init__(self) -> None:
        self.type_mismatches = 0

    def text(self, value: Any) -> str | None:
        """Take text."""
        return value if self._fits(value, isinstance(value, str)) else None

    def count(self, value: Any) -> int | None:
        """Take a whole number from 0 to `GREATEST_COUNT`."""
        is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= GREATEST_COUNT
        return value if self._fits(value, is_count) else None

    def flag(self, value: Any) -> bool | None:
        """Take true or false."""
        return value if self._fits(value, isinstance(value, bool)) else None

    def moment(self, value: Any) -> str | None:
        """Take a date like `2024-02-19T10:57:45.000Z` and return it in UTC, without the zone."""
        try:
            moment = datetime.fromisoformat(value)
            return _written(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        except (TypeError, ValueError, OverflowError):
            self._fits(value, False)
            return None

    def items(self, value: Any) -> list[dict[str, Any]]:
        """Take a list of objects."""
        if not self._fits(value, isinstance(value, list)) or value is None:
            return []
        objects = [item for item in value if isinstance(item, dict)]
        self.type_mismatches += len(value) - len(objects)
        return objects

    def _fits(self, value: Any, is_right: bool) -> bool:
        fits = value is None or is_right
        self.type_mismatches += not fits
        return fits


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat()
