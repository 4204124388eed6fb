"""Listings made from odd bytes, from an earlier version's journal, or with a wrong clock."""

import codecs
import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from hub_assets.hub.collect.listing import ListingRefused, land_listing, require_no_later_week
from hub_assets.hub.http.client import HubClient
from hub_assets.hub.sources.listings import LISTINGS
from hub_assets.lake.landing import Landing, Record
from hub_assets.lake.parts import Lake
from hub_assets_tests.hub.hostile import LISTED, PAGE, Ask, Case, HostileHub, Reply
from hub_assets_tests.hub.made import WEEK, rows

NEXT = WEEK + timedelta(weeks=1)
TABLE = "raw_hub__models"


def keys(hub: HostileHub) -> list[str]:
    return [row["_id"] for row in hub.repos["models"]]


def listed(lake: Lake, week: date = WEEK) -> list[str]:
    return [row["_id"] for row in rows(lake, TABLE, week)]


def encoded(encoding: str, mark: bytes = b"") -> Case:
    def spoil(reply: Reply, _: Ask) -> Reply:
        assert isinstance(reply.body, bytes)
        return Reply(mark + reply.body.decode().encode(encoding), headers=reply.headers)

    return spoil


ENCODINGS = {
    "a byte-order mark": encoded("utf-8", codecs.BOM_UTF8),
    "utf-16": encoded("utf-16"),
    "utf-16-le": encoded("utf-16-le"),
    "utf-16-be with a byte-order mark": encoded("utf-16-be", codecs.BOM_UTF16_BE),
    "utf-32": encoded("utf-32"),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_body_in_another_encoding_is_decoded(hub: HostileHub, client: HubClient, lake: Lake, encoding: str) -> None:
    hub.repos["models"][3]["author"] = "\u00e4\U0001f600"
    hub.spoil("listing", ENCODINGS[encoding])
    manifest = land_listing(client, lake, LISTINGS["model"], WEEK)
    assert listed(lake) == keys(hub)
    assert rows(lake, TABLE)[3]["author"] == "\u00e4\U0001f600"
    assert manifest.details["counts"]["set_aside"] == 0


ODD_JSON = {
    "NaN": b'{"_id": "x", "id": "a/x", "likes": NaN, "trendingScore": -Infinity, "new": Infinity}',
    "1e999": b'{"_id": "x", "id": "a/x", "likes": 1e999, "trendingScore": -1e999, "new": 1e999}',
    "a key twice": b'{"_id": "x", "id": "a/x", "likes": 1, "likes": 2,"safetensors": {"parameters": {"a": 1, "a": 2}}}',
    "half a pair": rb'{"_id": "x", "id": "a/x", "author": "\ud83d", "\udc00": 1}',
    "NUL": rb'{"_id": "x", "id": "a/x", "author": "\u0000", "a\u0000b": "\u0000"}',
    "five thousand digits": b'{"_id": "x", "id": "a/x", "likes": ' + b"9" * 5_000 + b"}",
    "deep": b'{"_id": "x", "id": "a/x", "cardData": ' + b"[" * 400 + b"]" * 400 + b"}",
    "no object": b'[[], "x", 7, null, true]',
    "no key": b'{"_id": null, "id": "a/x"}',
    "a key that is not text": b'{"_id": {"$oid": "1"}, "id": ["a"]}',
}


@pytest.mark.parametrize("case", ODD_JSON)
def test_odd_row_does_not_affect_other_rows(hub: HostileHub, client: HubClient, lake: Lake, case: str) -> None:
    def spoil(reply: Reply, ask: Ask) -> Reply:
        assert isinstance(reply.body, bytes)
        return Reply(b"[" + ODD_JSON[case] + b"," + reply.body[1:], headers=reply.headers) if ask.number == 2 else reply

    hub.spoil("listing", spoil)
    counts = land_listing(client, lake, LISTINGS["model"], WEEK).details["counts"]
    assert [key for key in listed(lake) if key in set(keys(hub))] == keys(hub)
    assert counts["listed"] == LISTED + 1
    assert counts["listed"] == len(listed(lake)) + counts["without_id"] + counts["set_aside"] + counts["duplicates"]
    for row in rows(lake, TABLE):
        json.loads(row["extra"] or "{}", parse_constant=pytest.fail)
    hub.heal()
    assert land_listing(client, lake, LISTINGS["model"], WEEK).rows == LISTED


POISON = {
    "a byte-order mark": "\ufeff[{}]",
    "utf-16 read as utf-8": "\ufffd\ufffd[\x00{\x00}\x00]\x00",
    "no JSON": "<html>",
    "no list": '{"error": "no"}',
}


@pytest.mark.parametrize("index", [0, 1, 2])
@pytest.mark.parametrize("case", POISON)
def test_damaged_listing_journal_from_earlier_version_is_repaired(
    hub: HostileHub, client: HubClient, lake: Lake, case: str, index: int
) -> None:
    pages = [hub.repos["models"][PAGE * n : PAGE * (n + 1)] for n in range(3)]
    bodies = [json.dumps(page) for page in pages]
    bodies[index] = POISON[case].replace("{}", json.dumps(pages[index])[1:-1])
    with Landing(lake, TABLE, WEEK, lambda *_: pytest.fail("no part may be written")) as landing:
        for n, body in enumerate(bodies):
            path = f"/api/models?limit=20&cursor={n + 1}"
            where = {"next_path": path, "refused": [], "rows": PAGE * (n + 1), "observed_at": "2026-11-16T06:30:00"}
            landing.append(Record(where, body.encode()))
    messages: list[str] = []
    manifest = land_listing(client, lake, LISTINGS["model"], WEEK, page_size=PAGE, report=messages.append)
    assert listed(lake) == keys(hub)
    n_cut = 0 if case == "a byte-order mark" else 3 - index
    assert manifest.details["pages_asked_again"] == n_cut
    assert len(hub.targets("/api/models?")) == LISTED // PAGE - 3 + n_cut
    assert any("pages to request again" in line for line in messages) == bool(n_cut)


def test_week_is_not_listed_again_after_a_later_week(hub: HostileHub, client: HubClient, lake: Lake) -> None:
    land_listing(client, lake, LISTINGS["model"], WEEK)
    before = {path: path.read_bytes() for path in lake.folder(TABLE, WEEK).iterdir()}
    hub.repos["models"].pop()
    land_listing(client, lake, LISTINGS["model"], NEXT)
    with pytest.raises(ListingRefused, match=f"{WEEK} cannot be listed because the later week {NEXT} has already been"):
        land_listing(client, lake, LISTINGS["model"], WEEK)
    assert {path: path.read_bytes() for path in lake.folder(TABLE, WEEK).iterdir()} == before
    assert len(listed(lake, NEXT)) == LISTED - 1
    land_listing(client, lake, LISTINGS["model"], NEXT)  # the latest week may be listed again


@pytest.mark.parametrize("is_finished", [True, False])
def test_later_week_of_another_listing_blocks_too(
    hub: HostileHub, client: HubClient, lake: Lake, is_finished: bool
) -> None:
    require_no_later_week(lake, WEEK)
    if is_finished:
        land_listing(client, lake, LISTINGS["space"], NEXT)
    else:
        hub.spoil("listing", lambda reply, ask: None if ask.number else reply)
        with pytest.raises(Exception, match="no response"):
            land_listing(client, lake, LISTINGS["space"], NEXT, outage_backoff=())
    require_no_later_week(lake, NEXT)
    with pytest.raises(ListingRefused):
        require_no_later_week(lake, WEEK)


def test_asset_refuses_a_clock_that_went_back(hub: HostileHub, client: HubClient, tmp_path: Path) -> None:
    import dagster as dg

    from hub_assets.assets.listings import build_listing
    from hub_assets.home import Home
    from hub_assets.resources import HomeResource, HubResource

    land_listing(client, Home(tmp_path).lake, LISTINGS["model"], NEXT)
    hub.spoil(".*", lambda reply, _: reply.with_headers(date=f"{WEEK:%a, %d %b %Y} 06:30:00 GMT"))
    result = dg.materialize(
        [build_listing(LISTINGS["model"])],
        partition_key=str(WEEK),
        resources={
            "hub": HubResource(endpoint=hub.url, use_token=False, attempts=1, outage_backoff_hours=0),
            "home": HomeResource(root=str(tmp_path)),
        },
        raise_on_error=False,
    )
    assert not result.success
    (event,) = result.get_step_failure_events()
    assert f"the later week {NEXT} has already been" in str(event.step_failure_data.error)
    assert Home(tmp_path).lake.weeks_begun(TABLE) == [NEXT]
