"""The errors of a Hub request, as exception types.

    HubError
    ├── HubGone          the repository is missing or private (401 without a token, 404, 410)
    ├── HubGated         the token has no access to the repository's content (401 or 403 `GatedRepo`)
    ├── HubDisabled      the Hub has disabled the repository (403)
    ├── HubRefused       the Hub rejects the request (400, 403, 501 ...); a retry will not help
    │   ├── TokenRefused  the token is invalid (401)
    │   └── Misconfigured this machine's settings prevent any request
    ├── HubThrottled     429; a later retry will work
    └── HubBroken        408, 5xx, no response, a truncated response, or a body that is not JSON; a retry may help
        └── HubUnusable  a response we must not use: it leads off the Hub, is too large, or is malformed

Only the classification of responses belongs here. Retrying belongs in `client`.
"""

import json
from typing import Any, Final

import httpx2

from hub_assets.errors import HubAssetsError, UserError

BAD_CREDENTIALS: Final = "Invalid credentials in Authorization header"
DISABLED: Final = "Access to this resource is disabled."
NOT_HELD: Final = 501
"""The status that a source sends if it has no data of the requested kind at all."""
LONGEST_MESSAGE: Final = 500
"""Maximum number of characters to keep from a server's error message."""


class HubError(HubAssetsError):
    """A request that failed.

    `status` is the HTTP status (None if there was no response), `code` and `message` come from `X-Error-Code` and
    `X-Error-Message` (or the `error` of the JSON body), and `url` is the requested URL. `cause` is the label under
    which the error is counted, and `retry_after` is the number of seconds the Hub asks us to wait. `attempts` and
    `calls` are the cost of the request, as in `client.Answer`.
    """

    attempts = 1
    calls = 1

    def __init__(
        self,
        message: str,
        *,
        url: str,
        status: int | None = None,
        code: str | None = None,
        cause: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{message} ({status or 'no response'} from {url})")
        self.message = message
        self.url = url
        self.status = status
        self.code = code
        self.cause = cause or str(status)
        self.retry_after = retry_after


class HubGone(HubError):
    """The repository does not exist or is not visible to us."""


class HubGated(HubError):
    """The repository's content requires access that we have not been granted."""


class HubDisabled(HubError):
    """The Hub has disabled the repository."""


class HubRefused(HubError, UserError):
    """The Hub rejects the request."""


class TokenRefused(HubRefused):
    """The token is invalid."""


class Misconfigured(HubRefused):
    """This machine's settings prevent any request; the message is a single sentence for the user."""

    def __str__(self) -> str:
        return self.message


class HubThrottled(HubError):
    """The rate limit was exceeded."""


class HubBroken(HubError):
    """The Hub, or the connection to it, is not working right now."""


class HubUnusable(HubBroken):
    """A response we must not use; unlike an outage, it is not worth hours of waiting."""


def is_outage(error: HubError) -> bool:
    """Return whether an error means that the Hub is down for now, so that waiting may help."""
    return isinstance(error, HubThrottled | HubBroken) and not isinstance(error, HubUnusable)


def error_of(
    status: int, headers: httpx2.Headers, content: bytes, *, url: str, reason: str, retry_after: float | None
) -> HubError | None:
    """Return the error that a response represents, or None if the request succeeded (status below 400).

    This follows huggingface_hub's classification but does not call its code, which raises other errors for malformed
    headers or bodies.
    """
    if status < 400:
        return None
    code = headers.get("X-Error-Code")
    message = (headers.get("X-Error-Message") or _message_in(content) or reason)[:LONGEST_MESSAGE]
    error_type: type[HubError]
    if status == 429:
        error_type = HubThrottled
    elif status == 408 or (status >= 500 and status != NOT_HELD):
        error_type = HubBroken
    elif code == "GatedRepo":
        error_type = HubGated
    elif message == DISABLED:
        error_type = HubDisabled
    elif message == BAD_CREDENTIALS:
        error_type = TokenRefused
    elif code in ("RepoNotFound", "RevisionNotFound") or status in (401, 404, 410):
        error_type = HubGone
    else:
        error_type = HubRefused
    return error_type(message, url=url, status=status, code=code, retry_after=retry_after)


def _message_in(content: bytes) -> str | None:
    try:
        body: Any = json.loads(content)
    except (ValueError, RecursionError):
        return None
    message = body.get("error") if isinstance(body, dict) else None
    return message.strip() if isinstance(message, str) else None
