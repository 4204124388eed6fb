"""The only client for the Hub's JSON and cards.

It uses huggingface_hub's session and token, and adds limits and retries. `HubClient` returns JSON or text, or raises
one of `errors`. It follows redirects itself, and only where `endpoint` allows. Sending requests belongs in `session`,
parsing headers in `headers`. Deciding what to request and interpreting rows do not belong here.
"""

import logging
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from copy import copy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any, Final

import httpx2
import huggingface_hub
from huggingface_hub import constants
from huggingface_hub.errors import OfflineModeIsEnabled
from huggingface_hub.utils import get_session

from hub_assets.hub.http.bodies import parsed
from hub_assets.hub.http.endpoint import DEFAULT_ENDPOINT, Endpoint
from hub_assets.hub.http.errors import (
    HubBroken,
    HubError,
    HubGone,
    HubRefused,
    HubThrottled,
    HubUnusable,
    Misconfigured,
    TokenRefused,
    error_of,
    is_outage,
)
from hub_assets.hub.http.headers import UNREADABLE, date_of, next_of, retry_after_of, total_of
from hub_assets.hub.http.pacing import PacerClosed, RequestPacer
from hub_assets.hub.http.session import CONNECT_SECONDS, READ_SECONDS, one_answer, pacer_of, use_session
from hub_assets.vocabulary import Bucket

logger = logging.getLogger(__name__)

POPULATION_HEADER: Final = "X-Hub-Population"
"""Header in which a local Hub names the population it serves."""
LONGEST_BACKOFF: Final = 8.0
REDIRECTS: Final = 5
"""Maximum number of redirects per request. On the Hub, a renamed repository of a renamed account takes two."""
ANSWER_SECONDS: Final = 300.0
"""Time limit for a whole response: enough for the largest allowed response at 0.2 MB/s."""
ANSWER_MEGABYTES: Final = 64
"""Size limit for a decompressed response: a page of 1,000 repositories at 64 kB each, five times what the Hub sends."""
SAY_SECONDS: Final = 30.0
"""Interval between messages during a wait."""
USER_AGENT: Final = f"hub_assets/{version('hub-assets')}; hf_hub/{huggingface_hub.__version__}"


@dataclass(frozen=True)
class Answer:
    """A successful response: its `text`, its JSON `body` (None for a card) and the Hub's time.

    `is_plain` is the flag that `bodies.parsed` returns.

    `attempts` is the number of attempts that the request took, and `calls` is the number of calls that they used up,
    including redirects. `path` is the final path with its query; `was_redirected` is true if redirects led to it.
    `location` is the target of a redirect that was not followed.
    """

    body: Any
    text: str
    status: int
    headers: httpx2.Headers
    endpoint: Endpoint
    path: str
    observed_at: datetime
    location: str | None = None
    is_plain: bool = False
    was_redirected: bool = False
    attempts: int = 1
    calls: int = 1

    @property
    def next_path(self) -> str | None:
        """The path of the next page, or None on the last page.

        Raises:
            HubUnusable: if the link cannot be parsed or leaves the Hub's API.
        """
        following = next_of(self.headers)
        if following == UNREADABLE:
            raise HubUnusable(
                "The link to the next page cannot be parsed", url=self.endpoint.url + self.path, status=self.status
            )
        return None if following is None else self.endpoint.path_of(following, self.path)

    @property
    def total(self) -> int | None:
        """The `X-Total-Count` header."""
        return total_of(self.headers)


@dataclass(frozen=True)
class Contact:
    """Facts from a Hub's first response: the Hub's time, and its population's name (None for the real Hub)."""

    now: datetime
    population: str | None


