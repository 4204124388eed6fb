"""A hostile Hub cannot have the token or our requests sent elsewhere, or fake the end of a listing."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import hf_hub_download

from hub_assets.hub.collect import fetches
from hub_assets.hub.collect.collection import land
from hub_assets.hub.collect.fetches import Fetch
from hub_assets.hub.collect.listing import land_listing
from hub_assets.hub.collect.listing_pages import list_pages
from hub_assets.hub.collect.raw_table import Lookup
from hub_assets.hub.collect.selection import Selection
from hub_assets.hub.http.client import HubClient
from hub_assets.hub.http.endpoint import API, OUTSIDE
from hub_assets.hub.http.errors import HubBroken, HubError
from hub_assets.hub.sources import accounts, aliases
from hub_assets.hub.sources.commits import SPEC
from hub_assets.hub.sources.listings import LISTINGS
from hub_assets.lake.landing import Landing, Record
from hub_assets.lake.parts import Lake
from hub_assets_tests.hub.hostile import AWAY, LISTED, Case, HostileHub, hostile, link, redirect
from hub_assets_tests.hub.made import WEEK, outcomes, rows
from hub_assets_tests.hub.tables import ACCOUNTS, ALIASES, COMMITS, DISCUSSIONS, HISTORIES

SOME = Selection(("model",), top=4)
PREFIX = "/artifactory/api/huggingfaceml/hf"
ODD_IDS = (
    "../../etc/passwd",
    "acme/../../../admin",
    "..",
    "./x",
    "acme/..",
    "acme/%2e%2e",
    "acme/..%2f..%2fadmin",
    "acme/..;x/admin",
    "acme/..\\admin",
    "acme/x\r\nHost: other",
)


def client_of(hub: HostileHub, **options: object) -> HubClient:
    return HubClient(hub.url, hub.token, **({"attempts": 2, "backoff": 0.01} | options))  # type: ignore[arg-type]


def fetch_of(repo_id: str, next_path: str | None = None) -> Fetch:
    return Fetch("model", "0" * 24, repo_id, None, None, None, None, None, 1, 0, None, 0, next_path)


def is_below_api(hub: HostileHub) -> bool:
    """Return whether every requested path is below the endpoint's `/api/`, however it is decoded."""
    return all(
        seen.target.startswith(hub.prefix + API) and not re.search(r"\.\.|%2e|\\|%5c|%0|//", seen.target, re.I)
        for seen in hub.asked
    )


