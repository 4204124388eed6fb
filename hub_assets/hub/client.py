"""The one door to the Hub: huggingface_hub's session and token, paced, with time limits and bounded retries.

`PacedTransport` sits under the session that huggingface_hub shares in a process, so its own calls are paced too.
`HubClient` asks for JSON and answers with it or with one of `errors`. What to ask, and what the rows mean, belongs
elsewhere.
"""

import hashlib
import random
import threading
import urllib.request
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2
import huggingface_hub
from huggingface_hub.constants import HF_HOME
from huggingface_hub.utils import get_session, parse_ratelimit_headers, set_client_factory

# the hook that a custom session must keep (offline mode, request ids) has no public name
from huggingface_hub.utils._http import hf_request_event_hook

from hub_assets.hub.bucket import Bucket, OwnBucket, SharedBucket
from hub_assets.hub.errors import HubBroken, HubError, HubGone, HubRefused, HubThrottled, TokenRefused, error_of
from hub_assets.hub.pacing import RequestPacer

DEFAULT_ENDPOINT = "https://huggingface.co"
POPULATION_HEADER = "X-Hub-Population"
"""Set by a Hub that is not the real one: the name of what it serves."""
CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
LONGEST_BACKOFF = 8.0
CONNECTIONS = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
"""As many as there are threads; the default keeps 20 and opens one anew for each request beyond them."""
USER_AGENT = f"hub_assets/{version('hub-assets')}; hf_hub/{huggingface_hub.__version__}"

Params = list[tuple[str, str | int | float | bool | None]]

_pacers: dict[tuple[str, str | None], RequestPacer] = {}
_pacers_lock = threading.Lock()


def pacer_of(url: str, authorization: str | None) -> RequestPacer:
    """Return the process's one pacer of a host and a token (None: anonymous).

    It shares its window with all processes that use the same `HF_HOME`, if that can be written. The file's name does
    not tell the token.
    """
    key = (urlsplit(url).netloc, authorization)
    with _pacers_lock:
        if key not in _pacers:
            name = hashlib.sha256("\n".join(map(str, key)).encode()).hexdigest()
            try:
                bucket: Bucket = SharedBucket(Path(HF_HOME) / "hub_assets" / f"window-{name[:32]}.json")
            except OSError:
                bucket = OwnBucket()
            _pacers[key] = RequestPacer(bucket=bucket)
        return _pacers[key]


class PacedTransport(httpx2.BaseTransport):
    """Sends each request of the API, redirects too, when its token's pacer allows it, and never waits for ever.

    It stands below the client's hooks because `huggingface_hub` passes `timeout=None` with many calls, which
    overrides a client's own limit, and because a hook does not hear of requests that got no answer.
    """

    def __init__(self, transport: httpx2.BaseTransport, read_seconds: float = READ_SECONDS) -> None:
        self._transport = transport
        self._limits = {"connect": CONNECT_SECONDS, "read": read_seconds, "write": read_seconds, "pool": None}

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; raises PacerClosed if the wait for its permit was called off."""
        given = request.extensions.get("timeout") or {}
        request.extensions["timeout"] = self._limits | {k: v for k, v in given.items() if v is not None}
        if not request.url.path.startswith("/api/"):
            return self._transport.handle_request(request)
        pacer = pacer_of(str(request.url), request.headers.get("authorization"))
        permit = pacer.acquire()
        try:
            response = self._transport.handle_request(request)
        except BaseException:
            pacer.lose(permit)
            raise
        pacer.receive(permit, response.status_code, parse_ratelimit_headers(response.headers))
        return response

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


def paced_session() -> httpx2.Client:
    """Build the session that huggingface_hub shares: its hook and redirects, our transport, the machine's proxies."""
    proxies = {f"{k}://": v for k, v in urllib.request.getproxies().items() if k in ("http", "https")}
    direct = [h.strip().lstrip(".") for h in urllib.request.getproxies().get("no", "").split(",") if h.strip()]
    mounts: dict[str, httpx2.BaseTransport | None] = {
        pattern: PacedTransport(httpx2.HTTPTransport(proxy=proxy, limits=CONNECTIONS))
        for pattern, proxy in proxies.items()
    }
    mounts |= {f"all://{host}": None for host in ("127.0.0.1", "localhost", *direct)}
    return httpx2.Client(
        transport=PacedTransport(httpx2.HTTPTransport(limits=CONNECTIONS)),
        mounts=mounts,
        event_hooks={"request": [hf_request_event_hook]},
        follow_redirects=True,
        timeout=httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
    )


@dataclass(frozen=True)
class Answer:
    """A good answer: its JSON `body`, and the Hub's time; `attempts` with their redirects took `calls` of the limit."""

    body: Any
    observed_at: datetime
    attempts: int
    calls: int
    response: httpx2.Response

    @property
    def text(self) -> str:
        """The text that the body came as."""
        return self.response.text

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.response.status_code

    @property
    def next_path(self) -> str | None:
        """The path of the next page."""
        if "link" not in self.response.headers:
            return None
        following = self.response.links.get("next", {}).get("url")
        return _path_of(following) if following else None

    @property
    def total(self) -> int | None:
        """Its `X-Total-Count`."""
        total = self.response.headers.get("x-total-count", "")
        return int(total) if total.isdecimal() else None

    @property
    def was_redirected(self) -> bool:
        """Whether it came from another path than was asked."""
        return bool(self.response.history)

    @property
    def path(self) -> str:
        """The path that it came from, with its query."""
        return _path_of(str(self.response.url))

    @property
    def location(self) -> str | None:
        """Where a redirect that was not followed leads."""
        location = self.response.headers.get("location")
        return _path_of(urljoin(str(self.response.url), location)) if location else None


