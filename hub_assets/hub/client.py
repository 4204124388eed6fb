"""The one door to the Hub: asks for JSON with huggingface_hub's session and token, with bounded answers and retries.

`HubClient` answers with JSON or with one of `errors`. It follows redirects itself, and only where `endpoint` allows.
How requests go out belongs to `session`, what headers say to `headers`. What to ask, and what the rows mean, belongs
elsewhere.
"""

import json
import logging
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any, Final

import httpx2
import huggingface_hub
from huggingface_hub import constants
from huggingface_hub.errors import OfflineModeIsEnabled
from huggingface_hub.utils import get_session

from hub_assets.hub.endpoint import DEFAULT_ENDPOINT, Endpoint
from hub_assets.hub.errors import (
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
from hub_assets.hub.headers import UNREADABLE, date_of, next_of, retry_after_of, total_of
from hub_assets.hub.pacing import PacerClosed, RequestPacer
from hub_assets.hub.session import CONNECT_SECONDS, READ_SECONDS, one_answer, pacer_of, use_session

logger = logging.getLogger(__name__)

POPULATION_HEADER: Final = "X-Hub-Population"
"""Set by a Hub that is not the real one: the name of what it serves."""
LONGEST_BACKOFF: Final = 8.0
REDIRECTS: Final = 5
"""How often one question is redirected at most; the Hub does so twice, for a renamed account's renamed repository."""
ANSWER_SECONDS: Final = 300.0
"""How long a whole answer may take: the largest allowed, at 0.2 MB/s."""
ANSWER_MEGABYTES: Final = 64
"""How large an answer may be, unpacked: a page of 1,000 repositories at 64 kB each, five times what the Hub sends."""
SAY_SECONDS: Final = 30.0
"""Seconds between messages to a waiting writer."""
USER_AGENT: Final = f"hub_assets/{version('hub-assets')}; hf_hub/{huggingface_hub.__version__}"


@dataclass(frozen=True)
class Answer:
    """A good answer: its JSON `body`, and the Hub's time; `attempts` with their redirects took `calls` of the limit.

    `path` is where it came from, with the query; `was_redirected` says whether that is another path than was asked.
    `location` is where a redirect that was not followed leads.
    """

    body: Any
    text: str
    status: int
    headers: httpx2.Headers
    endpoint: Endpoint
    path: str
    observed_at: datetime
    location: str | None = None
    was_redirected: bool = False
    attempts: int = 1
    calls: int = 1

    @property
    def next_path(self) -> str | None:
        """The path of the next page; None after the last.

        Raises:
            HubUnusable: if it cannot be read, or leads elsewhere.
        """
        following = next_of(self.headers)
        if following == UNREADABLE:
            raise HubUnusable(
                "The link to the next page cannot be read", url=self.endpoint.url + self.path, status=self.status
            )
        return None if following is None else self.endpoint.path_of(following, self.path)

    @property
    def total(self) -> int | None:
        """Its `X-Total-Count`."""
        return total_of(self.headers)


@dataclass(frozen=True)
class Contact:
    """The first thing learnt of a Hub: its clock, and its population's name (None: it is the real one)."""

    now: datetime
    population: str | None


class HubClient:
    """Asks one Hub for JSON, with one token.

    Args:
        endpoint: the Hub's address.
        token: a token; None for the one huggingface_hub finds (HF_TOKEN, a login), False for none.
        attempts: how often a request is sent at most, before its temporary error is raised.
        backoff: seconds before the second attempt; doubled from then on, up to 8 s, with jitter.
        read_seconds: how long to wait for the next piece of an answer.
        answer_seconds: how long to wait for a whole answer.
        answer_megabytes: how large an answer may be.
        is_local: whether the Hub is one of our own on this machine, which proxies and offline mode do not concern.
        say_seconds: how often it is said that we wait.

    `retries` counts what made a request be sent again, by cause. `has_token` says whether a token is sent. `tell` gets
    a sentence when the Hub makes us wait for more than a backoff; replace it to show them elsewhere than in the log.

    Raises:
        Misconfigured: if the address or the token cannot be used.
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
        found = _token(token, self.endpoint)
        self._headers = {"user-agent": USER_AGENT} | ({"authorization": f"Bearer {found}"} if found else {})
        self.has_token = found is not None
        self._clock_offset: timedelta | None = None
        self._contact: Contact | None = None
        use_session(self._endpoint, is_local=is_local)

    @property
    def pacer(self) -> RequestPacer:
        """The pacer of this client's Hub and token."""
        return pacer_of(self._endpoint, self._headers.get("authorization"))

    def contact(self, patience: Sequence[float] = ()) -> Contact:
        """Ask the Hub once who and when it is, and whether it takes our token.

        Args:
            patience: how long to wait, time after time, if it does not answer; by default only for some attempts.

        Raises:
            TokenRefused: if the token is not valid.
            HubError: if the Hub does not answer.
        """
        waits = iter(patience)
        while self._contact is None:
            # whoami has a narrow limit of its own, so it is asked once, and only where there is a token to try.
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
        """Return the Hub's time (UTC): the `Date` of its first answer, carried on by our clock; ours before that."""
        return datetime.now(UTC) + (self._clock_offset or timedelta())

    def get(self, path: str, *, follow: bool = True) -> Answer:
        """Ask for JSON and return it.

        Args:
            path: path and query below the endpoint; it begins with `/api/`.
            follow: whether to go where a redirect leads.

        Raises:
            HubError: as `errors` says; temporary ones after `attempts` tries.
            PacerClosed: if the wait for a permit was called off.
        """
        return self._ask(path, follow=follow)

    def outlast(self, error: HubError, waits: Iterator[float]) -> None:
        """Wait for a Hub that does not work for as long as `waits` says next.

        Raises:
            HubError: the error itself, if it is no outage, or nothing is left of the patience.
            PacerClosed: if the wait was called off.
        """
        seconds = next(waits, None) if is_outage(error) else None
        if seconds is None:
            raise error
        self.wait(max(seconds, error.retry_after or 0), f"The Hub does not work ({error.message})")

    def wait(self, seconds: float, why: str) -> None:
        """Wait before asking again, and tell of it at once and every 30 s.

        Raises:
            PacerClosed: if the wait was called off.
        """
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.say(until, why)
            self.pacer.pause(min(left, self._say_seconds))

    def say(self, until: float, why: str) -> None:
        """Tell of a wait, unless one as long was told of within the last 30 s, by whatever thread."""
        now = time.monotonic()
        with self._lock:
            if now < self._said_at + self._say_seconds and until < self._said_until + 1:
                return
            self._said_at, self._said_until = now, until
        self.tell(f"{why}; asking again in {until - now:,.0f} s")

    def _ask(self, path: str, *, attempts: int | None = None, follow: bool = True) -> Answer:
        """Send until there is a good JSON answer or no further attempt is worth it; it says what that cost.

        huggingface_hub's own `http_backoff` is not used: its waits (up to 301 s) cannot be interrupted, it takes a
        body that is not JSON for good, and it does not say what it has met.
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
                answer = self._follow(path, follow)
                return replace(answer, attempts=attempt, calls=calls + answer.calls)
            except HubError as error:
                calls += error.calls
                error.attempts, error.calls = attempt, calls
                is_worth_it = isinstance(error, HubThrottled | HubBroken) and attempt < (attempts or self.attempts)
                if not is_worth_it:
                    raise
                with self._lock:
                    self.retries[error.cause] += 1
                if asked_for := max(error.retry_after or 0.0, self.pacer.blocked_seconds):
                    self.wait(asked_for, f"The Hub asks us to wait ({error.message})")
                    continue
            self.pacer.pause(min(LONGEST_BACKOFF, self.backoff * 2 ** (attempt - 1)) * random.uniform(0.75, 1.25))

    def _follow(self, path: str, follow: bool) -> Answer:
        """Send a request, and go where redirects lead if that is wanted."""
        calls = 0
        seen: set[str] = set()
        while True:
            calls += 1
            seen.add(path)
            try:
                answer = self._send(path)
                if answer.location is None or not follow:
                    return replace(answer, calls=calls, was_redirected=calls > 1)
                if answer.location in seen or calls > REDIRECTS:
                    raise HubRefused("The redirects lead in a circle", url=self.endpoint + path, status=answer.status)
            except HubError as error:
                error.calls = calls
                raise
            path = answer.location

    def _send(self, path: str) -> Answer:
        """Send one request and read its answer."""
        url = self._endpoint.url_of(path)
        try:
            session = get_session()
            request = session.build_request("GET", url, headers=self._headers, timeout=self._timeout)
            with (
                one_answer(request, self.pacer, self._answer_seconds),
                closing(session.send(request, stream=True, follow_redirects=False)) as response,
            ):
                content = self._read(response)
        except OfflineModeIsEnabled as offline:
            raise Misconfigured(
                "Offline mode is enabled, so that nothing can be asked; unset HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE",
                url=url,
            ) from offline
        except (HubError, PacerClosed):
            raise
        # an answer can go wrong in more ways than the library has errors for
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
        text, body = _parsed(content, url, status)
        return Answer(body, text, status, headers, self._endpoint, path, self.now())

    def _read(self, response: httpx2.Response) -> bytes:
        pieces, left = [], self._answer_megabytes * 2**20
        for piece in response.iter_bytes():
            left -= len(piece)
            if left < 0:
                raise HubUnusable(
                    f"The answer is larger than {self._answer_megabytes:g} MB",
                    url=str(response.url),
                    status=response.status_code,
                    cause="too large",
                )
            pieces.append(piece)
        return b"".join(pieces)

    def _learn_clock(self, headers: httpx2.Headers) -> None:
        if self._clock_offset is None and (date := date_of(headers)) is not None:
            self._clock_offset = date - datetime.now(UTC)


def _token(token: str | bool | None, endpoint: str) -> str | None:
    """Return the token to send, as huggingface_hub finds it."""
    if token is False or (token is None and constants.HF_HUB_DISABLE_IMPLICIT_TOKEN):
        return None
    try:
        found = token if isinstance(token, str) else huggingface_hub.get_token()
    except Exception as error:  # a login that is to be renewed, or is asked of a CI system
        raise Misconfigured(f"There is no token to be had: {error} Set HF_TOKEN", url=endpoint) from error
    # the token itself is not shown
    if found is not None and re.fullmatch(r"[!-~]+", found) is None:
        raise Misconfigured(
            "The token has characters that no token of the Hub has; set a valid HF_TOKEN, or unset it", url=endpoint
        )
    return found


def _parsed(content: bytes, url: str, status: int) -> tuple[str, Any]:
    """Return a body as text and as what that says."""
    try:
        text = content.decode(json.detect_encoding(content), "surrogatepass")
        body = json.loads(text, parse_int=_whole)
    except ValueError as broken:
        raise HubBroken("the body is not JSON", url=url, status=status, cause="not JSON") from broken
    except RecursionError as broken:
        raise HubBroken("the body is nested too deeply", url=url, status=status, cause="RecursionError") from broken
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a pair, written as if it were a character
        text = text.encode("utf-8", "replace").decode()
    return text, body


def _whole(digits: str) -> int | float:
    """Read a whole number; Python refuses to read one of thousands of digits, and with it the page that it is on."""
    return int(digits) if len(digits) < 400 else float(digits)
