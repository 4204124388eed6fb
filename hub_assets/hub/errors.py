"""What can go wrong when the Hub is asked, as types.

    HubError
    ├── HubGone          the repository is missing or private (401 without a token, 404, 410)
    ├── HubGated         its content asks for access that the token has not (401 or 403 `GatedRepo`)
    ├── HubDisabled      the Hub has switched it off (403)
    ├── HubRefused       the request itself is not accepted (400, 403, 501 ...); asking again will not help
    │   └── TokenRefused the token is not valid (401)
    ├── HubThrottled     429; asking again later will
    └── HubBroken        408, 5xx, no answer, half an answer, or a body that is not JSON; asking again may

Only the classification of answers belongs here; who asks again, and when, is the client's business.
"""

import httpx2
from huggingface_hub.errors import (
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import hf_raise_for_status

BAD_CREDENTIALS = "Invalid credentials in Authorization header"
TEMPORARY_STATUSES = frozenset({408, 500, 502, 503, 504})


class HubError(Exception):
    """An answer of the Hub that is not the one asked for.

    `status` is the HTTP status (None where there was no answer), `code` and `message` are its
    `X-Error-Code` and `X-Error-Message` (or the `error` of its JSON body), `url` what was asked. `attempts` and `calls`
    say what it cost, as in `client.Answer`.
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
    ) -> None:
        super().__init__(f"{message} ({status or 'no answer'} from {url})")
        self.message = message
        self.url = url
        self.status = status
        self.code = code


class HubGone(HubError):
    """The repository does not exist, or not for us."""


class HubGated(HubError):
    """The repository's content needs an access that was not granted."""


class HubDisabled(HubError):
    """The Hub has disabled the repository."""


class HubRefused(HubError):
    """The request is not accepted as it is."""


class TokenRefused(HubRefused):
    """The token is not valid."""


class HubThrottled(HubError):
    """The rate limit was met."""


class HubBroken(HubError):
    """The Hub, or the way to it, does not work just now."""


def error_of(response: httpx2.Response) -> HubError | None:
    """Return the error that an answer stands for, or None if it is a good one (below 400)."""
    if response.status_code < 400:
        return None
    try:
        hf_raise_for_status(response)
    except HfHubHTTPError as error:
        status = response.status_code
        message = response.headers.get("X-Error-Message") or error.server_message or response.reason_phrase
        kind: type[HubError]
        if status == 429:
            kind = HubThrottled
        elif status in TEMPORARY_STATUSES:
            kind = HubBroken
        elif isinstance(error, GatedRepoError):
            kind = HubGated
        elif isinstance(error, DisabledRepoError):
            kind = HubDisabled
        elif message == BAD_CREDENTIALS:
            kind = TokenRefused
        elif isinstance(error, RepositoryNotFoundError | RevisionNotFoundError) or status in (401, 404, 410):
            # huggingface_hub names a missing repository only when the URL is https; over http its 401 is bare.
            kind = HubGone
        else:
            kind = HubRefused
        refusal = kind(message, url=str(response.url), status=status, code=response.headers.get("X-Error-Code"))
        refusal.__cause__ = error
        return refusal
    return None