def test_unspoiled_hub_is_healthy(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    with hostile() as (hub, other):
        client = client_of(hub)
        assert land_listing(client, lake, LISTINGS["model"], WEEK).rows == LISTED
        assert land(client, lake, COMMITS, WEEK, SOME).details["outcomes"] == {"ok": 4}
        assert land(client, lake, DISCUSSIONS, WEEK, SOME).details["outcomes"] == {"ok": 4}
        assert land(client, lake, ACCOUNTS, WEEK).details["outcomes"] == {"ok": 2}
    assert sum(len(row["commits"]) for row in rows(lake, "raw_hub__commits")) == 50 + 50 + 1 + 1
    assert sum(len(row["discussions"]) for row in rows(lake, "raw_hub__discussions")) == 120 + 120
    assert {seen.headers["authorization"] for seen in hub.asked} == {f"Bearer {hub.token}"}
    assert other.requests == []


def list_models(client: HubClient) -> None:
    list(list_pages(client, LISTINGS["model"], outage_backoff=()))


def ask_commits(client: HubClient) -> None:
    *_, last = fetches.answers(client, fetch_of("acme/r0"), SPEC)
    assert (last["outcome"], last["error_code"]) == ("failed", OUTSIDE)
    raise HubBroken(last["message"], url="")


def ask_account(client: HubClient) -> None:
    (row,) = accounts.ask(client, Lookup("ada", "account"))
    assert (row["outcome"], row["error_code"]) == ("failed", OUTSIDE)
    raise HubBroken(row["message"], url="")


def ask_alias(client: HubClient) -> None:
    (row,) = aliases.ask(client, Lookup("acme/r0", "model"))
    assert (row["outcome"], row["error_code"]) == ("failed", OUTSIDE)
    raise HubBroken(row["message"], url="")


@pytest.mark.parametrize(
    ("ask", "spoil"),
    [
        (list_models, link),
        (list_models, redirect),
        (ask_commits, link),
        (ask_commits, redirect),
        (ask_account, redirect),
        (ask_alias, redirect),
        (HubClient.contact, redirect),
    ],
)
@pytest.mark.parametrize("prefix", ["", PREFIX])
def test_links_and_redirects_off_the_api_are_not_followed(
    ask: Callable[[HubClient], None], spoil: Callable[[str], Case], prefix: str
) -> None:
    with hostile(prefix) as (hub, other):
        client = client_of(hub, attempts=1)
        for template in AWAY:
            hub.heal()
            hub.spoil(".*", spoil(template))
            with pytest.raises(HubBroken, match=r"not followed|cannot be parsed") as caught:
                ask(client)
            assert hub.token not in str(caught.value)
            assert other.requests == [], template
            assert is_below_api(hub), template
        assert {seen.headers["authorization"] for seen in hub.asked} == {f"Bearer {hub.token}"}


@pytest.mark.parametrize("status", [302, 307])
def test_token_is_not_sent_to_redirect_target(status: int, tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    with hostile() as (hub, other):
        client = client_of(hub)
        land_listing(client, lake, LISTINGS["model"], WEEK)
        hub.spoil(r"(commits|discussions) .*/acme/r0/.*|account", redirect("http://{other}{path}", status))
        for kind in ("commits", "discussions"):
            manifest = land(client, lake, HISTORIES[kind], WEEK, SOME, outage_backoff=())
            assert manifest.details["outcomes"] == {"ok": 3, "failed": 1}
        assert land(client, lake, ACCOUNTS, WEEK, outage_backoff=()).details["outcomes"] == {"failed": 2}
    assert other.requests == []


@pytest.mark.parametrize(
    "template", ["", "<>", "garbage", "<{path}", '<{path}>; rel="next', "\x01", '"', "<a>;<b>", "½"]
)
def test_unreadable_link_does_not_end_listing(template: str, tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    with hostile() as (hub, _):
        hub.spoil("listing", lambda reply, _: reply.with_headers(link=template))
        with pytest.raises(HubBroken):
            land_listing(client_of(hub), lake, LISTINGS["model"], WEEK, outage_backoff=())
        assert lake.weeks("raw_hub__models") == []


@pytest.mark.parametrize("prefix", ["", PREFIX])
@pytest.mark.parametrize(
    "template",
    [
        '<{prefix}/api/models?cursor=5>; rel="next"',
        "<?cursor=5>; rel=next",
        '<http://{hub}{prefix}/api/models?cursor=5#x>; REL="prev next"; title="a, b"',
        '<HTTP://{hub}{prefix}/api/models?cursor=5>;rel="next",',
        '<{prefix}/api/models?cursor=0>; rel="first", <{prefix}/api/models?cursor=5>; rel="next"',
    ],
)
def test_link_within_hub_is_followed(template: str, prefix: str) -> None:
    with hostile(prefix) as (hub, _):
        hub.spoil("listing", link(template), times=1)
        pages = list(list_pages(client_of(hub), LISTINGS["model"], outage_backoff=()))
    assert [page.rows for page in pages] == [20, 20]
    assert pages[0].next_path == "/api/models?cursor=5"


def test_link_without_next_ends_listing() -> None:
    with hostile() as (hub, _):
        hub.spoil("listing", link('</api/models?cursor=0>; rel="prev"'))
        assert len(list(list_pages(client_of(hub), LISTINGS["model"], outage_backoff=()))) == 1


def test_redirect_within_hub_is_followed_but_loop_is_not() -> None:
    with hostile(PREFIX) as (hub, _):
        hub.spoil("info /api/models/acme/old", redirect("{prefix}/api/models/acme/r3"))
        hub.spoil("info /api/models/acme/round", redirect("{prefix}/api/models/acme/round"))
        client = client_of(hub)
        answer = client.get("/api/models/acme/old")
        assert (answer.body["id"], answer.path, answer.calls) == ("acme/r3", "/api/models/acme/r3", 2)
        with pytest.raises(HubError, match="loop") as caught:
            client.get("/api/models/acme/round")
        assert caught.value.calls == 1
        assert client.pacer.sent == len(hub.asked) == 3


def test_hub_below_a_path_gets_all_requests_below_it(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    with hostile(PREFIX) as (hub, _):
        client = client_of(hub)
        client.contact()
        land_listing(client, lake, LISTINGS["model"], WEEK)
        land_listing(client, lake, LISTINGS["space"], WEEK)
        land(client, lake, COMMITS, WEEK, SOME)
        land(client, lake, DISCUSSIONS, WEEK, SOME)
        land(client, lake, ACCOUNTS, WEEK)
        land(client, lake, ALIASES, WEEK)
        assert client.pacer.sent == len(hub.asked)
    assert is_below_api(hub)
    assert len(rows(lake, "raw_hub__models")) == LISTED
    assert set(outcomes(lake, "commits").values()) == {"ok"}


def test_odd_ids_stay_below_api_and_do_not_look_like_outage(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    with hostile() as (hub, _):
        odd = [*ODD_IDS, *(f"acme/../{n}" for n in range(30))]
        for row, repo_id in zip(hub.repos["models"], odd, strict=False):
            row["id"] = repo_id
        client = client_of(hub)
        land_listing(client, lake, LISTINGS["model"], WEEK)
        kinds: tuple[str, ...] = ("commits", "discussions")
        for kind in kinds:
            manifest = land(client, lake, HISTORIES[kind], WEEK, Selection(("model",)), workers=4, outage_backoff=())
            assert manifest.details["outcomes"] == {"ok": LISTED - len(odd), "failed": len(odd)}
        for repo_id in odd:
            (row,) = aliases.ask(client, Lookup(repo_id, "model"))
            (account,) = accounts.ask(client, Lookup(repo_id, "account"))
            assert {row["error_code"], account["error_code"]} == {OUTSIDE}
            assert (row["calls"], row["attempts"]) == (0, 0)
    assert is_below_api(hub)


@pytest.mark.parametrize("target", ["//{other}/api/models", "http://{other}/api/models", "/api/../x", "/x", "x"])
def test_resume_points_must_be_below_api_too(target: str, tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    with hostile() as (hub, other):
        path = target.replace("{other}", hub.names["other"])
        where = {"next_path": path, "refused": [], "rows": 1, "observed_at": "2026-11-16T06:30:00"}
        with Landing(lake, "raw_hub__models", WEEK, lambda *_: pytest.fail("no part may be written")) as landing:
            landing.append(Record(where, b"[]"))
        with pytest.raises(HubBroken):
            land_listing(client_of(hub), lake, LISTINGS["model"], WEEK, outage_backoff=())
        (row,) = fetches.answers(client_of(hub), fetch_of("acme/r0", path), SPEC)
        assert (row["outcome"], row["error_code"], row["is_last"]) == ("failed", OUTSIDE, True)
        assert hub.asked == other.requests == []


def test_file_download_from_other_host_sends_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    with hostile() as (hub, other):
        client_of(hub)
        facts = {"x-repo-commit": "0" * 40, "x-linked-etag": '"e"', "x-linked-size": "2"}
        hub.spoil("other", redirect("http://{other}/blob", 302))
        hub.spoil("other", lambda reply, _: reply.with_headers(**{k.replace("-", "_"): v for k, v in facts.items()}))
        file = hf_hub_download("acme/r0", "weights.bin", endpoint=hub.url, token=hub.token, cache_dir=tmp_path)
        assert Path(file).read_bytes() == b"[]"
    assert [seen.headers.get("authorization") for seen in hub.asked] == [f"Bearer {hub.token}"] * len(hub.asked)
    assert other.requests
    assert not any("authorization" in seen.headers or hub.token in seen.target for seen in other.requests)
