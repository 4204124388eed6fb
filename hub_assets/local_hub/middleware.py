"""Processing that applies to every request: counting, rate limiting, checking tokens, injecting faults, adding headers.

Responses to regular requests belong in `app`.
"""

import asyncio
import time
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from email.utils import formatdate
from functools import lru_cache
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub_assets.local_hub.answers import ApiError, error_response, html_response, json_response
from hub_assets.local_hub.faults import Fault, Faults
from hub_assets.local_hub.limiter import Counters, Limiter, Quota
from hub_assets.local_hub.paths import bucket_of, kind_of
from hub_assets.local_hub.population import Population
from hub_assets.vocabulary import Bucket

_MORNING: Final = timedelta(hours=6, minutes=30).total_seconds()
"""Seconds from Monday 00:00 to the time at which the weekly schedule would run."""
_WEEK: Final = timedelta(weeks=1).total_seconds()
_INVALID_TOKEN: Final = "Invalid credentials in Authorization header"
_STRUCK: Final = frozenset({"listing", "info", "history", "account"})
"""Request types that faults apply to."""


class Middleware:
    """ASGI middleware around the Hub's app.

    Args:
        app: the wrapped app. `request.state.has_token` tells it whether the request has a valid token.
        population: the population being served; its name and a time in its week appear in every response.
        quota: rate limit of API calls per token, or per address for requests without a token.
        resolvers: rate limit of requests for files, counted in the same way; `quota` if None.
        faults: faults to inject into listings, repository info, histories and accounts.
        counters: counters for requests and responses.
        latency: seconds added to every response.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        population: Population,
        quota: Quota,
        resolvers: Quota | None,
        faults: Faults,
        counters: Counters,
        latency: float,
    ) -> None:
        self._app = app
        self._limiters: dict[Bucket, Limiter] = {
            "api": Limiter(quota),
            "resolvers": Limiter(resolvers or quota, bucket="resolvers"),
        }
        self._faults = faults
        self._counters = counters
        self._latency = latency
        self._identity = population.identity
        self._clock = _HubClock(population.week)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        kind = kind_of(scope["path"])
        self._counters.requests += 1
        self._counters.by_kind[kind] += 1
        token = _token(scope)
        valid = token is not None and token.startswith("hf_") and "invalid" not in token
        scope.setdefault("state", {})["has_token"] = valid
        address = scope["client"][0] if scope["client"] else "unknown"
        limiter = self._limiters[bucket_of(scope["path"])]
        slot = limiter.spend(f"token {token}" if valid else f"address {address}")
        if self._latency:
            await asyncio.sleep(self._latency)

        app, fault, limit = self._app, None, limiter.headers(slot.remaining, slot.reset)
        if not slot.allowed:
            app = _too_many(limiter, address, valid)
        elif token is not None and not valid:
            app = error_response(ApiError(401, _INVALID_TOKEN))
        elif kind in _STRUCK:
            fault = self._faults.of_answer()
        match fault:
            case Fault("slow"):
                await asyncio.sleep(float(fault.arg or 5))
            case Fault("drop"):
                send = _half(send)
            case Fault("not-json"):
                app = html_response(200, "Hugging Face")
            case Fault("429"):
                app, limit = _too_many(limiter, address, valid), limiter.headers(0, slot.reset)
            case Fault("429-no-headers"):
                app, limit = _too_many(limiter, address, valid), {}
            case Fault("429-other"):
                app, limit = (
                    _too_many(limiter, address, valid),
                    limiter.headers(max(slot.remaining, 1), slot.reset),
                )
            case Fault(status):
                app = html_response(int(status), status)

        headers = limit | {
            "Date": self._clock.header(),
            "X-Request-Id": f"Root={uuid.uuid4()}",
            "X-Hub-Population": self._identity,
        }

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._counters.by_status[message["status"]] += 1
                encoded = ((name.lower().encode(), value.encode()) for name, value in headers.items())
                message["headers"] = [*message["headers"], *encoded]
            await send(message)

        await app(scope, receive, send_with_headers)


def _too_many(limiter: Limiter, address: str, has_token: bool) -> Response:
    return json_response({"error": limiter.refusal(address, has_token)}, 429)


def _half(send: Send) -> Send:
    """Return a `send` that sends only half of a body, so that the server closes the connection."""

    async def send_half(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": message["body"][: len(message["body"]) // 2], "more_body": True}
        await send(message)

    return send_half


class _HubClock:
    """The Hub's clock: it starts at 06:30 on the Monday of the served week, whatever today's date is.

    The data belongs to a single week, so after Sunday the clock starts over.
    """

    def __init__(self, week: date, clock: Callable[[], float] = time.monotonic) -> None:
        self._monday = datetime.combine(week, time_of_day(), UTC).timestamp()
        self._clock = clock
        self._started = clock()

    def header(self) -> str:
        elapsed = (self._clock() - self._started) % (_WEEK - _MORNING)
        return _http_date(int(self._monday + _MORNING + elapsed))


@lru_cache(maxsize=1)
def _http_date(second: int) -> str:
    return formatdate(second, usegmt=True)


def _token(scope: Scope) -> str | None:
    """Return the token of a request, whether valid or not, or None if the request has no token."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            authorization: str = value.decode("latin-1")
            return authorization.removeprefix("Bearer ")
    return None
