"""How requests go out: through the session that huggingface_hub shares in a process, paced, and never for ever.

huggingface_hub's own calls (downloads, uploads) go this way too, and are paced where they ask the API. What is asked
and what becomes of the answer belongs to `client`, and the order of waiting requests to `pacing`.
"""

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpcore2
import httpx2
from huggingface_hub.constants import HF_HOME
from huggingface_hub.utils import set_client_factory

# the hook that a custom session must keep (offline mode, request ids) has no public name
from huggingface_hub.utils._http import hf_request_event_hook

from hub_assets.hub.bucket import Bucket, OwnBucket, SharedBucket
from hub_assets.hub.endpoint import Endpoint
from hub_assets.hub.errors import Misconfigured
from hub_assets.hub.headers import rate_limit_of, retry_after_of
from hub_assets.hub.pacing import RequestPacer

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
CONNECTIONS = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
"""As many as there are threads; the default keeps 20 and opens a new one for each request beyond them."""

_pacers: dict[tuple[str, str | None], RequestPacer] = {}
_pacers_lock = threading.Lock()


def pacer_of(endpoint: Endpoint, authorization: str | None) -> RequestPacer:
    """Return the process's one pacer of a Hub and a token (None: anonymous).

    It shares its window with all processes that use the same `HF_HOME`, if that can be written. The file's name does
    not give the token away.
    """
    key = (endpoint.url, authorization)
    with _pacers_lock:
        if key not in _pacers:
            name = hashlib.sha256("\n".join(map(str, key)).encode()).hexdigest()
            try:
                bucket: Bucket = SharedBucket(Path(HF_HOME) / "hub_assets" / f"window-{name[:32]}.json")
            except OSError:
                bucket = OwnBucket()
            _pacers[key] = RequestPacer(bucket=bucket)
        return _pacers[key]


def use_session(endpoint: Endpoint, *, is_local: bool = False) -> None:
    """Let huggingface_hub make its session here from now on.

    Args:
        endpoint: the Hub whose API is paced.
        is_local: whether it is a Hub of our own on this machine, which proxies and offline mode do not concern.
    """
    set_client_factory(partial(_paced_session, endpoint, is_local))


@contextmanager
def one_answer(request: httpx2.Request, pacer: RequestPacer, seconds: float) -> Iterator[None]:
    """Pace a request, and let its answer, which this thread reads in the block, take so many seconds from its turn on.

    The session may have been made for another Hub since, so that it would not pace the request by itself.
    """
    request.extensions |= {"pacer": pacer, "answer_seconds": seconds}
    try:
        yield
    finally:
        _answer.ends_at = None


class PacedTransport(httpx2.BaseTransport):
    """Sends each request of the API, redirects too, when its token's pacer allows it, and never waits for ever.

    It stands below the client's hooks because `huggingface_hub` passes `timeout=None` with many calls, which
    overrides a client's own limit, and because a hook does not hear of requests that got no answer.
    """

    def __init__(self, transport: httpx2.BaseTransport, endpoint: Endpoint, read_seconds: float = READ_SECONDS) -> None:
        self._transport = transport
        self._endpoint = endpoint
        self._limits = {"connect": CONNECT_SECONDS, "read": read_seconds, "write": read_seconds, "pool": None}
        if isinstance(transport, httpx2.HTTPTransport):
            # httpcore2 takes a backend of one's own, but httpx2 does not pass one on
            transport._pool._network_backend = _TimedBackend(transport._pool._network_backend)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; raises PacerClosed if the wait for its permit was called off."""
        given = request.extensions.get("timeout") or {}
        request.extensions["timeout"] = self._limits | {k: v for k, v in given.items() if v is not None}
        pacer: RequestPacer | None = request.extensions.get("pacer")
        if pacer is None and self._endpoint.has(request.url):
            pacer = pacer_of(self._endpoint, request.headers.get("authorization"))
        if pacer is None:
            return self._transport.handle_request(request)
        permit = pacer.acquire()
        if "answer_seconds" in request.extensions:
            _answer.ends_at = time.monotonic() + request.extensions["answer_seconds"]
        try:
            response = self._transport.handle_request(request)
        except BaseException:
            pacer.lose(permit)
            raise
        headers = response.headers
        pacer.receive(permit, response.status_code, rate_limit_of(headers), retry_after_of(headers))
        return response

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


def _paced_session(endpoint: Endpoint, is_local: bool) -> httpx2.Client:
    """Build the session: huggingface_hub's hook and redirects, the machine's proxies as httpx2 finds them, our pace.

    Raises:
        Misconfigured: if httpx2 cannot use the machine's settings.
    """
    try:
        session = httpx2.Client(
            event_hooks={} if is_local else {"request": [hf_request_event_hook]},
            follow_redirects=True,
            timeout=httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            limits=CONNECTIONS,
            trust_env=not is_local,
        )
    # whatever it finds wrong: a SOCKS proxy without its package, an address that is none, a missing SSL_CERT_FILE
    except Exception as error:
        raise Misconfigured(
            f"The proxy or certificate settings of this machine cannot be used: {error} Mend or unset HTTP_PROXY, "
            "HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE or SSL_CERT_DIR",
            url=endpoint.url,
        ) from error
    # httpx2 looks for proxies only where it makes its transports itself
    session._transport = PacedTransport(session._transport, endpoint)
    session._mounts = {
        pattern: transport and PacedTransport(transport, endpoint) for pattern, transport in session._mounts.items()
    }
    return session


class _Answer(threading.local):
    """The answer that a thread waits for: when it must have come to its end, if ever."""

    ends_at: float | None = None


_answer = _Answer()


class _TimedBackend(httpcore2.NetworkBackend):
    """Makes connections that end with the answer's time.

    A limit for each read does not do: a server that sends a byte now and then, also in its headers, would keep it.
    """

    def __init__(self, backend: httpcore2.NetworkBackend) -> None:
        self._backend = backend

    def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore2.NetworkStream:
        """Connect."""
        return _TimedStream(self._backend.connect_tcp(*args, **kwargs))

    def sleep(self, seconds: float) -> None:
        """Wait between attempts to connect."""
        self._backend.sleep(seconds)


class _TimedStream(httpcore2.NetworkStream):
    """A connection on which no read outlasts the answer's time."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read."""
        if _answer.ends_at is not None:
            left = _answer.ends_at - time.monotonic()
            if left <= 0:
                raise httpcore2.ReadTimeout("The whole answer took too long")
            timeout = left if timeout is None else min(left, timeout)
        return self._stream.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write."""
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        """Close."""
        self._stream.close()

    def start_tls(self, *args: Any, **kwargs: Any) -> httpcore2.NetworkStream:
        """Go on under TLS."""
        return _TimedStream(self._stream.start_tls(*args, **kwargs))

    def get_extra_info(self, info: str) -> Any:
        """Tell of the socket."""
        return self._stream.get_extra_info(info)
