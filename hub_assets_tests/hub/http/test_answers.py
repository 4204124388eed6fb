"""Responses that are too slow, too large or have malformed headers: the limits hold and later requests succeed."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest

from hub_assets.hub.collect.collection import land
from hub_assets.hub.collect.listing import land_listing
from hub_assets.hub.collect.selection import Selection
from hub_assets.hub.http.client import HubClient
from hub_assets.hub.http.errors import HubBroken, HubUnusable
from hub_assets.hub.sources.listings import LISTINGS
from hub_assets.lake.parts import Lake
from hub_assets_tests.hub.hostile import LISTED, Case, HostileHub, Reply, bomb, drip, header, hostile
from hub_assets_tests.hub.made import WEEK
from hub_assets_tests.hub.tables import COMMITS

DIGITS = "9" * 5_000


def client_of(hub: HostileHub, **options: object) -> HubClient:
    return HubClient(hub.url, hub.token, **({"attempts": 2, "backoff": 0.01} | options))  # type: ignore[arg-type]


@contextmanager
def dripping(head: bytes, drop: bytes) -> Iterator[str]:
    """Serve an endless response: `head`, then `drop` over and over."""
    over = threading.Event()

    def serve(listener: socket.socket) -> None:
        while not over.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.sendall(head)
                while not over.wait(0.02):
                    try:
                        connection.sendall(drop)
                    except OSError:
                        break

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n[", b" "),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
        (b"HTTP/1.1 200 OK\r\n", b"X-More: x\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    ],
    ids=["body", "header", "headers", "chunks"],
)
def test_endless_response_times_out(head: bytes, drop: bytes) -> None:
    with dripping(head, drop) as url:
        client = HubClient(url, False, attempts=2, backoff=0.01, answer_seconds=0.3)
        with pytest.raises(HubBroken, match=r"ReadTimeout: .*(too long|timed out)"):
            client.get("/api/models")
        assert client.retries == {"ReadTimeout": 1}


def test_response_timeout_does_not_affect_next_response() -> None:
    with hostile() as (hub, _):
        client = client_of(hub, attempts=1, answer_seconds=0.4)
        hub.spoil("listing", drip(0.05), times=1)
        with pytest.raises(HubBroken, match="ReadTimeout"):
            client.get("/api/models")
        client.pacer.pause(0.4)
        assert client_of(hub).get("/api/models").body


@pytest.mark.parametrize("case", [bomb(8), lambda reply, _: reply.with_json([" " * (8 << 20)])], ids=["bomb", "plain"])
def test_oversized_response_is_rejected(case: Case) -> None:
    with hostile() as (hub, _):
        hub.spoil("listing", case)
        client = client_of(hub, answer_megabytes=2)
        with pytest.raises(HubUnusable, match="larger than 2 MB"):
            client.get("/api/models")
        assert client.retries == {"too large": 1}
        assert client_of(hub, answer_megabytes=10).get("/api/models").body is not None


def test_listing_requests_fewer_rows_when_page_is_too_large(tmp_path: Path) -> None:
    with hostile() as (hub, _):
        hub.spoil("listing", lambda reply, ask: bomb(4)(reply, ask) if ask.query["limit"] == "400" else reply)
        client = client_of(hub, attempts=1, answer_megabytes=2)
        assert (
            land_listing(client, Lake(tmp_path), LISTINGS["model"], WEEK, page_size=400, outage_backoff=()).rows
            == LISTED
        )
    assert "limit=200" in hub.targets()[1]


@pytest.mark.slow
def test_only_repositories_with_bad_responses_fail(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    with hostile() as (hub, _):
        client = client_of(hub, answer_seconds=1.5, answer_megabytes=2)
        land_listing(client, lake, LISTINGS["model"], WEEK)
        hub.spoil("commits .*/acme/r5/.*", bomb(4))
        hub.spoil("commits .*/acme/r6/.*", drip(0.05))
        some = Selection(("model",), top=20)
        manifest = land(client, lake, COMMITS, WEEK, some, outage_backoff=())
    assert manifest.details["outcomes"] == {"ok": 18, "failed": 2}
    assert sum(manifest.details["retries"].values()) == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("date", "Fri, 31 Dec 9999 23:59:59 GMT"),
        ("date", "Mon, 16 Nov 2026 06:30:00 -0000"),
        ("date", "garbage"),
        ("date", ""),
        ("x-total-count", DIGITS),
        ("x-total-count", str(2**64)),
        ("x-total-count", "many"),
        ("ratelimit", f'"api";r={DIGITS};t=1'),
        ("ratelimit", f'"api";r=1;t={DIGITS}'),
        ("ratelimit", "½"),
        ("ratelimit-policy", f'"fixed window";"api";q={DIGITS};w=300'),
        ("retry-after", DIGITS),
        ("content-type", "application/json; charset=no-such-thing"),
        ("content-type", "½"),
        ("set-cookie", "a=b; expires=Fri, 99 Dec 99999 99:99:99 GMT; domain=..; path=½"),
        ("location", "http://a..b/x"),
        ("location", "http://[::1/api"),
        ("x-error-message", "½" * 9_000),
        ("x-hf-warning", ";;½"),
    ],
)
def test_malformed_header_does_not_break_good_response(name: str, value: str) -> None:
    with hostile() as (hub, _):
        hub.spoil(".*", header("ratelimit", '"api";r=499;t=295'))
        hub.spoil(".*", header(name, value))
        client = client_of(hub, attempts=1)
        contact = client.contact()
        # with an unreadable date the client uses this machine's clock; the readable dates are the Hub's Monday
        is_readable = name != "date" or "-0000" in value
        expected = datetime(2026, 11, 16, 6, 30, tzinfo=UTC) if is_readable else datetime.now(UTC)
        assert abs(contact.now - expected) < timedelta(minutes=5)
        answer = client.get("/api/models/acme/r0/commits/main?limit=1000")
        assert len(answer.body) == 20
        assert answer.total in (50, None)


STATUSES = (302, 400, 403, 404, 500, 501, 520, 599)
BODIES = (b"", b"[1]", b'{"error": {"a": 1}}', b"\xff\xfe", b"[" * 100_000, b'{"error": ' + b"9" * 5_000)


def test_malformed_error_responses_become_hub_errors(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    with hostile() as (hub, _):
        client = client_of(hub, attempts=1)
        land_listing(client, lake, LISTINGS["model"], WEEK)
        for n, (status, body) in enumerate(product(STATUSES, BODIES)):
            odd = Reply(body, status).with_headers(
                x_error_code="½", ratelimit=f'"api";r={DIGITS};t=1', retry_after="-1"
            )
            hub.spoil(f"commits .*/acme/r{2 * n + 1}/.*", lambda *_, odd=odd: odd)
        manifest = land(client, lake, COMMITS, WEEK, Selection(("model",)), workers=1, outage_backoff=())
    n_gone, n_odd = len(BODIES), len(STATUSES) * len(BODIES)
    assert manifest.details["outcomes"] == {"ok": LISTED - n_odd, "failed": n_odd - n_gone, "gone": n_gone}
