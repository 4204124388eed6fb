"""Sends requests through huggingface_hub's process-wide session, with pacing and time limits.

huggingface_hub's own calls (downloads, uploads) use this session too and are paced whenever they call the API. Deciding
what to request and handling the response belong in `client`; deciding when to send a request belongs in `pacing`.
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

# a custom session must keep this hook (offline mode, request ids), and it has no public name
from huggingface_hub.utils._http import hf_request_event_hook

from hub_assets.hub.http.endpoint import Endpoint
from hub_assets.hub.http.errors import Misconfigured
from hub_assets.hub.http.headers import rate_limit_of, retry_after_of
from hub_assets.hub.http.pacing import RequestPacer
from hub_assets.hub.http.shared_window import OwnWindow, SharedWindow, WindowState
from hub_assets.vocabulary import Bucket

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
CONNECTIONS = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
"""No limits, so each thread keeps its own connection. By default, httpx2 keeps only 20 connections open."""

_pacers: dict[tuple[str, str | None, Bucket], RequestPacer] = {}
_pacers_lock = threading.Lock()


def pacer_of(endpoint: Endpoint, authorization: str | None, bucket: Bucket = "api") -> RequestPacer:
    """Return this process's pacer for a Hub, a token (None: anonymous) and a bucket; the Hub counts buckets separately.

    The pacer shares its window with all processes that use the same `HF_HOME`, provided that folder is writable. The
    name of the shared file does not reveal the token.
    """
    key = (endpoint.url, authorization, bucket)
    with _pacers_lock:
        if key not in _pacers:
            name = hashlib.sha256("\n".join(map(str, key)).encode()).hexdigest()
            try:
                state: WindowState = SharedWindow(Path(HF_HOME) / "hub_assets" / f"window-{name[:32]}.json")
            except OSError:
                state = OwnWindow()
            _pacers[key] = RequestPacer(window_state=state, bucket=bucket)
        return _pacers[key]


def use_session(endpoint: Endpoint, *, is_local: bool = False) -> None:
    """Make huggingface_hub create only paced sessions from now on.

    Args:
        endpoint: the Hub whose API is paced.
        is_local: whether the Hub is our own server on this machine; if so, proxies and offline mode are ignored.
    """
    set_client_factory(partial(_paced_session, endpoint, is_local))


@contextmanager
def one_answer(request: httpx2.Request, pacer: RequestPacer, seconds: float) -> Iterator[None]:
    """Pace a request and set a time limit for its response, which this thread must read inside the block.

    The clock starts when the request is sent. The pacer is passed explicitly because the session may have been created
    for another Hub, in which case it would not pace this request.
    """
    request.extensions |= {"pacer": pacer, "answer_seconds": seconds}
    try:
        yield
    finally:
        _answer.ends_at = None


class PacedTransport(httpx2.BaseTransport):
    """Sends each API request, including redirects, only when its token's pacer allows it, and always with a timeout.

    It sits below the client's hooks because `huggingface_hub` passes `timeout=None` with many calls, which overrides
    the client's own timeout, and because hooks are not called for requests that get no response.
    """

    def __init__(self, transport: httpx2.BaseTransport, endpoint: Endpoint, read_seconds: float = READ_SECONDS) -> None:
        self._transport = transport
        self._endpoint = endpoint
        self._limits = {"connect": CONNECT_SECONDS, "read": read_seconds, "write": read_seconds, "pool": None}
        if isinstance(transport, httpx2.HTTPTransport):
            # httpcore2 accepts a custom backend, but httpx2 has no option to pass it
            transport._pool._network_backend = _TimedBackend(transport._pool._network_backend)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request.

        Raises:
            PacerClosed: if the wait for a request slot was canceled.
        """
        given = request.extensions.get("timeout") or {}
        request.extensions["timeout"] = self._limits | {k: v for k, v in given.items() if v is not None}
        pacer: RequestPacer | None = request.extensions.get("pacer")
        if pacer is None and self._endpoint.has(request.url):
            pacer = pacer_of(self._endpoint, request.headers.get("authorization"))
        if pacer is None:
            return self._transport.handle_request(request)
        slot = pacer.acquire()
        if "answer_seconds" in request.extensions:
            _answer.ends_at = time.monotonic() + request.extensions["answer_seconds"]
        try:
            response = self._transport.handle_request(request)
        except BaseException:
            pacer.lose(slot)
            raise
        headers = response.headers
        pacer.receive(slot, response.status_code, rate_limit_of(headers), retry_after_of(headers))
        return response

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


def _paced_session(endpoint: Endpoint, is_local: bool) -> httpx2.Client:
    """Build a paced session that follows redirects.

    Unless `is_local` is true, it also uses huggingface_hub's hook and the proxies that httpx2 finds.

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
    # many causes: a SOCKS proxy without its package, an invalid address, a missing SSL_CERT_FILE
    except Exception as error:
        raise Misconfigured(
            f"This machine's proxy or certificate settings do not work: {error} Fix or unset HTTP_PROXY, "
            "HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE or SSL_CERT_DIR",
            url=endpoint.url,
        ) from error
    # wrapped afterwards, because httpx2 looks for proxies only if it creates the transports itself
    session._transport = PacedTransport(session._transport, endpoint)
    session._mounts = {
        pattern: transport and PacedTransport(transport, endpoint) for pattern, transport in session._mounts.items()
    }
    return session


class _Answer(threading.local):
    """The deadline of the response that a thread is waiting for; None for no deadline."""

    ends_at: float | None = None


_answer = _Answer()


class _TimedBackend(httpcore2.NetworkBackend):
    """Creates connections that enforce the response's deadline.

    A timeout per read is not enough: a server could satisfy it forever by sending a byte now and then, even in its
    headers.
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
    """A connection whose reads stop at the response's deadline."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read."""
        if _answer.ends_at is not None:
            left = _answer.ends_at - time.monotonic()
            if left <= 0:
                raise httpcore2.ReadTimeout("The whole response took too long")
            timeout = left if timeout is None else min(left, timeout)
        return self._stream.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write."""
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        """Close."""
        self._stream.close()

    def start_tls(self, *args: Any, **kwargs: Any) -> httpcore2.NetworkStream:
        """Switch to TLS."""
        return _TimedStream(self._stream.start_tls(*args, **kwargs))

    def get_extra_info(self, info: str) -> Any:
        """Return information about the socket."""
        return self._stream.get_extra_info(info)