class HubClient:
    """Requests JSON from a single Hub with a single token.

    Args:
        endpoint: the Hub's address.
        token: a token; None to use the token huggingface_hub finds (HF_TOKEN, a login), False to send none.
        attempts: how many times to try a request before raising a temporary error.
        backoff: seconds before the second attempt; doubles with each attempt up to 8 s, with jitter.
        read_seconds: how long to wait for the next chunk of a response.
        answer_seconds: time limit for a whole response.
        answer_megabytes: size limit for a response.
        is_local: whether the Hub is our own server on this machine; if so, proxies and offline mode are ignored.
        say_seconds: interval between messages during a wait.

    `retries` counts retried requests by cause. `has_token` is true if a token is sent. `tell` receives a message
    whenever the Hub makes us wait longer than a backoff; replace it to send the messages somewhere other than the log.

    Raises:
        Misconfigured: if the address or the token is invalid.
    """

    def __init__(
        self,
        endpoint: str = DEFAULT_ENDPOINT,
        token: str | bool | None = None,
        *,
        attempts: int = 6,
        backoff: float = 1.0,
        read_seconds: float = READ_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
        answer_megabytes: float = ANSWER_MEGABYTES,
        is_local: bool = False,
        say_seconds: float = SAY_SECONDS,
    ) -> None:
        self._bucket: Bucket = "api"
        self._endpoint = Endpoint(endpoint)
        self.endpoint = self._endpoint.url
        self.attempts = attempts
        self.backoff = backoff
        self.retries: Counter[str] = Counter()
        self.tell: Callable[[str], None] = logger.warning
        self._lock = threading.Lock()
        self._timeout = httpx2.Timeout(read_seconds, connect=CONNECT_SECONDS)
        self._answer_seconds = answer_seconds
        self._answer_megabytes = answer_megabytes
        self._say_seconds = say_seconds
        self._said_at = self._said_until = float("-inf")
        sent_token = _token(token, self.endpoint)
        self._headers = {"user-agent": USER_AGENT} | ({"authorization": f"Bearer {sent_token}"} if sent_token else {})
        self.has_token = sent_token is not None
        self._clock_offset: timedelta | None = None
        self._contact: Contact | None = None
        use_session(self._endpoint, is_local=is_local)

    @property
    def pacer(self) -> RequestPacer:
        """The pacer for this client's Hub, token and bucket."""
        return pacer_of(self._endpoint, self._headers.get("authorization"), self._bucket)

    def within(self, bucket: Bucket) -> "HubClient":
        """Return a copy of this client whose requests count against the given bucket."""
        client = copy(self)
        client._bucket = bucket
        return client

    def contact(self, outage_backoff: Sequence[float] = ()) -> Contact:
        """Check the token and read the Hub's clock and population; later calls return the same result.

        Args:
            outage_backoff: seconds to wait before each further round of attempts while the Hub does not respond; by
                default there is only one round.

        Raises:
            TokenRefused: if the token is invalid.
            HubError: if the Hub does not respond.
        """
        waits = iter(outage_backoff)
        while self._contact is None:
            # whoami has a low rate limit of its own, so it is called only once, and only if there is a token to check
            path = "/api/whoami-v2" if self.has_token else "/api/models?limit=1"
            try:
                answer = self._ask(path, attempts=min(self.attempts, 4))
            except HubGone as error:
                if error.status != 401:
                    raise
                raise TokenRefused(error.message, url=error.url, status=error.status, code=error.code) from error
            except HubError as error:
                self.outlast(error, waits)
                continue
            self._contact = Contact(self.now(), answer.headers.get(POPULATION_HEADER))
        return self._contact

    def now(self) -> datetime:
        """Return the Hub's time (UTC): the `Date` of its first response plus elapsed time; before that, our clock."""
        return datetime.now(UTC) + (self._clock_offset or timedelta())

    def get(self, path: str, *, follow: bool = True) -> Answer:
        """Request JSON and return the response.

        Args:
            path: path and query below the endpoint, starting with `/api/`.
            follow: whether to follow redirects.

        Raises:
            HubError: see `errors`; temporary errors are raised after `attempts` tries.
            PacerClosed: if the wait for a request slot was canceled.
        """
        return self._ask(path, follow=follow)

    def card(self, path: str, most_bytes: int) -> Answer:
        """Request the start of a card, a file that can have any size and content.

        Args:
            path: path of the card below the endpoint.
            most_bytes: maximum number of bytes to read.

        Raises:
            HubError, PacerClosed: as for `get`.
        """
        return self._ask(path, card_bytes=most_bytes)

    def outlast(self, error: HubError, waits: Iterator[float]) -> None:
        """Wait during an outage, for at least the next number of seconds in `waits`.

        Raises:
            HubError: the error itself, if it is not an outage or `waits` is used up.
            PacerClosed: if the wait was canceled.
        """
        seconds = next(waits, None) if is_outage(error) else None
        if seconds is None:
            raise error
        self.wait(max(seconds, error.retry_after or 0), f"The Hub is not working ({error.message})")

    def wait(self, seconds: float, why: str) -> None:
        """Wait before retrying, with a message at the start and every 30 s.

        Raises:
            PacerClosed: if the wait was canceled.
        """
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.say(until, why)
            self.pacer.pause(min(left, self._say_seconds))

    def say(self, until: float, why: str) -> None:
        """Announce a wait, unless any thread has announced one in the last 30 s that ends no earlier."""
        now = time.monotonic()
        with self._lock:
            if now < self._said_at + self._say_seconds and until < self._said_until + 1:
                return
            self._said_at, self._said_until = now, until
        self.tell(f"{why}; retrying in {until - now:,.0f} s")

    def _ask(
        self, path: str, *, attempts: int | None = None, follow: bool = True, card_bytes: int | None = None
    ) -> Answer:
        """Send a request until it returns valid JSON or a card, a retry is pointless, or the attempts are used up.

        The answer or error includes the number of attempts and calls.

        We do not use huggingface_hub's `http_backoff`: its waits (up to 301 s) cannot be interrupted, it accepts a
        body that is not JSON, and it does not report the errors it retried.
        """
        attempt = calls = 0
        try:
            self._endpoint.url_of(path)
        except HubUnusable as error:
            error.attempts = error.calls = 0
            raise
        while True:
            attempt += 1
            try:
                answer = self._follow(path, follow, card_bytes)
                return replace(answer, attempts=attempt, calls=calls + answer.calls)
            except HubError as error:
                calls += error.calls
                error.attempts, error.calls = attempt, calls
                can_retry = isinstance(error, HubThrottled | HubBroken) and attempt < (attempts or self.attempts)
                if not can_retry:
                    raise
                with self._lock:
                    self.retries[error.cause] += 1
                if requested_wait := max(error.retry_after or 0.0, self.pacer.blocked_seconds):
                    self.wait(requested_wait, f"The Hub asked us to wait ({error.message})")
                    continue
            self.pacer.pause(min(LONGEST_BACKOFF, self.backoff * 2 ** (attempt - 1)) * random.uniform(0.75, 1.25))

    def _follow(self, path: str, follow: bool, card_bytes: int | None) -> Answer:
        """Send a request and, if `follow` is true, follow redirects."""
        calls = 0
        seen: set[str] = set()
        while True:
            calls += 1
            seen.add(path)
            try:
                answer = self._send(path, card_bytes)
                if answer.location is None or not follow:
                    return replace(answer, calls=calls, was_redirected=calls > 1)
                if answer.location in seen or calls > REDIRECTS:
                    raise HubRefused("The redirects form a loop", url=self.endpoint + path, status=answer.status)
            except HubError as error:
                error.calls = calls
                raise
            path = answer.location

    def _send(self, path: str, card_bytes: int | None) -> Answer:
        """Send a single request and read its response."""
        url = self._endpoint.url_of(path)
        try:
            session = get_session()
            request = session.build_request("GET", url, headers=self._headers, timeout=self._timeout)
            with (
                one_answer(request, self.pacer, self._answer_seconds),
                closing(session.send(request, stream=True, follow_redirects=False)) as response,
            ):
                content = self._read(response, card_bytes)
        except OfflineModeIsEnabled as offline:
            raise Misconfigured(
                "Offline mode is on, so the Hub cannot be reached; unset HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE",
                url=url,
            ) from offline
        except (HubError, PacerClosed):
            raise
        # a response can fail in more ways than the library has exceptions for
        except Exception as broken:
            cause = type(broken).__name__
            raise HubBroken(f"{cause}: {broken}", url=url, cause=cause) from broken
        status, headers = response.status_code, response.headers
        self._learn_clock(headers)
        error = error_of(
            status, headers, content, url=url, reason=response.reason_phrase, retry_after=retry_after_of(headers)
        )
        if error is not None:
            raise error
        if 300 <= status < 400:
            location = self._endpoint.path_of(headers.get("location", ""), path)
            return Answer(None, "", status, headers, self._endpoint, path, self.now(), location)
        if card_bytes is not None:
            return Answer(None, content.decode("utf-8", "replace"), status, headers, self._endpoint, path, self.now())
        try:
            text, body, is_plain = parsed(content)
        except ValueError as broken:
            raise HubBroken("the body is not JSON", url=url, status=status, cause="not JSON") from broken
        except RecursionError as broken:
            raise HubBroken("the body is nested too deeply", url=url, status=status, cause="RecursionError") from broken
        return Answer(body, text, status, headers, self._endpoint, path, self.now(), is_plain=is_plain)

    def _read(self, response: httpx2.Response, card_bytes: int | None) -> bytes:
        pieces, left = [], card_bytes or self._answer_megabytes * 2**20
        for piece in response.iter_bytes():
            pieces.append(piece)
            left -= len(piece)
            if left < 0 and card_bytes is not None:
                break
            if left < 0:
                raise HubUnusable(
                    f"The response is larger than {self._answer_megabytes:g} MB",
                    url=str(response.url),
                    status=response.status_code,
                    cause="too large",
                )
        return b"".join(pieces)[:card_bytes]

    def _learn_clock(self, headers: httpx2.Headers) -> None:
        if self._clock_offset is None and (date := date_of(headers)) is not None:
            self._clock_offset = date - datetime.now(UTC)


def _token(token: str | bool | None, endpoint: str) -> str | None:
    """Return the token to send; None means that huggingface_hub looks it up, False that none is sent."""
    if token is False or (token is None and constants.HF_HUB_DISABLE_IMPLICIT_TOKEN):
        return None
    try:
        sent_token = token if isinstance(token, str) else huggingface_hub.get_token()
    except Exception as error:  # an expired login, or a CI system that fails to issue a token
        raise Misconfigured(f"Could not get a token: {error} Set HF_TOKEN", url=endpoint) from error
    # the message must not contain the token
    if sent_token is not None and re.fullmatch(r"[!-~]+", sent_token) is None:
        raise Misconfigured(
            "The token contains characters that Hub tokens never have; set a valid HF_TOKEN, or unset it", url=endpoint
        )
    return sent_token
