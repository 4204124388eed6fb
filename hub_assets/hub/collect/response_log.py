"""The response log: columns that record how a request ended.

The other columns of a row belong to the sources.
"""

from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa

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

Row = dict[str, Any]
"""A row of a response table, serializable as JSON. Missing columns are null."""

OUTCOMES: Final = (
    "ok",
    "not_modified",
    "gated",
    "disabled",
    "gone",
    "moved",
    "discussions_off",
    "failed",
    "not_asked",
)
"""Possible outcomes. `not_modified` never occurs in a response; it means that the known history was still valid, so no
request was sent."""

COLUMNS: Final[dict[str, pa.DataType]] = {
    "observed_at": pa.timestamp("us"),
    "outcome": pa.string(),
    "status": pa.int64(),
    "error_code": pa.string(),
    "message": pa.string(),
    "attempts": pa.int64(),
    "calls": pa.int64(),
}
"""The columns of the response log, which follow `snapshot_date` in every response table."""

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
    """Return the response log columns of a successful response."""
    return {
        "observed_at": written(answer.observed_at),
        "outcome": outcome,
        "status": answer.status,
        "attempts": answer.attempts,
        "calls": answer.calls,
    }


def of_error(error: HubError, client: HubClient, outcome: str | None = None) -> Row:
    """Return the response log columns of an error. The outcome defaults to the error type's outcome.

    With a token, the Hub returns 404 for a missing or private repository, so a 401 is about the token and says nothing
    about the repository.

    Raises:
        TokenRefused, Misconfigured: if `error` is one of these, because no further request can succeed.
    """
    if isinstance(error, TokenRefused | Misconfigured):
        raise error
    if outcome is None:
        outcome = "not_asked" if error.status == NOT_HELD else _OUTCOMES[type(error)]
        if outcome == "gone" and error.status == 401 and client.has_token:
            outcome = "failed"
    return {
        "observed_at": written(client.now()),
        "outcome": outcome,
        "status": error.status,
        "error_code": error.code,
        "message": error.message,
        "attempts": error.attempts,
        "calls": error.calls,
    }


def object_in(answer: Answer) -> dict[str, Any]:
    """Return the JSON object in a response.

    Raises:
        HubUnusable: if the body is not an object.
    """
    if isinstance(answer.body, dict):
        return answer.body
    error = HubUnusable("the response is not a JSON object", url=answer.path, status=answer.status)
    error.attempts, error.calls = answer.attempts, answer.calls
    raise error


def is_suspect(row: Row) -> bool:
    """Return whether a response may be about the Hub, the connection or the token rather than the question.

    Examples are a 404 without the Hub's error code, which may come from a removed API path or a proxy, and a 403 that
    does not say that discussions are disabled.
    """
    status, outcome = row["status"], row["outcome"]
    if outcome == "failed":
        return is_outage(row) or status in (401, 403)
    if outcome == "discussions_off":
        return "discussion" not in (row["message"] or "").lower()
    return bool(outcome == "gone" and (status == 401 or (status == 404 and row["error_code"] is None)))


def is_suspect_failure(row: Row) -> bool:
    """Return whether a response failed and is suspect. Use this for questions about objects that often do not exist."""
    return row["outcome"] == "failed" and is_suspect(row)


def is_outage(row: Row) -> bool:
    """Return whether a response, such as a redirect to a login page, means that the Hub is down for now."""
    status = row["status"]
    if row["outcome"] != "failed":
        return False
    # a question whose name cannot safely be part of a path has no status either, but it has an error code
    return row.get("error_code") is None if status is None else status in (408, 429) or not 400 <= status < 500


def written(moment: datetime) -> str:
    """Convert a moment to UTC, and return it in the journal's format: text without a time zone."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat()
