"""What can go wrong when the Hub is asked, as types.

    HubError
    ├── HubGone          the repository is missing or private (401 without a token, 404, 410)
    ├── HubGated         its content asks for access that the token has not (401 or 403 `GatedRepo`)
    ├── HubDisabled      the Hub has switched it off (403)
    ├── HubRefused       the request itself is not accepted (400, 403, 501 ...); asking again will not help
    │   ├── TokenRefused  the token is not valid (401)
    │   └── Misconfigured the settings of this machine do not let the Hub be asked
    ├── HubThrottled     429; asking again later will
    └── HubBroken        408, 5xx, no answer, half an answer, or a body that is not JSON; asking again may
        └── HubUnusable  an answer that must not be used: it leads elsewhere, is too large, or is not what was asked for

Only the classification of answers belongs here; who asks again, and when, is the client's business.
"""

import json
from typing import Any, Final

import httpx2

from hub_assets.errors import HubAssetsError, UserError

BAD_CREDENTIALS: Final = "Invalid credentials in Authorization header"
DISABLED: Final = "Access to this resource is disabled."
NOT_HELD: Final = 501
"""The status with which a source says that it holds nothing of the kind."""
LONGEST_MESSAGE: Final = 500
"""Characters that are kept of what a server says about an error."""


class HubError(HubAssetsError):
    """An answer of the Hub that is not the one asked for.

    `status` is the HTTP status (None where there was no answer), `code` and `message` are its `X-Error-Code` and
    `X-Error-Message` (or the `error` of its JSON body), `url` what was asked. `cause` names it where causes are
    counted, `retry_after` are the seconds that the Hub asks to wait. `attempts` and `calls` say what it cost, as in
    `client.Answer`.
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
        super().__init__(f"{message} ({status or 'no answer'} from {url})")
        self.message = message
        self.url = url
        self.status = status
        self.code = code
        self.cause = cause or str(status)
        self.retry_after = retry_after


class HubGone(HubError):
    """The repository does not exist, or not for us."""


class HubGated(HubError):
    """The repository's content needs an access that was not granted."""


class HubDisabled(HubError):
    """The Hub has disabled the repository."""


class HubRefused(HubError, UserError):
    """The request is not accepted as it is."""


class TokenRefused(HubRefused):
    """The token is not valid."""


class Misconfigured(HubRefused):
    """The settings of this machine do not let the Hub be asked; the message is one sentence for the user."""

    def __str__(self) -> str:
        return self.message


class HubThrottled(HubError):
    """The rate limit was met."""


class HubBroken(HubError):
    """The Hub, or the way to it, does not work just now."""


class HubUnusable(HubBroken):
    """An answer that must not be used; waiting for a better one is not worth hours."""


def is_outage(error: HubError) -> bool:
    """Say whether an error is one of a Hub that does not work just now, so that waiting may help."""
    return isinstance(error, HubThrottled | HubBroken) and not isinstance(error, HubUnusable)


def error_of(
    status: int, headers: httpx2.Headers, content: bytes, *, url: str, reason: str, retry_after: float | None
) -> HubError | None:
    """Return the error that an answer stands for, or None if it is a good one (below 400).

    huggingface_hub's own classification is followed, but not called: it raises other errors where headers or bodies
    are odd.
    """
    if status < 400:
        return None
    code = headers.get("X-Error-Code")
    message = (headers.get("X-Error-Message") or _message_in(content) or reason)[:LONGEST_MESSAGE]
    kind: type[HubError]
    if status == 429:
        kind = HubThrottled
    elif status == 408 or (status >= 500 and status != NOT_HELD):
        kind = HubBroken
    elif code == "GatedRepo":
        kind = HubGated
    elif message == DISABLED:
        kind = HubDisabled
    elif message == BAD_CREDENTIALS:
        kind = TokenRefused
    elif code in ("RepoNotFound", "RevisionNotFound") or status in (401, 404, 410):
        kind = HubGone
    else:
        kind = HubRefused
    return kind(message, url=url, status=status, code=code, retry_after=retry_after)


def _message_in(content: bytes) -> str | None:
    try:
        body: Any = json.loads(content)
    except (ValueError, RecursionError):
        return None
    message = body.get("error") if isinstance(body, dict) else None
    return message.strip() if isinstance(message, str) else None
