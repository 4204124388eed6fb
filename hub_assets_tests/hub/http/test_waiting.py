"""Waiting for a Hub that is down for a while: Retry-After, long outages, and the messages during a wait."""

import threading
import time
from pathlib import Path

import pytest

from hub_assets.hub.collect.listing import land_listing
from hub_assets.hub.collect.listing_pages import list_pages
from hub_assets.hub.http.client import HubClient
from hub_assets.hub.http.errors import HubBroken, HubThrottled
from hub_assets.hub.http.pacing import OUTAGE_BACKOFF, PacerClosed, patience_of
from hub_assets.hub.sources.listings import LISTINGS
from hub_assets.lake.parts import Lake
from hub_assets_tests.hub.hostile import LISTED, HostileHub, hostile, refuse
from hub_assets_tests.hub.made import WEEK


def client_of(hub: HostileHub, **options: object) -> tuple[HubClient, list[str]]:
    client = HubClient(hub.url, hub.token, **({"attempts": 3, "backoff": 0.01} | options))  # type: ignore[arg-type]
    messages: list[str] = []
    client.tell = messages.append
    return client, messages


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_obeyed_and_announced(status: int) -> None:
    with hostile() as (hub, _):
        client, messages = client_of(hub)
        hub.spoil("listing", refuse(status, retry_after="1"), times=1)
        began = time.monotonic()
        assert len(list(list_pages(client, LISTINGS["model"], outage_backoff=()))) == LISTED // 20
        assert time.monotonic() - began >= 1
    assert len(messages) == 1
    assert "asked us to wait" in messages[0]
    assert messages[0].endswith("retrying in 1 s")


def test_short_backoff_is_not_announced() -> None:
    with hostile() as (hub, _):
        client, messages = client_of(hub)
        hub.spoil("listing", refuse(503), times=2)
        assert client.get("/api/models").body
    assert messages == []


def test_all_threads_wait_after_429_and_one_announces_it() -> None:
    with hostile() as (hub, _):
        client, messages = client_of(hub)
        client.contact()
        hub.spoil("listing", refuse(429, retry_after="1"), times=1)
        client_began = time.monotonic()
        threads = [threading.Thread(target=client.get, args=("/api/models",)) for _ in range(2)]
        threads[0].start()
        while not messages:
            time.sleep(0.01)
        threads[1].start()
        threads[1].join()
        assert time.monotonic() - client_began >= 1
        threads[0].join()
    assert len(messages) == 1


def test_long_wait_is_announced_repeatedly_and_can_be_canceled() -> None:
    with hostile() as (hub, _):
        client, messages = client_of(hub, say_seconds=0.05)
        hub.spoil("listing", refuse(429, retry_after="100000"))
        ended: list[type[BaseException]] = []

        def ask() -> None:
            try:
                client.get("/api/models")
            except PacerClosed as error:
                ended.append(type(error))

        thread = threading.Thread(target=ask)
        thread.start()
        while len(messages) < 4:
            time.sleep(0.01)
        client.pacer.close()
        thread.join()
    assert ended == [PacerClosed]
    assert messages[0].endswith("retrying in 900 s")


def test_listing_outlasts_outage_and_announces_it(tmp_path: Path) -> None:
    with hostile() as (hub, _):
        client, messages = client_of(hub, attempts=1)
        hub.spoil("listing", lambda reply, ask: reply if ask.number < 2 or ask.number > 4 else None)
        manifest = land_listing(client, Lake(tmp_path), LISTINGS["model"], WEEK, outage_backoff=(0.2,) * 3)
    assert manifest.rows == LISTED
    assert "is not working" in messages[0]


def test_outage_backoff_restarts_with_each_page(tmp_path: Path) -> None:
    with hostile() as (hub, _):
        client, _ = client_of(hub, attempts=1)
        hub.spoil("listing", lambda reply, ask: None if ask.number % 2 else reply)
        assert land_listing(client, Lake(tmp_path), LISTINGS["model"], WEEK, outage_backoff=(0.01,)).rows == LISTED


def test_listed_rows_are_kept_when_outage_backoff_is_used_up(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    with hostile() as (hub, _):
        client, messages = client_of(hub, attempts=1)
        hub.spoil("listing", lambda reply, ask: reply if ask.number < 3 else None)
        with pytest.raises(HubBroken):
            land_listing(client, lake, LISTINGS["model"], WEEK, outage_backoff=(0.01, 0.02))
        assert messages
        hub.heal()
        hub.asked.clear()
        assert land_listing(client, lake, LISTINGS["model"], WEEK).rows == LISTED
        assert len(hub.asked) == 3


def test_throttled_listing_counts_as_outage() -> None:
    with hostile() as (hub, _):
        client, _ = client_of(hub, attempts=1)
        hub.spoil("listing", refuse(429, retry_after="1"), times=1)
        with pytest.raises(HubThrottled):
            list(list_pages(client, LISTINGS["model"], outage_backoff=()))
        assert list(list_pages(client, LISTINGS["model"], outage_backoff=(0.01,)))


def test_contact_can_wait_out_an_outage() -> None:
    with hostile() as (hub, _):
        client, messages = client_of(hub, attempts=1)
        hub.spoil("whoami", "hang_up", times=2)
        with pytest.raises(HubBroken):
            client.contact()
        client.contact(outage_backoff=(0.01, 0.01))
    assert messages


def test_outage_backoff_starts_at_a_minute_and_is_capped_at_15() -> None:
    assert patience_of(0) == []
    assert patience_of(0.05) == [60, 120]
    assert OUTAGE_BACKOFF[:6] == (60, 120, 240, 480, 900, 900)
    assert sum(OUTAGE_BACKOFF) == 6 * 3600