@dataclass(frozen=True)
class Contact:
    """The first thing learnt of a Hub: its clock, and its population's name (None: it is the real one)."""

    now: datetime
    population: str | None


class HubClient:
    """Asks one Hub for JSON, with one token.

    Args:
        endpoint: the Hub's address, without a trailing slash.
        token: a token; None for the one huggingface_hub finds (HF_TOKEN, a login), False for none.
        attempts: how often a request is sent at most, before its temporary error is raised.
        backoff: seconds before the second attempt; doubled from then on, up to 8 s, with jitter.
        read_seconds: how long to wait for an answer.

    `retries` counts what made a request be sent again, by cause. `has_token` says whether a token is sent.
    """

    def __init__(
        self,
        endpoint: str = DEFAULT_ENDPOINT,
        token: str | bool | None = None,
        *,
        attempts: int = 6,
        backoff: float = 1.0,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self.endpoint = endpoint.rstrip("/")
        self.attempts = attempts
        self.backoff = backoff
        self.retries: Counter[str] = Counter()
        self._retries_lock = threading.Lock()
        self._timeout = httpx2.Timeout(read_seconds, connect=CONNECT_SECONDS)
        found = token if isinstance(token, str) else None if token is False else huggingface_hub.get_token()
        self._headers = {"user-agent": USER_AGENT} | ({"authorization": f"Bearer {found}"} if found else {})
        self.has_token = found is not None
        self._clock_offset: timedelta | None = None
        self._contact: Contact | None = None
        set_client_factory(paced_session)

    @property
    def pacer(self) -> RequestPacer:
        """The pacer of this client's host and token."""
        return pacer_of(self.endpoint, self._headers.get("authorization"))

    def contact(self) -> Contact:
        """Ask the Hub once who and when it is, and whether it takes our token.

        Raises:
            TokenRefused: if the token is not valid.
            HubError: if the Hub does not answer.
        """
        if self._contact is None:
            # whoami has a narrow limit of its own, so it is asked once, and only where there is a token to try.
            path = "/api/whoami-v2" if self.has_token else "/api/models?limit=1"
            try:
                response, *_ = self._ask(path, attempts=min(self.attempts, 3))
            except HubGone as error:
                if error.status != 401:
                    raise
                raise TokenRefused(error.message, url=error.url, status=error.status, code=error.code) from error
            self._contact = Contact(self.now(), response.headers.get(POPULATION_HEADER))
        return self._contact

    def now(self) -> datetime:
        """Return the Hub's time (UTC): the `Date` of its first answer, carried on by our clock; ours before that."""
        return datetime.now(UTC) + (self._clock_offset or timedelta())

    def get(self, path: str, params: Params | None = None, *, follow: bool = True) -> Answer:
        """Ask for JSON and return it.

        Args:
            path: path and query below the endpoint.
            params: query parameters, repeated names allowed.
            follow: whether to go where a redirect leads.

        Raises:
            HubError: as `errors` says; temporary ones after `attempts` tries.
            PacerClosed: if the wait for a permit was called off.
        """
        response, body, attempts, calls = self._ask(path, params, follow=follow)
        return Answer(body, self.now(), attempts, calls, response)

    def _ask(
        self, path: str, params: Params | None = None, attempts: int | None = None, follow: bool = True
    ) -> tuple[httpx2.Response, Any, int, int]:
        """Send until there is a good JSON answer or no further attempt is worth it; return both with what they cost.

        huggingface_hub's own `http_backoff` is not used: its waits (up to 301 s) cannot be interrupted, it takes a
        body that is not JSON for good, and it does not say what it has met.
        """
        url = urljoin(self.endpoint, path)
        attempt = calls = 0
        while True:
            attempt += 1
            calls += 1
            error: HubError
            try:
                response = get_session().get(
                    url, params=params, headers=self._headers, timeout=self._timeout, follow_redirects=follow
                )
                calls += len(response.history)
                self._learn_clock(response)
                refusal = error_of(response)
                if refusal is None:
                    return response, response.json(), attempt, calls
                refusal.attempts, refusal.calls = attempt, calls
                if not isinstance(refusal, HubThrottled | HubBroken):
                    raise refusal
                error = refusal
                cause = str(response.status_code)
            except (httpx2.UnsupportedProtocol, httpx2.InvalidURL) as wrong:
                raise HubRefused(f"{self.endpoint!r} is not an address like {DEFAULT_ENDPOINT}", url=url) from wrong
            except httpx2.TooManyRedirects as circle:
                raise HubRefused(f"{circle}", url=url, status=307) from circle
            except (httpx2.RequestError, RecursionError) as broken:
                error = HubBroken(f"{type(broken).__name__}: {broken}", url=url)
                error.__cause__ = broken
                cause = type(broken).__name__
            except ValueError as broken:
                error = HubBroken("the body is not JSON", url=url, status=response.status_code)
                error.__cause__ = broken
                cause = "not JSON"
            error.attempts, error.calls = attempt, calls
            if attempt >= (attempts or self.attempts):
                raise error
            with self._retries_lock:
                self.retries[cause] += 1
            self.pacer.pause(min(LONGEST_BACKOFF, self.backoff * 2 ** (attempt - 1)) * random.uniform(0.75, 1.25))

    def _learn_clock(self, response: httpx2.Response) -> None:
        if self._clock_offset is None and "Date" in response.headers:
            self._clock_offset = parsedate_to_datetime(response.headers["Date"]) - datetime.now(UTC)


def _path_of(url: str) -> str:
    """Return a URL without its host, so that a resume point outlives a change of the Hub's address."""
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")
