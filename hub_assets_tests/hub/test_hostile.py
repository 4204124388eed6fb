"""What a hostile Hub cannot do: have the token, lead elsewhere, or be taken for a Hub that ended its listing."""

from pathlib import Path

from hub_assets.hub.accounts import land_accounts
from hub_assets.hub.client import HubClient
from hub_assets.hub.histories import land_histories
from hub_assets.hub.plan import Selection
from hub_assets.hub.snapshot import land_listing
from hub_assets.lake.parts import Lake
from hub_assets_tests.hub.hostile import LISTED, HostileHub, hostile
from hub_assets_tests.hub.made import WEEK, rows

SOME = Selection(("model",), top=4)


def client_of(hub: HostileHub) -> HubClient:
    return HubClient(hub.url, hub.token, attempts=2, backoff=0.01)


def test_unspoiled_it_is_a_healthy_hub(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    with hostile() as (hub, other):
        client = client_of(hub)
        assert land_listing(client, lake, "model", WEEK).rows == LISTED
        assert land_histories(client, lake, "commits", WEEK, SOME).details["outcomes"] == {"ok": 4}
        assert land_histories(client, lake, "discussions", WEEK, SOME).details["outcomes"] == {"ok": 4}
        assert land_accounts(client, lake, WEEK).details["outcomes"] == {"ok": 2}
    assert sum(len(row["commits"]) for row in rows(lake, "raw_hub__commits")) == 50 + 50 + 1 + 1
    assert sum(len(row["discussions"]) for row in rows(lake, "raw_hub__discussions")) == 120 + 120
    assert {seen.headers["authorization"] for seen in hub.asked} == {f"Bearer {hub.token}"}
    assert other.requests == []
